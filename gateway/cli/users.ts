/** `labgate users add|remove|list|passwd|role`: the file of users. */
import { mkdir } from 'node:fs/promises'
import { dirname } from 'node:path'
import { Command } from 'commander'
import { hashPassword, passwordFault } from '../access/password.js'
import type { Hash } from '../access/password.js'
import { builtIn, roleNames } from '../access/roles.js'
import { UsersFileError, changeUsers, readUsers } from '../access/users-file.js'
import type { User, Users } from '../access/users-file.js'
import { systemClock } from '../clock.js'
import { namePattern } from '../topic.js'
import { configPart } from './config-part.js'
import { Prompt, firstLine } from './password-prompt.js'
import { configHelp, findConfig } from './find-config.js'
import { serviceEnvironment } from './service-environment.js'
import type { Surroundings } from './surroundings.js'
import { Trouble } from './trouble.js'

interface Where {
  readonly file?: string
  readonly config?: string
}

interface PasswordFrom {
  readonly passwordStdin?: true
}

/** Where the users are, and which roles there are: of the configuration, if one is given. */
interface Place {
  readonly file: string
  readonly roles: ReadonlySet<string>
  /** As a person would give the same again. */
  readonly given: string
  readonly isConfigured: boolean
}

/** Said to the person; nothing was changed. */
class Refused extends Error {}

/** Times that a file is tried while another one writes it, and seconds between. */
const patience = { tries: 60, every: 0.05 }

const soon = 'A running gateway sees it within 2 seconds'

export function usersCommand(around: Surroundings): Command {
  const users = new Command('users').description('the users of the gateway: who may use MQTT, the dashboard and REST, and as what')
  const sub = (text: string, description: string): Command =>
    users
      .command(text)
      .description(description)
      .option('-f, --file <file>', 'the file of users')
      .option('-c, --config <file>', `${configHelp}, whose access.users names the file`)
  const stdin = ['--password-stdin', 'take the password from the first line of standard input'] as const

  sub('add', 'add a user; the password is asked for')
    .argument('<name>', 'letters, digits, _ . and -')
    .requiredOption('-r, --role <role>', `${builtIn.join(', ')}, or one of the configuration`)
    .option('--certificate', 'without a password: comes in by a client certificate with this common name only')
    .option(...stdin)
    .action(async (name: string, options: Where & PasswordFrom & { role: string; certificate?: true }) => {
      await act(around, options, async (place) => await add(around, place, name, options))
    })

  sub('remove', 'remove a user')
    .argument('<name>')
    .action(async (name: string, options: Where) => {
      await act(around, options, async (place) => {
        await change(place, (all) => {
          known(all, name, place)
          all.delete(name)
        })
        return `${name} is removed from ${place.file}. A running gateway cuts the connections of ${name} within 3 seconds.`
      })
    })

  sub('list', 'list the users, their roles, and how each comes in').action(async (options: Where) => {
    await act(around, options, async ({ file, given }) => list((await readUsers(file)).users, given))
  })

  sub('passwd', 'give a user another password')
    .argument('<name>')
    .option(...stdin)
    .action(async (name: string, options: Where & PasswordFrom) => {
      await act(around, options, async (place) => {
        known((await readUsers(place.file)).users, name, place)
        const password = await newPassword(around, name, options)
        await change(place, (all) => all.set(name, { ...known(all, name, place), password }))
        return `${name} has another password in ${place.file}. ${soon}, and cuts connections made with the old one.`
      })
    })

  sub('role', 'give a user another role')
    .argument('<name>')
    .argument('<role>')
    .action(async (name: string, role: string, options: Where) => {
      await act(around, options, async (place) => {
        checkRole(role, place)
        await change(place, (all) => all.set(name, { ...known(all, name, place), role }))
        return `${name} is ${role} now in ${place.file}. ${soon}, and cuts the connections of ${name}, who may come in again.`
      })
    })

  return users
}

async function add(
  around: Surroundings,
  place: Place,
  name: string,
  options: PasswordFrom & { readonly role: string; readonly certificate?: true }
): Promise<string> {
  const { role, certificate } = options
  const { file } = place
  if (!namePattern.test(name))
    throw new Refused(
      `${JSON.stringify(name)} is no name for a user: take letters, digits, _ . and -, at most 63, the first a letter or digit`
    )
  checkRole(role, place)
  const free = (users: Users): void => {
    if (users.has(name))
      throw new Refused(`${name} is there already, as ${users.get(name)?.role}. Change it with: labgate users passwd|role|remove ${name}`)
  }
  // Before anybody types a password.
  await readUsers(file).then(({ users }) => free(users), ifThere(file))
  const password = certificate === true ? undefined : await newPassword(around, name, options)
  await mkdir(dirname(file), { recursive: true })
  await change(
    place,
    (all) => {
      free(all)
      all.set(name, { role, password })
    },
    true
  )
  const how = password === undefined ? ', with a client certificate whose common name is this' : ''
  const next = place.isConfigured
    ? `${soon}, unless its configuration got access.users only now: then start it again.`
    : `The configuration names the file: access: { users: ${file} }. ${soon}.`
  return `${name} is added to ${file} as ${role}${how}. ${next}`
}

