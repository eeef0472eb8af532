// Values as CPython 3.11 prints and reads them; legacy replies and error texts are made of these (pyexplabsys.md 3 and 5.3).
// An int is printed at any length, where Python itself stops at 4300 digits: parseExact and parseInt10 let no longer one in.

import { isExactList, isExactMap, type Exact } from './exact-json.js'

/** What a text stands for, or the message of the ValueError that Python raises at it. */
export type FromText<T> = { ok: true; value: T } | { ok: false; message: string }

/** repr(float): the shortest digits that read back the same, which JavaScript finds too but lays out by other rules. */
export function floatText(n: number): string {
  if (Number.isNaN(n)) return 'nan'
  if (!Number.isFinite(n)) return n > 0 ? 'inf' : '-inf'
  if (n === 0) return Object.is(n, -0) ? '-0.0' : '0.0'
  const size = Math.abs(n)
  if (size < 1e-4 || size >= 1e16) return n.toExponential().replace(/(?<=e[+-])\d$/, '0$&')
  return Number.isInteger(n) ? `${n}.0` : String(n)
}

/** repr(v), also the text of a value nested in another. May hold printable non-ASCII characters. */
export function repr(v: Exact): string {
  if (v === null) return 'None'
  if (typeof v === 'boolean') return v ? 'True' : 'False'
  if (typeof v === 'number') return floatText(v)
  if (typeof v === 'string') return stringRepr(v)
  if (isExactList(v)) return '[' + v.map(repr).join(', ') + ']'
  if (isExactMap(v)) return '{' + Array.from(v, ([key, item]) => `${stringRepr(key)}: ${repr(item)}`).join(', ') + '}'
  return String(v)
}

/** str(v): a string stands bare, anything else as in repr. */
export function str(v: Exact): string {
  return typeof v === 'string' ? v : repr(v)
}

/** json.dumps(v) with its defaults: ', ' and ': ', ASCII only, and the words NaN, Infinity, -Infinity that are not legal JSON. */
export function dumps(v: Exact): string {
  if (typeof v === 'number') return Number.isFinite(v) ? floatText(v) : String(v)
  if (typeof v === 'string') return stringDumps(v)
  if (isExactList(v)) return '[' + v.map(dumps).join(', ') + ']'
  if (isExactMap(v)) return '{' + Array.from(v, ([key, item]) => `${stringDumps(key)}: ${dumps(item)}`).join(', ') + '}'
  return String(v)
}

/** text.encode('ascii', 'backslashreplace'): what a reply says where Python, unable to encode it, would stay silent (5.4). */
export function toAscii(text: string): string {
  return text.replace(/[\u{80}-\u{10ffff}]/gu, escaped)
}

export function isAscii(text: string): boolean {
  return !/[\u0080-\uffff]/.test(text)
}

/** type(v).__name__ */
export function typeName(v: Exact): 'int' | 'float' | 'bool' | 'str' | 'NoneType' | 'list' | 'dict' {
  if (v === null) return 'NoneType'
  if (typeof v === 'bigint') return 'int'
  if (typeof v === 'number') return 'float'
  if (typeof v === 'boolean') return 'bool'
  if (typeof v === 'string') return 'str'
  return isExactList(v) ? 'list' : 'dict'
}

// int() and float() of an ASCII text pass over C's isspace only, not over \x1c to \x1f as str.strip() does
const space = '[ \\t-\\r]*'
const digits = '\\d+(?:_\\d+)*'
const intStart = new RegExp(`^${space}([+-]?)(${digits})(?![\\d_])`)
const onlySpace = new RegExp(`^${space}$`)
const wholeFloat = new RegExp(`^${space}([+-]?(?:${digits}(?:\\.(?:${digits})?)?|\\.${digits})(?:e[+-]?${digits})?)${space}$`, 'i')
const wholeFloatWord = new RegExp(`^${space}([+-]?)(nan|inf|infinity)${space}$`, 'i')
const maxIntDigits = 4300

/**
 * int(text) for an ASCII text, and the message of its ValueError. Blanks and digits of other scripts, which Python takes, are refused:
 * no legacy request can hold them, as anything beyond ASCII goes unanswered.
 */
export function parseInt10(text: string): FromText<bigint> {
  const [start, sign, token] = intStart.exec(text) ?? []
  if (start !== undefined && token !== undefined) {
    const plain = token.replaceAll('_', '')
    // Python counts before it looks at what follows the digits
    if (plain.length > maxIntDigits) return { ok: false, message: tooManyDigits(plain.length) }
    const value = BigInt(plain)
    if (onlySpace.test(text.slice(start.length))) return { ok: true, value: sign === '-' ? -value : value }
  }
  return { ok: false, message: `invalid literal for int() with base 10: ${repr(text).slice(0, 200)}` }
}

/** float(text) for an ASCII text, and the message of its ValueError. What is said at parseInt10 of other scripts holds here too. */
export function parseFloatText(text: string): FromText<number> {
  const token = wholeFloat.exec(text)?.[1]
  if (token !== undefined) return { ok: true, value: Number(token.replaceAll('_', '')) }
  const [, sign, word] = wholeFloatWord.exec(text) ?? []
  if (word === undefined) return { ok: false, message: `could not convert string to float: ${repr(text)}` }
  if (word.toLowerCase() === 'nan') return { ok: true, value: NaN }
  return { ok: true, value: sign === '-' ? -Infinity : Infinity }
}

function tooManyDigits(count: number): string {
  const limit = `Exceeds the limit (${maxIntDigits} digits) for integer string conversion`
  return `${limit}: value has ${count} digits; use sys.set_int_max_str_digits() to increase the limit`
}

const namedEscapes = new Map([
  ['\\', '\\\\'],
  ["'", "\\'"],
  ['\n', '\\n'],
  ['\r', '\\r'],
  ['\t', '\\t']
])

/** Double quotes only when that saves escaping. What is printable is the Unicode of Node, a little newer than that of Python 3.11. */
function stringRepr(text: string): string {
  const quote = text.includes("'") && !text.includes('"') ? '"' : "'"
  const inner = text.replace(/[\\'\p{C}\p{Z}]/gu, (character) => {
    if (character === ' ' || (character === "'" && quote === '"')) return character
    return namedEscapes.get(character) ?? escaped(character)
  })
  return quote + inner + quote
}

function stringDumps(text: string): string {
  return JSON.stringify(text).replace(/[\u007f-\uffff]/g, (unit) => '\\u' + hex(unit.charCodeAt(0), 4))
}

function escaped(character: string): string {
  const code = character.codePointAt(0)!
  if (code < 0x100) return '\\x' + hex(code, 2)
  return code < 0x10000 ? '\\u' + hex(code, 4) : '\\U' + hex(code, 8)
}

function hex(code: number, width: number): string {
  return code.toString(16).padStart(width, '0')
}
