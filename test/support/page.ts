import { WebSocket } from 'ws'
import type { ClientOptions } from 'ws'
import type { Running } from './start.js'

/** Where the live web pages connect, as the log tells it. */
export function pagesPort(running: Pick<Running, 'log'>, instance: string): number {
  const told = running.log.lines.findLast(({ fields }) => fields['instance'] === instance && fields['type'] === 'live web pages')
  if (told === undefined) throw new Error(`${instance} does not listen for web pages`)
  return Number(told.fields['port'])
}

/** A live web page without a browser: keeps every frame until somebody asks for it. */
export class TestPage {
  readonly socket: WebSocket
  readonly closed: Promise<number>
  readonly #frames: string[] = []
  #waiting: (() => void) | undefined

  private constructor(socket: WebSocket) {
    this.socket = socket
    socket.on('error', () => {})
    socket.on('message', (data: Buffer) => {
      this.#frames.push(data.toString())
      this.#waiting?.()
    })
    this.closed = new Promise((resolve) => socket.once('close', resolve))
  }

  /** Rejects when it is not let in. */
  static async open(port: number, options: ClientOptions = {}, url = `ws://127.0.0.1:${port}/`): Promise<TestPage> {
    const socket = new WebSocket(url, options)
    const page = new TestPage(socket)
    await new Promise<void>((resolve, reject) => {
      socket.once('open', resolve)
      socket.once('error', reject)
      socket.once('close', () => reject(new Error('closed')))
    })
    return page
  }

  send(frame: string | Buffer): void {
    this.socket.send(frame)
  }

  subscribe(...subscriptions: string[]): void {
    this.send(JSON.stringify({ action: 'subscribe', subscriptions }))
  }

  /** The next frame; undefined after so many milliseconds. */
  async frame(patience = 8000): Promise<string | undefined> {
    if (this.#frames.length === 0)
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, patience)
        this.#waiting = () => {
          clearTimeout(timer)
          resolve()
        }
      })
    this.#waiting = undefined
    return this.#frames.shift()
  }

  /** The next frame, parsed. Rejects when none comes. */
  async batch(): Promise<unknown> {
    const frame = await this.frame()
    if (frame === undefined) throw new Error('no frame came')
    return JSON.parse(frame) as unknown
  }

  /** Frames that came and were not taken. */
  get left(): readonly string[] {
    return this.#frames
  }

  async close(): Promise<void> {
    this.socket.terminate()
    await this.closed
  }
}

/** What a page gets of a host that nobody else sends for: everything sent before it has been dealt with. */
export class Fence {
  readonly #send: (datagram: string) => Promise<void>
  #count = 0

  constructor(send: (datagram: string) => Promise<void>) {
    this.#send = send
  }

  /** The frames that came before the page gets this: all that datagrams and frames until now have brought about. */
  async frames(page: TestPage): Promise<string[]> {
    this.#count += 1
    const host = `fence-${this.#count}`
    await this.#send(`{"host": "${host}", "data": {"x": [0, 0]}}`)
    page.subscribe(`${host}:x`)
    const before: string[] = []
    for (;;) {
      const frame = await page.frame()
      if (frame === undefined) throw new Error(`the fence did not come; before it: ${before.join('\n')}`)
      if (frame.startsWith(`{"host": "${host}"`)) return before
      before.push(frame)
    }
  }
}
