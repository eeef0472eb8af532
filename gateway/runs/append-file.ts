import { open } from 'node:fs/promises'
import type { FileHandle } from 'node:fs/promises'

/** Characters that are written at once, about. */
const piece = 2 ** 18

/** Lines on their way to a file. Adding costs no system call; what a write does not take stays, and is tried again at the same place. */
export class AppendFile {
  readonly #most: number
  #handle: FileHandle | undefined
  /** Bytes of the file, all of it ours. */
  #position = 0
  #open = ''
  #full: string[] = []
  #waiting = 0
  #pending: Buffer | undefined
  #isDirty = false

  /** `most`: characters that may wait. */
  constructor(most: number) {
    this.#most = most
  }

  /** Bytes written, and characters that wait. */
  get size(): number {
    return this.#position + this.#waiting + (this.#pending?.length ?? 0)
  }

  async open(path: string): Promise<void> {
    this.#handle = await open(path, 'wx')
  }

  /** False: there is no room. */
  add(line: string): boolean {
    if (this.#waiting + line.length > this.#most) return false
    this.#waiting += line.length
    this.#open += line
    if (this.#open.length >= piece) {
      this.#full.push(this.#open)
      this.#open = ''
    }
    return true
  }

  /** Writes what waits. Rejects as the system does; nothing is lost by that. Not to be called twice at once. */
  async flush(): Promise<void> {
    const handle = this.#handle
    if (handle === undefined) return
    for (let next = this.#next(); next !== undefined; next = this.#next()) {
      const { bytesWritten } = await handle.write(next, 0, next.length, this.#position)
      this.#isDirty = true
      this.#position += bytesWritten
      this.#pending = next.subarray(bytesWritten)
    }
  }

  /** To the disk itself, so that it outlives the plug. */
  async sync(): Promise<void> {
    if (!this.#isDirty || this.#handle === undefined) return
    this.#isDirty = false
    await this.#handle.datasync()
  }

  async close(): Promise<void> {
    const handle = this.#handle
    this.#handle = undefined
    await handle?.close()
  }

  #next(): Buffer | undefined {
    if (this.#pending !== undefined && this.#pending.length > 0) return this.#pending
    this.#pending = undefined
    let text = this.#full.shift()
    if (text === undefined && this.#open !== '') {
      text = this.#open
      this.#open = ''
    }
    if (text === undefined) return undefined
    this.#waiting -= text.length
    this.#pending = Buffer.from(text)
    return this.#pending
  }
}
