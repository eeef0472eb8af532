/** Experiment references, `yyyy-mm-dd_n_subject` (section 5). */
import { isExactList, isExactMap } from '../common/exact-json.js'
import type { Exact, ExactMap } from '../common/exact-json.js'
import { parseInt10, str, typeName } from '../common/python-text.js'

/** What goes out for a reference that somebody gives, or the error of the original (table "ref-to-send"). */
export function refToSend(
  value: Exact
): { ok: true; value: Exact } | { ok: false; error: 'KeyError' | 'ValueError' | 'TypeError'; message: string } {
  if (isExactMap(value) && value.size > 0) return join(value)
  return { ok: true, value: value === '' || isExactMap(value) ? null : value }
}

const form = /^\p{Nd}{4}(?:-\p{Nd}{2}){2}_\p{Nd}{1,3}_[\p{L}\p{N}_]/u

/** Whether ONE, the library of the labs, takes it for a reference; it looks no further than the first letter of the subject (table "exp-ref-check-ONE"). */
export function isRef(value: Exact): boolean {
  if (typeof value === 'string') return form.test(value)
  return (
    isExactMap(value) &&
    members.every((name) => value.has(name)) &&
    form.test(members.map((name) => str(value.get(name) ?? null)).join('_'))
  )
}

/** `_1_` and `_001_` name the same session; what is no reference is the same only as the same text. */
export function isSameRef(a: string, b: string): boolean {
  if (a === b) return true
  const [first, second] = [parts(a), parts(b)]
  if (first === undefined || second === undefined) return false
  return first.date === second.date && first.sequence === second.sequence && first.subject === second.subject
}

const members = ['date', 'sequence', 'subject'] as const

/** Subjects may hold underscores (section 5). */
const whole = /^(\d{4}-\d{2}-\d{2})_(\d{1,9})_([\s\S]+)$/

function parts(ref: string): { date: string; sequence: number; subject: string } | undefined {
  const [, date, sequence, subject] = whole.exec(ref) ?? []
  if (date === undefined || sequence === undefined || subject === undefined) return undefined
  return { date, sequence: Number(sequence), subject }
}

function join(ref: ExactMap): ReturnType<typeof refToSend> {
  for (const name of members) if (!ref.has(name)) return { ok: false, error: 'KeyError', message: `'${name}'` }
  const sequence = toInt(ref.get('sequence') as Exact)
  if (!sequence.ok) return sequence
  return { ok: true, value: `${str(ref.get('date') as Exact)}_${sequence.value}_${str(ref.get('subject') as Exact)}` }
}

/** Characters of a number that Python reads, with room for blanks; of a longer text not even the error is written. */
const maxSequence = 10_000

/** int(value) of Python. */
function toInt(value: Exact): { ok: true; value: bigint } | { ok: false; error: 'ValueError' | 'TypeError'; message: string } {
  if (typeof value === 'bigint') return { ok: true, value }
  if (typeof value === 'boolean') return { ok: true, value: value ? 1n : 0n }
  if (typeof value === 'number') {
    if (Number.isFinite(value)) return { ok: true, value: BigInt(Math.trunc(value)) }
    return { ok: false, error: 'ValueError', message: `cannot convert float ${Number.isNaN(value) ? 'NaN' : 'infinity'} to integer` }
  }
  if (value === null || isExactList(value) || isExactMap(value)) {
    const message = `int() argument must be a string, a bytes-like object or a real number, not '${typeName(value)}'`
    return { ok: false, error: 'TypeError', message }
  }
  if (value.length > maxSequence) return { ok: false, error: 'ValueError', message: `no number has ${value.length} characters here` }
  const read = parseInt10(value)
  return read.ok ? read : { ok: false, error: 'ValueError', message: read.message }
}
