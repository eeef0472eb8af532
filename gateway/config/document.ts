/** YAML (JSON is YAML too) to plain data, with the place of everything in the text. */
import { Alias, LineCounter, Scalar, YAMLMap, YAMLSeq, parseDocument } from 'yaml'
import type { Document, Node, Pair, YAMLError } from 'yaml'
import type { ConfigProblem, Finding, Path } from './problem.js'
import { Reader, keyText } from './reader.js'
import type { Environment } from './reader.js'
import { isSecretLine } from './secrets.js'
import { formatPath } from './words.js'

export class ConfigDocument {
  readonly file: string
  /** Strings with `${NAME}` filled in. Undefined when the text is no YAML. */
  readonly data: unknown
  readonly findings: readonly Finding[]
  /** What is written where variables were filled in, by pathKey: messages must not tell secrets. */
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
    const found = this.#find(path)
    let { node } = found
    if (!found.whole) return []
    while (node instanceof Alias) node = this.#targets.get(node) ?? null
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
  if (errors.length === 0) return { document }
  return {
    findings: errors.map(({ code, message, pos }) => {
      const isHidden = code !== 'MULTIPLE_DOCS' && isSecretLine(text, pos[0])
      const told = code === 'MULTIPLE_DOCS' ? 'a second document begins here; only one is read' : isHidden ? 'this is no YAML; write the value in single quotes' : message // prettier-ignore
      return finding(code.toLowerCase().replaceAll('_', '-'), told, pos[0])
    })
  }
}

function finding(rule: string, message: string, offset: number): Finding {
  return { path: [], at: 'value', rule, message: message.replace(/\s+/g, ' '), offset }
}
