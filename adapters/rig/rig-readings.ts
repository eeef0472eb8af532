/** What a rig sends, as readings of its device. Nothing of this keeps an echo waiting, and nothing of a login is in it. */
import type { Exact, Host, Reading } from '../../gateway/adapter.js'
import { GatewayError, asGatewayError } from '../../gateway/errors.js'
import { Allowance } from '../common/allowance.js'
import { RarelyEach } from '../common/rarely.js'
import type { Payload } from './codec.js'
import { concealed, hideTokens } from './conceal.js'
import { numberOf } from './events.js'
import type { EventName, StatusName } from './events.js'
import { isRef, refToSend } from './exp-ref.js'
import { oneLine } from './rig-failures.js'
import { RigLatest } from './rig-latest.js'
import type { Told } from './rig-told.js'

export interface RigReadingsOptions {
  readonly host: Host
  readonly name: string
  readonly device: string
  /** Payloads a second that become readings, on average over {@link rateOver}. */
  readonly maxRate: number
}

/** Seconds over which the rate of a rig is taken. */
const rateOver = 2

/** Bytes a second of one rig, on average over as long. */
const maxBytes = 1 << 20

/** Dead letters a second, on average over {@link deadOver}: a storm must not crowd out others. */
const deadRate = 1
const deadOver = 10

/** Seconds between two lines of the log about the same trouble. */
const toldEvery = 60

type Trouble = 'rate' | 'odd' | 'report' | 'refused' | 'storm'

export class RigReadings {
  readonly #options: RigReadingsOptions
  readonly #rate: Allowance
  readonly #bytes: Allowance
  readonly #dead: Allowance
  readonly #rarely: RarelyEach<Trouble>
  readonly #latest: RigLatest
  #protocol: string | undefined

  constructor(options: RigReadingsOptions) {
    const { clock } = options.host
    this.#options = options
    this.#rate = new Allowance({ clock, rate: options.maxRate, over: rateOver })
    this.#bytes = new Allowance({ clock, rate: maxBytes, over: rateOver })
    this.#dead = new Allowance({ clock, rate: deadRate, over: deadOver })
    this.#rarely = new RarelyEach(clock, toldEvery)
    this.#latest = new RigLatest({ clock, show: (readings) => this.#publish(readings, 'what it said last') })
  }

  /** What is held back is shown. */
  stop(): void {
    this.#latest.flush()
  }

