/** TypeScript source as far as the architecture test needs it: what is code, what is text, what is imported. No type is understood. */
import { posix } from 'node:path'

/** A string, or a template with its holes as they are written: `${topic}/x`. */
export interface Literal {
  readonly text: string
  readonly line: number
  readonly template: boolean
}

export interface Source {
  /** Without comments and regular expressions; each literal is its number in quotes. Lines are those of the file. */
  readonly code: string
  readonly literals: readonly Literal[]
}

export interface Import {
  /** `undefined`: computed at run time. */
  readonly specifier: string | undefined
  readonly line: number
  /** Gone after compilation. */
  readonly typeOnly: boolean
  /** What stands between import and from. */
  readonly clause: string
}

/** A slash after one of these begins a regular expression; after anything else it divides. */
const beforeRegex = /(?:^|[(,=:[!&|?{};+\-*%<>~^]|\b(?:return|typeof|case|in|of|do|else|void|delete|await|yield))$/

/** JSX in a file that has none would be a comparison or a type in angle brackets: only .tsx is read so. */
export function readSource(text: string, { jsx = false } = {}): Source {
  const literals: Literal[] = []
  let at = text.startsWith('#!') ? Math.max(text.indexOf('\n'), 0) : 0

  const lineAt = (index: number): number => text.slice(0, index).split('\n').length
  const breaks = (from: number, to: number): string => '\n'.repeat(text.slice(from, to).split('\n').length - 1)
  const past = (mark: string, from: number): number => {
    const found = text.indexOf(mark, from)
    return found < 0 ? text.length : found + mark.length
  }

  const quoted = (quote: string): string => {
    const start = at
    for (at += 1; at < text.length && text[at] !== quote; at += 1) if (text[at] === '\\') at += 1
    at += 1
    literals.push({ text: text.slice(start + 1, at - 1), line: lineAt(start), template: false })
    return `'${literals.length - 1}'${breaks(start, at)}`
  }

  const template = (): string => {
    const start = at
    const index = literals.push({ text: '', line: lineAt(start), template: true }) - 1
    let holes = ''
    let lines = ''
    at += 1
    let piece = at
    while (at < text.length && text[at] !== '`') {
      if (text[at] === '\\') at += 2
      else if (text.startsWith('${', at)) {
        lines += breaks(piece, at)
        at += 2
        holes += `,(${code(true)})`
        piece = at
      } else at += 1
    }
    lines += breaks(piece, at)
    at += 1
    literals[index] = { text: text.slice(start + 1, at - 1), line: lineAt(start), template: true }
    return `('${index}'${holes})${lines}`
  }

  const regex = (): string => {
    let inClass = false
    for (at += 1; at < text.length && (inClass || text[at] !== '/'); at += 1) {
      if (text[at] === '\\') at += 1
      else if (text[at] === '[') inClass = true
      else if (text[at] === ']') inClass = false
    }
    at += 1
    return '0'
  }

  /** An element from its `<` on: only what stands in its braces is code. The text between tags is for people. */
  const element = (): string => {
    let holes = ''
    const hole = (): void => {
      at += 1
      holes += `,(${code(true)})`
    }
    const attributes = (): void => {
      while (at < text.length && text[at] !== '>') {
        const next = text[at] as string
        if (next === '{') hole()
        else if (next === "'" || next === '"') holes += `,${quoted(next)}`
        else {
          if (next === '\n') holes += next
          at += 1
        }
      }
      at += 1
    }
    attributes()
    let depth = text[at - 2] === '/' ? 0 : 1
    while (at < text.length && depth > 0) {
      const next = text[at] as string
      if (next === '{') hole()
      else if (next === '<') {
        const isEnd = text[at + 1] === '/'
        attributes()
        if (isEnd) depth -= 1
        else if (text[at - 2] !== '/') depth += 1
      } else {
        if (next === '\n') holes += next
        at += 1
      }
    }
    return `(0${holes})`
  }

  const code = (inHole: boolean): string => {
    let out = ''
    let depth = 0
    while (at < text.length) {
      const next = text[at] as string
      const start = at
      if (text.startsWith('//', at)) at = Math.max(past('\n', at) - 1, at + 2)
      else if (text.startsWith('/*', at)) {
        at = past('*/', at + 2)
        out += ' ' + breaks(start, at)
      } else if (next === "'" || next === '"') out += quoted(next)
      else if (next === '`') out += template()
      else if (jsx && next === '<' && /[A-Za-z>]/.test(text[at + 1] ?? '') && beforeRegex.test(out.trimEnd())) out += element()
      else if (next === '/' && beforeRegex.test(out.trimEnd())) out += regex()
      else {
        at += 1
        if (next === '{') depth += 1
        if (next === '}' && inHole && depth === 0) return out
        if (next === '}') depth -= 1
        out += next
      }
    }
    return out
  }

  return { code: breaks(0, at) + code(false), literals }
}

const clauseFrom = /\b(?:import|export)\s+(type\s+)?([\w$*{},\s]*?)\s*\bfrom\s*'(\d+)'/g
const sideEffect = /\bimport\s*'(\d+)'/g
const dynamic = /\bimport\s*\(\s*(?:'(\d+)'\s*[,)])?/g

export function readImports({ code, literals }: Source): Import[] {
  const at = (index: number): number => code.slice(0, index).split('\n').length
  const text = (index: string | undefined): string | undefined => (index === undefined ? undefined : literals[Number(index)]?.text)
  return [
    ...[...code.matchAll(clauseFrom)].map((match) => ({
      specifier: text(match[3]),
      line: at(match.index),
      typeOnly: match[1] !== undefined,
      clause: match[2] ?? ''
    })),
    ...[...code.matchAll(sideEffect)].map((match) => ({ specifier: text(match[1]), line: at(match.index), typeOnly: false, clause: '' })),
    ...[...code.matchAll(dynamic)].map((match) => ({ specifier: text(match[1]), line: at(match.index), typeOnly: false, clause: '' }))
  ]
}

/** The file of ours that a specifier means, or undefined for packages and for Node's own modules. */
export function resolveImport(file: string, specifier: string): string | undefined {
  if (!specifier.startsWith('.')) return undefined
  // What is a .tsx is taken for a .ts: no rule asks for the file of a page.
  return posix.join(posix.dirname(file), specifier).replace(/\.js$/, '.ts')
}

/** The package of a bare specifier: `ajv/dist/2020.js` is ajv, `@a/b/c` is @a/b. */
export function packageOf(specifier: string): string {
  const parts = specifier.split('/')
  return parts.slice(0, specifier.startsWith('@') ? 2 : 1).join('/')
}
