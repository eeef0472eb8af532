/** Whose turn it is on a group: one call at a time, but an interrupt and a stop always have a way through. */
import { GatewayError } from '../../gateway/errors.js'

/** An interrupt takes the place of everything but an interrupt, a stop of everything but these two. */
export type Rank = 'interrupt' | 'stop' | 'other'

/** Why a call asks no further rigs. */
export type Why = 'interrupt' | 'stop' | 'gone' | 'closed' | 'ended'

/** For people: "… took its place". */
export const whyText: Readonly<Record<Why, string>> = {
  interrupt: 'an interrupt took its place',
  stop: 'a stop took its place',
  gone: 'its time was over, or the asker went away',
  closed: 'the instance stops',
  ended: 'one of its rigs was told to end meanwhile'
}

/** That a call is not to go on. */
export interface Halt {
  readonly why: Why
  /** The reason, for people. */
  readonly text: string
  /** The rig that was told to end; it has dropped by itself what waited there. */
  readonly rig?: string
}

/** Calls that may wait; the gateway lets one of each codename through, so that only forgotten ones could be more. */
const maxWaiting = 16

const ranks: Readonly<Record<Rank, number>> = { other: 0, stop: 1, interrupt: 2 }

/** A call whose turn it is. */
export class Turn {
  readonly rank: Rank
  #halted: Halt | undefined
  #onHalt: ((halt: Halt) => void) | undefined

  constructor(rank: Rank) {
    this.rank = rank
  }

  /** Why it must not go on; undefined: it may. */
  get why(): Why | undefined {
    return this.#halted?.why
  }

  /** Throws a GatewayError when it has been halted before it began. */
  begin(): void {
    if (this.#halted !== undefined) throw notBegun(this.#halted)
  }

  /** Tells each reason, and at once one that is there already. Replaces who was told before. */
  onHalt(run: (halt: Halt) => void): void {
    this.#onHalt = run
    if (this.#halted !== undefined) run(this.#halted)
  }

  /** That what took its place sees to its rigs, or the instance, says more than that nobody waits for it, or that one rig was told to end. */
  halt(why: Why, more: Partial<Halt> = {}): void {
    if (this.#halted !== undefined && !isWeak(this.#halted.why)) return
    if (this.#halted !== undefined && isWeak(why)) return
    this.#halted = { ...of(why), ...more }
    this.#onHalt?.(this.#halted)
  }
}

/** The rigs that it has begun are not seen to by who came. */
export function isWeak(why: Why): boolean {
  return why === 'gone' || why === 'ended'
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
  async take<T>(turn: Turn, signal: AbortSignal, run: (turn: Turn) => Promise<T>): Promise<T> {
    const { rank } = turn
    if (this.#isClosed) throw notBegun(of('closed'))
    this.#makeWay(turn)
    if (!this.#isTurnOf(turn)) await this.#wait(turn, signal)
    else if (signal.aborted) throw notBegun(of('gone'))
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
    for (const { refuse } of this.#waiting.splice(0)) refuse(notBegun(of('closed')))
    for (const turn of this.#active) turn.halt('closed')
    if (this.#active.size > 0) await new Promise<void>((resolve) => (this.#ended = resolve))
  }

  #makeWay({ rank }: Turn): void {
    if (rank === 'other') return
    const isBelow = (turn: Turn): boolean => ranks[turn.rank] < ranks[rank]
    for (const turn of this.#active) if (isBelow(turn)) turn.halt(rank)
    const out = this.#waiting.filter(({ turn }) => isBelow(turn))
    this.#waiting = this.#waiting.filter(({ turn }) => !isBelow(turn))
    for (const { refuse } of out) refuse(notBegun(of(rank)))
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
        reject(notBegun(of('gone')))
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

function of(why: Why): Halt {
  return { why, text: whyText[why] }
}

function notBegun({ why, text }: Omit<Halt, 'rig'>): GatewayError {
  return refusal(why, `${text} before its turn came; nothing was sent`)
}

/** What who called is told, when it failed for this reason alone. */
export function refusal(why: Why, message: string, maybeExecuted = false): GatewayError {
  if (why === 'closed') return new GatewayError('Unreachable', message, { code: 'closed', maybeExecuted })
  if (why === 'gone') return new GatewayError('Timeout', message, { maybeExecuted })
  return new GatewayError('Busy', message, { code: 'busy', maybeExecuted })
}
