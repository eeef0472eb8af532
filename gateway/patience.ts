import type { Clock } from './adapter.js'
import { GatewayError } from './errors.js'

export interface Patience {
  readonly clock: Clock
  /** Seconds that are left of `within`; undefined: without end. */
  readonly left: number | undefined
  /** For the message. */
  readonly within: number | undefined
  /** The asker went away. */
  readonly signal: AbortSignal | undefined
}

/** Lets the asker go when its time ends; what was asked goes on all the same. */
export async function inTime<T>(answered: Promise<T>, { clock, left, within, signal }: Patience): Promise<T> {
  if (left === undefined && signal === undefined) return await answered
  return await new Promise<T>((resolve, reject) => {
    const late = (message: string): void => reject(new GatewayError('Timeout', message, { maybeExecuted: true }))
    const gone = (): void => late('the asker went away')
    const timer =
      left === undefined
        ? undefined
        : clock.after(left, () => late(`no answer within ${Math.round((within ?? 0) * 1000) / 1000} s; it may have been carried out`))
    signal?.addEventListener('abort', gone, { once: true })
    answered.then(resolve, reject).finally(() => {
      timer?.cancel()
      signal?.removeEventListener('abort', gone)
    })
  })
}
