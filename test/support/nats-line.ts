import { randomUUID } from 'node:crypto'
import { connect } from 'node:net'
import type { Socket } from 'node:net'
import { patient } from './patience.js'

/** Milliseconds until an answer. */
const patience = patient(5000)

/** A message of the text protocol of NATS. */
export interface NatsMessage {
  readonly subject: string
  readonly reply: string
  /** Status of a message without content, as 404; 0 for all others. */
  readonly status: number
  readonly body: Buffer
}

/**
 * A client of NATS' own text protocol, as small as it gets: what it knows of is an inbox, and requests. It ends with its connection.
 * Source of the words: the client protocol of NATS (INFO, CONNECT, SUB, PUB, MSG, HMSG, PING, PONG).
 */
export class NatsLine {
  readonly #socket: Socket
  /** By the id of the subscription: what JetStream delivers keeps its own subject. */
  readonly #inboxes = new Map<string, (message: NatsMessage) => void>()
  #rest: Buffer = Buffer.alloc(0)
  #names = 0
  #isOpen = true

  private constructor(socket: Socket) {
    this.#socket = socket
    socket.on('data', (part) => this.#take(part))
    socket.on('error', () => {})
    socket.on('close', () => {
      this.#isOpen = false
    })
  }

  static async open(port: number): Promise<NatsLine> {
    const socket = connect({ port, host: '127.0.0.1', noDelay: true })
    const line = new NatsLine(socket)
    await new Promise<void>((resolve, reject) => {
      const timer = setTimeout(() => socket.destroy(new Error(`no NATS at ${port} after ${patience} ms`)), patience)
      socket.once('close', () => {
        clearTimeout(timer)
        reject(new Error(`NATS at ${port} closed the connection`))
      })
      socket.once('connect', () => {
        clearTimeout(timer)
        resolve()
      })
    })
    socket.write('CONNECT {"verbose":false,"pedantic":false,"headers":true,"no_responders":true}\r\n')
    return line
  }

  get isOpen(): boolean {
    return this.#isOpen
  }

  publish(subject: string, body = '', reply = ''): void {
    this.#socket.write(`PUB ${subject} ${reply}${reply === '' ? '' : ' '}${Buffer.byteLength(body)}\r\n${body}\r\n`)
  }

  /** Asks JetStream; rejects when it refuses, or says nothing. */
  async ask(subject: string, question: unknown): Promise<Record<string, unknown>> {
    const [message] = await this.gather(subject, question, 1, patience)
    if (message === undefined) throw new Error(`no answer to ${subject}`)
    const answer = JSON.parse(message.body.toString() || '{}') as { error?: { description: string } }
    if (message.status !== 0 || answer.error !== undefined) throw new Error(`${subject}: ${answer.error?.description ?? message.status}`)
    return answer
  }

  /** At most so many messages that answer it within a time; a status ends it too. */
  async gather(subject: string, question: unknown, most: number, within: number): Promise<readonly NatsMessage[]> {
    const id = String(this.#names++)
    // Others may be at the same cluster.
    const inbox = `_INBOX.${randomUUID()}`
    this.#socket.write(`SUB ${inbox} ${id}\r\n`)
    const found: NatsMessage[] = []
    await new Promise<void>((resolve) => {
      const end = (): void => {
        clearTimeout(timer)
        this.#socket.off('close', end)
        resolve()
      }
      const timer = setTimeout(end, within)
      this.#socket.once('close', end)
      this.#inboxes.set(id, (message) => {
        if (message.status === 0 || most === 1) found.push(message)
        if (message.status !== 0 || found.length >= most) end()
      })
      this.publish(subject, JSON.stringify(question), inbox)
    })
    this.#inboxes.delete(id)
    if (this.#isOpen) this.#socket.write(`UNSUB ${id}\r\n`)
    return found
  }

  close(): void {
    this.#socket.destroy()
  }

  #take(part: Buffer): void {
    this.#rest = this.#rest.length === 0 ? part : Buffer.concat([this.#rest, part])
    for (;;) {
      const end = this.#rest.indexOf('\r\n')
      if (end < 0) return
      const [word = '', ...fields] = this.#rest.toString('utf8', 0, end).split(' ')
      const isMessage = word === 'MSG' || word === 'HMSG'
      const size = isMessage ? Number(fields.at(-1)) + 2 : 0
      if (this.#rest.length < end + 2 + size) return
      const content = this.#rest.subarray(end + 2, end + size)
      this.#rest = this.#rest.subarray(end + 2 + size)
      if (word === 'PING') this.#socket.write('PONG\r\n')
      if (isMessage) this.#deliver(fields, word === 'HMSG', content)
    }
  }

  /** `subject sid [reply] [bytes of headers] bytes`. */
  #deliver(fields: readonly string[], hasHeaders: boolean, content: Buffer): void {
    const sizes = hasHeaders ? 2 : 1
    const headers = hasHeaders ? Number(fields.at(-2)) : 0
    const status = Number(/^NATS\/1\.0 (\d+)/.exec(content.toString('utf8', 0, headers))?.[1] ?? 0)
    const [subject = '', id = '', reply = ''] = fields.slice(0, -sizes)
    const body = Buffer.from(content.subarray(headers))
    this.#inboxes.get(id)?.({ subject, reply, status, body })
  }
}
