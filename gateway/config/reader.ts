/** The nodes of a YAML document to plain data, with variables filled in and aliases unfolded. */
import { Alias, Scalar, YAMLMap, YAMLSeq } from 'yaml'
import type { Node, Pair } from 'yaml'
import { pathKey } from './problem.js'
import type { Finding, Path } from './problem.js'
import { isSecret, isVariable } from './secrets.js'
import { quote } from './words.js'

/** Environment variables. */
export type Environment = Readonly<Record<string, string | undefined>>

/** Levels of nesting; more is refused, so that nothing later can run out of stack. */
const MAX_DEPTH = 64
/** Values that aliases may stand for in all: a small text must not unfold into gigabytes. */
const MAX_UNFOLDED = 100_000

/** Text of a key; all are strings. */
export function keyText(key: unknown): string {
  return key instanceof Scalar ? String(key.value) : ''
}

/** An own member also when the key is `__proto__`; all others the fast way. */
function define(data: Record<string, unknown>, key: string, value: unknown): void {
  if (key === '__proto__') Object.defineProperty(data, key, { value, enumerable: true, writable: true, configurable: true })
  else data[key] = value
}

/** One walk over the nodes of one document. */
export class Reader {
  readonly findings: Finding[] = []
  readonly targets = new Map<Alias, Node>()
  readonly written = new Map<string, string>()
  readonly #env: Environment
  readonly #anchors = new Map<string, Node>()
  readonly #open = new Set<Node>()
  #unfolding = 0
  #unfolded = 0
  #tooMuch = false

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
    const seen = new Set<string>()
    for (const pair of node instanceof YAMLMap ? (node.items as Pair<Node, Node | null>[]) : []) {
      const key = keyText(pair.key)
      const below = [...path, key]
      if (seen.has(key)) this.#refuse('duplicate-key', `${ofCodenames(path)}${quote(key)} is present more than once`, below, pair.key)
      else if (key === '<<') this.#refuse('merge-key', 'YAML 1.2 knows no merge; use an alias as a value, or write it out', below, pair.key)
      else define(data, key, this.read(pair.value, below, depth + 1))
      seen.add(key)
    }
    return data
  }

  #alias(node: Alias, path: Path, depth: number): unknown {
    const target = this.targets.get(node) ?? this.#anchors.get(node.source)
    if (target === undefined) return this.#refuse('bad-alias', isSecret(path) ? 'a text that begins with * stands in quotes' : `no anchor &${node.source} stands before this`, path, node) // prettier-ignore
    if (this.#open.has(target)) return this.#refuse('bad-alias', `*${node.source} holds itself`, path, node)
    if (this.#unfolded > MAX_UNFOLDED) return this.#limit(path, node)
    this.targets.set(node, target)
    this.#unfolding += 1
    const data = this.read(target, path, depth)
    this.#unfolding -= 1
    return data
  }

  /** Told once; what stands behind it is not there. */
  #limit(path: Path, node: Alias): undefined {
    if (!this.#tooMuch) this.#refuse('alias-limit', `aliases stand for more than ${MAX_UNFOLDED} values`, path, node)
    this.#tooMuch = true
    return undefined
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
      const value =
        name !== undefined && match.endsWith('}') && /^[A-Za-z_][A-Za-z0-9_]*$/.test(name) && Object.hasOwn(this.#env, name)
          ? this.#env[name]
          : undefined
      if (value === undefined) wrong.push(match)
      return value ?? ''
    })
    if (filled !== text) this.written.set(pathKey(path), text)
    if (wrong.length === 0) return filled
    if (isSecret(path) && !isVariable(text))
      return this.#refuse('environment', 'there is a ${ in it that names no variable that is set; write all of it as ${NAME}, or $${ for a plain ${', path, node) // prettier-ignore
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

/** Where the keys are codenames, the original's words say so (vector cn-duplicate). */
function ofCodenames(path: Path): string {
  return path.at(-1) === 'channels' || path.at(-1) === 'codenames' ? 'Codenames must be unique; ' : ''
}
