import type { AedesPublishPacket, Client, PublishPacket } from 'aedes'
import type { Stopwatch } from '../metrics/histogram.js'
import type { MutablePacket } from './contract.js'
import type { OrderedAedes } from './order.js'
import { openLevel, type OpenDisk } from './store/disk.js'
import { type Durability, Journal } from './store/journal.js'
import type { PacketLike } from './store/packet.js'
import { Store } from './store/store.js'
import type { Will } from './store/wills.js'

export interface DurableOptions {
  /** Folder for the rows; undefined: everything is in memory. */
  readonly data: string | undefined
  readonly durability: Durability
  /** Writing failed once more (with the reason), or works again (undefined). */
  readonly state: (failure: Error | undefined) => void
  /** Wall clock, Unix seconds. */
  readonly now: () => number
  /** Of the batches. */
  readonly watch?: Stopwatch
  /** Instead of LevelDB in `data`; tests put a failing disk here. */
  readonly open?: OpenDisk | undefined
}

type Admitted = AedesPublishPacket & { readonly messageId?: number | undefined } & Pick<MutablePacket, 'isLetter'>

type Callback = (error?: Error | null) => void

/** Turns of the event loop after which Aedes has published of a client that went whatever it still publishes. */
const turns = 3

/**
 * What a client was told is kept, is kept: a message of QoS 1 or 2 is on disk before Aedes may acknowledge it, and is published after a
 * crash if its effects (retained, queues) were not. A message without such effects (nobody's queue, not retained) needs no disk.
 */
export class Durable {
  readonly store: Store
  readonly #journal: Journal | undefined
  readonly #now: () => number
  readonly #open = new Map<number, Client>()
  /** The same by client: many may leave while a disk that refuses holds up very many messages. */
  readonly #byClient = new Map<Client, Set<number>>()
  readonly #numbers = new WeakMap<object, number>()
  /** QoS 2 messages of persistent sessions that are being written: such a client may come back and send one again meanwhile. */
  readonly #taking = new Set<string>()
  #aedes: OrderedAedes | undefined
  /** Calls back when others have what was published so far. */
  alsoKept: (run: () => void) => void = (run) => run()

