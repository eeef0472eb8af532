/** What the broker enforces on every PUBLISH and every will, before acknowledgement and fan-out. */
import { toPlain } from '../../adapters/common/exact-json.js'
import type { Rights } from '../access/identity.js'
import type { Clock, Exact, ExactMap } from '../adapter.js'
import type { Commands } from '../commands.js'
import { self } from '../devices.js'
import type { Devices, Entry } from '../devices.js'
import { GatewayError, asGatewayError } from '../errors.js'
import type { ErrorClass, GatewayErrorOptions } from '../errors.js'
import { isValue } from '../latest.js'
import type { Given, Latest } from '../latest.js'
import { json, plainValue, readingPayload, understand } from '../payload.js'
import type { Understood } from '../payload.js'
import type { State, States } from '../states.js'
import { formatTime, parseTime, timeForm } from '../time.js'
import { answeredTopic, below, isLastLevel } from '../topic.js'
import type { Kind, ParsedTopic, Topics } from '../topic.js'
import { conform } from '../validators.js'
import type { Validators } from '../validators.js'
import { deadLetter } from './dead-letter.js'
import { Letters } from './letters.js'

/** The packet as Aedes hands it over; what is written here holds before acknowledgement and fan-out. */
export interface MutablePacket {
  topic: string
  payload: Buffer | string
  retain: boolean
  readonly qos: 0 | 1 | 2
  /** Set where it is a dead letter now: whatever it was sent with, it goes on with QoS 0, and waits for nobody who is absent. */
  isLetter?: boolean
}

export interface ContractOptions {
  readonly clock: Clock
  readonly topics: Topics
  readonly devices: Devices
  readonly validators: Validators
  readonly latest: Latest
  readonly states: States
  readonly commands: Commands
  /** A message was refused: counted, and logged with restraint. */
  readonly refused: (refused: Refused) => void
  /** A native device has answered; the reply as everybody sees it. */
  readonly replied: (entry: Entry, payload: string) => void
}

export interface Refused {
  readonly topic: string
  readonly client: string
  readonly error: GatewayError
  /** Of a command. */
  readonly id: string | undefined
  /** The dead letter, as it is published; undefined: this client has had so many lately that none is made. */
  readonly letter: string | undefined
}

/** An error as a native device tells it. */
interface SaidError extends GatewayErrorOptions {
  readonly class: ErrorClass
  readonly message: string
}

/** Bytes of a state that nobody counts; there is at most one for each device. */
const longState = 4096

/** What the contract does to a packet. `client` is the MQTT client id; empty for the will of a client of an earlier run. */
export class Contract {
  readonly #options: ContractOptions
  readonly #letters: Letters
  /** Why the broker can retain no more; what nothing declares is asked about, as it is retained though its client may not say so. */
  mayRetain: ((packet: MutablePacket) => GatewayError | undefined) | undefined

  constructor(options: ContractOptions) {
    this.#options = options
    this.#letters = new Letters(() => options.clock.monotonic())
  }

  /** Rewrites the packet in place. Never throws: whatever goes wrong becomes a dead letter. */
  apply(packet: MutablePacket, client: string, rights?: Rights): void {
    const parsed = this.#options.topics.parse(packet.topic)
    if (parsed.where === 'outside') return
    try {
      this.#apply(parsed, packet, client, rights)
    } catch (thrown) {
      this.refuse(packet, client, asGatewayError(thrown))
    }
  }

  /**
   * Makes a dead letter of the packet, with the reason; of a client that has had too many, one that reaches nobody. `id`: of a command.
   * Who is refused all the time must not fill what others keep or look at.
   */
  refuse(packet: MutablePacket, client: string, error: GatewayError, id?: string): void {
    const { topics, clock, refused } = this.#options
    const { topic, retain, qos } = packet
    const letter = this.#letters.take(client)
      ? deadLetter({ topic, payload: bytes(packet.payload), retain, qos, client, error, id, now: clock.now() })
      : undefined
    packet.payload = Buffer.from(letter ?? '')
    packet.topic = letter === undefined ? answeredTopic : topics.dead(topic)
    packet.retain = false
    packet.isLetter = true
    refused({ topic, client, error, id, letter })
  }

