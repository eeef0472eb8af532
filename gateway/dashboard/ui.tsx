/** The parts that all pages are made of. */
import type { ComponentChildren, JSX } from 'preact'
import { useEffect, useId, useState } from 'preact/hooks'
import { ApiError, api } from './api.js'
import { formatAge, formatTime, formatUtc } from './format.js'
import { freshness, store, useStore } from './store.js'
import type { CodenameView, Freshness } from './store.js'
import { errorClasses } from '../errors.js'
import { parseTime } from '../time.js'
import type { State } from '../../schemas/types.js'

type Children = { readonly children?: ComponentChildren }

export type Tone = 'good' | 'stale' | 'uncertain' | 'bad' | 'none' | 'info'

/** Never colour alone: each tone has a sign too. */
const signs: Readonly<Record<Tone, string>> = { good: '✓', stale: '◷', uncertain: '?', bad: '✕', none: '–', info: 'i' }

export function Badge({ tone, title, children }: Children & { readonly tone: Tone; readonly title?: string | undefined }): JSX.Element {
  return (
    <span class={`badge ${tone}`} title={title}>
      <span class="sign" aria-hidden="true">
        {signs[tone]}
      </span>
      <span>{children}</span>
    </span>
  )
}

/** The sign alone, its word for screen readers and, where it matters, for eyes too. */
export function Sign({ tone, word, shown = false }: { readonly tone: Tone; readonly word: string; readonly shown?: boolean }): JSX.Element {
  return (
    <span class={`sign-only ${tone}`} title={word}>
      <span aria-hidden="true">{signs[tone]}</span>
      <span class={shown ? 'word' : 'unseen'}>{word}</span>
    </span>
  )
}

const stateTones: Readonly<Record<State['state'], Tone>> = { online: 'good', degraded: 'uncertain', offline: 'bad', disabled: 'none' }

/** State of a device; without a connection what it was. */
export function StateBadge({ state }: { readonly state: State | undefined }): JSX.Element {
  const connected = useStore((s) => s.connection.state === 'connected')
  if (state === undefined) return <Badge tone="none">no state</Badge>
  if (!connected)
    return (
      <Badge tone="stale" title={state.reason}>
        was {state.state}
      </Badge>
    )
  return (
    <Badge tone={stateTones[state.state]} title={state.reason}>
      {state.state}
    </Badge>
  )
}

export const freshnessTones: Readonly<Record<Freshness, Tone>> = {
  fresh: 'good',
  stale: 'stale',
  uncertain: 'uncertain',
  bad: 'bad',
  none: 'none'
}
export const freshnessWords: Readonly<Record<Freshness, string>> = {
  fresh: 'good',
  stale: 'stale',
  uncertain: 'uncertain',
  bad: 'bad',
  none: 'no value yet'
}

/** Quality of a reading as it is now: what it says of itself, its age, its device and the connection. */
export function QualityBadge({ view }: { readonly view: CodenameView }): JSX.Element {
  const is = freshness(view)
  return (
    <Badge tone={freshnessTones[is]} title={view.reading?.error?.message}>
      {freshnessWords[is]}
    </Badge>
  )
}

export function Card({ title, aside, class: more, children }: Children & CardProps): JSX.Element {
  return (
    <section class={`card ${more ?? ''}`}>
      {title === undefined && aside === undefined ? null : (
        <header>
          {title === undefined ? null : <h2>{title}</h2>}
          {aside === undefined ? null : <div class="aside">{aside}</div>}
        </header>
      )}
      {children}
    </section>
  )
}

interface CardProps {
  readonly title?: ComponentChildren
  readonly aside?: ComponentChildren
  readonly class?: string
}

