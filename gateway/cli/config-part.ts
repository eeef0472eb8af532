/** One part of a configuration, for commands that need no more of it: what is wrong elsewhere in the file does not stop them. */
import { readFile } from 'node:fs/promises'
import type { Config } from '../config.js'
import { ConfigDocument } from '../config/document.js'
import { formatProblem, pathKey } from '../config/problem.js'
import type { Environment } from '../config/reader.js'
import { checkFile } from '../config/shape.js'
import { Trouble } from './trouble.js'

export interface ConfigPart<Part extends 'http' | 'access'> {
  readonly file: string
  readonly config: Pick<Config, Part>
}

/** Throws a {@link Trouble} where the file is no YAML, or the part is wrong; `way`: what else the person may do then. */
export async function configPart<Part extends 'http' | 'access'>(
  file: string,
  part: Part,
  env: Environment,
  way: string
): Promise<ConfigPart<Part>> {
  const text = await readFile(file, 'utf8').catch((error: Error) => {
    throw new Trouble(2, `${file}: ${(error as NodeJS.ErrnoException).code === 'ENOENT' ? 'there is no such file' : error.message}\n${way}`)
  })
  const document = new ConfigDocument(text, file, env)
  const spoiled = new Set(document.findings.map(({ path }) => pathKey(path)))
  const { data } = document
  const isMapping = typeof data === 'object' && data !== null && !Array.isArray(data)
  const findings = [...document.findings, ...(data === undefined ? [] : checkFile(document, spoiled))]
  const wrong = findings.filter(({ path, warning }) => warning !== true && (!isMapping || path[0] === part))
  if (wrong.length > 0 || !isMapping) {
    const told = wrong.map((finding) => formatProblem(document.locate(finding)))
    throw new Trouble(2, [...told, way].join('\n'))
  }
  return { file, config: data as Pick<Config, Part> }
}
