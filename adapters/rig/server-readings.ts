/** What experiment PCs say, and what they were answered, as readings. Nothing of the old side waits for this. */
import type { Exact, Host, Reading, Watch } from '../../gateway/adapter.js'
import { asGatewayError } from '../../gateway/errors.js'
import type { GatewayError } from '../../gateway/errors.js'
import { Allowance } from '../common/allowance.js'
import { stringifyExact } from '../common/exact-json.js'
import { RarelyEach } from '../common/rarely.js'
import { concealed } from './conceal.js'
import type { Transport } from './controller.js'
import { numberOf } from './events.js'
import type { EventName, StatusName } from './events.js'
import { isRef } from './exp-ref.js'
import { givenRef } from './server-state.js'
import type { Place } from './server-state.js'

export interface ServerReadingsOptions {
  readonly host: Host
  readonly device: string
  /** Messages a second of one controller. */
  readonly maxRate: number
  /** What controllers say becomes no reading. */
  readonly readOnly: boolean
}

/** Who says something. */
export interface Speaker {
  readonly id: string
  readonly name: string
  readonly transport: Transport
  readonly isOlder: boolean
}

export interface Answer extends Place {
  readonly event: EventName
  /** 0: a report. */
  readonly code: number
  readonly data: readonly Exact[]
  /** Null: nobody confirms a report. */
  readonly confirmed: boolean | null
  /** From the answer to its echo. */
  readonly seconds?: number
  /** Why it was not confirmed. */
  readonly error?: string
}

/** Seconds over which the rate of a controller is taken. */
const rateOver = 2

/** So many times {@link ServerReadingsOptions.maxRate} for all together, as strangers may come from any number of ports. */
const together = 10

/** Bytes a second of all together, on average over {@link rateOver}. */
const maxBytes = 2 ** 22

/** Dead letters a second, on average over {@link deadOver}. */
const deadRate = 2
const deadOver = 10

/** Seconds between two lines of the log about the same trouble. */
const toldEvery = 10

/** Seconds between two readings of last_seen. */
const seenEvery = 1

const restored = { quality: 'uncertain', source: 'restored' } as const

export class ServerReadings {
  readonly #options: ServerReadingsOptions
  readonly #rates: Allowance
  readonly #all: Allowance
  readonly #bytes: Allowance
  readonly #dead: Allowance
  readonly #trouble: RarelyEach<string>
  #seen = 0
  #seenTold = -Infinity
  #seenTimer: Watch | undefined
  #isClosed = true

  constructor(options: ServerReadingsOptions) {
    const { host, maxRate } = options
    const { clock } = host
    this.#options = options
    this.#rates = new Allowance({ clock, rate: maxRate, over: rateOver })
    this.#all = new Allowance({ clock, rate: maxRate * together, over: rateOver })
    this.#bytes = new Allowance({ clock, rate: maxBytes, over: rateOver })
    this.#dead = new Allowance({ clock, rate: deadRate, over: deadOver })
    this.#trouble = new RarelyEach(clock, toldEvery)
  }

  open(): void {
    this.#isClosed = false
  }

  /** Nothing is published any more, and no timer stays. */
  close(): void {
    this.#isClosed = true
    this.#seenTimer?.cancel()
    this.#seenTimer = undefined
  }

