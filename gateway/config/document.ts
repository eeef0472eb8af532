/** YAML (JSON is YAML too) to plain data, with the place of everything in the text. */
import { Alias, LineCounter, Pair, Scalar, YAMLMap, YAMLSeq, parseDocument } from 'yaml'
import type { Document, Node, YAMLError } from 'yaml'
import { pathKey } from './problem.js'
import type { ConfigProblem, Finding, Path } from './problem.js'
import { formatPath, quote } from './words.js'

/** Environment variables. */
export type Environment = Readonly<Record<string, string | undefined>>

/** Levels of nesting; more is refused, so that nothing later can run out of stack. */
const MAX_DEPTH = 64
/** Values that aliases may stand for in all: a small text must not unfold into gigabytes. */
const MAX_UNFOLDED = 100_000

export class ConfigDocument {
  readonly file: string
  /** Strings with `${NAME}` filled in. Undefined when the text is no YAML. */
  readonly data: unknown
  readonly findings: readonly Finding[]
  /** What is written where variables were filled in, by {@link pathKey}: messages must not tell secrets. */
  readonly written: ReadonlyMap<string, string>
  readonly #lines = new LineCounter()
  readonly #root: Node | null
  readonly #targets: ReadonlyMap<Alias, Node>

  /** Pure and total: whatever is wrong with the text is among the findings. */
  constructor(text: string, file: string, env: Environment) {
    this.file = file
    const parsed = parse(text, this.#lines)
    this.#root = 'document' in parsed ? parsed.document.contents : null
    const reader = new Reader(env)
    this.data = 'document' in parsed ? reader.read(this.#root, [], 0) : undefined
    this.#targets = reader.targets
    this.written = reader.written
    this.findings = 'document' in parsed ? reader.findings : parsed.findings
  }

  /** Keys in the order of the text; an object would put whole numbers first. */
  keys(path: Path): string[] {
    const { node } = this.#find(path)
    return node instanceof YAMLMap ? [...new Set(node.items.map(({ key }) => keyText(key)))] : []
  }

  /** Line of the value, to refer to it from elsewhere. */
  line(path: Path): number {
    return this.#lines.linePos(this.#offset(path, 'value')).line
  }

  /** The finding at its place in the text. What is not written there is placed at the nearest thing around it. */
  locate({ path, at, rule, message, warning, offset }: Finding): ConfigProblem {
    const { line, col } = this.#lines.linePos(offset ?? this.#offset(path, at))
    const shown = formatPath(path, this.data)
    return { file: this.file, line: Math.max(1, line), column: Math.max(1, col), path: shown, message, rule, warning: warning ?? false }
  }

  #offset(path: Path, at: 'key' | 'value'): number {
    const { key, node, whole } = this.#find(path)
    const empty = node instanceof Scalar && node.source === '' && node.type === Scalar.PLAIN
    const chosen = (whole && at === 'value' && !empty ? node : undefined) ?? key ?? node
    return chosen?.range?.[0] ?? 0
  }

  /** The key and value that the path leads to; as far as it is written. */
  #find(path: Path): { key: Node | null; node: Node | null; whole: boolean } {
    let key: Node | null = null
    let node = this.#root
    for (const step of path) {
      while (node instanceof Alias) node = this.#targets.get(node) ?? null
      let next: Node | null | undefined
      if (node instanceof YAMLMap) {
        const pair: Pair | undefined = node.items.find((item) => keyText(item.key) === String(step))
        if (pair !== undefined) {
          key = pair.key as Node | null
          next = (pair.value as Node | null) ?? key
        }
      } else if (node instanceof YAMLSeq) {
        next = node.items[Number(step)] as Node | undefined
        if (next !== undefined) key = null
      }
      if (next === undefined || next === null) return { key, node, whole: false }
      node = next
    }
    return { key, node, whole: true }
  }
}

function parse(text: string, lineCounter: LineCounter): { document: Document } | { findings: Finding[] } {
  let document: Document
  try {
    // Its own search for equal keys takes quadratic time, so the reader does that.
    document = parseDocument(text, { lineCounter, prettyErrors: false, uniqueKeys: false, stringKeys: true, version: '1.2', merge: false })
  } catch (error) {
    return { findings: [finding('yaml', `this is no YAML: ${(error as Error).message}`, 0)] }
  }
  const errors: readonly YAMLError[] = [...document.errors, ...document.warnings]
  const { explicit, version } = document.directives?.yaml ?? {}
  if (explicit === true && version !== '1.2')
    return { findings: [finding('yaml-version', 'only YAML 1.2 is read here; remove the %YAML line', 0)] }
  return errors.length === 0
    ? { document }
    : { findings: errors.map((e) => finding(e.code.toLowerCase().replaceAll('_', '-'), e.message, e.pos[0])) }
}

