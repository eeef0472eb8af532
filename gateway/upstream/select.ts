/** Which topics below the root go up, and which commands come down. */
import { overlaps } from '../access/filter.js'
import { Rules } from '../access/rules.js'
import type { Verdicts } from '../access/rules.js'
import type { Topics } from '../topic.js'

/** Topics whose answer is remembered; a laboratory has some thousand. */
const maxRemembered = 10_000

/** Characters of them all: a topic may have 65,535. */
const maxCharacters = 2_000_000

export class Select {
  readonly #topics: Topics
  readonly #rules: Verdicts
  readonly #filters: readonly (readonly string[])[]
  readonly #remembered = new Map<string, boolean>()
  #characters = 0

  /** Filters below the root; `!` before one takes away, and the last that matches decides. */
  constructor(topics: Topics, filters: readonly string[]) {
    this.#topics = topics
    this.#rules = new Rules(filters).for({ user: undefined, client: undefined })
    this.#filters = filters.filter((filter) => !filter.startsWith('!')).map((filter) => filter.split('/'))
  }

  /** Called for each message; `topic` with the root. */
  has(topic: string): boolean {
    const known = this.#remembered.get(topic)
    if (known !== undefined) return known
    const rest = this.#topics.inside(topic)
    const answer = rest !== undefined && this.#rules.may(rest)
    if (this.#remembered.size >= maxRemembered || this.#characters + topic.length > maxCharacters) {
      this.#remembered.clear()
      this.#characters = 0
    }
    this.#remembered.set(topic, answer)
    this.#characters += topic.length
    return answer
  }

  /** May any topic of this filter (with the root) be chosen? */
  mayHave(filter: string): boolean {
    const levels = this.#topics.inside(filter)?.split('/')
    return levels !== undefined && this.#filters.some((chosen) => overlaps(chosen, levels))
  }
}
