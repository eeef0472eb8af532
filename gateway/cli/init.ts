/** `labgate init`: a configuration to begin with. */
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { hostname } from 'node:os'
import { join, resolve } from 'node:path'
import { argv } from 'node:process'
import { fileURLToPath } from 'node:url'
import { Command } from 'commander'
import { usualPlaces } from './find-config.js'
import { fillIn, nameOf } from './init-template.js'
import { fillInUnit, unseen } from './init-unit.js'
import type { Surroundings } from './surroundings.js'

interface Options {
  readonly systemd?: true
  readonly users?: true
}

/** Where the unit lets the service keep what must survive (StateDirectory). */
const stateFolder = '/var/lib/labgate'

const names = { config: 'gateway.yaml', schema: 'gateway.schema.json', unit: 'labgate.service' }

export function initCommand(around: Surroundings): Command {
  return new Command('init')
    .description('write a configuration to begin with: simulated instruments, and an example of everything else, in comments')
    .argument('[folder]', 'where; it is made if it is not there (default: here)')
    .option('--users', 'who comes must be a user, from the first start on')
    .option('--systemd', `also a unit for systemd (${names.unit}), and keep the data in ${stateFolder}`)
    .addHelpText('after', '\nWhat is there already stays as it is.')
    .action(async (folder: string | undefined, options: Options) => {
      try {
        around.end(0, await init(folder ?? '.', options))
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code === undefined) throw error
        around.end(1, `cannot write the configuration: ${(error as Error).message}`)
      }
    })
}

async function init(folder: string, { systemd = false, users = false }: { systemd?: boolean; users?: boolean }): Promise<string> {
  const place = (name: string): string => join(folder, name)
  const isHere = resolve(folder) === resolve('.')
  const data = systemd ? stateFolder : isHere ? './data' : join(resolve(folder), 'data')
  const paths = {
    node: argv[0] ?? 'node',
    main: fileURLToPath(new URL('../main.js', import.meta.url)),
    config: resolve(folder, names.config)
  }
  await mkdir(folder, { recursive: true })
  const told = [
    await write(place(names.config), fillIn(await packaged('config/init.yaml'), { ...named(), data, users, schema: `./${names.schema}` })),
    await write(place(names.schema), await packaged('schemas/gateway.schema.json')),
    ...(systemd ? [await write(place(names.unit), fillInUnit(await packaged('config/systemd/labgate.service'), paths))] : [])
  ]
  // What comes next follows the file that is there, which may be an older one.
  const lacksUsers = users && !/^\s*users\s*:/m.test(await readFile(place(names.config), 'utf8').catch(() => 'users:'))
  const config = isUsual(place(names.config)) ? undefined : shellWord(place(names.config))
  return [
    ...told,
    ...(systemd ? warnings(paths) : []),
    '',
    ...(lacksUsers
      ? [`warning: ${place(names.config)} names no file of users; write there: access: { users: ${data}/users.json }`, '']
      : []),
    systemd ? asService(shellWord(place(names.unit)), { config, users }) : byHand({ config, users })
  ].join('\n')
}

/** The name tells gateways apart elsewhere: upstream, at Home Assistant, in Node-RED. */
function named(): { readonly name?: string } {
  const name = nameOf(hostname())
  return name === undefined ? {} : { name }
}

/** Of the package, beside dist. */
async function packaged(path: string): Promise<string> {
  return await readFile(new URL(`../../../${path}`, import.meta.url), 'utf8')
}

/** Says what became of it. Whole or not at all, and never over what is there. */
async function write(file: string, text: string): Promise<string> {
  try {
    await writeFile(file, text, { flag: 'wx' })
    return `${file} is written`
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return `${file} is there already, and stays as it is`
    await rm(file, { force: true })
    throw error
  }
}

/** As it is typed in a command. */
function shellWord(text: string): string {
  return /^[\w./+-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`
}

/** Commands find it without being told. */
function isUsual(file: string): boolean {
  return usualPlaces.some((place) => resolve(place) === resolve(file))
}

interface Next {
  /** To be named in commands. Undefined: they find it. */
  readonly config: string | undefined
  readonly users: boolean
}

function byHand({ config, users }: Next): string {
  const option = config === undefined ? '' : ` --config ${config}`
  return `Next:
${users ? `  labgate users add NAME --role admin${option}   the first user, who may do everything; the password is asked for\n` : ''}  labgate check${config === undefined ? '' : ` ${config}`}   says what is wrong with it, after each change
  labgate start${option}   runs it, until Ctrl-C
Then the dashboard is at http://127.0.0.1:8080, and mosquitto_sub -t '#' -v shows everything.
Other computers come in with host: 0.0.0.0${users ? '' : ', and users (see access in the file)'}. At every boot: labgate init /etc/labgate --systemd`
}

function asService(unit: string, { config, users }: Next): string {
  const option = config === undefined ? '' : ` --config ${config}`
  return `Next, as root (sudo -s):
  useradd --system --home-dir ${stateFolder} --shell /usr/sbin/nologin labgate
  install -d -o labgate -g labgate -m 700 ${stateFolder}
${users ? `  sudo -u labgate labgate users add NAME --role admin${option}   # the first user, who may do everything\n` : ''}  install -m 644 ${unit} /etc/systemd/system/
  systemctl daemon-reload
  systemctl enable --now labgate
What it says: journalctl -u labgate -f. After a change of the configuration: sudo -u labgate labgate check${config === undefined ? '' : ` ${config}`} && systemctl reload labgate`
}

/** What would make the unit fail. */
function warnings(paths: Parameters<typeof unseen>[0]): string[] {
  return unseen(paths).map(
    (path) =>
      `warning: the service will not see ${path}, as the unit hides home and temporary folders from it: use /etc/labgate for the configuration, and Node.js and labgate as they are installed for all users`
  )
}