function finding(rule: string, message: string, offset: number): Finding {
  return { path: [], at: 'value', rule, message: message.replace(/\s+/g, ' '), offset }
}

function keyText(key: unknown): string {
  return key instanceof Scalar ? String(key.value) : ''
}

/** One walk over the nodes: plain data, filled-in variables, unfolded aliases. */
class Reader {
  readonly findings: Finding[] = []
  readonly targets = new Map<Alias, Node>()
  readonly written = new Map<string, string>()
  readonly #env: Environment
  readonly #anchors = new Map<string, Node>()
  readonly #open = new Set<Node>()
  #unfolding = 0
  #unfolded = 0

  constructor(env: Environment) {
    this.#env = env
  }

  read(node: Node | null, path: Path, depth: number): unknown {
    if (node === null) return null
    if (this.#unfolding > 0) this.#unfolded += 1
    if (node instanceof Alias) return this.#alias(node, path, depth)
    if (depth > MAX_DEPTH) return this.#refuse('depth', `nested more than ${MAX_DEPTH} levels deep`, path, node)
    if (node.anchor !== undefined && this.#unfolding === 0) this.#anchors.set(node.anchor, node)
    if (node instanceof Scalar) return this.#scalar(node, path)
    this.#open.add(node)
    const data =
      node instanceof YAMLSeq ? node.items.map((item, i) => this.read(item as Node, [...path, i], depth + 1)) : this.#map(node, path, depth)
    this.#open.delete(node)
    return data
  }

  #map(node: Node, path: Path, depth: number): unknown {
    const data: Record<string, unknown> = {}
    const seen = new Map<string, Pair>()
    for (const pair of node instanceof YAMLMap ? (node.items as Pair<Node, Node | null>[]) : []) {
      const key = keyText(pair.key)
      const below = [...path, key]
      if (seen.has(key)) this.#refuse('duplicate-key', `${quote(key)} is present more than once`, below, pair.key)
      else if (key === '<<') this.#refuse('merge-key', 'YAML 1.2 knows no merge; use an alias as a value, or write it out', below, pair.key)
      // An own member also when the key is __proto__.
      else
        Object.defineProperty(data, key, {
          value: this.read(pair.value, below, depth + 1),
          enumerable: true,
          writable: true,
          configurable: true
        })
      seen.set(key, pair)
    }
    return data
  }

  #alias(node: Alias, path: Path, depth: number): unknown {
    const target = this.targets.get(node) ?? this.#anchors.get(node.source)
    if (target === undefined) return this.#refuse('bad-alias', `no anchor &${node.source} stands before this`, path, node)
    if (this.#open.has(target)) return this.#refuse('bad-alias', `*${node.source} holds itself`, path, node)
    if (this.#unfolded > MAX_UNFOLDED) return this.#refuse('alias-limit', `aliases stand for more than ${MAX_UNFOLDED} values`, path, node)
    this.targets.set(node, target)
    this.#unfolding += 1
    const data = this.read(target, path, depth)
    this.#unfolding -= 1
    return data
  }

  #scalar(node: Scalar, path: Path): unknown {
    const { value } = node
    if (typeof value === 'string') return this.#fillIn(value, node, path)
    if (typeof value === 'number' && !Number.isFinite(value))
      return this.#refuse('not-finite', 'only finite numbers are allowed', path, node)
    if (value === null || typeof value === 'number' || typeof value === 'boolean') return value
    return this.#refuse('type', 'this kind of YAML value is not used here', path, node)
  }

  /** `${NAME}` becomes the variable, `$${` becomes `${`. */
  #fillIn(text: string, node: Scalar, path: Path): unknown {
    if (!text.includes('${')) return text
    const wrong: string[] = []
    const filled = text.replace(/\$\$\{|\$\{([^}]*)\}?/g, (match, name: string | undefined) => {
      if (match === '$${') return '${'
      const value = name !== undefined && match.endsWith('}') && /^[A-Za-z_][A-Za-z0-9_]*$/.test(name) ? this.#env[name] : undefined
      if (value === undefined) wrong.push(match)
      return value ?? ''
    })
    if (filled !== text) this.written.set(pathKey(path), text)
    if (wrong.length === 0) return filled
    const told = wrong.map((match) =>
      /^\$\{[A-Za-z_][A-Za-z0-9_]*\}$/.test(match)
        ? `the environment variable ${match.slice(2, -1)} is not set`
        : `${quote(match)} is no variable; write \${NAME}, or $\${ for a plain \${`
    )
    return this.#refuse('environment', told.join('; '), path, node)
  }

  /** Undefined: later checks pass over the place. */
  #refuse(rule: string, message: string, path: Path, node: Node | null): undefined {
    const offset = node?.range?.[0]
    this.findings.push({ path, at: 'value', rule, message, ...(offset === undefined ? {} : { offset }) })
    return undefined
  }
}
