/** Plays files of recorded cases and reports: failures as they come, a count at the end. */
import { readFileSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { Ajv } from 'ajv'
import { isExactMap, parseExact } from '../../adapters/common/exact-json.js'
import type { ExactMap } from '../../adapters/common/exact-json.js'
import { playTranscript } from './http/play.js'
import { playPickle } from './pickles.js'
import { playRig } from './rig/play.js'
import { isRigTable, playTable } from './rig/tables.js'
import { isRigTalk } from './rig/transcript.js'
import { run } from './run.js'
import type { Outcome } from './run.js'
import { servePush } from './served-push.js'
import { serve } from './served.js'
import { unreachable } from './unreachable.js'
import { readVector } from './vector.js'
import type { Vector } from './vector.js'
import { playWebSockets } from './ws/play.js'

export interface Selection {
  /** Undefined: all. */
  readonly tiers?: readonly string[] | undefined
  /** What an id begins with. */
  readonly id?: string | undefined
  /** Undefined: all. */
  readonly dialect?: string | undefined
}

export interface Count {
  readonly passed: number
  readonly failed: number
  readonly skipped: number
}

/** The file is not there, or of no format that is known. */
export class FileError extends Error {
  override readonly name = 'FileError'
}

/** Recordings besides those of PyExpLabSys that are played. */
const played: readonly Format[] = [
  { name: 'pickles', has: (line) => kindOf(line).startsWith('pickle.'), play: (line) => Promise.resolve(playPickle(line)) },
  {
    name: 'HTTP transcripts',
    has: (line) => kindOf(line).startsWith('http.'),
    play: async (line) => await playTranscript(line),
    atOnce: 8
  },
  { name: 'WebSocket transcripts', has: (line) => kindOf(line).startsWith('ws.'), play: async (line) => await playWebSockets(line) },
  { name: 'rig transcripts', has: isRigTalk, play: async (line) => await playRig(line), atOnce: 48 },
  { name: 'rig tables', has: isRigTable, play: async (line) => await playTable(line) }
]

interface Format {
  readonly name: string
  readonly has: (line: ExactMap) => boolean
  readonly play: (line: ExactMap) => Promise<Outcome>
  /** How many may be played at once, where most of the time is waited for. */
  readonly atOnce?: number
}

/** Kinds of sockets that a gateway of this release serves, in the one dialect that it speaks. */
const kinds = new Set(['date', 'data', 'push', 'live', 'liveproxy'])
const spoken = 'py3'

/** The talk of old servers, which our clients must understand, by kind of socket. */
const understood: ReadonlyMap<string, (vector: Vector) => Promise<Outcome>> = new Map([
  ['date', (vector) => serve(vector)],
  ['data', (vector) => serve(vector)],
  ['push', (vector) => servePush(vector)]
])

/** Kinds that nobody speaks any more, and why they are not played. */
const gone: ReadonlyMap<string, string> = new Map([
  [
    'live1',
    'version 1 of LiveSocket was polled by a proxy that is gone from the code since 2016 (section 7.5): nobody asks, nobody answers'
  ]
])

export class Player {
  readonly #write: (line: string) => void
  /** By reason, with what was skipped for it. */
  readonly #skipped = new Map<string, string[]>()
  readonly #bugs: string[] = []
  #passed = 0
  #failed = 0

  constructor(write: (line: string) => void) {
    this.#write = write
  }

  /** Rejects with a {@link FileError}. */
  async play(file: string, selection: Selection): Promise<Count> {
    const lines = readLines(file)
    const schema = schemasBeside(file)
    const ahead = new Ahead(lines, selection)
    for (const [i, line] of lines.entries()) {
      const vector = readOne(line, `${file}: line ${i + 1}`)
      const format = formatOf(line)
      if (vector !== undefined) {
        if (isSelected(vector, selection)) await this.#one(vector, schema)
      } else if (format !== undefined) {
        const named = nameOf(line, i + 1)
        if (isSelected(named, selection)) this.#judge(named, await ahead.outcome(i))
      } else throw new FileError(`${file}: line ${i + 1} is of no format that this player knows: ${formats()}`)
    }
    return this.#report()
  }

  async #one(vector: Vector, schema: ReturnType<typeof schemasBeside>): Promise<void> {
    const { id, kind, dialect } = vector
    const ended = gone.get(kind)
    if (ended !== undefined) return this.#skip(ended, id)
    const client = dialect === spoken ? undefined : understood.get(kind)
    if (dialect !== spoken && client === undefined)
      return this.#skip(`dialect ${dialect}, kind ${kind}: a client must bear it, no gateway speaks it`, id)
    if (!kinds.has(kind)) return this.#skip(`sockets of kind ${kind} are served in a later release`, kind)
    const reason = unreachable.get(id)
    if (reason !== undefined) return this.#skip(`${id}: ${reason}`, id)
    const outcome = await (client?.(vector) ?? run(vector, schema)).catch(broken)
    this.#judge(vector, outcome)
  }

  #judge({ id, tier }: Named, { problems, better, unreachable: kept }: Outcome): void {
    if (problems.length > 0) {
      this.#failed += 1
      this.#write(`FAIL ${tier} ${id}`)
      for (const problem of problems) this.#write(`  ${problem.replaceAll('\n', '\n  ')}`)
    } else if (kept !== undefined) this.#skip(`${id}: ${kept}`, id)
    else {
      this.#passed += 1
      if (tier === 'bug' || tier === 'avoid' || better.length > 0)
        this.#bugs.push(`${id}: ${better.length === 0 ? 'like the original' : `better\n  ${better.join('\n  ')}`}`)
    }
  }

  #skip(reason: string, what: string): void {
    const all = this.#skipped.get(reason) ?? []
    all.push(what)
    this.#skipped.set(reason, all)
  }

  #report(): Count {
    const skipped = [...this.#skipped.values()].reduce((sum, { length }) => sum + length, 0)
    if (skipped > 0) this.#write('skipped:')
    for (const [reason, { length }] of this.#skipped) this.#write(`  ${length} × ${reason}`)
    if (this.#bugs.length > 0) this.#write('tier bug, cases to avoid, and what else is better not imitated:')
    for (const bug of this.#bugs) this.#write(`  ${bug.replaceAll('\n', '\n  ')}`)
    this.#write(`${this.#passed} passed, ${this.#failed} failed, ${skipped} skipped`)
    return { passed: this.#passed, failed: this.#failed, skipped }
  }
}

/** Begins cases before their turn, where several may be played at once. */
class Ahead {
  readonly #lines: readonly ExactMap[]
  readonly #selection: Selection
  readonly #begun = new Map<number, Promise<Outcome>>()

  constructor(lines: readonly ExactMap[], selection: Selection) {
    this.#lines = lines
    this.#selection = selection
  }

  /** Of the line `i`, which is of a format that is played. */
  async outcome(i: number): Promise<Outcome> {
    const atOnce = this.#lines.slice(i, i + (formatOf(this.#lines[i])?.atOnce ?? 1))
    for (const [ahead, line] of atOnce.entries()) {
      const format = formatOf(line)
      const at = i + ahead
      const isNext = ahead === 0 || (format?.atOnce !== undefined && isSelected(nameOf(line, at + 1), this.#selection))
      if (format !== undefined && isNext && !this.#begun.has(at)) this.#begun.set(at, format.play(line).catch(broken))
    }
    const outcome = await (this.#begun.get(i) as Promise<Outcome>)
    this.#begun.delete(i)
    return outcome
  }
}

function formatOf(line: ExactMap | undefined): Format | undefined {
  return line === undefined ? undefined : played.find(({ has }) => has(line))
}

/** What cases are selected and reported by. */
type Named = Pick<Vector, 'id' | 'tier'> & Partial<Pick<Vector, 'dialect'>>

function nameOf(line: ExactMap, place: number): Named {
  const [id, table] = [line.get('id'), line.get('table')]
  // Levels stand where the cases of PyExpLabSys have tiers, and what a gateway owes.
  const tier = line.get('level') ?? line.get('gateway')
  const name = typeof id === 'string' ? id : typeof table === 'string' ? `${table} in line ${place}` : `line ${place}`
  return { id: name, tier: typeof tier === 'string' ? tier : '' }
}

function broken(error: unknown): Outcome {
  const problems = [`the player failed: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`]
  return { problems, better: [], unreachable: undefined }
}

function isSelected({ id, tier, dialect }: Named, selection: Selection): boolean {
  const { tiers, id: prefix = '' } = selection
  return (
    (dialect === undefined || dialect === (selection.dialect ?? dialect)) &&
    id.startsWith(prefix) &&
    (tiers === undefined || tiers.includes(tier))
  )
}

function readOne(line: ExactMap, place: string): Vector | undefined {
  try {
    return readVector(line)
  } catch (error) {
    throw new FileError(`${place}: ${(error as Error).message}`, { cause: error })
  }
}

function kindOf(line: ExactMap): string {
  const kind = line.get('kind')
  return typeof kind === 'string' ? kind : ''
}

function formats(): string {
  return `PyExpLabSys sockets (server, steps, tier, dialect), ${played.map(({ name }) => name).join(', ')}`
}

function readLines(file: string): ExactMap[] {
  let text: string
  try {
    text = readFileSync(file, 'utf8')
  } catch (error) {
    throw new FileError(`${file} cannot be read: ${(error as Error).message}`, { cause: error })
  }
  const lines = text.split('\n').flatMap((line, i): ExactMap[] => {
    if (line.trim() === '') return []
    const parsed = parseExact(line, { words: true })
    if (!parsed.ok) throw new FileError(`${file}: line ${i + 1} is no JSON: ${parsed.error} at ${parsed.at + 1}`)
    if (!isExactMap(parsed.value)) throw new FileError(`${file}: line ${i + 1} is no object; formats that this player knows: ${formats()}`)
    return [parsed.value]
  })
  if (lines.length === 0) throw new FileError(`${file} holds no cases`)
  return lines
}

/** Schemas by the names that the recordings use: files beside theirs, there with the recording's name in front. */
function schemasBeside(file: string): (name: string) => ((value: unknown) => boolean) | undefined {
  const compiled = new Map<string, ((value: unknown) => boolean) | undefined>()
  const read = (name: string): ((value: unknown) => boolean) | undefined => {
    for (const candidate of [`${basename(file, '.jsonl')}-${basename(name)}`, basename(name)]) {
      try {
        const schema = JSON.parse(readFileSync(join(dirname(file), candidate), 'utf8')) as object
        return new Ajv({ allowUnionTypes: true, strictRequired: false }).compile(schema)
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
      }
    }
    return undefined
  }
  return (name) => {
    if (!compiled.has(name)) compiled.set(name, read(name))
    return compiled.get(name)
  }
}
