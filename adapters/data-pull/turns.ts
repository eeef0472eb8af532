/** Channel after channel: in which order they are asked, when a round ends, and whether the socket as a whole was heard in it. */
import { NoAnswer } from '../common/udp-asker.js'

export interface TurnsOptions {
  /** Asks one channel and takes in what it says. Rejects with {@link NoAnswer}. */
  readonly ask: (legacy: string) => Promise<void>
  /** That channel got no answer in a round in which others did. Resolves with true when it is given up: it was silent too often. */
  readonly silent: (legacy: string) => Promise<boolean>
}

/** Channels in a row without an answer after which the round is over: time-outs are long. */
const silentInRow = 2

export class Turns {
  readonly #options: TurnsOptions
  /** Channels that must not hold up the others any more; the one to be tried next is first. */
  readonly #givenUp = new Set<string>()
  /** Where the next round begins. */
  #next: string | undefined
  /** The channel that answered last: when one is silent it tells whether the socket is, too. */
  #witness: string | undefined

  constructor(options: TurnsOptions) {
    this.#options = options
  }

  /** Rejects with the last {@link NoAnswer} when the socket is silent, and at once when the network says more than silence. */
  async round(names: readonly string[]): Promise<void> {
    const round = new Round(this.#options.ask)
    const live = names.filter((legacy) => !this.#givenUp.has(legacy))
    const witness = this.#witness !== undefined && live.includes(this.#witness) ? this.#witness : undefined
    const turns = from(live, this.#next)
    for (const [i, legacy] of turns.entries()) {
      if (round.inRow >= silentInRow) break
      this.#next = turns[(i + 1) % turns.length]
      await round.ask(legacy)
      if (witness !== undefined && round.heard.size === 0) await round.ask(witness)
    }
    if (round.heard.size > 0 || live.length === 0) await this.#tryAgain(round)
    this.#witness = round.witness ?? this.#witness
    if (round.heard.size === 0 && round.last !== undefined) throw round.last
    for (const legacy of round.silent) if (await this.#options.silent(legacy)) this.#givenUp.add(legacy)
  }

  /** Those given up, until the first that is silent still: a round spends no more than one time-out on them. */
  async #tryAgain(round: Round): Promise<void> {
    for (const legacy of this.#givenUp) {
      this.#givenUp.delete(legacy)
      if (await round.ask(legacy)) continue
      this.#givenUp.add(legacy)
      return
    }
  }
}

/** What came of one round so far. */
class Round {
  readonly heard = new Set<string>()
  readonly silent = new Set<string>()
  /** The last that was heard. */
  witness: string | undefined
  /** So many of the last were silent. */
  inRow = 0
  last: NoAnswer | undefined
  readonly #ask: TurnsOptions['ask']

  constructor(ask: TurnsOptions['ask']) {
    this.#ask = ask
  }

  /** Resolves with false when it is silent. Nobody is asked twice. */
  async ask(legacy: string): Promise<boolean> {
    if (this.heard.has(legacy)) return true
    if (this.silent.has(legacy)) return false
    try {
      await this.#ask(legacy)
      this.heard.add(legacy)
      this.witness = legacy
      this.inRow = 0
      return true
    } catch (error) {
      if (!(error instanceof NoAnswer) || error.kind !== 'silence') throw error
      this.silent.add(legacy)
      this.inRow += 1
      this.last = error
      return false
    }
  }
}

/** The same, beginning with this one. */
function from(names: readonly string[], first: string | undefined): string[] {
  const start = Math.max(first === undefined ? 0 : names.indexOf(first), 0)
  return [...names.slice(start), ...names.slice(0, start)]
}
