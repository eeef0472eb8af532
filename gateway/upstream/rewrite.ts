/** From topics here to topics there, and back. Pure. */
import { Topics } from '../topic.js'

export class Rewrite {
  readonly #here: Topics
  readonly #there: Topics

  /** `topic`: what stands there in place of the root. */
  constructor(here: Topics, topic: string = here.root) {
    this.#here = here
    this.#there = new Topics(topic)
  }

  /** A topic or filter under our root; undefined: it is outside. */
  up(topic: string): string | undefined {
    const rest = this.#here.inside(topic)
    return rest === undefined ? undefined : this.#there.at(rest)
  }

  /** A topic of theirs; undefined: it is none of ours. */
  down(topic: string): string | undefined {
    const rest = this.#there.inside(topic)
    return rest === undefined ? undefined : this.#here.at(rest)
  }
}
