/** A file that gets its name when it is whole: until then it is FILE.part. */
import { randomUUID } from 'node:crypto'
import { link, open, rename, stat, unlink } from 'node:fs/promises'
import type { FileHandle } from 'node:fs/promises'
import { Trouble } from './trouble.js'

/** What is done with an open file. A write may take less than it is given, as on a disk that is nearly full, and say no more about it. */
export type Handle = Pick<FileHandle, 'write' | 'truncate' | 'sync' | 'close'>

export class PartFile {
  /** What it is called as yet. */
  readonly name: string
  readonly #file: string
  readonly #handle: Handle
  readonly #force: boolean
  /** Bytes of what was appended as a whole. */
  #size = 0

  constructor(handle: Handle, { name, file, force }: { name: string; file: string; force: boolean }) {
    this.#handle = handle
    this.name = name
    this.#file = file
    this.#force = force
  }

  /** Throws a {@link Trouble} where FILE is there and is not to be replaced (`force`). */
  static async check(file: string, force: boolean): Promise<void> {
    const there = await stat(file).catch(() => undefined)
    if (there?.isDirectory() === true) throw new Trouble(2, `${file} is a folder; a file is wanted`)
    if (!force && there !== undefined) throw new Trouble(2, `${file} is there already; --force writes it anew`)
  }

  /** Throws a {@link Trouble} where it cannot be written. */
  static async open(file: string, force: boolean): Promise<PartFile> {
    // FILE.part may be that of another one who writes now, or what an earlier one left.
    for (const name of [`${file}.part`, `${file}.${randomUUID().slice(0, 8)}.part`]) {
      try {
        return new PartFile(await open(name, 'wx'), { name, file, force })
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'EEXIST')
          throw new Trouble(2, `${name} cannot be written: ${(error as Error).message}`)
      }
    }
    throw new Trouble(2, `${file}.part is there already: another export writes it, or left it there; wait for that one, or remove it`)
  }

  /** All of it, or it throws, and {@link keep} takes away what was written of it. */
  async append(text: string): Promise<void> {
    const bytes = Buffer.from(text)
    for (let at = 0; at < bytes.length;) {
      const { bytesWritten } = await this.#handle.write(bytes, at, bytes.length - at, this.#size + at)
      if (bytesWritten === 0) throw new Error('the disk takes no more')
      at += bytesWritten
    }
    this.#size += bytes.length
  }

  /** It is not whole: what is there ends where an append ended. False: that cannot be said of it. */
  async keep(): Promise<boolean> {
    const done = this.#handle.truncate(this.#size).then(async () => await this.#handle.sync())
    const isKept = await done.then(
      () => true,
      () => false
    )
    await this.#handle.close().catch(() => {})
    return isKept
  }

  /** It is on the disk. */
  async sync(): Promise<void> {
    await this.#handle.sync()
  }

  /** It is whole and gets its name. Without `force` nothing that came there meanwhile is replaced. */
  async finish(): Promise<void> {
    await this.#handle.close()
    if (this.#force) return await rename(this.name, this.#file)
    try {
      await link(this.name, this.#file)
    } catch (error) {
      // Sticks and shares may know no second name of a file.
      if (!['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS'].includes((error as NodeJS.ErrnoException).code ?? '')) throw error
      if ((await stat(this.#file).catch(() => undefined)) !== undefined) throw new Error(`${this.#file} is there already`, { cause: error })
      return await rename(this.name, this.#file)
    }
    await unlink(this.name)
  }
}
