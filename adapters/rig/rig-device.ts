/** One real rig as a device: the way to it, its queue, what it says as readings, and whether it is there. */
import type { Command, Exact, ExactMap, Host } from '../../gateway/adapter.js'
import { GatewayError } from '../../gateway/errors.js'
import { Pace } from '../common/pace.js'
import { awaited, loginOf, messageOf, rawOf } from './calls.js'
import type { RawMessage } from './calls.js'
import { mustEcho } from './codec.js'
import type { Payload } from './codec.js'
import { concealed } from './conceal.js'
import { statusNumberOf } from './events.js'
import { isRef } from './exp-ref.js'
import type { Counted } from './peer.js'
import { alyx, send } from './rig-codenames.js'
import type { Link } from './rig-link.js'
import { RigPresence } from './rig-presence.js'
import { RigReadings } from './rig-readings.js'
import { statusAfter, toldBy } from './rig-told.js'
import { Rig } from './rig.js'
import type { Runs } from './runs.js'
import type { Answered, Ask } from './rig.js'
import type { RigEntry } from './rig-entry.js'
import { TcpLink } from './tcp-link.js'
import { tookMs } from './took.js'
import { UdpLink } from './udp-link.js'

export interface RigDeviceOptions {
  readonly entry: RigEntry
  readonly host: Host
  /** Of the instance. */
  readonly id: string
  readonly maxRate: number
  readonly runs: Runs
  /** It sent ALYX. */
  readonly onLogin: (rig: Rig, elements: readonly Exact[]) => void
}

/** Seconds for the answer to a poll: a command must not wait for a rig that never answers. */
const pollWithin = 1

/** Seconds for an answer that is still to come when the instance stops: a rig whose answer is not echoed is deaf from then on (section 9). */
export const drainWithin = 10

export class RigDevice {
  readonly rig: Rig
  readonly #options: RigDeviceOptions
  readonly #link: Link
  readonly #presence: RigPresence
  readonly #readings: RigReadings
  readonly #polls: Pace | undefined
  #isOpen = false
  /** What was answered last. */
  #answered: Ask | undefined

