/** Values for people's eyes, and small: what is kept of thousands of commands must not hold on to their payloads. */
import { isExactList, isExactMap } from '../adapters/common/exact-json.js'
import type { Exact } from './adapter.js'

/** Characters of a value that are kept. */
const most = 200

export interface Brief {
  /** As JSON, but with NaN and infinities in words; cut at the end when it is not whole. */
  readonly text: string
  readonly whole: boolean
}

/** The beginning of a value as text. Looks no further than it shows, so that a large array costs what a small one does. */
export function brief(value: Exact, max = most): Brief {
  if (value === null || typeof value === 'number' || typeof value === 'bigint' || typeof value === 'boolean')
    return cutText(String(value), max)
  const out = new Out(max)
  out.value(value)
  return { text: out.text, whole: out.left >= 0 }
}

function cutText(text: string, max: number): Brief {
  return { text: cut(text, max), whole: text.length <= max }
}

/** The text, or its beginning and an ellipsis: a copy, for a part of a string keeps the whole of it in memory. */
export function cut(text: string, max: number): string {
  return text.length <= max ? text : `${copy(text.slice(0, max))}…`
}

/** A string that shares no memory with the one that it was taken from. */
export function copy(text: string): string {
  // Parts shorter than this are copied anyway.
  return text.length < 13 ? text : Buffer.from(text, 'utf16le').toString('utf16le')
}

class Out {
  text = ''
  left: number

  constructor(max: number) {
    this.left = max
  }

  value(value: Exact): void {
    if (this.left < 0) return
    if (typeof value === 'string')
      this.#add(JSON.stringify(value.length > this.left ? copy(value.slice(0, this.left)) : value), value.length > this.left)
    else if (isExactList(value)) this.#members('[', ']', value, (member) => this.value(member))
    else if (isExactMap(value))
      this.#members('{', '}', value, ([key, member]) => {
        this.value(key)
        this.#add(':')
        this.value(member)
      })
    else this.#add(String(value))
  }

  #members<T>(open: string, close: string, members: Iterable<T>, one: (member: T) => void): void {
    this.#add(open)
    let isFirst = true
    for (const member of members) {
      if (this.left < 0) return
      if (!isFirst) this.#add(',')
      isFirst = false
      one(member)
    }
    this.#add(close)
  }

  #add(text: string, isCut = false): void {
    if (this.left < 0) return
    const fits = text.length <= this.left && !isCut
    this.text += fits ? text : cut(text, Math.min(this.left, text.length - 1))
    this.left = fits ? this.left - text.length : -1
  }
}