  /** `isRestored`: known from before a restart, and nobody has said since that it still holds. */
  status(status: StatusName, isRestored = false): void {
    this.publish({ device: this.#options.device, codename: 'status', value: status, ...(isRestored ? restored : {}) })
  }

  ref(ref: string | null, isRestored = false): void {
    const quality = ref === null || isRef(ref) ? 'good' : 'uncertain'
    this.publish({ device: this.#options.device, codename: 'exp_ref', value: ref ?? '', quality, ...(isRestored ? restored : {}) })
  }

  link(link: 'online' | 'silent'): void {
    this.publish({ device: this.#options.device, codename: 'link', value: link })
  }

  /** A controller was heard. Told at most once a second. */
  seen(): void {
    const { clock } = this.#options.host
    this.#seen = clock.now()
    const wait = this.#seenTold + seenEvery - clock.monotonic()
    if (wait <= 0) this.#tellSeen()
    else if (!this.#isClosed) this.#seenTimer ??= clock.after(wait, () => this.#tellSeen())
  }

  /** `size` in bytes. False: too much of late, and nothing of this message becomes a reading. */
  mayShow(speaker: Speaker, size: number): boolean {
    const { host, maxRate } = this.#options
    if (!this.#rates.has(speaker.id) || !this.#all.has('') || !this.#bytes.has('')) {
      host.count('dropped')
      const alike = this.#trouble.pass('rate')
      const { name: controller, transport } = speaker
      if (alike !== undefined)
        host.log.warn(
          { controller, transport, ...(alike > 0 ? { alike } : {}) },
          `a controller says more than ${maxRate} messages/s (maxRate), or all together too much: they are echoed, but not all of it becomes a reading`
        )
      return false
    }
    this.#rates.spend(speaker.id, 1)
    this.#all.spend('', 1)
    this.#bytes.spend('', size)
    return true
  }

  event(speaker: Speaker, place: Place, event: EventName, elements: readonly Exact[]): void {
    const given = givenRef(event, elements)
    this.#tell('event', [
      ...placed(place, event, BigInt(numberOf[event])),
      ['data', concealed(event, elements)],
      ...(given === undefined || given === null
        ? []
        : ([
            ['exp_ref', concealed(event, [given])[0] ?? null],
            ['refValid', isRef(given)]
          ] as const)),
      ...about(speaker)
    ])
  }

  /** A listener over there failed, says a controller. */
  report(speaker: Speaker, place: Place, failed: EventName | undefined, elements: readonly Exact[]): void {
    this.#tell('event', [
      ...placed(place, 'REPORT', 0n),
      ['data', concealed(failed, elements)],
      ['failed', failed ?? null],
      ...about(speaker)
    ])
  }

  /** From a peer before 1.11: its number means nothing since. */
  older(speaker: Speaker, place: Place, reason: string): void {
    this.#tell('event', [...placed(place, null, null), ['data', null], ['reason', reason], ...about(speaker)])
  }

  answer(speaker: Speaker, { event, code, data, confirmed, seconds, error, ...place }: Answer): void {
    this.#tell('answer', [
      ...placed(place, event, BigInt(code)),
      ['data', concealed(event, data)],
      ['confirmed', confirmed],
      ['seconds', seconds === undefined ? null : Math.round(seconds * 1e6) / 1e6],
      ...(error === undefined ? [] : [['error', error] as const]),
      ['controller', speaker.name],
      ['transport', speaker.transport]
    ])
  }

  publish(reading: Reading): void {
    if (this.#isClosed) return
    const { host, readOnly } = this.#options
    host.publish({ ...(readOnly ? {} : { source: 'push' }), ...reading }).catch((thrown: unknown) => {
      const error = asGatewayError(thrown)
      host.count('dropped')
      this.dead(reading.codename, stringifyExact(reading.value).slice(0, 1000), error)
      this.#warn(
        `refused ${reading.codename}`,
        error.message,
        `a reading of ${reading.codename} was refused; controllers were answered all the same`
      )
    })
  }

  /** `detail` must not hold a login. */
  dead(codename: string, detail: string, error: GatewayError): void {
    if (this.#isClosed || !this.#dead.has('')) return
    this.#dead.spend('', 1)
    this.#options.host.dead({ device: this.#options.device, codename }, detail, error)
  }

  #tell(codename: string, members: readonly (readonly [string, Exact])[]): void {
    if (this.#options.readOnly) return
    this.publish({ device: this.#options.device, codename, value: new Map(members) })
  }

  #tellSeen(): void {
    const { device, host } = this.#options
    this.#seenTimer?.cancel()
    this.#seenTimer = undefined
    this.#seenTold = host.clock.monotonic()
    this.publish({ device, codename: 'last_seen', value: new Date(this.#seen * 1000).toISOString() })
  }

  #warn(kind: string, reason: string, message: string): void {
    const alike = this.#trouble.pass(kind)
    if (alike !== undefined) this.#options.host.log.warn({ reason, ...(alike > 0 ? { alike } : {}) }, message)
  }
}

function placed({ id, session }: Place, event: string | null, code: bigint | null): (readonly [string, Exact])[] {
  return [
    ['id', id],
    ['session', session],
    ['event', event],
    ['code', code]
  ]
}

function about({ name, transport, isOlder }: Speaker): (readonly [string, Exact])[] {
  return [['controller', name], ['transport', transport], ...(isOlder ? [['older', true] as const] : [])]
}
