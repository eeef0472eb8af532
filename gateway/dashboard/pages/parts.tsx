/** What several of these pages have in common. */
import type { ComponentChildren, JSX } from 'preact'
import { useEffect, useRef, useState } from 'preact/hooks'
import { after, every } from '../clock.js'
import { formatAge } from '../format.js'
import { href } from '../router.js'
import { store, useStore } from '../store.js'
import { Button, ErrorNote, Field, troubleOf } from '../ui.js'
import type { Tone } from '../ui.js'
import { showText } from '../models/payload.js'
import type { Polled } from './poll.js'

/** The name of the page, what it is for in a sentence, and what can be done on it. */
export function PageHead({
  title,
  about,
  children
}: {
  readonly title: ComponentChildren
  readonly about?: ComponentChildren
  readonly children?: ComponentChildren
}): JSX.Element {
  return (
    <header class="page-head">
      <div>
        <h1>{title}</h1>
        {about === undefined ? null : <p class="muted">{about}</p>}
      </div>
      {children === undefined ? null : <div class="actions">{children}</div>}
    </header>
  )
}

/** Whether what a question answered can be taken for the present; otherwise why not, how old it is, and a way to ask again. */
export function Standing({
  polled
}: {
  readonly polled: Omit<Polled<unknown>, 'data' | 'at'> & { readonly at?: number | undefined }
}): JSX.Element | null {
  const isConnected = useStore(({ connection }) => connection.state === 'connected')
  const now = useStore((s) => Math.floor(s.now()))
  const { error, at, again } = polled
  if (error === undefined && (isConnected || at === undefined)) return null
  const age = at === undefined ? undefined : formatAge(Math.max(0, now - at))
  return (
    <div class="standing" role="status">
      {error === undefined ? (
        <p class="note info">
          <strong>Not connected.</strong> What is shown here is {age} old.
        </p>
      ) : (
        <>
          <ErrorNote error={troubleOf(error)} />
          <p>
            {age === undefined ? 'There is nothing to show yet. ' : `What is shown here is ${age} old. `}
            <Button onClick={again}>Try again</Button>
          </p>
        </>
      )}
    </div>
  )
}

/** Why nothing new comes here although the gateway is there: these pages have a connection of their own. */
export function NotHeard(): JSX.Element | null {
  const why = useStore((s) => (s.connection.state === 'connected' ? s.rawTrouble : undefined))
  if (why === undefined) return null
  return (
    <p class="note info" role="status">
      <strong>Not listening:</strong> {why}. It is tried again.
    </p>
  )
}

/** Renders again every so many seconds, for ages and countdowns. */
export function useTick(seconds: number): number {
  const [now, setNow] = useState(store.now())
  useEffect(() => {
    const timer = every(seconds, () => {
      if (document.visibilityState === 'visible') setNow(store.now())
    })
    return () => timer.cancel()
  }, [seconds])
  return now
}

export function SearchField({
  label,
  value,
  onInput,
  placeholder
}: {
  readonly label: string
  readonly value: string
  readonly onInput: (value: string) => void
  readonly placeholder?: string
}): JSX.Element {
  return (
    <Field label={label}>
      {(ids) => (
        <input
          {...ids}
          type="search"
          value={value}
          placeholder={placeholder}
          spellcheck={false}
          autocomplete="off"
          onInput={(event) => onInput(event.currentTarget.value)}
        />
      )}
    </Field>
  )
}

export function Choice<T extends string>({
  label,
  value,
  of,
  onChange
}: {
  readonly label: string
  readonly value: T
  readonly of: readonly (readonly [value: T, label: string])[]
  readonly onChange: (value: T) => void
}): JSX.Element {
  return (
    <Field label={label}>
      {(ids) => (
        <select {...ids} value={value} onChange={(event) => onChange(event.currentTarget.value as T)}>
          {of.map(([each, text]) => (
            <option key={each} value={each}>
              {text}
            </option>
          ))}
        </select>
      )}
    </Field>
  )
}

export function Switch({
  on,
  onChange,
  children
}: {
  readonly on: boolean
  readonly onChange: (on: boolean) => void
  readonly children: ComponentChildren
}): JSX.Element {
  return (
    <label class="switch">
      <input type="checkbox" checked={on} onChange={(event) => onChange(event.currentTarget.checked)} /> <span>{children}</span>
    </label>
  )
}

/** Seconds that "Copied" stays. */
const told = 2

export function CopyButton({ text, what }: { readonly text: string; readonly what: string }): JSX.Element {
  const [state, setState] = useState<'copied' | 'failed'>()
  const field = useRef<HTMLInputElement>(null)
  useEffect(() => {
    if (state !== 'copied') return undefined
    const timer = after(told, () => setState(undefined))
    return () => timer.cancel()
  }, [state])
  const copy = (): void => {
    // Browsers allow this on https and on this computer only; elsewhere the text is selected for the keyboard.
    const copied = navigator.clipboard as Clipboard | undefined
    if (copied === undefined) return setState('failed')
    copied.writeText(text).then(
      () => setState('copied'),
      () => setState('failed')
    )
  }
  useEffect(() => {
    if (state === 'failed') field.current?.select()
  }, [state])
  return (
    <>
      <Button onClick={copy} label={`Copy ${what}`}>
        {state === 'copied' ? 'Copied' : `Copy ${what}`}
      </Button>
      {state === 'failed' ? (
        <input ref={field} type="text" class="copy" readOnly value={text} aria-label={`${what}, to be copied by hand`} />
      ) : null}
    </>
  )
}

/** Text of a message: JSON with each member on its own line, everything else as it came. */
export function PayloadText({ text }: { readonly text: string }): JSX.Element {
  const shown = showText(text)
  return shown.kind === 'empty' ? <p class="muted">(empty)</p> : <pre class="payload">{shown.text}</pre>
}

export function CodenameLink({ device, codename }: { readonly device: string; readonly codename: string }): JSX.Element {
  return (
    <a class="name" href={href(['devices', device, codename])}>
      {device}/<wbr />
      {codename}
    </a>
  )
}

/** A value of a command or reading in one line. */
export function valueText(value: unknown, most = 200): string {
  if (value === undefined) return '–'
  const text = typeof value === 'string' ? value : JSON.stringify(value)
  return text.length > most ? `${text.slice(0, most)}…` : text
}

export const phaseTones: Readonly<Record<string, Tone>> = { done: 'good', failed: 'bad', refused: 'bad', accepted: 'info', asked: 'info' }

export const levelTones: Readonly<Record<string, Tone>> = { debug: 'none', info: 'info', warn: 'uncertain', error: 'bad' }

/** "3 letters", "1 letter". */
export function counted(count: number, one: string, many = `${one}s`): string {
  return `${count} ${count === 1 ? one : many}`
}
