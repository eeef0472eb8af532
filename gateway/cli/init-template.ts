/** The configuration to begin with, whose examples stand in comments: a line with `##` explains, one with a single `#` is an example. */

import { namePattern } from '../topic.js'

/** Lines of one example, counted from 0; `to` is the one after it. */
export interface Example {
  readonly from: number
  readonly to: number
}

/** Where editors find the schema. */
const schemaLine = /^# yaml-language-server: \$schema=.*$/

/** All of them, in order. */
export function examplesOf(text: string): readonly Example[] {
  const lines = text.split('\n')
  const isExample = (line: string | undefined): boolean => line !== undefined && /^ *#(?!#)/.test(line) && !schemaLine.test(line)
  return lines.flatMap((line, from): Example[] => {
    if (!isExample(line) || isExample(lines[from - 1])) return []
    const length = lines.slice(from).findIndex((later) => !isExample(later))
    return [{ from, to: length === -1 ? lines.length : from + length }]
  })
}

/** The text with these examples in force. */
export function uncomment(text: string, examples: readonly Example[]): string {
  const isMeant = (at: number): boolean => examples.some(({ from, to }) => at >= from && at < to)
  return text
    .split('\n')
    .map((line, at) => (isMeant(at) ? line.replace(/^( *)# ?/, '$1') : line))
    .join('\n')
}

export interface Wanted {
  /** Of the gateway. */
  readonly name?: string
  /** As it is to stand in `gateway.data`. */
  readonly data: string
  /** Where the schema is, seen from the file. */
  readonly schema: string
  /** true: whoever comes must be a user. */
  readonly users: boolean
}

/** Of a computer, made fit for a name of a gateway; undefined where nothing is left of it. */
export function nameOf(host: string): string | undefined {
  const name = (host.split('.')[0] ?? '').replace(/[^A-Za-z0-9_-]+/g, '-').replace(/^[^A-Za-z0-9]+|-+$/g, '').slice(0, 63) // prettier-ignore
  return name === '' || name === 'localhost' || !namePattern.test(name) ? undefined : name
}

/** The text of a new configuration. */
export function fillIn(template: string, { name, data, schema, users }: Wanted): string {
  const access = examplesOf(template).filter(({ from }) => template.split('\n')[from] === '# access:')
  return (users ? uncomment(template, access) : template)
    .replace(new RegExp(schemaLine, 'm'), () => `# yaml-language-server: $schema=${schema}`)
    .replace(/^( +name: ).*$/m, (all, key: string) => (name === undefined ? all : `${key}${yamlText(name)}`))
    .replace(/^( +data: ).*$/m, (_, key: string) => `${key}${yamlText(data)}`)
    .replace(/^(#? +users: ).*$/m, (_, key: string) => `${key}${yamlText(`${data.replace(/\/$/, '')}/users.json`)}`)
}

/** Plain where that is safe, else quoted. A configuration takes `${NAME}` for a variable, and `$${` for itself. */
function yamlText(path: string): string {
  const text = path.replaceAll('${', () => '$${')
  return /^[\w./+-]+$/.test(text) && /^[/.a-z]/i.test(text) && !/^(true|false|null)$/i.test(text) ? text : JSON.stringify(text)
}
