import { mkdir, readdir, rename, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { ClassicLevel } from 'classic-level'
import { GatewayError } from '../errors.js'
import { formatTime } from '../time.js'
import { hint, isFull, isRefused, probe } from '../broker/store/disk.js'
import { checkFormat, rowOf, tell } from '../broker/store/format.js'
import { formatKey } from './keys.js'

export type Row = readonly [key: Buffer, value: Buffer]

/** A row to keep, or without `value` one to remove. */
export interface Change {
  readonly key: Buffer
  readonly value?: Buffer
}

/** From a key on, to before another. */
export interface Range {
  readonly gte: Buffer
  readonly lt: Buffer
}

/** The rows as they were at one moment. It must be closed: what is deleted since stays on the disk as long. */
export interface View {
  /** In order of the keys, `limit` at most; with `isKeys` values are empty. Closed when it is left, however it is left. */
  rows(range: Range, options?: { readonly limit?: number; readonly reverse?: boolean; readonly isKeys?: boolean }): AsyncIterable<Row>
  get(keys: readonly Buffer[]): Promise<(Buffer | undefined)[]>
  close(): Promise<void>
}

/** What the history needs of a store of sorted rows. */
export interface Shelf {
  view(): View
  /** All of it or nothing. */
  write(changes: readonly Change[]): Promise<void>
  /** Removes what is in these ranges. Others write and read meanwhile. */
  remove(ranges: readonly Range[]): Promise<void>
  /** Gives back the room of what was removed or replaced in a range. */
  compact(range: Range): Promise<void>
  /** Bytes that a range takes, roughly. */
  sizeOf(range: Range): Promise<number>
  /** Bytes that all takes: those of the files, or in memory an estimate. */
  size(): Promise<number>
  close(): Promise<void>
}

/** Where the store is. */
export interface Place {
  /** What is written there outlives the process. */
  readonly isLasting: boolean
  /** Opens the store; also again, after a failed write. Rejects with what to do, or with a {@link DamagedError}. */
  open(): Promise<Shelf>
  /** Rejects, with what to do, while nothing can be written. */
  probe(): Promise<void>
  /** Moves a damaged store out of the way, to a name with the time. Resolves with it, or undefined: there is none. */
  moveAside(now: number): Promise<string | undefined>
}

/** What both can. */
type Level = Pick<ClassicLevel<Buffer, Buffer>, 'iterator' | 'snapshot' | 'getMany' | 'batch' | 'close'>

const encodings = { keyEncoding: 'buffer', valueEncoding: 'buffer' } as const

const none = Buffer.alloc(0)

/** Rows, and bytes, read at once. */
const slice = { rows: 64, bytes: 262_144 }

/** Part of the bound that LevelDB may hold back before it writes it in order, and its most and least. */
const buffer = { part: 1 / 64, most: 4_194_304, least: 262_144 }

/** Whether the rows are damaged, and not the disk full, away or in use. */
export class DamagedError extends Error {}

/**
 * Of the keys and rows; a history without a row that tells it is of format 1. Who changes it writes what reads, or rewrites, the one before,
 * a partition at a time: unlike the broker's store it is too large for one batch.
 */
const format = 1

/** LevelDB in a folder. Rejects with a {@link DamagedError} when what is there cannot be read, with another error when it is of a newer format. */
async function openFolder(path: string, maxBytes: number): Promise<Shelf> {
  let level: ClassicLevel<Buffer, Buffer> | undefined
  try {
    await mkdir(path, { recursive: true })
    await probe(path)
    const writeBufferSize = Math.min(Math.max(Math.floor(maxBytes * buffer.part), buffer.least), buffer.most)
    level = new ClassicLevel<Buffer, Buffer>(path, {
      ...encodings,
      writeBufferSize,
      maxFileSize: Math.max(writeBufferSize / 2, buffer.least)
    })
    await level.open()
    await meet(level, path)
  } catch (error) {
    await level?.close().catch(() => {})
    if (error instanceof GatewayError) throw error
    const text = hint(error)
    throw isDamage(error) ? new DamagedError(text, { cause: error }) : new Error(`cannot open ${path}: ${text}`, { cause: error })
  }
  const opened = level
  return {
    ...shelf(opened),
    remove: async (ranges) => {
      for (const { gte, lt } of ranges) await opened.clear({ gte, lt })
    },
    compact: ({ gte, lt }) => opened.compactRange(gte, lt),
    sizeOf: ({ gte, lt }) => opened.approximateSize(gte, lt),
    size: () => folderSize(path)
  }
}

/** Tells its format if nothing does; throws, and has changed nothing, when it is a newer one. */
async function meet(level: ClassicLevel<Buffer, Buffer>, path: string): Promise<void> {
  const row = await level.get(formatKey)
  if (row === undefined) await level.put(formatKey, rowOf(format))
  else checkFormat(tell(row, path), format, path)
}

/** Bytes of a row in memory besides its key and value: nodes of the tree, and Buffers. */
const rowSize = 400

/** The same in memory. */
async function openMemory(): Promise<Shelf> {
  const { MemoryLevel } = await import('memory-level')
  const level = new MemoryLevel<Buffer, Buffer>(encodings)
  await level.open()
  const base = shelf(level as unknown as Level)
  let bytes = 0
  const sizeOf = (row: Buffer | undefined, key: Buffer): number => (row === undefined ? 0 : row.length + key.length + rowSize)
  const sum = async (range: Range): Promise<number> => {
    let size = 0
    const view = base.view()
    for await (const [key, value] of view.rows(range)) size += sizeOf(value, key)
    await view.close()
    return size
  }
  return {
    ...base,
    write: async (changes) => {
      for (const { key, value } of changes) bytes += sizeOf(value, key) - sizeOf(level.getSync(key), key)
      await base.write(changes)
    },
    remove: async (ranges) => {
      for (const range of ranges) {
        const size = await sum(range)
        await level.clear(range)
        bytes -= size
      }
    },
    compact: () => Promise.resolve(),
    sizeOf: sum,
    size: () => Promise.resolve(bytes)
  }
}

/** A folder. `maxBytes`: what it may grow to. */
export function folderPlace(path: string, maxBytes: number): Place {
  return {
    isLasting: true,
    open: () => openFolder(path, maxBytes),
    probe: async () => {
      try {
        await probe(path)
      } catch (error) {
        throw new Error(`cannot write to ${path}: ${hint(error)}`, { cause: error })
      }
    },
    moveAside: async (now) => {
      const to = `${path}-damaged-${formatTime(now).replaceAll(/[^\dTZ]/g, '')}`
      try {
        await rename(path, to)
        return to
      } catch (error) {
        // Somebody has taken it away: so be it.
        if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
        throw error
      }
    }
  }
}

export const memoryPlace: Place = {
  isLasting: false,
  open: openMemory,
  probe: () => Promise.resolve(),
  moveAside: () => Promise.resolve('nowhere')
}

function shelf(level: Level): Pick<Shelf, 'view' | 'write' | 'close'> {
  return {
    view: () => {
      const snapshot = level.snapshot()
      return {
        async *rows(range, { limit = -1, reverse = false, isKeys = false } = {}) {
          const rows = level.iterator({ ...range, limit, reverse, snapshot, highWaterMarkBytes: slice.bytes, values: !isKeys })
          try {
            for (let found = await rows.nextv(slice.rows); found.length > 0; found = await rows.nextv(slice.rows)) {
              if (isKeys) yield* found.map(([key]): Row => [key, none])
              else yield* found
            }
          } finally {
            await rows.close()
          }
        },
        get: (keys) => level.getMany([...keys], { snapshot }),
        close: () => snapshot.close()
      }
    },
    write: (changes) =>
      level.batch(changes.map(({ key, value }) => (value === undefined ? { type: 'del', key } : { type: 'put', key, value }))),
    close: () => level.close()
  }
}

/** LevelDB says so, or files that it needs are not there; a full or closed disk is no damage. */
export function isDamage(error: unknown): boolean {
  if (isFull(error) || isRefused(error)) return false
  const { code, message, cause } = error as NodeJS.ErrnoException & { cause?: NodeJS.ErrnoException }
  if (code === 'LEVEL_LOCKED' || cause?.code === 'LEVEL_LOCKED') return false
  return /corrupt|missing files|Invalid argument|No such file|not a directory|ENOTDIR|EEXIST/i.test(
    `${code} ${message} ${cause?.code} ${cause?.message}`
  )
}

async function folderSize(path: string): Promise<number> {
  let bytes = 0
  for (const name of await readdir(path))
    // LevelDB removes files meanwhile.
    bytes += await stat(join(path, name)).then(
      ({ size }) => size,
      () => 0
    )
  return bytes
}