  /** An understood message. `isEvent`: not the mere answer to a poll. Of one too many the event is lost, but not what the rig is now. */
  message(event: EventName, elements: readonly Exact[], bytes: Buffer, told: Told, isEvent: boolean): void {
    const { ref, status, info } = told
    const text = ref === undefined ? undefined : refText(ref)
    const states = [
      ...(status === undefined ? [] : [this.#reading('status', status)]),
      ...(ref === undefined || text === undefined ? [] : [this.#refReading(text, isRef(ref))]),
      ...(info === undefined ? [] : [this.#reading('info', concealed(event, [new Map(info)])[0] ?? null)])
    ]
    if (!this.#mayTell(bytes.length)) return this.#latest.hold(states)
    const shown = new Map<string, Exact>([
      ['event', event],
      ['code', BigInt(numberOf[event])],
      ['data', concealed(event, elements)],
      ...(ref === undefined
        ? []
        : ([
            ['exp_ref', concealed(event, [ref])[0] ?? null],
            ['refValid', isRef(ref)]
          ] as const))
    ])
    this.#publish(
      [
        ...states,
        ...(isEvent ? [this.#reading('event', shown)] : []),
        ...this.#protocolReading(isCompact(bytes) ? 'iblutil 1.11 or newer, compact JSON as from MATLAB' : 'iblutil 1.11 or newer')
      ],
      event
    )
  }

  /** A listener over there failed, and what it says. */
  report({ text, event }: Extract<Payload, { kind: 'report' }>, bytes: Buffer): void {
    if (!this.#mayTell(bytes.length)) return
    // An exception may quote what it was about.
    const said = event === 'ALYX' ? 'withheld, as it may hold a login' : text
    const data: Exact[] = event === undefined ? [said] : [said, BigInt(numberOf[event])]
    this.#publish(
      [
        this.#reading(
          'event',
          new Map<string, Exact>([
            ['event', 'REPORT'],
            ['code', 0n],
            ['data', data]
          ])
        )
      ],
      'a report'
    )
    const reason = `${event === undefined ? '' : `${event}: `}${oneLine(said)}`
    this.#warn('report', { reason }, 'the rig reports that it failed')
  }

  /** Not understood. Of its bytes nothing is shown: they may be half a login. */
  odd({ reason, isOlder }: Extract<Payload, { kind: 'odd' }>, bytes: Buffer): void {
    const { host, device, name } = this.#options
    if (isOlder === true && this.#mayTell(bytes.length)) this.#publish(this.#protocolReading('older than iblutil 1.11'), 'protocol')
    const advice = isOlder === true ? ': the rig speaks iblutil before 1.11, whose numbers mean other events; update it' : ''
    this.#warn('odd', { reason: `${oneLine(reason)}${advice}` }, 'the rig sends what is not understood; it was echoed where it had to be')
    if (!this.#dead.has('')) return
    this.#dead.spend('', 1)
    const detail = `${bytes.length} bytes from rig ${name}: ${oneLine(reason)}`
    host.dead({ device, codename: 'event' }, detail, new GatewayError('BadPayload', `not understood: ${oneLine(reason)}`))
  }

  /** The same message again and again, which is echoed no more. */
  storm(): void {
    this.#warn('storm', {}, 'the rig and the gateway sent each other the same message again and again: it was stopped')
  }

  /** Not from the rig itself, but from what it did. */
  inferred(status: StatusName | undefined, ref: string | undefined): void {
    this.#publish(
      [
        ...(status === undefined ? [] : [{ ...this.#reading('status', status), quality: 'uncertain' as const }]),
        ...(ref === undefined ? [] : [this.#refReading(ref, true)])
      ],
      'status'
    )
  }

  one(codename: string, value: Exact): void {
    this.#publish([this.#reading(codename, value)], codename)
  }

  #reading(codename: string, value: Exact): Reading {
    return { device: this.#options.device, codename, value, source: 'push' }
  }

  #refReading(ref: string, isValid: boolean): Reading {
    return { ...this.#reading('exp_ref', hideTokens(ref)), ...(isValid ? {} : { quality: 'uncertain' as const }) }
  }

  #protocolReading(protocol: string): Reading[] {
    if (this.#protocol === protocol) return []
    this.#protocol = protocol
    return [this.#reading('protocol', protocol)]
  }

  /** A rig that babbles is echoed all the same. */
  #mayTell(bytes: number): boolean {
    const { host, maxRate } = this.#options
    if (this.#rate.has('') && this.#bytes.has('')) {
      this.#rate.spend('', 1)
      this.#bytes.spend('', bytes)
      return true
    }
    host.count('dropped')
    this.#warn(
      'rate',
      {},
      `the rig says more than ${maxRate} messages/s (maxRate), or ${maxBytes} bytes/s: it is echoed, but not all of it becomes a reading`
    )
    return false
  }

  #publish(readings: readonly Reading[], what: string): void {
    if (readings.length === 0) return
    this.#latest.replaced(readings)
    this.#options.host.publish(...readings).catch((thrown: unknown) => {
      this.#protocol = undefined
      this.#options.host.count('dropped')
      this.#warn('refused', { reason: asGatewayError(thrown).message, what }, 'a reading of the rig was refused')
    })
  }

  #warn(kind: Trouble, fields: object, message: string): void {
    const alike = this.#rarely.pass(kind)
    if (alike === undefined) return
    const { host, name } = this.#options
    host.log.warn({ rig: name, ...fields, ...(alike > 0 ? { alike } : {}) }, message)
  }
}

/** Undefined: it has no form that a text could show. */
function refText(ref: Exact): string | undefined {
  const sent = refToSend(ref)
  return sent.ok && typeof sent.value === 'string' ? sent.value : undefined
}

/** Nothing behind the first comma, as MATLAB writes it (section 11). */
function isCompact(bytes: Buffer): boolean {
  const comma = bytes.indexOf(0x2c)
  return comma > 0 && comma < 8 && bytes[comma + 1] !== 0x20
}
