import { lstat, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { readSmall } from './disk.js'
import { runIdPattern } from './names.js'
import { files, maxRecord, recordOf } from './types.js'
import type { Run, RunRecord } from './types.js'

/** Runs that are listed; the oldest of more are left out. */
const maxListed = 10_000

/** A run that has ended, as its folder tells. */
export interface Kept {
  readonly record: RunRecord
  /** It has a manifest. */
  readonly ready: boolean
}

/** The runs of a folder, also those of earlier versions and other gateways. What is no run is left alone. */
export class Archive {
  readonly #folder: string
  readonly #known = new Map<string, Kept>()

  constructor(folder: string) {
    this.#folder = folder
  }

  /** Newest first, but for those that are `open`. Rejects when the folder cannot be read; none when there is no folder. */
  async list(open: ReadonlySet<string>): Promise<Kept[]> {
    const entries = await readdir(this.#folder, { withFileTypes: true }).catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return []
      throw error
    })
    const ids = entries
      .filter((entry) => entry.isDirectory() && runIdPattern.test(entry.name) && !open.has(entry.name))
      .map(({ name }) => name)
    const there = new Set(ids)
    for (const id of this.#known.keys()) if (!there.has(id)) this.#known.delete(id)
    const kept: Kept[] = []
    for (const id of ids.sort().reverse().slice(0, maxListed)) {
      const found = await this.find(id)
      if (found !== undefined) kept.push(found)
    }
    return kept
  }

  /** Undefined: there is no such run. */
  async find(id: string): Promise<Kept | undefined> {
    if (!runIdPattern.test(id)) return undefined
    const known = this.#known.get(id)
    // Somebody may have taken the manifest away, or all of it.
    if (known?.ready === true && (await isManifest(join(this.#folder, id)))) return known
    const found = await this.#read(id)
    if (found === undefined) this.#known.delete(id)
    else this.#known.set(id, found)
    return found
  }

  async #read(id: string): Promise<Kept | undefined> {
    const folder = join(this.#folder, id)
    if (!(await isFolder(folder))) return undefined
    const record = await readSmall(join(folder, files.record), maxRecord).then(recordOf, () => undefined)
    if (record === undefined || record.id !== id) return undefined
    return { record, ready: await isManifest(folder) }
  }
}

/** What people and programs are shown. Where the folder of the runs is stays with the gateway. */
export function shownRun(record: RunRecord, ready: boolean): Run {
  const { format: _format, gateway: _gateway, configuration: _configuration, clock: _clock, made: _made, ...shown } = record
  return { ...shown, folder: record.id, ready }
}

async function isManifest(folder: string): Promise<boolean> {
  return await lstat(join(folder, files.manifest)).then(
    (stat) => stat.isFile(),
    () => false
  )
}

async function isFolder(path: string): Promise<boolean> {
  return await lstat(path).then(
    (stat) => stat.isDirectory(),
    () => false
  )
}
