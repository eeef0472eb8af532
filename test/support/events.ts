import { request } from 'node:http'
import type { ClientRequest, IncomingMessage } from 'node:http'

export interface ServerEvent {
  readonly event: string
  readonly data: Record<string, unknown>
}

/** Milliseconds that a test waits for what must come. */
const patience = 8000

/** A stream of Server-Sent Events; keeps each until somebody asks for it. */
export class Events {
  readonly comments: string[] = []
  readonly #events: ServerEvent[] = []
  readonly #request: ClientRequest
  readonly #answer: IncomingMessage
  readonly #waiting = new Set<() => void>()
  #text = ''
  isOver = false

  private constructor(asked: ClientRequest, answer: IncomingMessage) {
    this.#request = asked
    this.#answer = answer
    answer.setEncoding('utf8')
    answer.on('data', (text: string) => this.#read(text))
    answer.on('error', () => {})
    answer.once('close', () => {
      this.isOver = true
      for (const look of this.#waiting) look()
    })
  }

  static async open(port: number, path: string, headers: Readonly<Record<string, string>> = {}): Promise<Events> {
    const asked = request({ port, host: '127.0.0.1', path, agent: false, headers: { accept: 'text/event-stream', ...headers } })
    asked.end()
    const answer = await new Promise<IncomingMessage>((resolve, reject) => {
      asked.once('response', resolve)
      asked.once('error', reject)
    })
    asked.on('error', () => {})
    if (answer.statusCode !== 200) throw new Error(`status ${answer.statusCode}`)
    return new Events(asked, answer)
  }

  /** The next event, among those not taken yet, that fits; takes it out. */
  async next(fits: (event: ServerEvent) => boolean = () => true): Promise<ServerEvent> {
    let found: ServerEvent | undefined
    await this.#until(() => {
      const at = this.#events.findIndex(fits)
      if (at >= 0) [found] = this.#events.splice(at, 1)
      return found !== undefined
    }, 'no such event')
    return found as ServerEvent
  }

  async over(): Promise<void> {
    await this.#until(() => this.isOver, 'it goes on')
  }

  async comment(): Promise<string> {
    await this.#until(() => this.comments.length > 0, 'no comment')
    return this.comments.shift() as string
  }

  get left(): readonly ServerEvent[] {
    return this.#events
  }

  /** Drops what came and was not taken; tells how many there were. */
  forget(): number {
    return this.#events.splice(0).length
  }

  /** Reads no more, until told to. */
  pause(): void {
    this.#answer.pause()
  }

  resume(): void {
    this.#answer.resume()
  }

  close(): void {
    this.#request.destroy()
  }

  async #until(holds: () => boolean, what: string): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      const timer = setTimeout(() => {
        this.#waiting.delete(look)
        reject(new Error(`${what}; not taken are ${JSON.stringify(this.#events).slice(0, 2000)}`))
      }, patience)
      const look = (): void => {
        if (!holds()) return
        clearTimeout(timer)
        this.#waiting.delete(look)
        resolve()
      }
      this.#waiting.add(look)
      look()
    })
  }

  #read(text: string): void {
    const blocks = (this.#text + text).split('\n\n')
    this.#text = blocks.pop() ?? ''
    for (const block of blocks) {
      const fields = new Map(block.split('\n').map((line) => [line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 1).trim()]))
      const [event, data] = [fields.get('event'), fields.get('data')]
      if (event !== undefined && data !== undefined) this.#events.push({ event, data: JSON.parse(data) as Record<string, unknown> })
      else if (fields.has('')) this.comments.push(fields.get('') as string)
    }
    for (const look of this.#waiting) look()
  }
}
