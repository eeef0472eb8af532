/** The commands that ask a running gateway. What they need is loaded when one of them is given. */
import { Command, InvalidArgumentError, Option } from 'commander'
import type { ConfigPart } from './config-part.js'
import { configHelp, environmentHelp, findConfig } from './find-config.js'
import type { Checked } from '../config.js'
import type { Rest } from './rest.js'
import type { Surroundings } from './surroundings.js'
import type { WhereOptions } from './where.js'

const codes = `
Exit codes: 0 it is done, 1 it was refused or failed (or what was looked at is not well), 2 what was given cannot be used.`

/** Each command, as \`labgate\` offers it. */
export function remoteCommands(around: Surroundings): Command[] {
  return [status(around), doctor(around), watch(around), read(around), set(around), call(around), history(around), exports(around)]
}

function status(around: Surroundings): Command {
  return asking(around, 'status', 'how the gateway, its devices and its instances go', [
    ['labgate status', 'of the gateway of this computer'],
    ['labgate status --url https://lab.example:8443 --ca ca.pem --user anna', ''],
    ['labgate status --json || mail -s "lab" root', '1 when something fails or is offline']
  ])
    .option('--json', 'for machines')
    .action(async (options: WhereOptions & { json?: boolean }) => {
      await act(around, options, async (rest) => await (await import('./status.js')).status(around, rest, options))
    })
}

function doctor(around: Surroundings): Command {
  return asking(around, 'doctor', 'look for what keeps the gateway from its work, and say what to do; also without one that runs', [
    ['labgate doctor --config gateway.yaml', 'ports, disk, clock, permissions, certificates, peers'],
    ['sudo -u labgate labgate doctor -c /etc/labgate/gateway.yaml', 'as the user of the service']
  ])
    .option('--json', 'for machines')
    .option('--environment <file>', environmentHelp)
    .action(async (given: WhereOptions & { json?: boolean }) => {
      await guard(around, async () => {
        const options = await withConfig(given)
        const [{ doctor: run }, { placeOf }] = await Promise.all([import('./doctor.js'), import('./where.js')])
        // What is wrong with it is printed; all else is looked at.
        const { checked, unset } = await withUnset(around, options)
        // A file that is wrong elsewhere may still say where a gateway is.
        const part =
          checked ?? (options.config === undefined ? undefined : await httpOf(around, options.config, options).catch(() => undefined))
        const isUnknown = options.config !== undefined && options.url === undefined && (part?.config.http === undefined || part.config.http.port === 0) // prettier-ignore
        await run(around, checked, isUnknown ? undefined : await placeOf(around, options, part), { ...options, unset })
      })
    })
}

function watch(around: Surroundings): Command {
  return asking(around, 'watch', 'readings as they come, until Ctrl-C', [
    ['labgate watch', 'everything but the gateway itself (labgate watch gateway)'],
    ['labgate watch furnace "*/pressure*"', 'a device, and what is called pressure of all'],
    ['labgate watch furnace --json > furnace.ndjson', 'a line of JSON for each reading and state'],
    ['labgate watch --once', 'what there is now']
  ])
    .argument('[filters...]', 'DEVICE or DEVICE/CODENAME, with * for any letters')
    .option('--json', 'a line of JSON for each reading and each state of a device')
    .option('--lines', 'a line for each reading, also on a terminal')
    .option('--once', 'show what there is now, and end')
    .action(async (filters: string[], options: WhereOptions & { json?: boolean; lines?: boolean; once?: boolean }) => {
      await act(around, options, async (rest) => await (await import('./watch.js')).watch(around, rest, filters, options))
    })
}

function read(around: Surroundings): Command {
  return asking(around, 'read', 'the last reading of a codename; stale and bad values are refused', [
    ['labgate read furnace/temperature', 'the value; unit and age beside it (on standard error)'],
    ['T=$(labgate read furnace/temperature) || exit', 'in a script: ends when there is no good value']
  ])
    .argument('<codename>', 'DEVICE/CODENAME')
    .option('--json', 'all that is known of it')
    .option('--stale-ok', 'print it also when it is stale or bad')
    .action(async (codename: string, options: WhereOptions & { json?: boolean; staleOk?: boolean }) => {
      await act(around, options, async (rest) => await (await import('./read.js')).read(around, rest, codename, options))
    })
}

const within = (): Option => new Option('--within <seconds>', 'for the reply').argParser(positive).default(120)

