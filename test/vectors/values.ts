/**
 * Values as the recordings write them: a bare number is a float, `{"$int": n}` an int, `{"$now": d}` so many seconds from now,
 * `{"$tuple": […]}`, and `{"$py": "…"}` a Python value without JSON form.
 */
import { isExactList, isExactMap } from '../../adapters/common/exact-json.js'
import type { Exact } from '../../adapters/common/exact-json.js'
import { dumps } from '../../adapters/common/python-text.js'
import { Unreachable } from './unreachable.js'

/** A Python value that the gateway has no form for, by the name of its type. */
export class Foreign extends Unreachable {
  readonly type: string

  constructor(type: string) {
    super(`the gateway has no value like a Python ${type}`)
    this.type = type
  }
}

/** Throws {@link Foreign}. A tuple becomes a list, and an int that is a key of a dict its digits, as in Python's json. */
export function decodeValue(written: Exact, now: number): Exact {
  if (typeof written === 'bigint') return Number(written)
  if (isExactList(written)) return written.map((item) => decodeValue(item, now))
  if (!isExactMap(written)) return written
  const [[key, value] = ['', null]] = written
  if (written.size === 1) {
    if (key === '$int' && typeof value === 'bigint') return value
    if (key === '$now') return now + Number(value)
    if (key === '$tuple') return decodeValue(value, now)
    if (key === '$py' && typeof value === 'string') return new Literal(value).read()
  }
  return new Map(Array.from(written, ([name, member]) => [name, decodeValue(member, now)]))
}

const float = /float\(\s*(['"])\s*([+-]?)(nan|inf|infinity)\s*\1\s*\)/iy
const number = /[+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?(?![\w.])/iy
const text = /'((?:[^'\\]|\\.)*)'|"((?:[^"\\]|\\.)*)"/y
const word = /[A-Za-z_][\w.]*/y
const blank = /\s*/y

const words = new Map<string, Exact>([
  ['None', null],
  ['True', true],
  ['False', false]
])

/** The Python literals that occur; anything else is {@link Foreign}. */
class Literal {
  readonly #source: string
  #at = 0

  constructor(source: string) {
    this.#source = source
  }

  read(): Exact {
    const value = this.#value()
    if (this.#at < this.#source.length) throw new Foreign('expression')
    return value
  }

  #value(): Exact {
    this.#take(blank)
    const special = this.#take(float)
    if (special !== undefined) return special[3]?.toLowerCase() === 'nan' ? NaN : special[2] === '-' ? -Infinity : Infinity
    const digits = this.#take(number)?.[0]
    if (digits !== undefined) return /^[+-]?\d+$/.test(digits) ? BigInt(digits) : Number(digits)
    const quoted = this.#take(text)
    if (quoted !== undefined) return unescape(quoted[1] ?? quoted[2] ?? '')
    const open = this.#source[this.#at]
    if (open === '[') return this.#list(']')
    if (open === '(') return this.#list(')')
    if (open === '{') return this.#dict()
    const name = this.#take(word)?.[0] ?? 'value'
    const known = words.get(name)
    if (known === undefined) throw new Foreign(name === 'b' ? 'bytes' : (name.split('.').at(-1) ?? name))
    return known
  }

  #list(close: string): Exact[] {
    const items: Exact[] = []
    this.#at += 1
    while (!this.#ends(close)) items.push(this.#item(close))
    return items
  }

  #dict(): Exact {
    const members = new Map<string, Exact>()
    this.#at += 1
    while (!this.#ends('}')) {
      const key = this.#value()
      if (!this.#ends(':')) throw new Foreign('set')
      members.set(typeof key === 'string' ? key : dumps(key), this.#item('}'))
    }
    return members
  }

  /** A value, and the comma after it unless it was the last. */
  #item(close: string): Exact {
    const value = this.#value()
    if (!this.#ends(',') && this.#source[this.#at] !== close) throw new Foreign('expression')
    return value
  }

  #ends(mark: string): boolean {
    this.#take(blank)
    if (this.#at >= this.#source.length) throw new Foreign('expression')
    if (this.#source[this.#at] !== mark) return false
    this.#at += 1
    this.#take(blank)
    return true
  }

  #take(pattern: RegExp): RegExpExecArray | undefined {
    pattern.lastIndex = this.#at
    const found = pattern.exec(this.#source)
    if (found === null) return undefined
    this.#at = pattern.lastIndex
    return found
  }
}

function unescape(inner: string): string {
  const named: Record<string, string> = { n: '\n', r: '\r', t: '\t' }
  return inner.replace(/\\(?:x([\da-f]{2})|u([\da-f]{4})|(.))/gis, (_, x?: string, u?: string, one?: string) => {
    const code = x ?? u
    return code === undefined ? (named[one ?? ''] ?? one ?? '') : String.fromCharCode(Number.parseInt(code, 16))
  })
}
