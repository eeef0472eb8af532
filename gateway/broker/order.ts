import { Aedes } from 'aedes'
import type { AedesOptions, Client, PublishPacket } from 'aedes'
import type { MutablePacket } from './contract.js'

type Callback = (error?: Error | null) => void

type Done = (error?: Error) => void

/** As Aedes calls it; its types leave the client out. */
// oxlint-disable-next-line typescript/unbound-method -- called with `call`
const publish = Aedes.prototype.publish as unknown as (
  this: Aedes,
  packet: PublishPacket,
  client: Client | null | undefined,
  done: Done | undefined
) => void

type Judge = (client: Client | null, packet: PublishPacket, callback: Callback) => void

type Letter = PublishPacket & Pick<MutablePacket, 'isLetter'>

/** A packet of a client, on its way from arrival to publication. */
interface Turn {
  readonly packet: PublishPacket
  readonly callback: Callback
  /** The judgement; undefined until it is there. */
  verdict: Error | null | undefined
  /** Publishes it; undefined until Aedes asks for that. */
  go: (() => void) | undefined
}

/**
 * The packets of one client, in the order of arrival. Judging (which may wait for the disk) goes on for all of them at once; but they are
 * acknowledged in order [MQTT-4.6.0-2], and published in order whatever their QoS: Aedes publishes a packet of QoS 1 when its PUBACK has
 * left (enqueuePublish in aedes/lib/handlers/publish.js), so what comes after it would overtake it.
 */
class Line {
  /** To be judged; the first one holds back the others. */
  readonly #judging: Turn[] = []
  /** Judged, to be published. */
  readonly #publishing: Turn[] = []
  #closed = false

  get idle(): boolean {
    return this.#publishing.length === 0 && this.#judging.length === 0
  }

  /** A packet has arrived. `judge` undefined: sent again while the first copy is being judged; Aedes will throw it away. */
  arrived(packet: PublishPacket, callback: Callback, judge: ((callback: Callback) => void) | undefined): void {
    const turn: Turn = { packet, callback, verdict: undefined, go: undefined }
    this.#judging.push(turn)
    const judged = (error?: Error | null): void => {
      if (turn.verdict !== undefined) return
      turn.verdict = error ?? null
      this.#release()
    }
    if (judge === undefined) judged()
    else judge(judged)
  }

  /** Whether a QoS 2 packet with this id is being judged. */
  isJudging(messageId: number | undefined): boolean {
    return this.#judging.some(({ packet }) => packet.qos === 2 && packet.messageId === messageId)
  }

  /** Aedes wants to publish a packet. */
  publish(packet: PublishPacket, go: () => void): void {
    // Nearly always the first, or the last, as what was released just now.
    const turn =
      this.#publishing[0]?.packet === packet ? this.#publishing[0] : this.#publishing.findLast((other) => other.packet === packet)
    if (turn === undefined) this.#publishing.push({ packet, callback: go, verdict: null, go })
    else turn.go = go
    this.#drain()
  }

  /** The client has gone. What it sent is published as far as Aedes still does so. */
  close(): void {
    this.#closed = true
    this.#sweep()
  }

  /** Whether Aedes will throw the packet away after its judgement. Asked last, when all that came before has been stored. */
  isRepetition: (packet: PublishPacket) => boolean = () => false

  #release(): void {
    for (let turn = this.#judging[0]; turn !== undefined && turn.verdict !== undefined; turn = this.#judging[0]) {
      this.#judging.shift()
      if (turn.verdict === null && !this.isRepetition(turn.packet)) this.#publishing.push(turn)
      turn.callback(turn.verdict)
      if (this.#closed) this.#sweep()
    }
  }

  #drain(): void {
    for (let turn = this.#publishing[0]; turn?.go !== undefined; turn = this.#publishing[0]) {
      this.#publishing.shift()
      turn.go()
    }
  }

  /** Of a client that has gone, Aedes publishes what it had acknowledged within this turn; the rest never comes. */
  #sweep(): void {
    setImmediate(() => {
      for (let turn = this.#publishing[0]; turn !== undefined; turn = this.#publishing[0]) {
        this.#publishing.shift()
        turn.go?.()
      }
    })
  }
}

/**
 * Aedes that publishes what a client sends in the order in which the client sent it; also with an `authorizePublish` that answers late.
 * `isRepetition`: whether a QoS 2 packet was received before, so that Aedes acknowledges it and does no more.
 */
export class OrderedAedes extends Aedes {
  /** The number of the last message. */
  declare counter: number
  /** Told of each packet when the store has all its effects. */
  entered: ((packet: PublishPacket) => void) | undefined
  readonly #lines = new WeakMap<Client, Line>()
  readonly #judge: Judge
  readonly #isRepetition: (client: Client, messageId: number) => boolean

  constructor(options: AedesOptions, isRepetition: (client: Client, messageId: number) => boolean) {
    super(options)
    this.#judge = this.authorizePublish
    this.#isRepetition = isRepetition
    this.authorizePublish = (client, packet, callback) => this.#arrived(client, packet, callback)
    this.on('clientDisconnect', (client) => this.#lines.get(client)?.close())
  }

  /** Numbers new messages above those of earlier runs, of which some wait still: else the store would take one for another. */
  startAfter(counter: number): void {
    this.counter = Math.max(this.counter, counter)
  }

  /** Called by Aedes with the client, by the gateway for its own messages without. */
  override publish(packet: PublishPacket, client?: Client | Done | null, done?: Done): void {
    if (typeof client === 'function') return publish.call(this, packet, null, client)
    const line = client ? this.#lines.get(client) : undefined
    if (line === undefined || line.idle) this.#enter(packet, client, done)
    else line.publish(packet, () => this.#enter(packet, client, done))
  }

  #enter(packet: PublishPacket, client: Client | null | undefined, done: Done | undefined): void {
    // Aedes still has to answer the packet as it came.
    publish.call(this, (packet as Letter).isLetter === true ? { ...packet, qos: 0 } : packet, client, done)
    this.entered?.(packet)
  }

  #arrived(client: Client | null, packet: PublishPacket, callback: Callback): void {
    if (client === null) return this.#judge(client, packet, callback)
    const line = this.#lines.get(client) ?? this.#open(client)
    const again = packet.qos === 2 && line.isJudging(packet.messageId)
    line.arrived(packet, callback, again ? undefined : (judged) => this.#judge(client, packet, judged))
  }

  #open(client: Client): Line {
    const line = new Line()
    line.isRepetition = ({ qos, messageId }) => qos === 2 && messageId !== undefined && this.#isRepetition(client, messageId)
    this.#lines.set(client, line)
    return line
  }
}
