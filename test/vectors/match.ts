/** Does an answer fit what was recorded? */
import { createHash } from 'node:crypto'
import { isExactList, isExactMap, parseExact, toPlain } from '../../adapters/common/exact-json.js'
import type { Exact } from '../../adapters/common/exact-json.js'
import type { Expected } from './vector.js'

/** What a case is played with. */
export interface Surroundings {
  /** Ports of the recording, as text, to those of now: `status` answers them as keys. */
  readonly ports: ReadonlyMap<string, string>
  /** Checks a value against a schema that the recording names; undefined where that file is not there. */
  readonly schema: (name: string) => ((value: unknown) => boolean) | undefined
}

export function matches(expected: Exclude<Expected, { kind: 'silence' }>, got: Buffer, { ports, schema }: Surroundings): boolean {
  switch (expected.kind) {
    case 'exact':
      return got.equals(expected.bytes)
    case 'sha256':
      return got.length === expected.length && createHash('sha256').update(got).digest('hex') === expected.digest
    case 'regex':
      // Anchored in front and with dots for newlines, as the recordings mean it.
      return new RegExp(`^(?:${expected.pattern})`, 's').test(got.toString('utf8'))
    case 'json-shape': {
      const [want, have] = [expected.sample, got.toString('utf8')].map((text) => parseExact(text, { words: true }))
      if (want?.ok !== true || have?.ok !== true || !sameShape(want.value, have.value, ports)) return false
      const check = expected.schema === undefined ? undefined : schema(expected.schema)
      return check === undefined || check(toPlain(have.value))
    }
  }
}

/** The same members and types; null goes with anything. */
function sameShape(want: Exact, have: Exact, ports: ReadonlyMap<string, string>): boolean {
  if (want === null || have === null) return true
  if (isExactList(want))
    return isExactList(have) && have.length === want.length && want.every((item, i) => sameShape(item, have[i] ?? null, ports))
  if (isExactMap(want))
    return (
      isExactMap(have) &&
      have.size === want.size &&
      [...want].every(([key, item]) => {
        const member = have.get(ports.get(key) ?? key)
        return member !== undefined && sameShape(item, member, ports)
      })
    )
  return shapeOf(want) === shapeOf(have)
}

function shapeOf(value: Exact): string {
  if (typeof value === 'bigint') return 'number'
  return isExactList(value) ? 'list' : typeof value
}

export function describe(expected: Expected): string {
  switch (expected.kind) {
    case 'silence':
      return 'silence'
    case 'exact':
      return show(expected.bytes)
    case 'sha256':
      return `${expected.length} bytes with the SHA-256 ${expected.digest}`
    case 'regex':
      return `something like ${expected.pattern}`
    case 'json-shape':
      return `the shape of ${show(Buffer.from(expected.sample))}`
  }
}

const shown = 400

/** Bytes as a JSON text, each byte a character; long ones are cut. */
export function show(data: Buffer): string {
  const text = JSON.stringify(data.toString('latin1', 0, shown))
  return data.length > shown ? `${text}… (${data.length} bytes)` : text
}
