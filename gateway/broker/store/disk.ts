import { mkdir, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { ClassicLevel } from 'classic-level'
import { GatewayError } from '../../errors.js'

/** A row to keep, or without `value` one to remove. */
export interface Change {
  readonly key: string
  readonly value: Buffer | undefined
}

/** What the journal needs of a disk; tests put a failing one here. */
export interface Disk {
  /** All rows in the order of their keys. */
  read(): AsyncIterable<readonly [key: string, value: Buffer]>
  /** All of it or nothing; `sync`: also survives the plug. */
  write(changes: readonly Change[], sync: boolean): Promise<void>
  close(): Promise<void>
}

/** Opens the disk; called again after a failed write. */
export type OpenDisk = () => Promise<Disk>

/** Rows read at once. */
const slice = 1000

/** As much as LevelDB writes when it opens, and more. */
const probed = Buffer.alloc(65_536)

/** LevelDB in `<folder>/store`. Rejects with a GatewayError that says what to do. */
export async function openLevel(folder: string): Promise<Disk> {
  const path = join(folder, 'store')
  let level: ClassicLevel<string, Buffer> | undefined
  try {
    await mkdir(path, { recursive: true })
    await probe(path)
    level = new ClassicLevel(path, { keyEncoding: 'utf8', valueEncoding: 'buffer' })
    await level.open()
  } catch (error) {
    await level?.close().catch(() => {})
    throw new GatewayError('Unreachable', `cannot open the data folder ${folder} (gateway.data): ${hint(error)}`, { cause: error })
  }
  const opened = level
  return {
    async *read() {
      const rows = opened.iterator()
      try {
        for (let found = await rows.nextv(slice); found.length > 0; found = await rows.nextv(slice)) yield* found
      } finally {
        await rows.close()
      }
    },
    write: (changes, sync) =>
      opened.batch(
        changes.map(({ key, value }) => (value === undefined ? { type: 'del', key } : { type: 'put', key, value })),
        { sync }
      ),
    close: () => opened.close()
  }
}

/** Rejects while the disk takes nothing: LevelDB would leave an empty file behind at each try, on a disk that may be full. */
export async function probe(path: string): Promise<void> {
  const file = join(path, 'probe')
  try {
    await writeFile(file, probed)
  } finally {
    await rm(file, { force: true }).catch(() => {})
  }
}

const full = { codes: ['ENOSPC', 'EFBIG', 'EDQUOT'], words: /No space left|File too large|quota exceeded/i }
const denied = { codes: ['EACCES', 'EPERM', 'EROFS'], words: /Permission denied|Read-only file system/i }

function isOf({ codes, words }: typeof full, error: unknown): boolean {
  const { code, message, cause } = error as NodeJS.ErrnoException & { cause?: NodeJS.ErrnoException }
  return words.test(cause?.message ?? message) || [code, cause?.code].some((each) => each !== undefined && codes.includes(each))
}

/** Whether there is no room on the disk. */
export const isFull = (error: unknown): boolean => isOf(full, error)

/** Whether this user may not write there. */
export const isRefused = (error: unknown): boolean => isOf(denied, error)

/** Why a disk could not be opened, and what to do. */
export function hint(error: unknown): string {
  const { code, message, cause } = error as NodeJS.ErrnoException & { cause?: NodeJS.ErrnoException }
  const why = cause?.message ?? message
  if ([code, cause?.code].includes('LEVEL_LOCKED')) return 'another process uses it; stop that one, or choose another folder'
  if (isFull(error)) return `the disk is full (${why}); free some space, or move the folder as it is to a larger disk`
  if (isRefused(error)) return `this user may not write to it (${why})`
  return `${why}; see that it is a folder that this user may write to, or move it away and start again`
}
