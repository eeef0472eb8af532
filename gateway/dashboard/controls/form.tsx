/** Asking a device for something: typed, checked before anything is done, sent once, and told what came of it. */
import type { JSX } from 'preact'
import { useEffect, useRef, useState } from 'preact/hooks'
import { after, monotonic } from '../clock.js'
import { formatUnit } from '../format.js'
import { newId, store, useStore } from '../store.js'
import type { CodenameView, Op } from '../store.js'
import { Badge, Button } from '../ui.js'
import { Verbatim, draftOf, readDraft } from './draft.js'
import type { Draft, Read } from './draft.js'
import { ValueInput } from './input.js'
import { Outcome } from './outcome.js'
import type { Progress } from './outcome.js'
import { complaint } from './schema.js'
import type { Schema } from './schema.js'

/** Seconds without a key after which the gateway is asked whether it would take the value. */
const calm = 0.4

interface Checked {
  readonly draft: Draft
  readonly error?: { readonly class: string; readonly message: string }
}

/** `set` a value, or `call` with arguments. */
export function CommandForm({ view, op }: { readonly view: CodenameView; readonly op: 'set' | 'call' }): JSX.Element {
  const { device, codename, meta } = view
  const schema = (op === 'set' ? meta?.schema : meta?.callable?.arguments) as Schema | undefined
  const hasForm = op === 'set' || schema !== undefined
  const current = op === 'set' ? view.reading?.value : undefined
  const [typed, setTyped] = useState<Draft | undefined>(undefined)
  const [checked, setChecked] = useState<Checked | undefined>(undefined)
  const [progress, setProgress] = useState<Progress | undefined>(undefined)
  // At once, not at the next rendering: a double click must not send twice.
  const busy = useRef(false)
  const why = useStore((s) => s.whyNoCommand(view, op))
  const draft = typed ?? draftOf(schema, current)
  // What is measured now is not what somebody wants: only what was typed is sent.
  const isUntouched = op === 'set' && typed === undefined
  const read: Read = hasForm ? readDraft(schema, draft) : { ok: true, value: undefined, json: '' }
  const unit = op === 'set' ? meta?.unit : undefined
  const own = read.ok ? (hasForm ? complaint(schema, read.value, op === 'set' ? codename : 'it', formatUnit(unit)) : undefined) : read.error
  const isChecked = checked !== undefined && checked.draft === typed

  useEffect(() => {
    if (typed === undefined || why !== undefined) return undefined
    const timer = after(calm, () => {
      const now = readDraft(schema, typed)
      if (now.ok && !busy.current)
        void dryRun(view, op, now.json).then((error) => setChecked({ draft: typed, ...(error === undefined ? {} : { error }) }))
    })
    return () => timer.cancel()
  }, [typed, why, schema, view, op])

  const clear = (): void => {
    setTyped(undefined)
    setChecked(undefined)
    if (!busy.current) setProgress(undefined)
  }

  const send = async (): Promise<void> => {
    if (busy.current || why !== undefined || isUntouched) return
    // What is missing is told at the form.
    if (!read.ok) return setTyped(draft)
    busy.current = true
    try {
      setProgress({ op, phase: 'checking' })
      const error = await dryRun(view, op, read.json)
      setChecked(typed === undefined ? undefined : { draft: typed, ...(error === undefined ? {} : { error }) })
      if (error !== undefined) return setProgress({ op, phase: 'refused', error })
      const started = monotonic()
      const id = newId()
      setProgress({ op, phase: 'sent', id, started })
      const reply = await store.command(op, device, codename, {
        ...question(op, read.json),
        id,
        onAccepted: () => setProgress({ op, phase: 'accepted', id, started })
      })
      setProgress({ op, phase: 'over', id, started, took: monotonic() - started, reply })
      if (reply.phase === 'done') {
        // Unless somebody typed on meanwhile.
        setTyped((now) => (now === typed ? undefined : now))
        setChecked((now) => (now?.draft === typed ? undefined : now))
      }
    } finally {
      busy.current = false
    }
  }

  const name = op === 'set' ? 'Set' : 'Call'
  const isRunning = progress !== undefined && progress.phase !== 'over' && progress.phase !== 'refused'
  return (
    <form
      class="command"
      aria-label={`${name} ${device}/${codename}`}
      noValidate
      onSubmit={(event) => {
        event.preventDefault()
        void send()
      }}
      onKeyDown={(event) => {
        if (event.key === 'Escape') clear()
      }}
    >
      {hasForm ? (
        <ValueInput
          schema={schema}
          draft={draft}
          onDraft={setTyped}
          label={op === 'set' ? `New value of ${codename}` : `Arguments of ${codename}`}
          unit={unit}
          digits={op === 'set' ? meta?.digits : undefined}
          error={typed === undefined ? undefined : own}
          disabled={why !== undefined}
        />
      ) : null}
      {isChecked && !isRunning && progress?.phase !== 'refused' ? <CheckNote checked={checked} /> : null}
      <div class="actions">
        <Button
          type="submit"
          primary
          why={why ?? (isRunning ? 'the command is under way' : isUntouched ? 'enter a new value first' : undefined)}
        >
          {name}
        </Button>
        {typed !== undefined || (progress !== undefined && !isRunning) ? (
          <Button onClick={clear} label="Clear (Esc)">
            Clear
          </Button>
        ) : null}
        {why === undefined ? null : <span class="muted">{why}</span>}
      </div>
      <Outcome progress={progress} view={view} />
    </form>
  )
}

