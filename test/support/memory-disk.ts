import type { Change, Disk } from '../../gateway/broker/store/disk.js'

/** A disk in memory, which goes on being there when a gateway is gone. */
export class MemoryDisk {
  readonly rows = new Map<string, Buffer>()
  failure: NodeJS.ErrnoException | undefined
  /** A write takes until this is resolved. */
  gate: Promise<void> | undefined

  readonly open = async (): Promise<Disk> => {
    const { rows } = this
    if (this.failure !== undefined) throw this.failure
    return {
      read: async function* () {
        yield* [...rows].sort(([a], [b]) => (a < b ? -1 : 1))
      },
      write: async (changes: readonly Change[]) => {
        await this.gate
        if (this.failure !== undefined) throw this.failure
        for (const { key, value } of changes) {
          if (value === undefined) rows.delete(key)
          else rows.set(key, value)
        }
      },
      close: async () => {}
    }
  }

  /** Writes nothing until what this returns is called. */
  hold(): () => void {
    let release = (): void => {}
    this.gate = new Promise((resolve) => (release = resolve))
    return release
  }

  /** What is on it, as a crash leaves it. */
  copy(): MemoryDisk {
    const copy = new MemoryDisk()
    for (const [key, value] of this.rows) copy.rows.set(key, value)
    return copy
  }
}
