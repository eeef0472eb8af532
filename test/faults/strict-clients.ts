/** Clients that follow MQTT 3.1.1 to the letter over any number of connections, and know what they were promised. */
import { RawClient, packets } from '../support/raw-mqtt.js'
import type { Received } from '../support/raw-mqtt.js'

/** Messages that a publisher has unfinished. */
const window = 40

/** What a message is told by its number: every fourth one is of one of these kinds. The order of all of them is kept. */
export const kinds = [
  { topic: 'q', qos: 1, retain: false },
  { topic: 'e', qos: 2, retain: false },
  { topic: 'r', qos: 1, retain: true },
  { topic: 'x', qos: 2, retain: true }
] as const

export const kindOf = (number: number): (typeof kinds)[number] => kinds[number % kinds.length] as (typeof kinds)[number]

/** Topics of the publishers are `k/<kind>/<publisher>`; the text is the number. */
export const topicOf = (publisher: number, number: number): string => `k/${kindOf(number).topic}/${publisher}`

/** A client that writes many small packets in a turn: they go together. */
function sendTogether(client: RawClient, bytes: Buffer): void {
  const { socket } = client
  if (socket.writableCorked === 0) {
    socket.cork()
    process.nextTick(() => socket.uncork())
  }
  socket.write(bytes)
}

interface Unfinished {
  readonly number: number
  /** PUBREC has come: from now on it is the broker's. */
  released: boolean
}

/** Publishes numbers as fast as it is acknowledged, and finishes after a crash what it had begun. */
export class Publisher {
  readonly index: number
  /** Acknowledged (PUBACK, or PUBREC), in that order. */
  readonly acked: number[] = []
  sent = 0
  /** By packet id, in the order in which they were sent. */
  readonly #unfinished = new Map<number, Unfinished>()
  #client: RawClient | undefined
  #id = 0
  #ending = false
  #ended = (): void => {}
  #onAck = (): void => {}

  constructor(index: number) {
    this.index = index
  }

  async connect(port: number): Promise<void> {
    const client = RawClient.open(port, `publisher-${this.index}`, { clean: false })
    this.#client = client
    client.onPuback = (id) => {
      this.#take(id)
      this.#finish(id)
    }
    client.onPubrec = (id) => {
      this.#take(id)
      sendTogether(client, packets.pubrel(id))
    }
    client.onPubcomp = (id) => this.#finish(id)
    await client.next('connack')
    for (const [id, { number, released }] of this.#unfinished)
      sendTogether(client, released ? packets.pubrel(id) : this.#packet(id, number, true))
    this.#more()
  }

  /** Resolves when something has been acknowledged on this connection. */
  async acknowledged(): Promise<void> {
    await new Promise<void>((resolve) => (this.#onAck = resolve))
  }

  /** Sends nothing new. Resolves when all is finished. */
  async end(): Promise<void> {
    this.#ending = true
    if (this.#unfinished.size > 0) await new Promise<void>((resolve) => (this.#ended = resolve))
  }

  close(): void {
    this.#client?.close()
  }

  #take(id: number): void {
    const unfinished = this.#unfinished.get(id)
    if (unfinished === undefined || unfinished.released) return
    unfinished.released = true
    this.acked.push(unfinished.number)
    this.#onAck()
  }

  #finish(id: number): void {
    this.#unfinished.delete(id)
    this.#more()
    if (this.#ending && this.#unfinished.size === 0) this.#ended()
  }

  #more(): void {
    while (!this.#ending && this.#unfinished.size < window) {
      do this.#id = (this.#id % 65_535) + 1
      while (this.#unfinished.has(this.#id))
      this.#unfinished.set(this.#id, { number: this.sent, released: false })
      if (this.#client) sendTogether(this.#client, this.#packet(this.#id, this.sent, false))
      this.sent += 1
    }
  }

  #packet(id: number, number: number, dup: boolean): Buffer {
    const { qos, retain } = kindOf(number)
    return packets.publish(topicOf(this.index, number), String(number), { qos, retain, id, dup })
  }
}

/** A persistent session of all topics of the publishers. */
export class Subscriber {
  readonly name: string
  readonly qos: 1 | 2
  /** How often each number came, by publisher. A repetition that the protocol lets the client know of is none. */
  readonly got: number[][]
  /** QoS 2 that came more than once. */
  twice = 0
  /** First copies that came after a later one of the same publisher and topic. */
  reordered = 0
  readonly #highest = new Map<string, number>()
  /** Up to where the acknowledged messages of each publisher have been looked for. */
  readonly #checked: number[]
  /** QoS 2, from PUBLISH to PUBREL. */
  readonly #open = new Set<number>()
  #client: RawClient | undefined
  #marker = ''
  #marked = (): void => {}

  constructor(name: string, qos: 1 | 2, publishers: number) {
    this.name = name
    this.qos = qos
    this.got = Array.from({ length: publishers }, () => [])
    this.#checked = Array.from({ length: publishers }, () => 0)
  }

  async connect(port: number): Promise<void> {
    const client = RawClient.open(port, this.name, { clean: false })
    this.#client = client
    client.onPublish = (packet) => this.#came(client, packet)
    client.onPubrel = (id) => {
      this.#open.delete(id)
      sendTogether(client, packets.pubcomp(id))
    }
    await client.next('connack')
  }

  async subscribe(): Promise<void> {
    this.#client?.send(packets.subscribe(1, ['k/#', this.qos]))
    await this.#client?.next('suback')
  }

  /** Resolves when what waited for the session before the marker has come; false: not within the time, in milliseconds. */
  async drained(marker: string, within: number): Promise<boolean> {
    if (this.#marker === marker) return true
    return await new Promise<boolean>((resolve) => {
      const timer = setTimeout(() => resolve(false), within)
      this.#marked = () => {
        if (this.#marker !== marker) return
        clearTimeout(timer)
        resolve(true)
      }
    })
  }

  /** Goes without a word, whatever it has not acknowledged. */
  close(): void {
    this.#client?.close()
  }

  /** What was acknowledged since the last time, and did not come. */
  lost(publishers: readonly Publisher[]): string[] {
    return publishers.flatMap(({ index, acked }) => {
      const from = this.#checked[index] ?? 0
      this.#checked[index] = acked.length
      return acked.slice(from).flatMap((number) => (this.got[index]?.[number] === undefined ? [`${topicOf(index, number)} ${number}`] : []))
    })
  }

  #came(client: RawClient, { topic, text, qos, id = 0 }: Received): void {
    if (qos === 2) {
      const known = this.#open.has(id)
      this.#open.add(id)
      if (!known) this.#take(topic, text, true)
      sendTogether(client, packets.pubrec(id))
    } else {
      this.#take(topic, text, false)
      sendTogether(client, packets.puback(id))
    }
  }

  #take(topic: string, text: string, isExact: boolean): void {
    if (topic === 'k/marker') {
      this.#marker = text
      return this.#marked()
    }
    const publisher = Number(topic.slice(topic.lastIndexOf('/') + 1))
    const number = Number(text)
    const got = this.got[publisher] ?? []
    const before = got[number]
    got[number] = (before ?? 0) + 1
    if (before !== undefined) {
      if (isExact) this.twice += 1
    } else if (number < (this.#highest.get(topic) ?? -1)) this.reordered += 1
    else this.#highest.set(topic, number)
  }
}
