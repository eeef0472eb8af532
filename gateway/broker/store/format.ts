import { GatewayError } from '../../errors.js'
import { version } from '../../version.js'
import type { Change, Disk } from './disk.js'

/** The way from one format of the rows to the next. */
export interface Step {
  readonly from: number
  /** What stands in the place of a row: changes of any rows, none; undefined: the row stays as it is. */
  readonly change: (key: string, value: Buffer) => readonly Change[] | undefined
}

export interface Format {
  readonly number: number
  /** From each older format to the next. */
  readonly steps: readonly Step[]
}

/**
 * What record.ts and the parts of the store read and write. Whoever changes that adds one to the number, writes the step from the one
 * before, and records a fixture of the new one: test/faults/fixtures/record.ts.
 */
export const format: Format = { number: 1, steps: [] }

/** The row that tells the format. It comes before all others. A store without it is of format 1: labgate told none at first. */
export const formatKey = '!format'

interface Told {
  readonly format: number
  /** Version of labgate that wrote last. */
  readonly labgate: string
}

/**
 * Rows of an older format become those of this one: each step is one batch with the number in it, synced, so that a crash leaves the one
 * or the other. What is newer is refused, and nothing is changed. Resolves with the row that is to be written, undefined: it is there.
 */
export async function bringUp(disk: Disk, { number, steps }: Format = format, where = 'gateway.data'): Promise<Buffer | undefined> {
  const first = await firstOf(disk)
  if (first === undefined) return rowOf(number)
  const told = first[0] === formatKey ? tell(first[1], where) : { format: 1, labgate: '' }
  checkFormat(told, number, where)
  for (let at = told.format; at < number; at++) {
    const step = steps.find(({ from }) => from === at)
    if (step === undefined) throw new Error(`there is no step from format ${at} of the store`)
    const changes: Change[] = []
    for await (const [key, value] of disk.read()) if (key !== formatKey) changes.push(...(step.change(key, value) ?? []))
    await disk.write([...changes, { key: formatKey, value: rowOf(at + 1) }], true)
  }
  return told.format === number && told.labgate !== version ? rowOf(number) : undefined
}

/** Throws what the operator has to do about a store of a format that is not known here. */
export function checkFormat({ format: found, labgate }: Told, known: number, where: string): void {
  if (found <= known) return
  throw new GatewayError(
    'Unreachable',
    `${where} was written by labgate ${labgate} in format ${found}, and labgate ${version} knows formats up to ${known}: ` +
      `install labgate ${labgate} or newer, or choose another folder; nothing was changed`
  )
}

/** What such a row holds. */
export function rowOf(number: number): Buffer {
  return Buffer.from(JSON.stringify({ format: number, labgate: version } satisfies Told))
}

/** The reverse. */
export function tell(row: Buffer, where: string): Told {
  try {
    const { format: found, labgate } = JSON.parse(row.toString()) as Partial<Told>
    if (typeof found === 'number' && Number.isInteger(found)) return { format: found, labgate: String(labgate) }
  } catch {
    // As if it had no number.
  }
  throw new GatewayError(
    'Unreachable',
    `${where} does not tell its format: it is damaged; put back a copy, or move it away and start again`
  )
}

async function firstOf(disk: Disk): Promise<readonly [string, Buffer] | undefined> {
  for await (const row of disk.read()) return row
  return undefined
}
