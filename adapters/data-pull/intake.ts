/** What the channels of a real pull socket say, as readings: each new point once, and a word when a channel has none to believe. */
import type { Exact, Host, Reading } from '../../gateway/adapter.js'
import { GatewayError, asGatewayError } from '../../gateway/errors.js'
import { exactEqual } from '../common/exact-json.js'
import { lapsed } from '../common/lapse.js'
import type { Told } from './codec.js'
import { isSameInMqtt, isSameTime, judge } from './point.js'
import type { Dated, Point } from './point.js'
import { expected, unexpected } from './sources.js'
import type { Expected } from './sources.js'
import type { DataPullClientConfig } from './types.js'

interface Last {
  readonly x: Exact
  readonly y: Exact
  readonly time: number
  /** It may be older than its time says. */
  readonly isUnsure: boolean
  /** Monotonic seconds at which it was first seen. */
  readonly seen: number
}

/** One channel, and what is known of it since the start. */
interface Channel extends Expected {
  last: Last | undefined
  /** Nothing was heard of it since the start: what the gateway holds is of an earlier one. */
  isFirst: boolean
  /** The last point stands: it was published, and nothing has made it old since. */
  isCurrent: boolean
  /** It was there in the round before: what is new now became so since. */
  wasHeard: boolean
  /** Rounds in a row in which it alone was silent. */
  silent: number
  /** What is wrong with it, in the same words as long as that is the same. */
  trouble: string | undefined
}

/** Channels of one socket: what it names is asked for again and again. */
const maxChannels = 1000

export class Intake {
  readonly #config: DataPullClientConfig
  readonly #host: Host
  #channels = new Map<string, Channel>()
  #learns = false
  /** The refusal of channels that nobody declares is in the log. */
  #isRefusalLogged = false

  constructor(config: DataPullClientConfig, host: Host) {
    this.#config = config
    this.#host = host
  }

  start(): void {
    this.#channels = new Map(expected(this.#config, this.#host).map((one) => [one.legacy, fresh(one)]))
    this.#learns = this.#channels.size === 0
    this.#isRefusalLogged = false
  }

  /** The configuration names no channel: which there are the socket has to say, again and again, as its program may be another one. */
  get learns(): boolean {
    return this.#learns
  }

