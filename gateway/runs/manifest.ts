/** What a run consists of, to the byte: made last, and checked by whoever has the folder. */
import { createHash } from 'node:crypto'
import { constants, lstat, open } from 'node:fs/promises'
import { join } from 'node:path'
import { filesBelow, readSmall, writeWhole } from './disk.js'
import { files, recordOf } from './types.js'
import type { RunRecord, Sum } from './types.js'

const format = 'labgate-manifest-1'

/** Bytes of a manifest that are read. */
const maxManifest = 2 ** 26

interface Listed extends Sum {
  readonly name: string
}

interface Manifest {
  readonly format: typeof format
  readonly run: string
  /** RFC 3339. */
  readonly made: string
  readonly files: readonly Listed[]
  /** SHA-256 of all before, so that a manifest that was damaged shows. Whoever means to deceive can make it anew. */
  readonly seal: string
}

export interface Verified {
  readonly ok: boolean
  /** Files that were found as they should be. */
  readonly files: number
  readonly bytes: number
  readonly wrong?: { readonly name: string; readonly why: string }
}

/** There is nothing to compare with. */
export class Unverifiable extends Error {}

/** What was recorded is not what it was when the files were made. */
export class Altered extends Error {
  readonly code = 'ALTERED'
}

/** Reads every file of the folder but those whose sums are known, and writes the manifest. */
export async function writeManifest(
  folder: string,
  run: string,
  made: string,
  known: ReadonlyMap<string, Sum> = new Map()
): Promise<{ files: number; bytes: number }> {
  const listed: Listed[] = []
  for (const { name, isFile } of await filesBelow(folder)) {
    if (name === files.manifest || name.endsWith('.part') || !isFile) continue
    listed.push({ name, ...(known.get(name) ?? (await sumOf(join(folder, name)))) })
  }
  await writeWhole(folder, files.manifest, textOf({ format, run, made, files: listed }))
  return { files: listed.length, bytes: listed.reduce((sum, { bytes }) => sum + bytes, 0) }
}

/** Names the first file that differs. Rejects with {@link Unverifiable} when there is no manifest of ours. */
export async function verifyRun(folder: string): Promise<Verified> {
  const stat = await lstat(folder).catch(() => undefined)
  if (stat === undefined) throw new Unverifiable(`there is no folder ${folder}`)
  if (!stat.isDirectory()) throw new Unverifiable(`${folder} is no folder: give that of a run, unpacked if it came as zip`)
  const text = await readSmall(join(folder, files.manifest), maxManifest).catch(async (error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined
    throw new Unverifiable(`${files.manifest} cannot be read: ${error.message}`)
  })
  if (text === undefined) return await withoutManifest(folder)
  const manifest = parse(text)
  if (typeof manifest === 'string') return { ok: false, files: 0, bytes: 0, wrong: { name: files.manifest, why: manifest } }
  let [count, bytes] = [0, 0]
  for (const listed of manifest.files) {
    const wrong = await differs(folder, listed)
    if (wrong !== undefined) return { ok: false, files: count, bytes, wrong: { name: listed.name, why: wrong } }
    count += 1
    bytes += listed.bytes
  }
  const known = new Set([files.manifest, ...manifest.files.map(({ name }) => name)])
  const extra = (await filesBelow(folder)).find(({ name }) => !known.has(name))
  if (extra !== undefined) return { ok: false, files: count, bytes, wrong: { name: extra.name, why: whyExtra(extra.name) } }
  return { ok: true, files: count, bytes }
}

/** Name to SHA-256 as the manifest has it; empty when there is none that can be read. */
export async function manifestOf(folder: string): Promise<ReadonlyMap<string, string>> {
  const text = await readSmall(join(folder, files.manifest), maxManifest).catch(() => '')
  const manifest = parse(text)
  return new Map(typeof manifest === 'string' ? [] : manifest.files.map(({ name, sha256 }) => [name, sha256]))
}

/** What differs from the time when its files were made; undefined: nothing that was recorded. */
export async function alteredSince(folder: string, made: NonNullable<RunRecord['made']>): Promise<string | undefined> {
  for (const [name, sum] of [[files.readings, made.readings] as const, [files.commands, made.commands] as const]) {
    const wrong = await differs(folder, { name, ...sum }, files.record)
    if (wrong !== undefined) return `${name} has changed (${wrong})`
  }
  return undefined
}

