/** Logins of the labs' database (section 6): from one experiment PC to another, or to a rig; in memory, and nowhere else. */
import type { Exact, Host, Ref } from '../../gateway/adapter.js'
import { asGatewayError } from '../../gateway/errors.js'
import { Allowance } from '../common/allowance.js'
import { isExactList, isExactMap } from '../common/exact-json.js'
import { RarelyEach } from '../common/rarely.js'
import { refOf } from '../common/ref.js'
import { encodeMessage } from './codec.js'
import type { Controller } from './controller.js'
import { hideTokens } from './conceal.js'

export interface LoginsOptions {
  readonly host: Host
  /** `refuse`, `forward`, or device/codename. */
  readonly alyx: string
  readonly controllers: Iterable<Controller>
  /** Seconds for a rig to take or to give one. */
  readonly within: number
}

/** Databases whose login is remembered, and characters of its address. */
const maxUrls = 16
const maxUrl = 500

/** Users in one message: a lab has one, perhaps two. */
const maxUsers = 20

/** Logins a second that are handed on, on average over {@link rateOver}: one stranger must not make us call everybody. */
const rate = 1
const rateOver = 10

/** Seconds between two lines of the log about the same trouble. */
const toldEvery = 60

export class Logins {
  readonly #options: LoginsOptions
  readonly #target: Ref | undefined
  readonly #held = new Map<string, readonly Exact[]>()
  readonly #allowance: Allowance
  readonly #trouble: RarelyEach<string>

  constructor(options: LoginsOptions) {
    const { alyx, host } = options
    this.#options = options
    this.#target = alyx.includes('/') ? refOf(alyx) : undefined
    this.#allowance = new Allowance({ clock: host.clock, rate, over: rateOver })
    this.#trouble = new RarelyEach(host.clock, toldEvery)
  }

  /** An ALYX message came from there and was echoed; `id` as in its reading. */
  take(from: Controller, elements: readonly Exact[], id: string): void {
    const [url = null, users = null] = elements
    if (isExactMap(users) && users.size > 0) this.#given(from, elements, id)
    else void this.#asked(from, url, id)
  }

  /** Nothing of it is remembered. */
  clear(): void {
    this.#held.clear()
  }

  #given(from: Controller, elements: readonly Exact[], id: string): void {
    const { alyx, controllers } = this.#options
    if (alyx === 'refuse') return
    const [url = null, users = null] = elements
    if (
      elements.length > 2 ||
      (isExactMap(users) && users.size > maxUsers) ||
      (typeof url === 'string' && url.length > maxUrl) ||
      !this.#mayGo()
    ) {
      this.#options.host.count('refused')
      return
    }
    if (this.#target !== undefined) return void this.#hand([url, users], false, id)
    this.#remember(url, elements)
    const bytes = encodeMessage('ALYX', elements)
    for (const other of controllers)
      if (other !== from && !other.isSilent)
        other.peer.send(bytes).catch(() => this.#failed('a controller did not echo a login that was handed on'))
  }

  /** Who asks without an address gets nothing where there is nothing: the answer would be the same as the question, and go round for ever. */
  async #asked(from: Controller, url: Exact, id: string): Promise<void> {
    const found = await this.#find(url, id)
    const answer = found ?? (url === null ? undefined : [null, new Map()])
    if (answer === undefined) return
    from.peer.send(encodeMessage('ALYX', answer)).catch(() => this.#failed('a controller that asked for a login did not echo the answer'))
  }

  async #find(url: Exact, id: string): Promise<readonly Exact[] | undefined> {
    if (this.#target === undefined) return typeof url === 'string' ? this.#held.get(url) : [...this.#held.values()].at(-1)
    return this.#mayGo() ? await this.#hand([url, new Map()], true, id) : undefined
  }

  #remember(url: Exact, elements: readonly Exact[]): void {
    if (typeof url !== 'string') return
    this.#held.delete(url)
    this.#held.set(url, elements)
    const [oldest] = this.#held.keys()
    if (this.#held.size > maxUrls && oldest !== undefined) this.#held.delete(oldest)
  }

  /** To the rig behind a rig-client; what that says, when it was asked for a login. */
  async #hand(elements: readonly Exact[], answer: boolean, id: string): Promise<readonly Exact[] | undefined> {
    const { host, within } = this.#options
    const value = new Map<string, Exact>([
      ['elements', elements],
      ['answer', answer]
    ])
    try {
      const reply = await host.request({ ...(this.#target as Ref), op: 'call', id, secret: true, value, within, patience: within })
      const said = isExactMap(reply) ? (reply.get('answer') ?? null) : null
      const users = isExactList(said) ? said[1] : undefined
      return isExactList(said) && users !== undefined && isExactMap(users) && users.size > 0 ? said : undefined
    } catch (thrown) {
      this.#failed(`a login could not be handed on to ${this.#options.alyx}`, asGatewayError(thrown).class)
      return undefined
    }
  }

  #mayGo(): boolean {
    const isFree = this.#allowance.has('')
    if (isFree) this.#allowance.spend('', 1)
    return isFree
  }

  /** No text of others: it may quote the login. */
  #failed(message: string, reason?: string): void {
    const { host } = this.#options
    host.count('dropped')
    const alike = this.#trouble.pass(message)
    if (alike !== undefined)
      host.log.warn({ ...(reason === undefined ? {} : { reason }), ...(alike > 0 ? { alike } : {}) }, hideTokens(message))
  }
}