  /** Old names of all channels known. */
  get names(): readonly string[] {
    return [...this.#channels.keys()]
  }

  /** The socket has these. One that was there before is still asked for: that it is gone is a fault. */
  learn(names: Iterable<string>): void {
    for (const legacy of names) this.#find(legacy)
  }

  /** An answer about all channels. `said` is what arrived. */
  async all(told: ReadonlyMap<string, Told>, said: Buffer): Promise<void> {
    for (const [legacy, one] of told) {
      const channel = this.#find(legacy)
      if (channel !== undefined) await this.#take(channel, one, said)
    }
    for (const [legacy, channel] of this.#channels) if (!told.has(legacy)) await this.#take(channel, { kind: 'unknown' }, said)
  }

  /** An answer about one of {@link names}. */
  async one(legacy: string, told: Told, said: Buffer): Promise<void> {
    const channel = this.#channels.get(legacy)
    if (channel !== undefined) await this.#take(channel, told, said)
  }

  /** One of {@link names} got no answer, though others did; after `patience` rounds its value is not believed any more: true. */
  async silent(legacy: string, patience: number): Promise<boolean> {
    const channel = this.#channels.get(legacy)
    if (channel === undefined || ++channel.silent < patience) return false
    await this.#lapse(
      channel,
      'no answer when it is asked',
      new GatewayError('Timeout', 'the socket does not answer when it is asked for it')
    )
    return true
  }

  /** Nobody was heard for a while: what is new when it comes back became so at an unknown time. */
  lost(): void {
    for (const channel of this.#channels.values()) channel.wasHeard = false
  }

  troubles(): string[] {
    return [...this.#channels.values()].flatMap(({ legacy, trouble }) => (trouble === undefined ? [] : [`${legacy}: ${trouble}`]))
  }

  /** Counted, and told once. */
  #refused(reason: string): undefined {
    this.#host.count('refused')
    if (!this.#isRefusalLogged) this.#host.log.info({ reason }, 'the socket has channels that are not taken in')
    this.#isRefusalLogged = true
  }

  /** The channel of that name, perhaps one that nobody named, where such are taken in. */
  #find(legacy: string): Channel | undefined {
    const known = this.#channels.get(legacy)
    if (known !== undefined) return known
    const ref = unexpected(this.#config, legacy)
    if (ref === undefined) return undefined
    // One that has no value takes no room in the gateway, but it does here.
    if (this.#channels.size >= maxChannels) return this.#refused(`it has more than ${maxChannels}: name those you need`)
    const refused = this.#host.check({ ...ref, value: null })
    if (refused !== undefined) return this.#refused(refused.message)
    const channel = fresh({ legacy, ...ref, isRequired: true })
    this.#channels.set(legacy, channel)
    return channel
  }

  async #take(channel: Channel, told: Told, said: Buffer): Promise<void> {
    channel.silent = 0
    switch (told.kind) {
      case 'point':
        return await this.#point(channel, told, said)
      case 'old':
        return await this.#isOld(channel, 'OLD_DATA', 'the source says that its value is old')
      case 'broken':
        return await this.#refuse(channel, new GatewayError('BadPayload', told.reason), said)
      case 'unknown': {
        const { device, codename, isRequired } = channel
        if (!isRequired && this.#host.latest(device, codename) === undefined) return
        const error = new GatewayError('UnknownCodename', 'the source has no such channel', { code: 'UNKNOWN_COMMMAND' })
        return await this.#lapse(channel, 'there is no such channel; correct its name, or leave it out', error)
      }
    }
  }

  async #point(channel: Channel, point: Point, said: Buffer): Promise<void> {
    const { device, codename, wasHeard, isCurrent } = channel
    const { kind } = this.#config
    const judged = judge(kind, point, this.#host.clock.now())
    if (judged.kind === 'unset') return await this.#isOld(channel, undefined, 'the source has not measured it yet')
    if (judged.kind === 'refused') return await this.#refuse(channel, new GatewayError('BadPayload', judged.reason), said)
    channel.wasHeard = true
    const last = this.#sameAs(channel, point, judged)
    if (last !== undefined && isCurrent && !this.#wasExpired(channel)) return
    const doubt = judged.kind === 'time' ? judged.doubt : undefined
    if (last !== undefined && doubt !== undefined) {
      channel.isFirst = false
      channel.last = last
      return await this.#lapse(channel, doubt, new GatewayError('Stale', `it has not changed, and ${doubt}`))
    }
    const next = last ?? this.#new(point, judged, wasHeard)
    const refused = await this.#publish({
      device,
      codename,
      value: point.y,
      time: next.time,
      source: 'poll',
      ...(kind === 'data' ? { x: point.x } : {}),
      ...(next.isUnsure ? { quality: 'uncertain' } : {})
    })
    channel.isCurrent = refused === undefined
    if (refused === undefined) {
      channel.isFirst = false
      channel.last = next
      channel.trouble = doubt
    } else if (refused.rule === 'maxQueue') this.#host.count('dropped')
    else if (refused.class !== 'Unreachable') await this.#refuse(channel, refused, said)
  }

  #new({ x, y }: Point, judged: Dated, wasHeard: boolean): Last {
    const { clock } = this.#host
    const seen = clock.monotonic()
    if (judged.kind === 'time') return { x, y, seen, time: judged.time, isUnsure: judged.doubt !== undefined }
    // A data socket does not say since when it has had its point; what was not there a moment ago is new.
    return { x, y, seen, time: clock.now(), isUnsure: !wasHeard }
  }

  /** The last point, when this is the same, also when that was before a restart: a frozen point must not become young by it. */
  #sameAs({ device, codename, last, isFirst }: Channel, { x, y }: Point, judged: Dated): Last | undefined {
    if (last !== undefined) return exactEqual(last.x, x) && exactEqual(last.y, y) ? last : undefined
    const latest = isFirst ? this.#host.latest(device, codename) : undefined
    if (latest === undefined || !isSameInMqtt(latest.value, y)) return undefined
    const seen = this.#host.clock.monotonic()
    if (judged.kind === 'no-time') return isSameInMqtt(latest.x ?? null, x) ? { x, y, seen, time: latest.time, isUnsure: true } : undefined
    const { time } = judged
    return isSameTime(latest.time, time) ? { x, y, seen, time, isUnsure: judged.doubt !== undefined } : undefined
  }

  /** The device was offline meanwhile, by this instance or another: the reading is called old, though it is not too old and still stands. */
  #wasExpired({ device, codename, last }: Channel): boolean {
    const latest = this.#host.latest(device, codename)
    if (latest?.old !== true || last === undefined) return false
    const maxAge = this.#host.meta(device, codename)?.maxAge
    return maxAge === undefined || Math.max(latest.age, this.#host.clock.monotonic() - last.seen) <= maxAge
  }

  /** The source has no value, and says so. That is no fault. */
  async #isOld(channel: Channel, code: string | undefined, message: string): Promise<void> {
    // The same point again will be another measurement.
    channel.last = undefined
    channel.isFirst = false
    const error = new GatewayError('Stale', message, code === undefined ? {} : { code })
    await this.#lapse(channel, undefined, error)
    channel.wasHeard = true
  }

  /** What is not understood, or breaks the schema: a dead letter, once for each reason. */
  async #refuse(channel: Channel, error: GatewayError, said: Buffer): Promise<void> {
    const { device, codename, trouble } = channel
    // The message of a schema's refusal tells the value, which is another each time.
    const reason = error.rule === undefined ? error.message : `its value is refused (${error.class}, ${error.rule}): see the dead letter`
    this.#host.count('refused')
    if (trouble !== reason) this.#host.dead({ device, codename }, said.toString('latin1'), error)
    await this.#lapse(channel, reason, error)
  }

  /** There is no value to believe. The last one stays, stale and with its own time; where there never was one, none is made up. */
  async #lapse(channel: Channel, trouble: string | undefined, error: GatewayError): Promise<void> {
    const { device, codename } = channel
    channel.isCurrent = false
    channel.wasHeard = false
    channel.trouble = trouble
    const reading = lapsed(channel, this.#host.latest(device, codename), 'poll', error)
    const refused = reading && (await this.#publish(reading))
    if (refused?.rule === 'maxQueue') this.#host.count('dropped')
  }

  async #publish(reading: Reading): Promise<GatewayError | undefined> {
    try {
      await this.#host.publish(reading)
      return undefined
    } catch (error) {
      return asGatewayError(error)
    }
  }
}

function fresh(expected: Expected): Channel {
  return { ...expected, last: undefined, isFirst: true, isCurrent: false, wasHeard: false, silent: 0, trouble: undefined }
}
