#!/usr/bin/env node
/** The process: arguments, signals, exit code. Nothing else touches `process`. */
import { Command, CommanderError, InvalidArgumentError, Option } from 'commander'
import { adapterTypes } from '../adapters/index.js'
import type { Logger } from './adapter.js'
import { describeCommand } from './cli/describe.js'
import { outputOf } from './cli/file-output.js'
import { configHelp, environmentHelp, findConfig } from './cli/find-config.js'
import { initCommand } from './cli/init.js'
import { watchOver, written } from './cli/paper.js'
import { remoteCommands } from './cli/remote.js'
import { serviceEnvironment } from './cli/service-environment.js'
import type { Surroundings } from './cli/surroundings.js'
import { Trouble } from './cli/trouble.js'
import { usersCommand } from './cli/users.js'
import { ConfigError, formatProblem, loadConfig } from './config.js'
import type { Checked } from './config.js'
import type { Environment } from './config/reader.js'
import { notBefore, systemClock } from './clock.js'
import { Gateway } from './gateway.js'
import { fitDescriptors } from './descriptors.js'
import { createLog } from './log.js'
import type { LogLevel } from './log.js'
import { thisMachine } from './machine.js'
import { isOfOneConnection } from './http/lost-account.js'
import { Validators } from './validators.js'
import type { Systemd } from './systemd.js'
import { released, version } from './version.js'

const program = new Command('labgate')
  .description('The MQTT gateway for the laboratory.')
  .version(version, '-V, --version', 'print the version')
  .helpOption('-h, --help', 'print this help')
  .helpCommand('help [command]', 'print the help of a command')
  .showHelpAfterError('(labgate --help shows what there is)')
  .addHelpText(
    'after',
    `
Examples:
  labgate init                           writes a configuration to begin with
  labgate check gateway.yaml             says what is wrong with the file, and opens nothing
  labgate start --config gateway.yaml    runs until it is told to stop (Ctrl-C, SIGTERM)
  labgate status                         how it goes, all of it
  labgate doctor --config gateway.yaml   what keeps it from its work, and what to do
  labgate watch furnace                  readings as they come
  labgate read furnace/temperature       one of them; set, call, history and export: see their --help
  labgate verify data/runs/2026-…_mouse  compares a run, or a copy of it, with its manifest
  labgate users add anna --role operator --config gateway.yaml
                                         lets somebody in, and asks for a password

Exit codes: 0 all is well, 1 it failed, or a run has changed, 2 the configuration or the file of users\nis wrong, or a run cannot be verified.`
  )

program
  .command('start')
  .description('run the gateway')
  .option('-c, --config <file>', configHelp, notEmpty)
  .addOption(new Option('--log-level <level>', 'least serious line to print').choices(['debug', 'info', 'warn', 'error']).default('info'))
  .addOption(
    new Option('--log-format <format>', 'text for people, json for machines (default: text on a terminal)').choices(['text', 'json'])
  )
  .action(async (options: { config?: string; logLevel: LogLevel; logFormat?: 'text' | 'json' }) => await start(options))

program
  .command('check')
  .description('check a configuration, all of it, and open nothing')
  .argument('[file]', configHelp, notEmpty)
  .option('--environment <file>', environmentHelp, notEmpty)
  .action(async (given: string | undefined, { environment }: { environment?: string }) => {
    const file = await found(given)
    const checked = file === undefined ? undefined : await load(file, { env: await serviceEnvironment(process.env, file, environment) })
    if (checked === undefined) return
    const devices = new Set([checked.site, ...checked.plans.values()].flatMap((part) => [...(part.devices?.keys() ?? [])]))
    surroundings.end(0, `${file} is good: ${devices.size} devices, ${checked.config.adapters.length} adapter instances`)
  })

program
  .command('verify')
  .description('compare the folder of a run with its manifest, and name the first file that differs')
  .argument('<run>', 'folder of a run, or of a copy', notEmpty)
  .action(async (run: string) => {
    const { verify } = await import('./cli/verify.js')
    const { code, text } = await verify(run)
    surroundings.end(code, text)
  })

const output = outputOf(process.stdout)
watchOver(output)

const surroundings: Surroundings = {
  input: process.stdin,
  output,
  questions: process.stderr,
  env: process.env,
  types: adapterTypes,
  version,
  interrupted() {
    const controller = new AbortController()
    for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => controller.abort())
    return controller.signal
  },
  load: async (file, env) => await load(file, { files: false, env: env ?? (await serviceEnvironment(process.env, file)) }),
  end(code, text) {
    if (text !== '' && code === 0) output.write(`${text}\n`)
    else if (text !== '') console.error(text)
    process.exitCode = code
  }
}
program.addCommand(initCommand(surroundings))
program.addCommand(usersCommand(surroundings))
program.addCommand(describeCommand(surroundings))
for (const command of remoteCommands(surroundings)) program.addCommand(command)

try {
  await program.parseAsync()
  if (process.exitCode === undefined || process.exitCode === 0) await written(output)
} catch (error) {
  if (error instanceof Trouble) surroundings.end(error.code, error.message)
  // The help was shown, or what is wrong with the arguments was said.
  else if (!(error instanceof CommanderError)) throw error
  else process.exitCode = error.exitCode === 0 ? 0 : 2
}