  constructor(options: RigDeviceOptions) {
    const { entry, host, id, maxRate } = options
    const { name, device, transport, uri: where, echoWithin, poll } = entry
    const { clock } = host
    this.#options = options
    this.#readings = new RigReadings({ host, name, device, maxRate })
    const publish = (codename: string, value: Exact): void => {
      if (this.#isOpen) this.#readings.one(codename, value)
    }
    this.#presence = new RigPresence({ host, name, device, where, hasConnection: transport === 'tcp', publish })
    const LinkOf = transport === 'tcp' ? TcpLink : UdpLink
    const lastPort = Number(host.notes().get(`port ${name}`))
    this.#link = new LinkOf({
      ...entry,
      clock,
      lastPort: isPort(lastPort) ? lastPort : undefined,
      onPort: (port) => host.note(`port ${name}`, String(port)),
      onPayload: (payload, bytes) => this.#heard(payload, bytes),
      isWanted: (payload) => this.rig.wants(payload),
      onCount: (what) => this.#counted(what),
      onUp: () => this.#presence.connected(),
      onDown: (reason) => {
        this.#presence.lost(`rig ${name} (${where}): ${reason}`)
        // Over UDP there is nothing that could be gone.
        if (transport === 'tcp') this.rig.lost(reason)
      }
    })
    this.rig = new Rig({
      name,
      device,
      where,
      clock,
      echoWithin,
      link: this.#link,
      onBegin: ({ event }) => options.runs.begun(name, event),
      onEchoed: () => this.#presence.heard(),
      onDone: (ask, answered) => this.#done(ask, answered),
      onFailed: (ask, error) => this.#failed(ask, error)
    })
    if (poll !== null)
      this.#polls = new Pace({ clock, period: poll, id: `${id}/${name}`, run: () => this.#poll(), skipped: () => undefined })
  }

  start(): void {
    this.#isOpen = true
    this.#presence.start()
    this.rig.start()
    this.#link.open()
    this.#polls?.start()
  }

  /** An answer that is still to come is waited for, and echoed. Nothing is published afterwards. */
  async stop(): Promise<void> {
    const polls = this.#polls?.stop()
    await this.rig.drain(drainWithin)
    await polls
    this.#readings.stop()
    this.#isOpen = false
    this.#presence.stop()
    await this.#link.close()
  }

  async execute({ codename, op, value, expires, secret }: Command, signal: AbortSignal): Promise<Exact> {
    const { device, answerWithin, int8 } = this.#options.entry
    if (op === 'set') throw new GatewayError('ReadOnly', `${device}/${codename} is called`)
    const common = { signal, ...(expires === undefined ? {} : { expires }) }
    if (op === 'get') return await this.#get(codename, { answerWithin, ...common })
    if (codename === 'await') {
      const { event, within = answerWithin } = awaited(value)
      const elements = await this.rig.next(event, within, signal)
      return new Map<string, Exact>([
        ['answer', concealed(event, elements)],
        ['event', event]
      ])
    }
    if (codename === send) return await this.#sendRaw(rawOf(value, int8), { answerWithin, ...common })
    if (codename === alyx) {
      if (secret !== true)
        throw new GatewayError('Forbidden', `${device}/${alyx} is for instances of this gateway alone: a login must not be on a topic`)
      return await this.#reply({ event: 'ALYX', ...loginOf(value), answerWithin, ...common })
    }
    const message = messageOf(codename, value)
    // What stops things is not given up because whoever called it does not wait any longer.
    const { signal: _, ...lasting } = common
    return await this.#reply({ answerWithin, ...message, ...(message.priority === undefined ? common : lasting) })
  }

  /** What it says now, in the form of the reading. */
  async #get(codename: string, limits: Pick<Ask, 'answerWithin' | 'signal' | 'expires'>): Promise<Exact> {
    const { name, device } = this.#options.entry
    if (codename !== 'status' && codename !== 'info') throw new GatewayError('ReadOnly', `${device}/${codename} is called, not read`)
    const { event, elements } = messageOf(codename, null)
    const answered = await this.rig.ask({ event, elements, answer: true, ...limits }).answered
    const { status, info } = toldBy(event, answered.elements)
    const value = codename === 'status' ? status : info
    if (value === undefined)
      throw new GatewayError('DeviceError', `rig ${name} answered ${event} without its ${codename}`, { code: 'no-value' })
    return concealed(event, [value])[0] ?? null
  }

  async #sendRaw({ bytes, ...message }: RawMessage, limits: Pick<Ask, 'answerWithin' | 'signal' | 'expires'>): Promise<Exact> {
    const raw = { bytes, label: 'the message' }
    const reply = await this.#reply({ ...message, raw, ...limits })
    // A report, say (section 3, step 2).
    return mustEcho(bytes)
      ? reply
      : new Map<string, Exact>([...reply, ['note', 'rigs echo no such message: whether it arrived, nobody knows']])
  }

  async #reply(ask: Ask): Promise<ExactMap> {
    const { elements, event, echo, answer, waited, note } = await this.rig.ask(ask).answered
    return new Map<string, Exact>([
      // A login that was asked for goes to an instance that hands it on, and to no topic.
      ['answer', !ask.answer ? null : ask.event === 'ALYX' ? elements : concealed(event, elements)],
      ...(ask.raw === undefined ? [['event', event] as const] : []),
      ['tookMs', tookMs({ waited, echo, ...(ask.answer ? { answer } : {}) })],
      ...(note === undefined ? [] : [['note', note] as const])
    ])
  }

  #heard(payload: Payload, bytes: Buffer): void {
    if (!this.#isOpen) return
    this.#options.host.count('received')
    this.#presence.heard()
    if (payload.kind === 'odd') return this.#readings.odd(payload, bytes)
    if (payload.kind === 'report') {
      this.#readings.report(payload, bytes)
      if (this.#options.runs.reported(this.rig.name, payload.event)) this.#readings.inferred('RUNNING', undefined)
      return this.rig.heard(payload)
    }
    const { event, elements } = payload
    const asked = this.rig.answers(payload)
    if (asked !== undefined && asked !== this.#answered) {
      this.#answered = asked
      this.#link.forgive(bytes)
    }
    const told = toldBy(event, elements, asked?.elements)
    if (told.status !== undefined) this.#options.runs.heard(this.rig.name, told.status)
    this.#readings.message(event, elements, bytes, told, asked?.isPoll !== true)
    if (event === 'ALYX') this.#options.onLogin(this.rig, elements)
    this.rig.heard(payload)
  }

  #done(ask: Ask, answered: Answered | undefined): void {
    if (ask.raw === undefined || mustEcho(ask.raw.bytes)) this.#presence.proved()
    const { event, elements } = ask
    // What it says of its state itself was heard, and counts.
    const told = answered === undefined ? {} : toldBy(event, answered.elements, elements)
    const status = told.status === undefined ? statusAfter(event) : undefined
    if (told.status === undefined) this.#options.runs.done(this.rig.name, event)
    const [ref] = elements
    const isTold = event === 'EXPSTART' && told.ref === undefined && typeof ref === 'string' && isRef(ref)
    if (this.#isOpen) this.#readings.inferred(status, isTold ? ref : undefined)
  }

  #failed({ isPoll, event }: Ask, error: GatewayError): void {
    const { code, message } = error
    this.#options.runs.failed(this.rig.name, event, error)
    switch (code) {
      case 'echo-timeout':
        return this.#presence.silent(message)
      case 'no-listener':
      case 'offline':
        return this.#presence.lost(message)
      case 'answer-timeout':
        return isPoll === true ? undefined : this.#presence.doubt(message)
      case 'echo-mismatch':
      case 'rig-report':
        return this.#presence.doubt(message)
      default:
        return undefined
    }
  }

  #counted(what: Counted): void {
    const { host } = this.#options
    if (what === 'echoed') host.count('answered')
    else if (what === 'odd') host.count('refused')
    else if (what !== 'mismatch') host.count('dropped')
    if (what === 'braked') this.#readings.storm()
    if (what !== 'late' || !this.#isOpen) return
    // Late, but there.
    this.#presence.heard()
    this.rig.late()
  }

  /** Never rejects. During a run a poll could cross what the rig says by itself. */
  async #poll(): Promise<void> {
    if (!this.rig.isIdle || this.#options.runs.has(this.rig.name)) return
    const elements = [BigInt(statusNumberOf.CONNECTED)]
    await this.rig
      .ask({ event: 'EXPSTATUS', elements, answer: true, answerWithin: pollWithin, isPoll: true })
      .answered.catch(() => undefined)
  }
}

/** A note may be of any age and make. */
function isPort(value: number): boolean {
  return Number.isInteger(value) && value > 0 && value < 65_536
}
