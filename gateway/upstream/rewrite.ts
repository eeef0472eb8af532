/** From topics here to topics there, and back. Pure. */
import { Topics } from '../topic.js'

export class Rewrite {
  readonly #here: Topics
  readonly #there: Topics
  readonly #encodesDots: boolean

  /** `topic`: what stands there in place of the root. `encodesDots`: for brokers to which a dot parts levels, as NATS. */
  constructor(here: Topics, topic: string = here.root, encodesDots = false) {
    this.#here = here
    this.#there = new Topics(topic)
    this.#encodesDots = encodesDots
  }

  /** A topic or filter under our root; undefined: it is outside. */
  up(topic: string): string | undefined {
    const rest = this.#here.inside(topic)
    return rest === undefined ? undefined : this.#there.at(this.#encodesDots ? rest.replaceAll('.', '%2E') : rest)
  }

  /** A topic of theirs; undefined: it is none of ours. */
  down(topic: string): string | undefined {
    const rest = this.#there.inside(topic)
    // At the beginning of a name a dot is written so here, too.
    return rest === undefined ? undefined : this.#here.at(this.#encodesDots ? rest.replaceAll(/(?<=[^/])%2E/g, '.') : rest)
  }
}
