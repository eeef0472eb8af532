/** How values and names are shown to people in messages: on one line, without control characters, not too long. */
import { nearest } from './nearest.js'
import type { Path } from './problem.js'
import { Secret, withoutSecrets } from './secrets.js'

const SHOWN = 60

/** A text in single quotes; without what looks like a secret. */
export function quote(given: string): string {
  const text = withoutSecrets(given)
  const escaped = JSON.stringify(text.length > SHOWN ? `${text.slice(0, SHOWN)}…` : text)
  return `'${escaped.slice(1, -1).replaceAll('\\"', '"')}'`
}

/** Stands for a text in which variables were filled in: messages must not tell secrets. */
export class Written {
  readonly text: string

  constructor(text: string) {
    this.text = text
  }
}

/** A value as it is named in a sentence. */
export function told(value: unknown): string {
  if (value instanceof Secret) return value.kind
  if (value instanceof Written) return `what ${quote(value.text)} stands for`
  return typeof value === 'string' ? quote(value) : typeof value === 'object' ? describeValue(value) : JSON.stringify(value)
}

/** The description of a schema as the end of a sentence. */
export function phrase(description: string): string {
  return description.replace(/^[A-Z](?=[a-z ])/, (letter) => letter.toLowerCase()).replace(/\.$/, '')
}

/** What stands there: `the text '9000'`, `a list`, `nothing`. */
export function describeValue(value: unknown): string {
  if (value === null || value === undefined) return 'nothing (write the value, or leave the key out)'
  if (value instanceof Secret) return value.kind
  if (value instanceof Written) return `the text that ${quote(value.text)} stands for`
  if (typeof value === 'string') {
    const hint = /^(yes|no|on|off)$/i.test(value) ? ' (YAML 1.2 writes true and false)' : ''
    return `the text ${quote(value)}${hint}`
  }
  if (Array.isArray(value)) return 'a list'
  if (typeof value === 'object') return 'a mapping'
  return typeof value === 'number' ? `the number ${value}` : JSON.stringify(value)
}

const TYPES: Record<string, string> = {
  object: 'a mapping',
  array: 'a list',
  string: 'a text',
  number: 'a number',
  integer: 'a whole number',
  boolean: 'true or false',
  null: 'nothing'
}

/** The `type` of a JSON Schema. */
export function describeType(type: string | readonly string[]): string {
  return (typeof type === 'string' ? [type] : type).map((one) => TYPES[one] ?? one).join(' or ')
}

/** A value of a schema, or a name: texts bare, as one writes them in YAML, but for those that would break the line. */
export function plain(value: unknown): string {
  if (typeof value !== 'string' || value === '') return JSON.stringify(value)
  return /^[\x20-\x7e\u00a0-\ud7ff\ue000-\ufffd]+$/.test(value) && value.length <= SHOWN ? value : quote(value)
}

/** `; nearest: X; allowed: X, Y`, or less where there is nothing to say. */
export function suggest(name: unknown, allowed: readonly unknown[]): string {
  const names = allowed.filter((one) => typeof one === 'string')
  const near = typeof name === 'string' ? nearest(name, names) : undefined
  const list = allowed.length === 0 ? '' : `; allowed: ${allowed.map(plain).join(', ')}`
  return `${near === undefined ? '' : `; nearest: ${plain(near)}`}${list}`
}

/** `adapters[2](moon-pull).port`. `data` is what the path leads through, to tell lists and to find the ids of instances. */
export function formatPath(path: Path, data: unknown): string {
  let text = ''
  let current = data
  for (const [depth, key] of path.entries()) {
    const name = String(key)
    const list = Array.isArray(current)
    if (list) text += `[${name}]`
    else if (/^[A-Za-z0-9_$-]+$/.test(name)) text += text === '' ? name : `.${name}`
    else text += `[${quote(name)}]`
    current =
      typeof current === 'object' && current !== null && Object.hasOwn(current, key) ? (current as Record<string, unknown>)[key] : undefined
    if (list && depth === 1 && path[0] === 'adapters') {
      const id = (current as { id?: unknown } | null | undefined)?.id
      if (typeof id === 'string' && id !== '') text += `(${id.length > SHOWN ? `${id.slice(0, SHOWN)}…` : id.replace(/[\p{C}]/gu, '?')})`
    }
  }
  return text
}
