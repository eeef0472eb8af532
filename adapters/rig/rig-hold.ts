/** What a rig is given time for, though nobody waits for it any more. */
import type { Exchange } from './rig-exchange.js'

/** The place of what is over is kept for what may still come of it. */
export interface Hold {
  readonly exchange: Exchange
  /** Monotonic seconds. */
  readonly since: number
  /** What may come is owed already. */
  readonly isOwed: boolean
}
