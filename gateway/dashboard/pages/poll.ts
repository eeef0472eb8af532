/** Questions to the REST of the gateway, asked again and again while somebody looks. */
import { useCallback, useEffect, useRef, useState } from 'preact/hooks'
import { api } from '../api.js'
import { after } from '../clock.js'
import { Poller } from '../models/poller.js'
import { store, useStore } from '../store.js'

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

/** Runs a question as {@link Poller} does; a new one for each `key`. Asked at once, too, when the gateway is there again. */
export function usePoller(
  key: string | undefined,
  seconds: number,
  question: (signal: AbortSignal) => Promise<void>
): Omit<Polled<never>, 'data' | 'at'> & { readonly hurry: () => void } {
  const [state, setState] = useState<{ error: Error | undefined; loading: boolean }>({ error: undefined, loading: true })
  const latest = useRef(question)
  latest.current = question
  const poller = useRef<Poller>(null)
  const isConnected = useStore(({ connection }) => connection.state === 'connected')
  useEffect(() => {
    if (key === undefined) return undefined
    setState({ error: undefined, loading: true })
    const ask = async (signal: AbortSignal): Promise<boolean> => {
      try {
        await latest.current(signal)
        if (!signal.aborted) setState({ error: undefined, loading: false })
        return true
      } catch (error) {
        if (!signal.aborted) setState({ error: error instanceof Error ? error : new Error(String(error)), loading: false })
        return false
      }
    }
    const made = new Poller({ ask, seconds, after, isVisible: () => document.visibilityState === 'visible' })
    poller.current = made
    made.now()
    const shown = (): void => made.now()
    document.addEventListener('visibilitychange', shown)
    return () => {
      document.removeEventListener('visibilitychange', shown)
      made.stop()
    }
  }, [key, seconds])
  const first = useRef(true)
  useEffect(() => {
    if (!first.current && isConnected) poller.current?.now()
    first.current = false
  }, [isConnected])
  const again = useCallback(() => poller.current?.now(), [])
  const hurry = useCallback(() => poller.current?.hurry(), [])
  return { ...state, again, hurry }
}

/**
 * `GET path`, again and again. Undefined: nothing is asked. What another path answered is forgotten; with `keep` it stays until the new one
 * has been answered.
 */
export function usePoll<T>(path: string | undefined, seconds: number, { keep = false } = {}): Polled<T> {
  const [answer, setAnswer] = useState<{ path: string; data: T; at: number }>()
  const { error, loading, again } = usePoller(path, seconds, async (signal) => {
    if (path === undefined) return
    const data = await api.get<T>(path, signal)
    if (!signal.aborted) setAnswer({ path, data, at: store.now() })
  })
  const mine = keep || answer?.path === path ? answer : undefined
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
