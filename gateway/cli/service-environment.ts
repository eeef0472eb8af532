/** Variables that the service has and a shell has not: those of the file `environment` beside the configuration, as the unit of systemd names it. */
import { readFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import type { Environment } from '../config/reader.js'
import { Trouble } from './trouble.js'

/** `env`, and where it says nothing, the file: `given`, else the one beside the configuration, if this user may read it. */
export async function serviceEnvironment(env: Environment, config: string, given?: string): Promise<Environment> {
  const file = given ?? join(dirname(config), 'environment')
  const text = await readFile(file, 'utf8').catch((error: Error) => {
    if (given !== undefined) throw new Trouble(2, `${file} cannot be read: ${error.message}`)
    return ''
  })
  return { ...parseEnvironment(text), ...env }
}

/** `NAME=value` in lines, as EnvironmentFile= of systemd has them: `#` and `;` begin remarks, quotes may stand around a value. */
export function parseEnvironment(text: string): Environment {
  const found = new Map<string, string>()
  for (const line of text.replaceAll('\\\n', ' ').split('\n')) {
    const [, name, value = ''] = /^\s*([A-Za-z_][A-Za-z0-9_]*)=(.*?)\s*$/.exec(line) ?? []
    if (name === undefined) continue
    const quoted = /^(["'])(.*)\1$/.exec(value)
    found.set(name, quoted?.[1] === '"' ? (quoted[2] ?? '').replace(/\\(["\\$`])/g, '$1') : (quoted?.[2] ?? value))
  }
  return Object.fromEntries(found)
}

/** Names of the variables that a text takes and nobody sets. */
export function unsetIn(text: string, env: Environment): readonly string[] {
  const lines = text.split('\n').filter((line) => !/^\s*#/.test(line))
  const names = Array.from(lines.join('\n').matchAll(/\$?\$\{([A-Za-z_][A-Za-z0-9_]*)\}/g), ([all, name = '']) => (all.startsWith('$$') ? '' : name)) // prettier-ignore
  return [...new Set(names)].filter((name) => name !== '' && !Object.hasOwn(env, name))
}