  constructor({ data, durability, now, watch, state, open }: DurableOptions) {
    this.#now = now
    if (data !== undefined || open !== undefined)
      this.#journal = new Journal({
        open: open ?? (() => openLevel(data ?? '')),
        durability,
        state,
        ...(watch === undefined ? {} : { watch }),
        where: `the data folder ${data ?? ''} (gateway.data)`
      })
    this.store = new Store(this.#journal)
  }

  /** Why the disk refuses. */
  get failure(): Error | undefined {
    return this.#journal?.failure
  }

  get keepsNothing(): boolean {
    return this.#journal === undefined
  }

  /** Bytes that wait for the disk. */
  get waiting(): number {
    return this.#journal?.bytes ?? 0
  }

  /** Reads what there is, before `aedes.listen()`; publishes what was acknowledged and not done, after it: see {@link recover}. */
  async start(aedes: OrderedAedes): Promise<void> {
    if (this.#journal === undefined) return
    this.#aedes = aedes
    await this.store.open()
    // Ahead of every earlier run: a queued message is known by its number.
    aedes.startAfter(Math.max(Math.floor(this.#now() * 1e6), this.store.highestCounter + 1))
    aedes.entered = (packet) => this.#applied(this.#numbers.get(packet))
    aedes.on('clientDisconnect', (client) => this.#gone(client))
  }

  /** Publishes, in order, what clients had acknowledged in an earlier run and nobody has got. */
  recover(): void {
    const { store } = this
    for (const { seq, packet } of store.inbound?.leftovers() ?? []) {
      const { clientId, messageId, qos } = packet
      const isTwofold = qos === 2 && clientId !== undefined && messageId !== undefined && store.hasIncoming(clientId, messageId)
      if (!isTwofold) {
        // Its PUBREC may be out: should it come again, it is a repetition.
        if (qos === 2 && clientId !== undefined && store.hasSession(clientId)) void store.incomingStorePacket({ id: clientId }, packet)
        this.#publish({ ...packet, dup: false, messageId: undefined })
      }
      this.alsoKept(() => store.inbound?.applied(seq))
    }
  }

  /** The wills of those who were connected when an earlier run ended; Aedes publishes them only for brokers of another name. */
  publishWills(judge: (will: Will) => void): void {
    const { store } = this
    if (this.#journal === undefined) return
    for (const will of store.wills()) {
      judge(will)
      this.#publish(will)
      void store.delWill({ id: will.clientId })
    }
  }

  /** Calls back when the message may be acknowledged. Nobody changes it after this. A dead letter is kept for nobody. */
  admit(client: Client | null, packet: Admitted, callback: Callback): void {
    const journal = this.#journal
    const { inbound } = this.store
    // A will has no packet id, and is kept as such.
    if (journal === undefined || inbound === undefined || client === null || packet.qos === 0 || packet.messageId === undefined)
      return callback(null)
    // Gone while it waited: nobody was told anything, and nobody would settle what is taken in now.
    if (client.closed) return callback(new Error('connection closed'))
    if (journal.full) return journal.whenRoom(() => this.admit(client, packet, callback))
    if (packet.isLetter !== true && (packet.qos === 2 || packet.retain || this.store.queues(packet.topic))) {
      const kept = packet as PacketLike
      const seq = inbound.take(packet.qos === 2 ? { ...kept, clientId: client.id } : kept)
      this.#note(seq, client)
      this.#numbers.set(packet, seq)
      if (packet.qos === 2) return this.#admitExactly(client, packet.messageId, journal, callback)
    } else if (journal.failure === undefined) return callback(null)
    journal.whenCommitted(() => callback(null))
  }

  #admitExactly(client: Client, messageId: number, journal: Journal, callback: Callback): void {
    const key = keyOf(client.id, messageId)
    if (!client.clean) this.#taking.add(key)
    journal.whenCommitted(() => {
      this.#taking.delete(key)
      // With a clean client its ids are forgotten: Aedes would note this one for ever.
      callback(client.closed && client.clean ? new Error('connection closed') : null)
    })
  }

  /** Whether this QoS 2 message came on an earlier connection of the client and is being written; then `callback` is called after that. */
  isTaking(client: Client, messageId: number, callback: Callback): boolean {
    if (client.clean || !this.#taking.has(keyOf(client.id, messageId))) return false
    this.#journal?.whenCommitted(() => callback(null))
    return true
  }

  async committed(): Promise<void> {
    await this.#journal?.committed()
  }

  /** Calls `run` when everything so far is on disk. */
  whenCommitted(run: () => void): void {
    this.#journal?.whenCommitted(run)
  }

  async stop(): Promise<void> {
    await this.store.destroy()
  }

  #publish(packet: PacketLike): void {
    this.#aedes?.publish(packet as PublishPacket, () => {})
  }

  #note(seq: number, client: Client): void {
    const own = this.#byClient.get(client) ?? new Set()
    this.#byClient.set(client, own.add(seq))
    this.#open.set(seq, client)
  }

  #settled(seq: number, client: Client): void {
    this.#open.delete(seq)
    const own = this.#byClient.get(client)
    own?.delete(seq)
    if (own?.size === 0) this.#byClient.delete(client)
  }

  #applied(seq: number | undefined): void {
    if (seq === undefined) return
    const client = this.#open.get(seq)
    if (client !== undefined) this.#settled(seq, client)
    this.alsoKept(() => this.store.inbound?.applied(seq))
  }

  /**
   * Aedes drops a QoS 1 message whose PUBACK it could not write completely; but the client may have read it. So it is published here.
   * One of QoS 2 that is still there then was never answered: Aedes refused it.
   */
  #gone(client: Client): void {
    const left = [...(this.#byClient.get(client) ?? [])]
    if (left.length === 0) return
    const settle = (): void => {
      for (const seq of left) {
        const packet = this.store.inbound?.get(seq)
        if (packet?.qos === 1) this.#publish({ ...packet, messageId: undefined })
        this.#applied(seq)
      }
    }
    this.#journal?.whenCommitted(() => after(turns, settle))
  }
}

function keyOf(clientId: string, messageId: number): string {
  return `${messageId} ${clientId}`
}

function after(immediates: number, run: () => void): void {
  if (immediates === 0) run()
  else setImmediate(() => after(immediates - 1, run))
}
