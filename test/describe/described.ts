import { readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { adapterTypes } from '../../adapters/index.js'
import { checkConfig } from '../../gateway/config.js'
import { describedOf } from '../../gateway/describe/described.js'
import type { Described, Shown } from '../../gateway/describe/described.js'
import { project } from '../process/program.js'

/** What a configuration given as text describes. */
export function described(yaml: string, reach = 'lab-pi', shown?: Shown): Described {
  const checked = checkConfig(yaml, { file: 'test.yaml', types: adapterTypes, env: { UPSTREAM_PASSWORD: 'never told' } })
  return describedOf(checked, { version: '1.2.3', reach, ...(shown === undefined ? {} : { shown }) })
}

const examples = readdirSync(join(project, 'config/examples')).filter((file) => file.endsWith('.yaml'))

/** The files of config/ that somebody may start, by their paths. */
export const files: readonly string[] = [
  'config/gateway.yaml',
  'config/raspberry-pi.yaml',
  ...examples.map((file) => `config/examples/${file}`)
]

export function describedFile(file: string): Described {
  return described(readFileSync(join(project, file), 'utf8'))
}
