/** What must not be told of a configuration: its problems go into logs, to MQTT and to /health, where others read them. */
import type { Path } from './problem.js'

const word = 'pass(?:word|wd|phrase|code)|secret|token|credentials?|(?:private|api|access)[_-]?key'

/** A key whose value is one; `key` alone may be, too, if somebody writes the key itself where its file is wanted. */
const secretKey = new RegExp(`(?:${word}|^key)s?$`, 'i')

/** `password:abc`, where the blank was forgotten, and `mqtt://anna:abc@host`. */
const inText = new RegExp(`((?:${word})s?["']?\\s*[:=]\\s*)\\S[^]*$`, 'i')
const inAddress = /(:\/\/)[^/\s]*@/g

/** Whether the value at the path is a secret. */
export function isSecret(path: Path): boolean {
  return secretKey.test(String(path.findLast((step) => typeof step === 'string') ?? ''))
}

/** Without what looks like one. */
export function withoutSecrets(text: string): string {
  return text.replace(inText, '$1…').replace(inAddress, '$1…@')
}

/** Whether the line of the text in which the offset is says that it holds one. */
export function isSecretLine(text: string, offset: number): boolean {
  const end = text.indexOf('\n', offset)
  return inText.test(text.slice(text.lastIndexOf('\n', Math.max(0, offset - 1)) + 1, end === -1 ? undefined : end))
}

/** All of a text is one variable: that may be told. */
export function isVariable(text: string): boolean {
  return /^\$\{[A-Za-z_][A-Za-z0-9_]*\}$/.test(text)
}

/** Stands for a value that messages must not tell. */
export class Secret {
  /** What kind of value it is, as one says it. */
  readonly kind: string

  constructor(value: unknown) {
    const kinds: Readonly<Record<string, string>> = { number: 'a number (write it in quotes)', boolean: 'no text (write it in quotes)' }
    this.kind = kinds[typeof value] ?? 'another text, which is not shown'
  }
}
