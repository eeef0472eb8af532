/** What came of a command, as it goes on. Read out by screen readers. */
import type { JSX } from 'preact'
import { formatDuration } from '../format.js'
import { href } from '../router.js'
import { useStore } from '../store.js'
import type { CodenameView, Op } from '../store.js'
import { monotonic } from '../clock.js'
import { Badge, ErrorNote } from '../ui.js'
import type { Trouble } from '../ui.js'
import { Value } from '../value.js'
import type { Reply } from '../../../schemas/types.js'

export type Progress =
  | { readonly op: Op; readonly phase: 'checking' }
  | { readonly op: Op; readonly phase: 'refused'; readonly error: Trouble }
  | { readonly op: Op; readonly phase: 'sent' | 'accepted'; readonly id: string; readonly started: number }
  | {
      readonly op: Op
      readonly phase: 'over'
      readonly id: string
      readonly started: number
      /** Seconds. */
      readonly took: number
      readonly reply: Reply
    }

export function Outcome({ progress, view }: { readonly progress: Progress | undefined; readonly view: CodenameView }): JSX.Element {
  return (
    <div class="outcome" aria-live="polite">
      {progress === undefined ? null : <Told progress={progress} view={view} />}
    </div>
  )
}

function Told({ progress, view }: { readonly progress: Progress; readonly view: CodenameView }): JSX.Element {
  if (progress.phase === 'checking') return <p class="muted">The gateway checks it …</p>
  if (progress.phase === 'refused')
    return (
      <>
        <p>Refused by the check before sending; nothing was done.</p>
        <ErrorNote error={progress.error} />
      </>
    )
  if (progress.phase !== 'over') return <Waiting accepted={progress.phase === 'accepted'} started={progress.started} />
  const { reply, took, id } = progress
  const story = href(['commands'], { device: view.device, codename: view.codename, id })
  if (reply.phase === 'failed')
    return (
      <>
        <ErrorNote error={reply.error ?? { message: 'failed without a reason' }} />
        <p class="muted">
          Failed after {formatDuration(took)} · <a href={story}>its story</a>
        </p>
      </>
    )
  const { meta } = view
  const isSame = progress.op !== 'call'
  return (
    <div class="note good">
      <p>
        <Badge tone="good">done</Badge> after {formatDuration(took)} · <a href={story}>its story</a>
      </p>
      {reply.value === undefined ? null : (
        <Value value={reply.value} unit={isSame ? meta?.unit : undefined} digits={isSame ? meta?.digits : undefined} />
      )}
    </div>
  )
}

function Waiting({ accepted, started }: { readonly accepted: boolean; readonly started: number }): JSX.Element {
  const seconds = useStore(() => Math.floor(monotonic() - started))
  return (
    <p>
      <Badge tone="info">{accepted ? 'accepted' : 'sent'}</Badge> {accepted ? 'it is being carried out' : 'waiting for the reply'}
      {seconds > 0 ? `, ${seconds} s` : ' …'}
    </p>
  )
}
