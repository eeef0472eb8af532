/** Is it what was recorded? */
import { exactEqual, parseExact } from '../../../adapters/common/exact-json.js'
import type { Step } from './transcript.js'

/** Undefined when it is; else what is wrong. */
export function misfit(step: Step, came: Buffer | undefined): string | undefined {
  const wanted = step.bytes ?? Buffer.alloc(0)
  if (came === undefined) return `nothing came, expected ${shown(wanted)}`
  if (wanted.equals(came)) return undefined
  if (step.match === 'json' && isSameJson(wanted, came)) return undefined
  return `${shown(came)}, expected ${shown(wanted)}`
}

/** 1 and 1.0 are two values, the order of members is nothing. */
export function isSameJson(one: Buffer, other: Buffer): boolean {
  const [a, b] = [one, other].map((bytes) => parseExact(bytes.toString(), { words: true, maxDepth: 10_000 }))
  return a?.ok === true && b?.ok === true && exactEqual(a.value, b.value)
}

export function shown(bytes: Buffer): string {
  return JSON.stringify(bytes.toString('latin1').slice(0, 200))
}
