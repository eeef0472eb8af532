/** Files of runs: written whole or not at all, read line by line. */
import { createReadStream } from 'node:fs'
import { constants, lstat, open, readdir, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'

/** Characters of one line; what is longer is none of ours. */
const longestLine = 2 ** 26

/** Files and folders of one run that are looked at. */
const maxFiles = 100_000

/** All of it or the file of before, also when the plug is pulled. */
export async function writeWhole(folder: string, name: string, text: string): Promise<void> {
  const path = join(folder, name)
  const temporary = `${path}.part`
  try {
    const handle = await open(temporary, 'w')
    try {
      await handle.writeFile(text)
      await handle.sync()
    } finally {
      await handle.close()
    }
    await rename(temporary, path)
  } catch (error) {
    await rm(temporary, { force: true }).catch(() => {})
    throw error
  }
  await syncFolder(folder)
}

/** Not every file system can; the file itself is safe by then. */
export async function syncFolder(folder: string): Promise<void> {
  try {
    const handle = await open(folder, 'r')
    try {
      await handle.sync()
    } finally {
      await handle.close()
    }
  } catch {
    // Windows cannot open folders.
  }
}

/** A file of at most so many bytes; a link, a folder or a longer one is an error. */
export async function readSmall(path: string, most: number): Promise<string> {
  const handle = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW)
  try {
    const stat = await handle.stat()
    if (!stat.isFile() || stat.size > most) throw new Error(`${path} is no file of at most ${most} bytes`)
    return await handle.readFile('utf8')
  } finally {
    await handle.close()
  }
}

/** The whole lines of a file, some at a time; what follows the last line end is left out. None when there is no such file. */
export async function* readLines(path: string): AsyncGenerator<readonly string[]> {
  let rest = ''
  let isTooLong = false
  try {
    for await (const chunk of createReadStream(path, { encoding: 'utf8', highWaterMark: 2 ** 18 })) {
      const lines = (rest + (chunk as string)).split('\n')
      rest = lines.pop() as string
      if (isTooLong && lines.length > 0) {
        lines.shift()
        isTooLong = false
      }
      if (rest.length > longestLine) {
        rest = ''
        isTooLong = true
      }
      if (lines.length > 0) yield lines
    }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
  }
}

/** Takes away what follows the last line end: a line that a crash cut in two, and the zeros that some file systems leave. */
export async function cutHalfLine(path: string): Promise<void> {
  const handle = await open(path, 'r+').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined
    throw error
  })
  if (handle === undefined) return
  try {
    const { size } = await handle.stat()
    const piece = Buffer.alloc(2 ** 16)
    let end = size
    while (end > 0) {
      const from = Math.max(0, end - piece.length)
      const { bytesRead } = await handle.read(piece, 0, end - from, from)
      const at = piece.subarray(0, bytesRead).lastIndexOf(0x0a)
      if (at >= 0) {
        end = from + at + 1
        break
      }
      end = from
    }
    if (end < size) await handle.truncate(end)
    await handle.sync()
  } finally {
    await handle.close()
  }
}

export interface Found {
  /** Below the folder, with slashes. */
  readonly name: string
  readonly bytes: number
  readonly modified: Date
  /** False: a link, a device, a socket. */
  readonly isFile: boolean
}

/** Everything below a folder that is no folder itself, by name. Links are not followed. */
export async function filesBelow(folder: string): Promise<Found[]> {
  const found: Found[] = []
  const walk = async (below: string): Promise<void> => {
    const entries = await readdir(join(folder, below), { withFileTypes: true })
    for (const entry of entries) {
      const name = below === '' ? entry.name : `${below}/${entry.name}`
      if (entry.isDirectory()) await walk(name)
      else {
        const { size, mtime } = await lstat(join(folder, name))
        found.push({ name, bytes: size, modified: mtime, isFile: entry.isFile() })
      }
      if (found.length > maxFiles) throw new Error(`more than ${maxFiles} files: this is no folder of a run`)
    }
  }
  await walk('')
  return found.sort((a, b) => (a.name < b.name ? -1 : 1))
}

/** What the system says, in words that help. */
export function why(error: unknown): string {
  const { code, message, path } = error as NodeJS.ErrnoException
  if (code === 'ENOSPC' || code === 'EDQUOT') return 'the disk is full: free some space'
  if (code === 'EROFS') return 'the disk is read-only'
  if (code === 'EACCES' || code === 'EPERM') return 'this user may not write there'
  if (code === 'ENOENT') return 'the folder is gone'
  if (code === 'EFBIG') return 'the file may not become larger'
  // Where it is concerns nobody who asks over a network.
  return code !== undefined && path !== undefined ? code : message
}
