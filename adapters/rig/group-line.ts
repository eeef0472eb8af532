/** Whose turn it is on a group: one call at a time, but an interrupt and a stop always have a way through. */
import { GatewayError } from '../../gateway/errors.js'

/** An interrupt takes the place of everything but an interrupt, a stop of everything but these two. */
export type Rank = 'interrupt' | 'stop' | 'other'

/** Why a call asks no further rigs. */
export type Why = 'interrupt' | 'stop' | 'gone' | 'closed'

/** For people: "… took its place". */
export const whyText: Readonly<Record<Why, string>> = {
  interrupt: 'an interrupt took its place',
  stop: 'a stop took its place',
  gone: 'its time was over, or the asker went away',
  closed: 'the instance stops'
}

/** Calls that may wait; the gateway lets one of each codename through, so that only forgotten ones could be more. */
const maxWaiting = 16

const ranks: Readonly<Record<Rank, number>> = { other: 0, stop: 1, interrupt: 2 }

/** A call whose turn it is. */
export class Turn {
  readonly rank: Rank
  #why: Why | undefined
  #onHalt: ((why: Why) => void) | undefined

  constructor(rank: Rank) {
    this.rank = rank
  }

  /** Why it must not go on; undefined: it may. */
  get why(): Why | undefined {
    return this.#why
  }

  /** Tells each reason, and at once one that is there already. Replaces who was told before. */
  onHalt(run: (why: Why) => void): void {
    this.#onHalt = run
    if (this.#why !== undefined) run(this.#why)
  }

  /** That a call ends for a reason of ours says more than that nobody waits for it. */
  halt(why: Why): void {
    if (this.#why !== undefined && this.#why !== 'gone') return
    this.#why = why
    this.#onHalt?.(why)
  }
}

interface Waiting {
  readonly turn: Turn
  readonly begin: () => void
  readonly refuse: (error: GatewayError) => void
}

export class Line {
  readonly #active = new Set<Turn>()
  #waiting: Waiting[] = []
  #ended: (() => void) | undefined
  #isClosed = false

  /**
   * Runs once it is the call's turn. Rejects with a GatewayError when nothing was begun: too many wait, an interrupt or a stop took its
   * place, the signal came first, or the line is closed. A signal that comes later halts a turn of rank `other` only: who stops
   * something wants all of it stopped, also after going away.
   */
  async take<T>(rank: Rank, signal: AbortSignal, run: (turn: Turn) => Promise<T>): Promise<T> {
    const turn = new Turn(rank)
    if (this.#isClosed) throw notBegun('closed')
    this.#makeWay(turn)
    if (!this.#isTurnOf(turn)) await this.#wait(turn, signal)
    else if (signal.aborted) throw notBegun('gone')
    else this.#active.add(turn)
    const gone = (): void => turn.halt('gone')
    if (rank === 'other') signal.addEventListener('abort', gone, { once: true })
    try {
      return await run(turn)
    } finally {
      signal.removeEventListener('abort', gone)
      this.#active.delete(turn)
      this.#next()
    }
  }

  /** Everything under way is halted, what waits is refused. Resolves when all turns have ended. */
  async close(): Promise<void> {
    this.#isClosed = true
    for (const { refuse } of this.#waiting.splice(0)) refuse(notBegun('closed'))
    for (const turn of this.#active) turn.halt('closed')
    if (this.#active.size > 0) await new Promise<void>((resolve) => (this.#ended = resolve))
  }

  #makeWay({ rank }: Turn): void {
    if (rank === 'other') return
    const isBelow = (turn: Turn): boolean => ranks[turn.rank] < ranks[rank]
    for (const turn of this.#active) if (isBelow(turn)) turn.halt(rank)
    const out = this.#waiting.filter(({ turn }) => isBelow(turn))
    this.#waiting = this.#waiting.filter(({ turn }) => !isBelow(turn))
    for (const { refuse } of out) refuse(notBegun(rank))
  }

  /** Who has made way may still wait for its last answers; an ordinary call lets it end first. */
  #isTurnOf({ rank }: Turn): boolean {
    return [...this.#active].every((turn) => ranks[turn.rank] < ranks[rank])
  }

  async #wait(turn: Turn, signal: AbortSignal): Promise<void> {
    if (this.#waiting.length >= maxWaiting)
      throw new GatewayError('Busy', `${maxWaiting} calls wait for this group; nothing was sent`, { code: 'busy' })
    await new Promise<void>((resolve, reject) => {
      const gone = (): void => {
        this.#waiting = this.#waiting.filter((one) => one !== waiting)
        reject(notBegun('gone'))
      }
      const waiting: Waiting = {
        turn,
        begin: () => {
          signal.removeEventListener('abort', gone)
          // Here and not by who resumes: what comes in between must find it active.
          this.#active.add(turn)
          resolve()
        },
        refuse: (error) => {
          signal.removeEventListener('abort', gone)
          reject(error)
        }
      }
      if (signal.aborted) return gone()
      signal.addEventListener('abort', gone, { once: true })
      const at = this.#waiting.findIndex((other) => ranks[other.turn.rank] < ranks[turn.rank])
      this.#waiting.splice(at < 0 ? this.#waiting.length : at, 0, waiting)
    })
  }

  #next(): void {
    const [first] = this.#waiting
    if (first !== undefined && this.#isTurnOf(first.turn)) {
      this.#waiting.shift()
      first.begin()
    }
    if (this.#active.size === 0) this.#ended?.()
  }
}

function notBegun(why: Why): GatewayError {
  return refusal(why, `${whyText[why]} before its turn came; nothing was sent`)
}

/** What who called is told, when it failed for this reason alone. */
export function refusal(why: Why, message: string, maybeExecuted = false): GatewayError {
  if (why === 'closed') return new GatewayError('Unreachable', message, { code: 'closed', maybeExecuted })
  if (why === 'gone') return new GatewayError('Timeout', message, { maybeExecuted })
  return new GatewayError('Busy', message, { code: 'busy', maybeExecuted })
}