  #apply(parsed: Exclude<ParsedTopic, { where: 'outside' }>, packet: MutablePacket, client: string, rights?: Rights): void {
    if (parsed.where === 'reserved')
      throw new GatewayError('Forbidden', `nobody but the gateway writes to ${packet.topic}`, { rule: 'reserved' })
    if (parsed.where === 'invalid') throw new GatewayError('BadPayload', parsed.reason, { rule: 'topic' })
    const { device, codename, kind } = parsed
    if (kind === 'value' || kind === 'meta') throw new GatewayError('Forbidden', `${kind} is written by the gateway`, { rule: 'writer' })
    if (kind === 'state') return this.#state(device, packet, client)
    if (kind === 'reading') return this.#reading(device, codename, packet, client)
    if (kind === 'reply') return this.#reply(device, codename, packet, client)
    this.#command(kind, device, codename, packet, client, rights)
  }

  #command(
    kind: Exclude<Kind, 'state' | 'reading' | 'value' | 'meta' | 'reply'>,
    device: string,
    codename: string,
    packet: MutablePacket,
    client: string,
    rights: Rights | undefined
  ): void {
    const { topics, commands } = this.#options
    const topic = topics.reading(device, codename)
    if (topic === undefined) throw new GatewayError('UnknownCodename', 'the topic is too long', { rule: 'topic' })
    const verdict = commands.receive({
      device,
      codename,
      topic,
      op: kind,
      payload: bytes(packet.payload),
      retain: packet.retain,
      client,
      rights,
      letters: true
    })
    if (verdict.kind === 'refused') return this.refuse(packet, client, verdict.error, verdict.id)
    if (verdict.kind === 'answered') packet.topic = answeredTopic
    else if (verdict.payload !== undefined) packet.payload = Buffer.from(verdict.payload)
    packet.retain = false
  }

  /** May this client write for this device? Throws the refusal. `codename` undefined: for the device as a whole. */
  #writer(device: string, codename: string | undefined, client: string): void {
    const { devices } = this.#options
    if (device === self) throw new GatewayError('Forbidden', 'the gateway speaks for itself', { rule: 'writer' })
    const holder = codename === undefined ? devices.holders(device).values().next().value : devices.feeder(device, codename)
    if (holder !== undefined) {
      const what = codename === undefined ? device : `${device}/${codename}`
      throw new GatewayError('Forbidden', `${what} is written by the instance ${holder}${this.#meant(device, codename)}`, {
        rule: 'writer'
      })
    }
    this.#owner(device, client)
  }

  /** The commonest mistake: the value of a set on the topic of the reading. */
  #meant(device: string, codename: string | undefined): string {
    const { devices, topics } = this.#options
    if (codename === undefined) return ''
    const topic = topics.reading(device, codename)
    if (devices.find(device, codename)?.meta.settable === true && topic !== undefined)
      return `; to set it, publish to ${below(topic, 'set')}`
    return isLastLevel(codename) ? `; ${codename} is the last level of ${topics.pattern(codename)}` : ''
  }

  #state(device: string, packet: MutablePacket, client: string): void {
    const { devices, states, validators, clock } = this.#options
    this.#writer(device, undefined, client)
    if (isForget(packet)) {
      states.forget(device)
      devices.leave(device)
      return
    }
    if (packet.payload.length > longState) this.#room(packet)
    devices.mayMeet(device)
    const understood = understand(bytes(packet.payload))
    const said: unknown =
      understood.value === undefined || typeof understood.value === 'string'
        ? { state: understood.value ?? understood.text.trim() }
        : toPlain(understood.value)
    const full =
      typeof said === 'object' && said !== null ? { since: formatTime(clock.now()), reason: 'it says so', ...said, via: client } : said
    const refused = validators.checkMessage('state', full)
    if (refused !== undefined) throw refused
    const { state, reason } = full as { state: State; reason: string }
    packet.payload = Buffer.from(json(full as object))
    // A bridge tells what was so while it was away: it is not so now.
    packet.retain = !('source' in (full as object))
    if (!packet.retain) return
    devices.meet(device)
    states.native(device, state, reason, client, false)
  }

  #reading(device: string, codename: string, packet: MutablePacket, client: string): void {
    const { devices, latest, states, validators } = this.#options
    this.#writer(device, codename, client)
    const payload = bytes(packet.payload)
    if (isForget(packet)) return this.#forget(devices.find(device, codename))
    if (payload.length === 0)
      throw new GatewayError('BadPayload', 'an empty payload is no reading; to forget one, publish it retained', { rule: 'empty' })
    const known = devices.mayAdmit(device, codename)
    const reading = this.#read(understand(payload), device, codename, known)
    const { schema } = known?.meta ?? {}
    const refused = schema && isValue(reading.value) ? validators.check(schema, reading.value, 'value') : undefined
    if (refused !== undefined) throw refused
    if (known?.declared !== true) this.#room(packet)
    const entry = known ?? devices.admit(device, codename)
    const held = latest.weigh(entry, { ...reading, value: conform(schema, reading.value) })
    packet.payload = Buffer.from(readingPayload(held))
    packet.retain = true
    latest.put(entry, held, false)
    states.heard(device, client)
    // It gives readings although it said that it is disabled: they are old.
    if (states.isOffline(device)) latest.expire(device)
  }

  #room(packet: MutablePacket): void {
    const full = this.mayRetain?.({ ...packet, retain: true })
    if (full !== undefined) throw full
  }

  #forget(entry: Entry | undefined): void {
    if (entry === undefined) return
    this.#options.latest.forget(entry)
    this.#options.devices.forget(entry)
  }

  /** JSON with a `value` is a reading as it stands; anything else is the value itself. */
  #read(understood: Understood, device: string, codename: string, known: Entry | undefined): Given {
    const { validators } = this.#options
    const { value } = understood
    if (!(value instanceof Map)) {
      const plain = plainValue(understood, known?.meta ?? {}, validators, 'value')
      return { device, codename, source: 'client', value: plain, ...(plain === null ? { quality: 'bad' } : {}) }
    }
    const map = value as ExactMap
    if (!map.has('value'))
      throw new GatewayError('BadPayload', 'an object is a reading only with a member "value"; send {"value": …}', { rule: 'required' })
    const plain = toPlain(map) as Record<string, unknown>
    const time = typeof plain['time'] === 'string' ? parseTime(plain['time']) : undefined
    if (plain['time'] !== undefined && time === undefined)
      throw new GatewayError('BadPayload', `time must be ${timeForm}`, { rule: 'time' })
    const { unit } = known?.meta ?? {}
    if (typeof plain['unit'] === 'string' && unit !== undefined && plain['unit'] !== unit)
      throw new GatewayError('BadPayload', `unit ${plain['unit']}, but ${device}/${codename} is declared in ${unit}`, { rule: 'unit' })
    // What others write may carry an offset or more decimals; what we publish never does.
    const inOurForm = formatTime(time ?? 0)
    const refused = validators.checkMessage('reading', { quality: plain['value'] === null ? 'bad' : 'good', ...plain, time: inOurForm })
    if (refused !== undefined) throw refused
    return {
      device,
      codename,
      // What a bridge sent late stays what it is.
      source: plain['source'] === 'history' ? 'history' : 'client',
      value: map.get('value') as Exact,
      ...(plain['value'] === null ? { quality: 'bad' } : {}),
      ...(time === undefined ? {} : { time }),
      ...(map.has('x') ? { x: map.get('x') as Exact } : {}),
      ...pick<Given>(plain, ['unit', 'quality', 'uncertainty', 'error', 'seq', 'run', 'hops'])
    }
  }

  #reply(device: string, codename: string, packet: MutablePacket, client: string): void {
    const { devices, commands, validators, clock } = this.#options
    if (device === self || devices.executor(device, codename) !== undefined)
      throw new GatewayError('Forbidden', `${device}/${codename} is answered by the gateway`, { rule: 'writer' })
    this.#owner(device, client)
    const entry = devices.expect(device, codename)
    const { value } = understand(bytes(packet.payload))
    if (!(value instanceof Map))
      throw new GatewayError('BadPayload', 'a reply is JSON: {"id": …, "phase": "done", "value": …}', { rule: 'json' })
    const plain = toPlain(value as ExactMap) as Record<string, unknown>
    const error = plain['error'] as Record<string, unknown> | undefined
    const filledError = typeof error === 'object' && error !== null ? { error: { class: 'DeviceError', retryable: true, ...error } } : {}
    // What the gateway knows better is filled in: op, client and time are its own anyway.
    const full = {
      phase: error === undefined ? 'done' : 'failed',
      ...plain,
      ...filledError,
      op: 'set',
      client,
      time: formatTime(clock.now())
    }
    const refused = validators.checkMessage('reply', full)
    if (refused !== undefined) throw refused
    const { id, phase, error: said } = full as unknown as { id: string; phase: string; error?: SaidError }
    const payload = commands.nativeReply(entry, {
      id,
      phase,
      value: (value as ExactMap).get('value'),
      // A fault of the gateway is not for a device to tell.
      ...(said === undefined ? {} : { error: new GatewayError(said.class === 'Internal' ? 'DeviceError' : said.class, said.message, said) })
    })
    packet.payload = Buffer.from(payload)
    packet.retain = false
    this.#options.replied(entry, payload)
  }

  /** A device with a client of its own takes nothing from others. */
  #owner(device: string, client: string): void {
    const owner = this.#options.devices.options(device)?.client
    if (owner !== undefined && owner !== client)
      throw new GatewayError('Forbidden', `${device} is written by the client ${JSON.stringify(owner)} alone`, { rule: 'client' })
  }
}

function bytes(payload: Buffer | string): Buffer {
  return typeof payload === 'string' ? Buffer.from(payload) : payload
}

function isForget(packet: MutablePacket): boolean {
  return packet.retain && packet.payload.length === 0
}

function pick<T extends object>(from: Record<string, unknown>, keys: readonly (keyof T & string)[]): Partial<T> {
  return Object.fromEntries(keys.filter((key) => from[key] !== undefined).map((key) => [key, from[key]])) as Partial<T>
}