/** Reads now: the executor where there is one, else the latest reading. */
export function GetButton({ view }: { readonly view: CodenameView }): JSX.Element {
  const [progress, setProgress] = useState<Progress | undefined>(undefined)
  const busy = useRef(false)
  const why = useStore((s) => s.whyNoCommand(view, 'get'))
  const ask = async (): Promise<void> => {
    if (busy.current) return
    busy.current = true
    const started = monotonic()
    const id = newId()
    setProgress({ op: 'get', phase: 'sent', id, started })
    const reply = await store.command('get', view.device, view.codename, {
      id,
      onAccepted: () => setProgress({ op: 'get', phase: 'accepted', id, started })
    })
    setProgress({ op: 'get', phase: 'over', id, started, took: monotonic() - started, reply })
    busy.current = false
  }
  return (
    <div class="get">
      <Button onClick={() => void ask()} why={why} label={why === undefined ? `Ask the device for ${view.codename} now` : undefined}>
        Read now
      </Button>
      <Outcome progress={progress} view={view} />
    </div>
  )
}

function CheckNote({ checked }: { readonly checked: Checked }): JSX.Element {
  return (
    <p class="check" role="status">
      {checked.error === undefined ? <Badge tone="good">allowed</Badge> : <Badge tone="bad">{checked.error.class}</Badge>}{' '}
      {checked.error === undefined
        ? 'The gateway would take it; nothing has been sent.'
        : `The gateway would refuse it: ${checked.error.message}.`}
    </p>
  )
}

/** `json` is empty where there is nothing to fill in. */
function question(op: Op, json: string): object {
  if (json === '') return {}
  return { [op === 'set' ? 'value' : 'arguments']: new Verbatim(json) }
}

/** What the gateway would say; nothing is done. */
async function dryRun(
  view: CodenameView,
  op: Op,
  json: string
): Promise<{ readonly class: string; readonly message: string; readonly retryable: boolean } | undefined> {
  return (await store.command(op, view.device, view.codename, { ...question(op, json), check: true })).error
}

/** Is there anything to do with this codename? */
export function Controls({ view }: { readonly view: CodenameView }): JSX.Element | null {
  const { meta } = view
  const settable = meta?.settable === true
  const callable = meta?.callable !== undefined
  if (!settable && !callable) return null
  return (
    <div class="controls">
      {settable ? <CommandForm view={view} op="set" /> : null}
      {callable ? <CommandForm view={view} op="call" /> : null}
    </div>
  )
}
