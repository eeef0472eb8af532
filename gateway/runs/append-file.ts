import { open } from 'node:fs/promises'
import type { FileHandle } from 'node:fs/promises'

/** Bytes that are written at once, about. */
const piece = 2 ** 18

/** UTF-8 has at most so many bytes for a character. */
const widest = 3

/**
 * Lines on their way to a file. Adding costs no system call and leaves no garbage; what a write does not take stays, and is tried again at
 * the same place.
 */
export class AppendFile {
  readonly #most: number
  #handle: FileHandle | undefined
  /** Bytes of the file, all of it ours. */
  #position = 0
  /** Full ones, oldest first. */
  #full: Buffer[] = []
  #open = Buffer.alloc(0)
  #used = 0
  #waiting = 0
  #isDirty = false

  /** `most`: bytes that may wait. */
  constructor(most: number) {
    this.#most = most
  }

  /** Bytes written, and those that wait. */
  get size(): number {
    return this.#position + this.#waiting
  }

  async open(path: string): Promise<void> {
    this.#handle = await open(path, 'wx')
  }

  /** False: there is no room. */
  add(line: string): boolean {
    const needed = line.length * widest
    if (this.#waiting + needed > this.#most) return false
    if (this.#used + needed > this.#open.length) {
      this.#turn()
      this.#open = Buffer.allocUnsafe(Math.max(piece, needed))
    }
    const written = this.#open.write(line, this.#used)
    this.#used += written
    this.#waiting += written
    return true
  }

  /** Writes what waits. Rejects as the system does; nothing is lost by that. Not to be called twice at once. */
  async flush(): Promise<void> {
    const handle = this.#handle
    if (handle === undefined) return
    this.#turn()
    for (let next = this.#full[0]; next !== undefined; next = this.#full[0]) {
      const { bytesWritten } = await handle.write(next, 0, next.length, this.#position)
      this.#isDirty = true
      this.#position += bytesWritten
      this.#waiting -= bytesWritten
      if (bytesWritten === next.length) this.#full.shift()
      else this.#full[0] = next.subarray(bytesWritten)
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

  /** What follows goes on behind what is handed over now. */
  #turn(): void {
    if (this.#used === 0) return
    this.#full.push(this.#open.subarray(0, this.#used))
    this.#open = this.#open.subarray(this.#used)
    this.#used = 0
  }
}