/** Wide tables scroll in themselves, never the page. */
export function Table({
  head,
  caption,
  children
}: Children & { readonly head: readonly ComponentChildren[]; readonly caption?: string }): JSX.Element {
  return (
    <div class="table" tabIndex={0} role="region" aria-label={caption ?? 'table'}>
      <table>
        {caption === undefined ? null : <caption class="unseen">{caption}</caption>}
        <thead>
          <tr>
            {head.map((cell, at) => (
              <th key={at} scope="col">
                {cell}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>{children}</tbody>
      </table>
    </div>
  )
}

/** Nothing to show, and what to do about it. */
export function Empty({ title, children }: Children & { readonly title: string }): JSX.Element {
  return (
    <div class="empty">
      <p class="title">{title}</p>
      {children}
    </div>
  )
}

export interface Trouble {
  readonly class?: string | undefined
  readonly message: string
  readonly retryable?: boolean | undefined
  readonly maybeExecuted?: boolean | undefined
}

/** What of an error a person needs: what happened, and what to do next. */
export function troubleOf(error: unknown): Trouble {
  if (error instanceof ApiError) {
    const { class: kind, retryable, maybeExecuted } = error.problem
    return { class: kind, message: error.message, retryable, maybeExecuted }
  }
  return { message: error instanceof Error ? error.message : String(error) }
}

export function ErrorNote({ error }: { readonly error: Trouble }): JSX.Element {
  const help =
    error.class !== undefined && error.class in errorClasses ? errorClasses[error.class as keyof typeof errorClasses].help : undefined
  return (
    <div class="note bad" role="alert">
      <p>
        <Badge tone="bad">{error.class ?? 'Error'}</Badge> <strong>{error.message}</strong>
      </p>
      {help === undefined ? null : <p>{help}</p>}
      {error.maybeExecuted === true ? <p>It may have been carried out all the same: read the value before you repeat it.</p> : null}
      {error.retryable === undefined ? null : (
        <p class="muted">{error.retryable ? 'The same may succeed later.' : 'The same again will fail again.'}</p>
      )}
    </div>
  )
}

interface ButtonProps {
  readonly onClick?: (() => void) | undefined
  readonly type?: 'button' | 'submit'
  /** Why it cannot be used now; shown, and the button is disabled. */
  readonly why?: string | undefined
  readonly primary?: boolean
  readonly danger?: boolean
  readonly label?: string | undefined
  readonly pressed?: boolean
}

export function Button({ onClick, type = 'button', why, primary, danger, label, pressed, children }: Children & ButtonProps): JSX.Element {
  return (
    <button
      type={type}
      class={primary === true ? 'primary' : danger === true ? 'danger' : ''}
      onClick={onClick}
      disabled={why !== undefined}
      title={why ?? label}
      aria-label={label}
      aria-pressed={pressed}
    >
      {children}
    </button>
  )
}

/** A label, its control, and what is wrong with it. `children` is given the ids that the control must carry. */
export function Field({ label, hint, error, children }: FieldProps): JSX.Element {
  const id = useId()
  const told = error ?? hint
  return (
    <div class="field">
      <label for={id}>{label}</label>
      {children({ id, 'aria-describedby': told === undefined ? undefined : `${id}-told`, 'aria-invalid': error !== undefined })}
      {told === undefined ? null : (
        <p id={`${id}-told`} class={error === undefined ? 'hint' : 'hint wrong'}>
          {told}
        </p>
      )}
    </div>
  )
}

export interface FieldIds {
  readonly id: string
  readonly 'aria-describedby': string | undefined
  readonly 'aria-invalid': boolean
}

interface FieldProps {
  readonly label: ComponentChildren
  readonly hint?: ComponentChildren
  readonly error?: string | undefined
  readonly children: (ids: FieldIds) => ComponentChildren
}

/** A time of the gateway, RFC 3339 or Unix seconds: in the browser's zone, UTC in the title. */
export function Time({ time, age = false }: { readonly time: string | number; readonly age?: boolean }): JSX.Element {
  const at = typeof time === 'number' ? time : parseTime(time)
  if (at === undefined || Number.isNaN(new Date(at * 1000).getTime())) return <span>{time}</span>
  const now = store.now()
  return (
    <time dateTime={new Date(at * 1000).toISOString()} title={formatUtc(at)}>
      {formatTime(at, now)}
      {age ? ` (${formatAge(now - at)} ago)` : ''}
    </time>
  )
}

export interface Fetched<T> {
  readonly data: T | undefined
  readonly error: Trouble | undefined
  readonly reload: () => void
}

/** What `GET path` answers; asked again every so many seconds, and when the gateway is back. What was known stays shown beside an error. */
export function useFetched<T>(path: string | undefined, every?: number): Fetched<T> {
  const [state, setState] = useState<{ path?: string | undefined; data?: T; error?: Trouble }>({})
  const [turn, setTurn] = useState(0)
  const beat = useStore((s) => (every === undefined ? 0 : Math.floor(s.now() / every)))
  const connected = useStore((s) => s.connection.state === 'connected')
  useEffect(() => {
    if (path === undefined) return undefined
    const stop = new AbortController()
    api.get<T>(path, stop.signal).then(
      (data) => setState({ path, data }),
      (error: unknown) => {
        if (!stop.signal.aborted) setState((before) => ({ ...(before.path === path ? before : {}), path, error: troubleOf(error) }))
      }
    )
    return () => stop.abort()
  }, [path, turn, beat, connected])
  const own = state.path === path ? state : {}
  return { data: own.data, error: own.error, reload: () => setTurn((before) => before + 1) }
}
