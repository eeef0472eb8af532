/** Logins that go from one rig to others, in memory alone (section 6): only where the configuration says from whom to whom. */
import type { Exact, Host } from '../../gateway/adapter.js'
import { asGatewayError } from '../../gateway/errors.js'
import { exactEqual } from '../common/exact-json.js'
import { RarelyEach } from '../common/rarely.js'
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

/** Seconds between two lines of the log about the same rig. */
const toldEvery = 60

/** Seconds for which a rig need not get the same login again; later it may have been started anew. */
const hasFor = 60

/** What goes to one rig. */
interface Handing {
  /** On its way. */
  isUnderWay: boolean
  /** That comes next; the newest takes the place of the others. */
  next: readonly Exact[] | undefined
  /** The last that it echoed, and when (monotonic seconds). */
  has: { readonly elements: readonly Exact[]; readonly at: number } | undefined
}

export class Logins {
  readonly #options: LoginsOptions
  /** The last login: its URL, and the users with their tokens. */
  #known: readonly Exact[] | undefined
  /** It is being asked for. */
  #isAsked = false
  readonly #handings = new Map<Rig, Handing>()
  readonly #rarely: RarelyEach<string>

  constructor(options: LoginsOptions) {
    this.#options = options
    this.#rarely = new RarelyEach(options.host.clock, toldEvery)
  }

  /** A rig sent ALYX. */
  heard(rig: Rig, elements: readonly Exact[]): void {
    const { from, to } = this.#options
    if (holdsTokens(elements)) {
      if (rig !== from) return
      this.#known = elements
      for (const other of to) if (!this.#has(other, elements)) this.#hand(other, elements)
    } else if (to.includes(rig)) this.#asked(rig, elements)
  }

  forget(): void {
    this.#known = undefined
    this.#isAsked = false
    this.#handings.clear()
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

  #has(rig: Rig, elements: readonly Exact[]): boolean {
    const { isUnderWay, has } = this.#handing(rig)
    const { clock } = this.#options.host
    return !isUnderWay && has !== undefined && clock.monotonic() - has.at < hasFor && exactEqual(has.elements, elements)
  }

  /** One at a time: a rig that sends one login after another must not fill the line of others. */
  #hand(rig: Rig, elements: readonly Exact[]): void {
    const handing = this.#handing(rig)
    handing.next = elements
    if (!handing.isUnderWay) void this.#handOn(rig, handing)
  }

  async #handOn(rig: Rig, handing: Handing): Promise<void> {
    handing.isUnderWay = true
    for (let { next } = handing; next !== undefined; { next } = handing) {
      handing.next = undefined
      const asked = rig.ask({ event: 'ALYX', elements: next, answer: false, answerWithin: this.#options.answerWithin })
      const isDone = await this.#settled(asked.echoed, rig)
      handing.has = isDone ? { elements: next, at: this.#options.host.clock.monotonic() } : undefined
    }
    handing.isUnderWay = false
  }

  #handing(rig: Rig): Handing {
    const known = this.#handings.get(rig) ?? { isUnderWay: false, next: undefined, has: undefined }
    this.#handings.set(rig, known)
    return known
  }

  /** Never rejects; true: it went well. Texts of failures hold nothing of what was sent. */
  async #settled(step: Promise<unknown>, rig: Rig): Promise<boolean> {
    try {
      await step
      return true
    } catch (error) {
      const alike = this.#rarely.pass(rig.name)
      const fields = { rig: rig.name, reason: asGatewayError(error).message, ...(alike !== undefined && alike > 0 ? { alike } : {}) }
      if (alike !== undefined) this.#options.host.log.warn(fields, 'a login was not handed on')
      return false
    }
  }
}
