import type { Clock, Op, Watch } from './adapter.js'
import type { Entry } from './devices.js'
import type { Answer } from './remembered.js'

/** A command under way. */
export interface Pending {
  readonly entry: Entry
  readonly id: string
  readonly op: Op
  readonly client: string
  readonly key: string | undefined
  readonly native: boolean
  /** The instance that carries it out. */
  readonly executor: string | undefined
  /** Nothing of it is written or published. */
  readonly secret: boolean
  readonly controller: AbortController
  /** Tells the asker after a while that the command is under way. */
  readonly accepted: Watch
  readonly timeout: Watch
  readonly settle: ((answer: Answer) => void) | undefined
  /** Who waits for the codename to be free. */
  readonly waiting: Set<() => void>
  finished: boolean
  /** Whoever asked has been let go: its time was up. */
  unheard: boolean
}

/** Resolves when the command is finished, the seconds are over, or the asker goes. */
export async function ended({ waiting }: Pending, clock: Clock, seconds: number, signals: readonly AbortSignal[]): Promise<void> {
  await new Promise<void>((resolve) => {
    const go = (): void => {
      timer.cancel()
      waiting.delete(go)
      for (const signal of signals) signal.removeEventListener('abort', go)
      resolve()
    }
    const timer = clock.after(seconds, go)
    for (const signal of signals) signal.addEventListener('abort', go, { once: true })
    waiting.add(go)
  })
}
