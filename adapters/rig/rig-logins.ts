/** Logins that go from one rig to others, in memory alone (section 6): only where the configuration says from whom to whom. */
import type { Exact, Host } from '../../gateway/adapter.js'
import { asGatewayError } from '../../gateway/errors.js'
import { holdsTokens } from './conceal.js'
import type { Rig } from './rig.js'

export interface LoginsOptions {
  readonly host: Host
  /** Whose login it is. */
  readonly from: Rig
  /** Who gets it. */
  readonly to: readonly Rig[]
  /** Seconds for the answer of who is asked for one. */
  readonly answerWithin: number
}

export class Logins {
  readonly #options: LoginsOptions
  /** The last login: its URL, and the users with their tokens. */
  #known: readonly Exact[] | undefined
  /** It is being asked for. */
  #isAsked = false

  constructor(options: LoginsOptions) {
    this.#options = options
  }

  /** A rig sent ALYX. */
  heard(rig: Rig, elements: readonly Exact[]): void {
    const { from, to } = this.#options
    if (holdsTokens(elements)) {
      if (rig !== from) return
      this.#known = elements
      for (const other of to) this.#hand(other, elements)
    } else if (to.includes(rig)) this.#asked(rig, elements)
  }

  forget(): void {
    this.#known = undefined
    this.#isAsked = false
  }

  /** It asks for a login, of one database or of any. */
  #asked(rig: Rig, [url = null]: readonly Exact[]): void {
    const { from, answerWithin } = this.#options
    const known = this.#known
    if (known !== undefined && (url === null || url === known[0])) return this.#hand(rig, known)
    if (this.#isAsked) return
    this.#isAsked = true
    const asked = from.ask({ event: 'ALYX', elements: [url, new Map()], answer: true, answerWithin })
    // Its answer is heard like all else that it sends, and handed on then.
    void this.#settled(asked.answered, from).then(() => (this.#isAsked = false))
  }

  #hand(rig: Rig, elements: readonly Exact[]): void {
    const asked = rig.ask({ event: 'ALYX', elements, answer: false, answerWithin: this.#options.answerWithin })
    void this.#settled(asked.echoed, rig)
  }

  /** Never rejects. Texts of failures hold nothing of what was sent. */
  async #settled(step: Promise<unknown>, rig: Rig): Promise<void> {
    try {
      await step
    } catch (error) {
      this.#options.host.log.warn({ rig: rig.name, reason: asGatewayError(error).message }, 'a login was not handed on')
    }
  }
}