function notEmpty(value: string): string {
  if (value === '') throw new InvalidArgumentError('a file name is needed')
  return value
}

/** Undefined after it was told that there is none, and the exit code was set. */
async function found(given: string | undefined): Promise<string | undefined> {
  const place = await findConfig(given)
  if ('file' in place) return place.file
  console.error(place.missing)
  process.exitCode = 2
  return undefined
}

/** Undefined after the problems were printed and the exit code set. `files: false`: it is not to be started now, see loadConfig. */
async function load(
  file: string,
  { validators = new Validators(), files = true, env = process.env }: { validators?: Validators; files?: boolean; env?: Environment } = {}
): Promise<Checked | undefined> {
  try {
    const checked = await loadConfig({ file, types: adapterTypes, env, validators, files })
    if (files) for (const warning of checked.warnings) console.error(formatProblem(warning))
    return checked
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    console.error(error.message)
    if (env !== process.env && error.problems.some(({ rule, message }) => rule === 'environment' && message.endsWith('is not set')))
      console.error('a variable that only the service has: --environment FILE, or the file environment beside the configuration')
    process.exitCode = 2
    return undefined
  }
}

async function start({
  config: given,
  logLevel,
  logFormat
}: {
  config?: string
  logLevel: LogLevel
  logFormat?: 'text' | 'json'
}): Promise<void> {
  const file = await found(given)
  if (file === undefined) return
  const validators = new Validators()
  const checked = await load(file, { validators })
  if (checked === undefined) return
  const text = (logFormat ?? (process.stdout.isTTY ? 'text' : 'json')) === 'text'
  const stream = text
    ? (await import('pino-pretty')).PinoPretty({ sync: true, singleLine: true, ignore: 'pid,hostname', translateTime: 'SYS:HH:MM:ss.l' })
    : undefined
  const log = createLog({ level: logLevel, ...(stream === undefined ? {} : { stream }) })
  const few = fitDescriptors(checked.config.broker.limits)
  if (few !== undefined)
    log.warn(
      few,
      'there are too few file descriptors for broker.limits.maxConnections, which is lowered: raise the limit (ulimit -n, or LimitNOFILE of a service), or lower maxConnections'
    )
  const source = {
    file,
    load: async (_known: Validators, signal: AbortSignal): Promise<Checked> => {
      const { loadInThread } = await import('./reload/threaded-load.js')
      const next = await loadInThread({ file, env: { ...process.env } }, systemClock, signal)
      // As it was done at the start: what nobody has written is no change.
      fitDescriptors(next.config.broker.limits)
      return next
    }
  }
  const clock = notBefore(systemClock, released)
  const gateway = new Gateway({ checked, types: adapterTypes, log, version, validators, clock, source, machine: thisMachine })
  const systemd = await systemdOf(gateway, log)

  let stopping = false
  const stop = (signal: NodeJS.Signals): void => {
    if (stopping) return
    stopping = true
    const { stopWithin } = gateway
    log.info({ signal }, 'stopping')
    const timer = setTimeout(() => {
      log.error({}, `did not stop within ${stopWithin} s`)
      process.exit(1)
    }, stopWithin * 1000)
    Promise.all([systemd?.stopping(), gateway.stop(`stopped by ${signal}`)]).then(
      () => {
        clearTimeout(timer)
        log.info({}, 'stopped')
      },
      (error: unknown) => {
        log.error({ err: error }, 'the stop failed')
        process.exit(1)
      }
    )
  }
  // What came of it is logged where it is done.
  process.on('SIGHUP', () => void gateway.reload('signal').catch(() => {}))
  process.on('SIGINT', stop)
  process.on('SIGTERM', stop)
  // A fault of ours must be seen, and must not leave a gateway that looks alive.
  process.on('uncaughtException', (error) => {
    if (isOfOneConnection(error)) return log.error({ err: error }, 'the web server lost account of one connection; the gateway goes on')
    log.error({ err: error }, 'a fault of the gateway; it ends, and should be started again by the system')
    process.exit(1)
  })

  const where = checked.config.gateway.data
  if (where === undefined) log.info({}, 'everything is in memory: the last readings are gone after a restart')
  else
    log.info(
      { data: where, durability: checked.config.broker.durability },
      'the state of the broker is kept: readings come back as stale, sessions with their queues'
    )

  try {
    await gateway.start()
    if (stopping) return
    log.info({ version }, 'ready')
    systemd?.ready()
  } catch (error) {
    log.error({ reason: (error as Error).message }, 'cannot start')
    process.exitCode = 1
  }
}

/** Who started us, if he wants to hear how it goes. */
async function systemdOf({ operation }: Gateway, log: Logger): Promise<Systemd | undefined> {
  if (process.env['NOTIFY_SOCKET'] === undefined) return undefined
  const { Systemd, sayBySystemd, wishesOf } = await import('./systemd.js')
  const wishes = wishesOf(process.env, process.pid)
  if (wishes === undefined) return undefined
  const pulse = async (): Promise<void> => await operation.pulse()
  return new Systemd({ ...wishes, clock: systemClock, log, pulse, status: () => operation.told, say: sayBySystemd })
}