function set(around: Surroundings): Command {
  return asking(around, 'set', 'set a codename, and wait for what the device says', [
    ['labgate set furnace/setpoint 300', ''],
    ['labgate set furnace/setpoint 300 --check', 'would it be accepted? Nothing is done'],
    ['labgate set scope/range \'{"low": 0, "high": 5}\'', 'JSON where the codename takes it'],
    ['labgate set camera/note "dark frame"', 'text where it takes text'],
    ['labgate set camera/note -- -x', 'text that begins with -, and is no number']
  ])
    .argument('<codename>', 'DEVICE/CODENAME')
    .argument('<value>', 'JSON, or text')
    .option('--check', 'only ask whether it would be accepted')
    .option('--json', 'the reply')
    .addOption(within())
    .action(async (codename: string, value: string, options: WhereOptions & { check?: boolean; json?: boolean; within: number }) => {
      await act(around, options, async (rest) => await (await import('./tell.js')).set(around, rest, codename, value, options))
    })
}

function call(around: Surroundings): Command {
  return asking(around, 'call', 'call a codename, and wait for what it returns', [
    ['labgate call furnace/cool rate=2', ''],
    ['labgate call furnace/cool \'{"rate": 2}\'', 'the same as JSON'],
    ['labgate call stage/home', 'without arguments']
  ])
    .argument('<codename>', 'DEVICE/CODENAME')
    .argument('[arguments...]', 'name=value …, or one object as JSON')
    .option('--check', 'only ask whether it would be accepted')
    .option('--json', 'the reply')
    .addOption(within())
    .action(async (codename: string, values: string[], options: WhereOptions & { check?: boolean; json?: boolean; within: number }) => {
      await act(around, options, async (rest) => await (await import('./tell.js')).call(around, rest, codename, values, options))
    })
}

function history(around: Surroundings): Command {
  return asking(around, 'history', 'what was read of a codename', [
    ['labgate history furnace/temperature', 'the last hour'],
    ['labgate history furnace/temperature --from -7d --every 3600', 'a row an hour: least, mean, greatest'],
    ['labgate history furnace/temperature --from 2026-11-21 --csv > t.csv', 'all of it; see also labgate export']
  ])
    .argument('<codename>', 'DEVICE/CODENAME')
    .option('--from <time>', '-90 (seconds ago), -1h, -7d, 2026-11-21, "2026-11-21 15:00", with a zone as RFC 3339, or Unix seconds', '-1h')
    .option('--to <time>', 'the same; left out: up to the newest')
    .addOption(new Option('--every <seconds>', 'an overview: about one row in so many seconds').argParser(positive))
    .addOption(new Option('--limit <rows>', 'of the table, the newest').argParser(whole(10_000)).default(100))
    .addOption(new Option('--csv', 'all of it as CSV').conflicts('json'))
    .option('--json', 'all of it as NDJSON; with --every as one object')
    .action(
      async (
        codename: string,
        options: WhereOptions & { from: string; to?: string; every?: number; limit: number; csv?: boolean; json?: boolean }
      ) => {
        await act(around, options, async (rest) => await (await import('./history.js')).history(around, rest, codename, options))
      }
    )
}

function exports(around: Surroundings): Command {
  return asking(around, 'export', 'write the history of several codenames to a file', [
    ['labgate export furnace/temperature furnace/setpoint --from -7d --out week.csv', ''],
    ['labgate export "furnace/*" --from 2026-11-01 --to 2026-12-01 --out november.ndjson', ''],
    ['labgate export --all --from -1d --out day.csv', '32 codenames at a time, each such part in order of time']
  ])
    .argument('[codenames...]', 'DEVICE/CODENAME, or DEVICE, with * for any letters')
    .option('--all', 'all codenames')
    .requiredOption('-o, --out <file>', '.csv or .ndjson; it is there when it is whole, until then it is FILE.part')
    .option('--from <time>', 'as of labgate history', '-1d')
    .option('--to <time>', 'the same; left out: now')
    .addOption(new Option('--format <format>', 'where the name of the file does not say it').choices(['csv', 'ndjson']))
    .option('--force', 'write over a file that is there')
    .addOption(new Option('--patience <seconds>', 'how long a gateway may be away').argParser(positive).default(60))
    .action(
      async (
        names: string[],
        options: WhereOptions & {
          out: string
          all?: boolean
          from: string
          to?: string
          format?: 'csv' | 'ndjson'
          force?: boolean
          patience: number
        }
      ) => {
        await act(around, options, async (rest) => await (await import('./export.js')).exportHistory(around, rest, names, options))
      }
    )
}

