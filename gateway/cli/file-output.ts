/** Standard output that goes to a file. */
import { fstatSync, writeSync } from 'node:fs'
import { Writable } from 'node:stream'

/**
 * Writes all of what it is given, or fails. The stream that Node.js makes for a file takes a short write, as on a disk that is nearly full, for
 * a whole one.
 */
export class FileOutput extends Writable {
  readonly #descriptor: number

  constructor(descriptor: number) {
    super({ decodeStrings: true })
    this.#descriptor = descriptor
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: (error?: Error) => void): void {
    try {
      for (let at = 0; at < chunk.length;) {
        const count = writeSync(this.#descriptor, chunk, at)
        if (count === 0) throw new Error('nothing more is taken')
        at += count
      }
    } catch (error) {
      return done(error as Error)
    }
    done()
  }
}

/** `given`, unless it is a file, or a device that is no terminal. */
export function outputOf(given: Writable & { readonly fd: number; readonly isTTY?: boolean }): Writable {
  if (given.isTTY === true) return given
  try {
    const stats = fstatSync(given.fd)
    return stats.isFile() || stats.isCharacterDevice() ? new FileOutput(given.fd) : given
  } catch {
    return given
  }
}
