/** `labgate describe FORMAT`: what the gateway of a configuration is, in the words of another program. */
import { Command } from 'commander'
import type { Checked } from '../config.js'
import type { FormatName } from '../describe/index.js'
import { configHelp, loadFound } from './find-config.js'
import type { Surroundings } from './surroundings.js'

interface Options {
  readonly config?: string
  readonly output?: string
}

export function describeCommand(around: Surroundings): Command {
  return new Command('describe')
    .description('describe the gateway of a configuration for another program; without a format: list the formats')
    .argument('[format]', 'asyncapi, openapi, home-assistant, grafana, telegraf or node-red')
    .option('-c, --config <file>', configHelp)
    .option('-o, --output <file>', 'write to this file (default: print it)')
    .action(async (format: string | undefined, options: Options) => await run(around, format, options))
}

async function run(around: Surroundings, format: string | undefined, { config, output }: Options): Promise<void> {
  const { formatNames, formats, isFormat, openApiFormat } = await import('../describe/index.js')
  if (format === undefined) {
    const rows = formatNames.map((name) => `${name.padEnd(15)} ${(name === 'openapi' ? openApiFormat : formats[name]).title}`)
    return around.end(0, rows.join('\n'))
  }
  if (!isFormat(format)) return around.end(1, `there is no format ${JSON.stringify(format)}; there are ${formatNames.join(', ')}`)
  const checked = await loadFound(around, config)
  if (checked === undefined) return
  if (format === 'openapi' && checked.config.http === undefined)
    return around.end(1, `${checked.file} has no http, so there is no REST interface; write there, for example: http: { port: 8080 }`)
  const text = format === 'openapi' ? await openApi(around, checked) : await describe(around, checked, format)
  if (output === undefined) {
    const [{ Paper, written }, { Trouble }] = await Promise.all([import('./paper.js'), import('./trouble.js')])
    await new Paper(around.output, around.env).write(text)
    try {
      await written(around.output)
      return around.end(0, '')
    } catch (error) {
      if (!(error instanceof Trouble)) throw error
      return around.end(error.code, error.message)
    }
  }
  const { writeFile } = await import('node:fs/promises')
  try {
    await writeFile(output, text)
    around.end(0, `${output} is written`)
  } catch (error) {
    around.end(2, `${output} cannot be written: ${(error as Error).message}`)
  }
}

async function describe({ version }: Surroundings, checked: Checked, format: FormatName): Promise<string> {
  const [{ hostname }, { describedOf }, { describeAs }] = await Promise.all([
    import('node:os'),
    import('../describe/described.js'),
    import('../describe/index.js')
  ])
  return await describeAs(format, describedOf(checked, { version, reach: hostname() }), 2)
}

/** By a gateway that is never started: the routes themselves tell what they are. */
async function openApi({ types, version }: Surroundings, checked: Checked): Promise<string> {
  const [{ Gateway }, { createLog }] = await Promise.all([import('../gateway.js'), import('../log.js')])
  const gateway = new Gateway({ checked, types, log: createLog({ level: 'silent' }), version })
  return JSON.stringify(JSON.parse(await gateway.openApi()), undefined, 2) + '\n'
}
