/** One thing that is wrong in a configuration file, or doubtful, as it is told to people. */
export interface ConfigProblem {
  readonly file: string
  /** Counted from 1; 0 when there is no text to point at. */
  readonly line: number
  readonly column: number
  /** E.g. `devices.moon-laser.codenames.power.maxAge` or `adapters[2](moon-pull).port`; empty for the whole file. */
  readonly path: string
  readonly message: string
  /** The rule in one word, e.g. `unknown-key`. */
  readonly rule: string
  /** A warning lets the gateway start. */
  readonly warning: boolean
}

/** Keys and indices from the root of the file. */
export type Path = readonly (string | number)[]

/** A problem before it is known where in the text it stands. */
export interface Finding {
  readonly path: Path
  /** Point at the key or at its value. */
  readonly at: 'key' | 'value'
  readonly rule: string
  readonly message: string
  readonly warning?: boolean
  /** Place in the text, where the path does not lead to it. */
  readonly offset?: number
}

/** `FILE:LINE:COLUMN PATH: MESSAGE [RULE]` */
export function formatProblem({ file, line, column, path, message, rule, warning }: ConfigProblem): string {
  const place = line === 0 ? `${file}:` : `${file}:${line}:${column}`
  return `${place} ${path === '' ? '' : `${path}: `}${warning ? 'warning: ' : ''}${message} [${rule}]`
}

/** The configuration cannot be used. Its message is all problems, one a line. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError'
  /** Sorted by line; warnings too. */
  readonly problems: readonly ConfigProblem[]

  constructor(problems: readonly ConfigProblem[]) {
    super(problems.map(formatProblem).join('\n'))
    this.problems = problems
  }
}

/** A path as one text, for sets and maps. */
export function pathKey(path: Path): string {
  return path.join('\0')
}
