/** What clients say and that they come and go, as readings. No answer waits for this, and nothing of it reaches a client. */
import type { Exact, Host, Reading } from '../../gateway/adapter.js'
import { asGatewayError } from '../../gateway/errors.js'
import { Allowance } from '../common/allowance.js'
import { Rarely } from '../common/rarely.js'

export interface ReadingsOptions {
  readonly host: Host
  readonly device: string
  /** Messages a second of one client. */
  readonly maxRate: number
  /** What clients say becomes no reading. */
  readonly readOnly: boolean
}

/** Who says something. */
interface Speaker {
  readonly name: string
  readonly address: string
}

/** Seconds over which the rate of a client is taken. */
const rateOver = 2

/** Bytes a second of all clients together, on average over {@link bytesOver}: what waits for the broker is counted in messages, however long. */
const maxBytes = 2 ** 24
const bytesOver = 2

/** Dead letters a second, on average over {@link deadOver}: a storm must not crowd out readings. */
const deadRate = 2
const deadOver = 10

/** Seconds between two lines of the log about the same trouble. */
const toldEvery = 10

/** Characters of a message that a dead letter shows. */
const shown = 1000

export class Readings {
  readonly #options: ReadingsOptions
  /** Of each client its own: what one says is never counted against another. */
  readonly #rates = new WeakMap<Speaker, Allowance>()
  readonly #bytes: Allowance
  readonly #dead: Allowance
  readonly #trouble: { readonly rate: Rarely; readonly refused: Rarely }

  constructor(options: ReadingsOptions) {
    const { clock } = options.host
    this.#options = options
    this.#bytes = new Allowance({ clock, rate: maxBytes, over: bytesOver })
    this.#dead = new Allowance({ clock, rate: deadRate, over: deadOver })
    this.#trouble = { rate: new Rarely(clock, toldEvery), refused: new Rarely(clock, toldEvery) }
  }

  /** `source`: the payload as it came. */
  message(speaker: Speaker, payload: Exact, source: string, idMatch: boolean): void {
    const { name, address } = speaker
    if (this.#options.readOnly) return this.#options.host.count('refused')
    const rate = this.#rateOf(speaker)
    if (!rate.has('') || !this.#bytes.has('')) {
      const { host, maxRate } = this.#options
      host.count('dropped')
      const alike = this.#trouble.rate.pass()
      if (alike !== undefined)
        host.log.warn(
          { address, client: name, ...(alike > 0 ? { alike } : {}) },
          `a client says more than ${maxRate} messages/s (maxRate), or all together more than ${maxBytes} bytes/s: they are answered, but not all of it becomes a reading`
        )
      return
    }
    rate.spend('', 1)
    this.#bytes.spend('', source.length)
    const value = new Map<string, Exact>([
      ['client_id', name],
      ['payload', payload],
      ['id_match', idMatch]
    ])
    this.#publish({ device: this.#options.device, codename: 'message', value, source: 'push' }, source)
  }

  #rateOf(speaker: Speaker): Allowance {
    const { host, maxRate } = this.#options
    const rate = this.#rates.get(speaker) ?? new Allowance({ clock: host.clock, rate: maxRate, over: rateOver })
    this.#rates.set(speaker, rate)
    return rate
  }

  /** `count`: how many there are now. */
  presence({ name }: Speaker, event: 'join' | 'leave', count: number): void {
    const value = new Map<string, Exact>([
      ['client_id', name],
      ['event', event],
      ['count', BigInt(count)]
    ])
    const { device, readOnly } = this.#options
    this.#publish({ device, codename: 'presence', value, ...(readOnly ? {} : { source: 'push' }) }, event)
  }

  #publish(reading: Reading, detail: string): void {
    this.#options.host.publish(reading).catch((thrown: unknown) => this.#refused(reading, detail, thrown))
  }

  #refused(reading: Reading, detail: string, thrown: unknown): void {
    const { host } = this.#options
    const error = asGatewayError(thrown)
    host.count('dropped')
    if (this.#dead.has('')) {
      this.#dead.spend('', 1)
      host.dead(reading, detail.slice(0, shown), error)
    }
    const alike = this.#trouble.refused.pass()
    if (alike !== undefined)
      host.log.warn(
        { reason: error.message, class: error.class, ...(alike > 0 ? { alike } : {}) },
        `a reading of ${reading.codename} was refused; its client was answered all the same`
      )
  }
}
