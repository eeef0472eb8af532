import { Worker } from 'node:worker_threads'
import { GatewayError } from '../errors.js'
import type { ToThread } from './describe-thread.js'
import type { Described, DescribedDevice } from './described.js'
import type { FormatName } from './index.js'

/**
 * Characters of what is described, as JSON: some five thousand codenames. The longest format takes a hundred times as many bytes of memory
 * while it is made, and a thread that runs out of memory can end the whole process.
 */
const maxCharacters = 2_000_000

/** Who asks for one while so many wait is refused. */
const maxWaiting = 8

/** What is described, its devices as they come. */
export interface Piecewise {
  readonly rest: Omit<Described, 'devices'>
  readonly devices: AsyncIterable<DescribedDevice>
}

/** Makes descriptions one at a time in a thread: one of ten thousand codenames takes seconds, and no reading must wait for who looks. */
export class Describer {
  readonly #maxCharacters: number
  #waiting = 0
  #last: Promise<unknown> = Promise.resolve()
  #worker: Worker | undefined
  #isStopped = false

  constructor(characters = maxCharacters) {
    this.#maxCharacters = characters
  }

  /** UTF-8. Rejects with RateLimited when too many want one, with RangeError when there is too much to describe. */
  async make(format: FormatName, of: () => Piecewise): Promise<Buffer> {
    if (this.#waiting >= maxWaiting)
      throw new GatewayError('RateLimited', `${maxWaiting} descriptions are being made already; ask again soon`)
    this.#waiting += 1
    const made = this.#last.then(async () => await this.#make(format, of()))
    this.#last = made.catch(() => {}).finally(() => (this.#waiting -= 1))
    return await made
  }

  async stop(): Promise<void> {
    this.#isStopped = true
    await this.#worker?.terminate()
    await this.#last
  }

  async #make(format: FormatName, { rest, devices }: Piecewise): Promise<Buffer> {
    if (this.#isStopped) throw stopping()
    const worker = new Worker(new URL('./describe-thread.js', import.meta.url))
    this.#worker = worker
    const made = new Promise<Buffer>((resolve, reject) => {
      let text: Buffer | undefined
      worker.on('message', (bytes: Uint8Array) => (text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)))
      worker.on('error', reject)
      // What it said comes before.
      worker.once('exit', () => (text === undefined ? reject(stopping()) : resolve(text)))
    })
    const send = (message: ToThread): void => worker.postMessage(message)
    try {
      let characters = 0
      for await (const device of devices) {
        const text = JSON.stringify(device)
        characters += text.length
        if (characters > this.#maxCharacters) throw tooLarge(format)
        send({ device: text })
      }
      send({ format, described: rest })
    } catch (error) {
      await worker.terminate()
      await made.catch(() => {})
      throw error
    }
    return await made
  }
}

function stopping(): GatewayError {
  return new GatewayError('Unreachable', 'the gateway is stopping')
}

function tooLarge(format: string): GatewayError {
  const message = `there is too much to describe while the gateway runs; use: labgate describe ${format} --config gateway.yaml`
  return new GatewayError('RangeError', message, { rule: 'size' })
}
