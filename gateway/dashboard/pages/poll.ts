/** Questions to the REST of the gateway, asked again and again while somebody looks. */
import { useCallback, useEffect, useRef, useState } from 'preact/hooks'
import { api } from '../api.js'
import { after } from '../clock.js'
import type { Timer } from '../clock.js'
import { store, useStore } from '../store.js'

/** Seconds between two questions at least. */
const least = 1

/** Seconds between two questions that failed, at most. */
const patience = 10

export interface Polled<T> {
  /** The last answer; it stays while later questions fail. */
  readonly data: T | undefined
  /** When that was, by the gateway's clock. */
  readonly at: number | undefined
  /** Why the last question failed. */
  readonly error: Error | undefined
  readonly loading: boolean
  /** Ask now. */
  readonly again: () => void
}

/** Asks at once and then every so many seconds; not while the page is hidden, and no longer than it is open. One question at a time. */
export class Poller {
  readonly #ask: (signal: AbortSignal) => Promise<boolean>
  readonly #seconds: number
  #asking: AbortController | undefined
  #timer: Timer | undefined
  #failures = 0
  #stopped = false
  readonly #seen = (): void => {
    if (document.visibilityState === 'visible') this.now()
    else this.#pause()
  }

  /** `ask` resolves with whether it went well, and never rejects. */
  constructor(ask: (signal: AbortSignal) => Promise<boolean>, seconds: number) {
    this.#ask = ask
    this.#seconds = Math.max(least, seconds)
  }

  start(): void {
    document.addEventListener('visibilitychange', this.#seen)
    this.#seen()
  }

  stop(): void {
    this.#stopped = true
    document.removeEventListener('visibilitychange', this.#seen)
    this.#pause()
  }

  now(): void {
    if (this.#stopped || document.visibilityState !== 'visible') return
    this.#pause()
    void this.#once()
  }

  #pause(): void {
    this.#timer?.cancel()
    this.#asking?.abort()
    this.#asking = undefined
  }

  async #once(): Promise<void> {
    const asking = new AbortController()
    this.#asking = asking
    const well = await this.#ask(asking.signal)
    if (asking.signal.aborted || this.#stopped) return
    this.#failures = well ? 0 : this.#failures + 1
    const seconds = well ? this.#seconds : Math.min(Math.max(patience, this.#seconds), this.#seconds * 2 ** (this.#failures - 1))
    this.#timer = after(seconds, () => void this.#once())
  }
}

/** Runs a question as {@link Poller} does; a new one for each `key`. Asked at once, too, when the gateway is there again. */
export function usePoller(
  key: string | undefined,
  seconds: number,
  ask: (signal: AbortSignal) => Promise<void>
): Omit<Polled<never>, 'data' | 'at'> {
  const [state, setState] = useState<{ error: Error | undefined; loading: boolean }>({ error: undefined, loading: true })
  const latest = useRef(ask)
  latest.current = ask
  const poller = useRef<Poller>(null)
  const isConnected = useStore(({ connection }) => connection.state === 'connected')
  useEffect(() => {
    if (key === undefined) return undefined
    setState({ error: undefined, loading: true })
    const made = new Poller(async (signal) => {
      try {
        await latest.current(signal)
        if (!signal.aborted) setState({ error: undefined, loading: false })
        return true
      } catch (error) {
        if (!signal.aborted) setState({ error: error instanceof Error ? error : new Error(String(error)), loading: false })
        return false
      }
    }, seconds)
    poller.current = made
    made.start()
    return () => made.stop()
  }, [key, seconds])
  const first = useRef(true)
  useEffect(() => {
    if (!first.current && isConnected) poller.current?.now()
    first.current = false
  }, [isConnected])
  const again = useCallback(() => poller.current?.now(), [])
  return { ...state, again }
}

/** `GET path`, again and again. Undefined: nothing is asked. What another path answered is forgotten. */
export function usePoll<T>(path: string | undefined, seconds: number): Polled<T> {
  const [answer, setAnswer] = useState<{ path: string; data: T; at: number }>()
  const { error, loading, again } = usePoller(path, seconds, async (signal) => {
    if (path === undefined) return
    const data = await api.get<T>(path, signal)
    if (!signal.aborted) setAnswer({ path, data, at: store.now() })
  })
  const mine = answer !== undefined && answer.path === path ? answer : undefined
  return { data: mine?.data, at: mine?.at, error, loading, again }
}

/** One thing done by a press of a button: running, what came of it, or why not. */
export interface Doing<T> {
  readonly busy: boolean
  readonly result: T | undefined
  readonly error: Error | undefined
  readonly run: (work: () => Promise<T>) => void
  readonly clear: () => void
}

export function useDoing<T>(): Doing<T> {
  const [state, setState] = useState<{ busy: boolean; result?: T; error?: Error }>({ busy: false })
  const here = useRef(true)
  useEffect(
    () => () => {
      here.current = false
    },
    []
  )
  const run = (work: () => Promise<T>): void => {
    if (state.busy) return
    setState({ busy: true })
    work().then(
      (result) => here.current && setState({ busy: false, result }),
      (error: unknown) => here.current && setState({ busy: false, error: error instanceof Error ? error : new Error(String(error)) })
    )
  }
  return { busy: state.busy, result: state.result, error: state.error, run, clear: () => setState({ busy: false }) }
}