/** Rejects with {@link Unverifiable}, unless the run says that it had one. */
async function withoutManifest(folder: string): Promise<Verified> {
  const record = await readSmall(join(folder, files.record), maxManifest).then(recordOf, () => undefined)
  if (record?.made === undefined) throw new Unverifiable(whyNone(folder, record))
  const altered = await alteredSince(folder, record.made)
  const why = `it was taken away, or its gateway crashed as it made it; ${altered ?? 'what was recorded is as it was'}`
  return { ok: false, files: 0, bytes: 0, wrong: { name: files.manifest, why } }
}

function whyExtra(name: string): string {
  return name.endsWith('.part')
    ? 'it is not in the manifest: a crash left it, or somebody added it'
    : 'it is not in the manifest: somebody added it'
}

function whyNone(folder: string, record: RunRecord | undefined): string {
  if (record === undefined) return `${folder} holds no ${files.manifest}: it is no run of labgate, or the manifest was taken away`
  const next =
    record.state === 'running' ? 'it is on, or its gateway crashed and completes it at its next start' : 'its files are being made'
  return `the run ${record.id} has no ${files.manifest} yet: ${next}`
}

/** A text says what is wrong with it. */
function parse(text: string): Manifest | string {
  let manifest: Manifest
  try {
    manifest = JSON.parse(text) as Manifest
  } catch {
    return 'it is damaged: it is no JSON'
  }
  const isOurs = typeof manifest === 'object' && manifest !== null && manifest.format === format && Array.isArray(manifest.files)
  if (!isOurs) return `it is damaged, or of another version: its format is not ${format}`
  if (typeof manifest.run !== 'string' || typeof manifest.made !== 'string' || !manifest.files.every(isListed))
    return 'it is damaged: it does not list files as it should'
  const { seal: _, ...unsealed } = manifest
  if (textOf(unsealed) !== text) return 'it is damaged: its own seal does not fit'
  const odd = manifest.files.find(({ name }) => name.split('/').some((part) => part === '' || part === '..'))
  return odd === undefined ? manifest : 'it names a file outside of the folder'
}

function isListed(listed: unknown): listed is Listed {
  if (typeof listed !== 'object' || listed === null) return false
  const { name, bytes, sha256 } = listed as Partial<Record<keyof Listed, unknown>>
  return typeof name === 'string' && typeof bytes === 'number' && typeof sha256 === 'string'
}

function textOf(unsealed: Omit<Manifest, 'seal'>): string {
  const { format: _, run, made, files: listed } = unsealed
  const plain = { format, run, made, files: listed.map(({ name, bytes, sha256 }) => ({ name, bytes, sha256 })) }
  const seal = createHash('sha256').update(JSON.stringify(plain)).digest('hex')
  return JSON.stringify({ ...plain, seal }, null, 1) + '\n'
}

async function differs(folder: string, { name, bytes, sha256 }: Listed, where: string = files.manifest): Promise<string | undefined> {
  const path = join(folder, name)
  const stat = await lstat(path).catch(() => undefined)
  if (stat === undefined) return 'it is missing'
  if (!stat.isFile()) return 'it is no file any more'
  if (stat.size !== bytes) return `it has ${stat.size} bytes, and ${bytes} in ${whereOf(where)}`
  try {
    return (await sumOf(path)).sha256 === sha256 ? undefined : `its content is another than in ${whereOf(where)}`
  } catch (error) {
    return `it cannot be read: ${(error as Error).message}`
  }
}

function whereOf(name: string): string {
  return name === files.manifest ? 'the manifest' : name
}

/** Rejects as the disk does. */
export async function sumOf(path: string): Promise<Sum> {
  const handle = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW)
  const hash = createHash('sha256')
  let bytes = 0
  for await (const chunk of handle.createReadStream({ highWaterMark: 2 ** 18 })) {
    hash.update(chunk as Buffer)
    bytes += (chunk as Buffer).length
  }
  return { bytes, sha256: hash.digest('hex') }
}