/** A command with the options that say where the gateway is and who asks. */
function asking(
  around: Surroundings,
  name: string,
  description: string,
  examples: readonly (readonly [command: string, meaning: string])[]
): Command {
  const width = Math.max(...examples.map(([command]) => command.length))
  const lines = examples.map(
    ([command, meaning]) => `  ${command.padEnd(meaning === '' ? 0 : width)}${meaning === '' ? '' : `  ${meaning}`}`
  )
  return new Command(name)
    .description(description)
    .option('--url <address>', 'of the gateway (default: http of the configuration, else http://127.0.0.1:8080)')
    .option('-c, --config <file>', configHelp)
    .option('--user <name>', 'who asks; the password is asked for, or taken from LABGATE_PASSWORD')
    .option('--password-stdin', 'take the password from the first line of standard input')
    .option('--ca <file>', 'PEM of the authority, or of the certificate, to believe with https')
    .showHelpAfterError(`(labgate ${name} --help shows what there is)`)
    .addHelpText('after', `\nExamples:\n${lines.join('\n')}\n${codes}`)
    .configureOutput({ writeOut: (text) => around.output.write(text), writeErr: (text) => around.questions.write(text) })
    .exitOverride()
}

/** The configuration of this place, where neither it nor an address was given. One that this user may not read is that of somebody else. */
async function withConfig<T extends WhereOptions>(given: T): Promise<T> {
  if (given.config !== undefined || given.url !== undefined) return given
  const found = await findConfig(undefined)
  if (!('file' in found)) return given
  const { access, constants } = await import('node:fs/promises')
  const mayRead = await access(found.file, constants.R_OK).then(
    () => true,
    () => false
  )
  return mayRead ? { ...given, config: found.file } : given
}

/** Variables that are not set here stand for something all the same: what does not depend on them is looked at. */
async function withUnset(
  around: Surroundings,
  { config, environment }: WhereOptions
): Promise<{ readonly checked: Checked | undefined; readonly unset: readonly string[] }> {
  if (config === undefined) return { checked: undefined, unset: [] }
  const [{ serviceEnvironment, unsetIn }, { readFile }] = await Promise.all([
    import('./service-environment.js'),
    import('node:fs/promises')
  ])
  const env = await serviceEnvironment(around.env, config, environment)
  const unset = unsetIn(await readFile(config, 'utf8').catch(() => ''), env)
  const checked = await around.load(config, { ...env, ...Object.fromEntries(unset.map((name) => [name, 'unset'])) })
  return { checked, unset }
}

async function act(around: Surroundings, given: WhereOptions, run: (rest: Rest) => Promise<void>): Promise<void> {
  await guard(around, async () => {
    const options = await withConfig(given)
    const [{ Rest: Made }, { placeOf, isOpen }] = await Promise.all([import('./rest.js'), import('./where.js')])
    const part = options.config === undefined ? undefined : await httpOf(around, options.config, given)
    const place = await placeOf(around, options, part)
    if (isOpen(place))
      around.questions.write(
        `the password goes over the network unencrypted (${place.url}); https, with http.tls at the gateway, would hide it\n`
      )
    await run(new Made(place))
  })
}

/** All else in the file is for the gateway: it may be about to be changed, or need secrets that only the service has. */
async function httpOf(around: Surroundings, file: string, { url, environment }: WhereOptions): Promise<ConfigPart<'http'> | undefined> {
  const [{ configPart }, { serviceEnvironment }] = await Promise.all([import('./config-part.js'), import('./service-environment.js')])
  const way = 'A gateway that runs can be asked all the same, with its address: --url http://127.0.0.1:8080'
  const part = configPart(file, 'http', await serviceEnvironment(around.env, file, environment), way)
  // With an address it is only for the certificate.
  return url === undefined ? await part : await part.catch(() => undefined)
}

/** What went wrong, said to the person. */
async function guard(around: Surroundings, run: () => Promise<void>): Promise<void> {
  try {
    await run()
    await (await import('./paper.js')).written(around.output)
  } catch (error) {
    const [{ Trouble }, { printableLines }] = await Promise.all([import('./trouble.js'), import('./printable.js')])
    if (!(error instanceof Trouble)) throw error
    around.end(error.code, printableLines(error.message))
  }
}

function positive(value: string): number {
  const number = Number(value)
  if (!(number > 0 && number <= 1e9)) throw new InvalidArgumentError('a number of seconds above 0 is needed')
  return number
}

function whole(most: number): (value: string) => number {
  return (value) => {
    const number = Number(value)
    if (!Number.isInteger(number) || number < 1 || number > most)
      throw new InvalidArgumentError(`a whole number from 1 to ${most} is needed`)
    return number
  }
}
