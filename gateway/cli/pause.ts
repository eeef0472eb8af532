import { once } from 'node:events'
import { systemClock } from '../clock.js'

/** Resolves after so many seconds, or at once when the person has had enough. */
export async function pause(seconds: number, signal: AbortSignal): Promise<void> {
  const done = new AbortController()
  const timer = systemClock.after(seconds, () => done.abort())
  const either = AbortSignal.any([signal, done.signal])
  if (!either.aborted) await once(either, 'abort')
  timer.cancel()
}
