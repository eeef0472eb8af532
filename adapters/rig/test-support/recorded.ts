/** Recorded rows and transcripts, for the tests of what is pure. */
import { readFileSync } from 'node:fs'
import { fromPlain, parseExact } from '../../common/exact-json.js'
import type { Exact } from '../../common/exact-json.js'

export interface Row {
  readonly table: string
  readonly input: Exact
  readonly options?: { readonly resolve_host?: boolean; readonly default_port?: number; readonly default_proc?: string }
  readonly result?: Exact
  readonly error?: string
  readonly message?: string
}

export interface Step {
  readonly from: 'client' | 'server'
  readonly bytes: Buffer | undefined
  readonly real: boolean
  readonly kind: string | undefined
}

export interface Transcript {
  readonly id: string
  readonly group: string
  readonly transport: 'udp' | 'tcp'
  readonly role: 'client' | 'server' | 'both'
  readonly steps: readonly Step[]
}

/** Inputs and results as written: 1.0 is a float, 1 an int. */
export function rows(table: string): Row[] {
  return lines('rig-tables').flatMap((line) => {
    const row = JSON.parse(line) as Row
    if (row.table !== table) return []
    const exact = parseExact(line)
    const members = exact.ok && exact.value instanceof Map ? exact.value : new Map<string, Exact>()
    return { ...row, input: members.get('input') ?? null, ...(members.has('result') && { result: members.get('result') ?? null }) }
  })
}

export function transcripts(): Transcript[] {
  return lines('rig').map((line) => {
    const { steps, ...rest } = JSON.parse(line) as Omit<Transcript, 'steps'> & { steps: readonly RecordedStep[] }
    return { ...rest, steps: steps.map(({ from, real, kind, ...said }) => ({ from, real, kind, bytes: bytesOf(said) })) }
  })
}

interface RecordedStep extends Omit<Step, 'bytes'> {
  readonly bytes_utf8?: string
  readonly bytes_b64?: string
}

function bytesOf({ bytes_utf8: text, bytes_b64: base64 }: Pick<RecordedStep, 'bytes_utf8' | 'bytes_b64'>): Buffer | undefined {
  if (base64 !== undefined) return Buffer.from(base64, 'base64')
  return text === undefined ? undefined : Buffer.from(text)
}

/** From a literal, with its whole numbers as ints. */
export function exact(value: unknown): Exact {
  return fromPlain(value, { integers: true })
}

function lines(name: string): string[] {
  return readFileSync(`test/vectors/${name}.jsonl`, 'utf8').trim().split('\n')
}