/** A file that is not there yet is none that cannot be used. */
function ifThere(file: string): (error: unknown) => Promise<void> {
  return async (error) => {
    const { stat } = await import('node:fs/promises')
    if (await stat(file).catch(() => undefined)) throw error
  }
}

async function act(around: Surroundings, where: Where, run: (place: Place) => Promise<string>): Promise<void> {
  try {
    const place = await find(around, where)
    if (place !== undefined) around.end(0, await run(place))
  } catch (error) {
    if (error instanceof Trouble) around.end(error.code, error.message)
    else if (error instanceof Refused) around.end(1, error.message)
    else if (error instanceof UsersFileError) around.end(2, error.message)
    else if ((error as NodeJS.ErrnoException).code !== undefined) around.end(2, (error as Error).message)
    else throw error
  }
}

async function find(around: Surroundings, { file, config }: Where): Promise<Place | undefined> {
  if (config === undefined) {
    if (file !== undefined) return { file, roles: new Set(builtIn), given: `--file ${file}`, isConfigured: false }
    const found = await findConfig(undefined)
    if ('file' in found) return await find(around, { config: found.file })
    throw new Refused('say where the users are: --config gateway.yaml, or --file users.json')
  }
  const env = await serviceEnvironment(around.env, config)
  const { access } = (await configPart(config, 'access', env, 'Or name the file of users: --file users.json')).config
  const users = file ?? access.users
  if (users === undefined)
    throw new Refused(`${config} names no file of users; write there, for example: access: { users: ./data/users.json }`)
  const given = `--config ${config}${file === undefined ? '' : ` --file ${file}`}`
  return { file: users, roles: roleNames(access.roles), given, isConfigured: users === access.users }
}

function checkRole(role: string, { roles, given }: Place): void {
  if (roles.has(role)) return
  const own = given.startsWith('--file') ? '; give --config, if it is a role of the configuration' : ''
  throw new Refused(`there is no role ${JSON.stringify(role)}; there are ${[...roles].join(', ')}${own}`)
}

function known(users: Users, name: string, { file, given }: Place): User {
  const user = users.get(name)
  if (user === undefined) throw new Refused(`there is no user ${JSON.stringify(name)} in ${file}; see: labgate users list ${given}`)
  return user
}

async function change({ file }: Place, run: (users: Map<string, User>) => void, create = false): Promise<void> {
  const wait = async (): Promise<void> => await new Promise((resolve) => systemClock.after(patience.every, resolve))
  await changeUsers(file, { change: run, create, wait, tries: patience.tries })
}

async function newPassword({ input, questions }: Surroundings, name: string, { passwordStdin }: PasswordFrom): Promise<Hash> {
  const check = (password: string | undefined): string => {
    if (password === undefined) throw new Refused('no password was given; nothing was changed')
    const fault = passwordFault(password)
    if (fault !== undefined) throw new Refused(`${fault}; nothing was changed`)
    return password
  }
  if (passwordStdin === true) return await hashPassword(check(await firstLine(input)))
  if (input.isTTY !== true) throw new Refused('there is no terminal to ask for a password; give it on standard input with --password-stdin')
  const prompt = new Prompt(input, questions)
  try {
    const password = check(await prompt.ask(`Password of ${name}: `))
    if ((await prompt.ask('Once more: ')) !== password) throw new Refused('these are two passwords; nothing was changed')
    return await hashPassword(password)
  } finally {
    prompt.close()
  }
}

function list(users: Users, given: string): string {
  if (users.size === 0) return `no users; add one with: labgate users add NAME --role admin ${given}`
  const rows = [...users].sort(([a], [b]) => (a < b ? -1 : 1)).map(([name, { role, password }]) => [name, role, password === undefined ? 'certificate only' : 'password']) // prettier-ignore
  const width = (at: number): number => Math.max(...rows.map((row) => row[at]?.length ?? 0))
  return rows.map(([name = '', role = '', how = '']) => `${name.padEnd(width(0))}  ${role.padEnd(width(1))}  ${how}`).join('\n')
}
