/** What a run consists of, to the byte: made last, and checked by whoever has the folder. */
import { createHash } from 'node:crypto'
import { constants, lstat, open } from 'node:fs/promises'
import { join } from 'node:path'
import { filesBelow, readSmall, writeWhole } from './disk.js'
import { files, recordOf } from './types.js'

const format = 'labgate-manifest-1'

/** Bytes of a manifest that are read. */
const maxManifest = 2 ** 26

interface Listed {
  readonly name: string
  readonly bytes: number
  readonly sha256: string
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

/** Reads every file of the folder, and writes the manifest. */
export async function writeManifest(folder: string, run: string, made: string): Promise<{ files: number; bytes: number }> {
  const listed: Listed[] = []
  for (const { name, isFile } of await filesBelow(folder)) {
    if (name === files.manifest || name.endsWith('.part') || !isFile) continue
    listed.push({ name, ...(await digest(join(folder, name))) })
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
    if (error.code === 'ENOENT') throw new Unverifiable(await whyNone(folder))
    throw new Unverifiable(`${files.manifest} cannot be read: ${error.message}`)
  })
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
  if (extra !== undefined)
    return { ok: false, files: count, bytes, wrong: { name: extra.name, why: 'it is not in the manifest: somebody added it' } }
  return { ok: true, files: count, bytes }
}

/** Name to SHA-256 as the manifest has it; empty when there is none that can be read. */
export async function manifestOf(folder: string): Promise<ReadonlyMap<string, string>> {
  const text = await readSmall(join(folder, files.manifest), maxManifest).catch(() => '')
  const manifest = parse(text)
  return new Map(typeof manifest === 'string' ? [] : manifest.files.map(({ name, sha256 }) => [name, sha256]))
}

async function whyNone(folder: string): Promise<string> {
  const record = await readSmall(join(folder, files.record), maxManifest).then(recordOf, () => undefined)
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
  const { seal: _, ...unsealed } = manifest
  if (textOf(unsealed) !== text) return 'it is damaged: its own seal does not fit'
  const odd = manifest.files.find(({ name }) => typeof name !== 'string' || name.split('/').some((part) => part === '' || part === '..'))
  return odd === undefined ? manifest : 'it names a file outside of the folder'
}

function textOf(unsealed: Omit<Manifest, 'seal'>): string {
  const { format: _, run, made, files: listed } = unsealed
  const plain = { format, run, made, files: listed.map(({ name, bytes, sha256 }) => ({ name, bytes, sha256 })) }
  const seal = createHash('sha256').update(JSON.stringify(plain)).digest('hex')
  return JSON.stringify({ ...plain, seal }, null, 1) + '\n'
}

async function differs(folder: string, { name, bytes, sha256 }: Listed): Promise<string | undefined> {
  const path = join(folder, name)
  const stat = await lstat(path).catch(() => undefined)
  if (stat === undefined) return 'it is missing'
  if (!stat.isFile()) return 'it is no file any more'
  if (stat.size !== bytes) return `it has ${stat.size} bytes, and ${bytes} in the manifest`
  try {
    return (await digest(path)).sha256 === sha256 ? undefined : 'its content is another than in the manifest'
  } catch (error) {
    return `it cannot be read: ${(error as Error).message}`
  }
}

async function digest(path: string): Promise<{ bytes: number; sha256: string }> {
  const handle = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW)
  const hash = createHash('sha256')
  let bytes = 0
  for await (const chunk of handle.createReadStream({ highWaterMark: 2 ** 18 })) {
    hash.update(chunk as Buffer)
    bytes += (chunk as Buffer).length
  }
  return { bytes, sha256: hash.digest('hex') }
}
