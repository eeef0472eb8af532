/** What others must not read, and certificates. */
import { readFile, stat } from 'node:fs/promises'
import { platform } from 'node:process'
import { readUsers } from '../../access/users-file.js'
import { systemClock } from '../../clock.js'
import { CredentialsError, readCredentials } from '../../tls/credentials.js'
import type { TlsFiles } from '../../tls/credentials.js'
import { fail, ok, warn } from './check.js'
import type { Check, Patient } from './check.js'

/** Days before its end when a certificate should be renewed. */
const soon = 30
const day = 86_400

export async function fileChecks({ checked }: Patient): Promise<Check[]> {
  if (checked === undefined) return []
  const { config, file } = checked
  return (await Promise.all([users(config.access.users, file), secrets(file), tls('broker.tls', config.broker.tls), tls('http.tls', config.http?.tls)])).flat() // prettier-ignore
}

async function users(path: string | undefined, config: string): Promise<Check[]> {
  if (path === undefined) return []
  const name = 'users'
  const mode = await modeOf(path)
  if (mode === undefined)
    return [
      fail(
        name,
        `there is no file ${path}, or it cannot be looked at`,
        `labgate users add NAME --role admin --config ${config}; run this command as the user of the gateway`
      )
    ]
  try {
    const { users: all } = await readUsers(path)
    if (all.size === 0)
      return [warn(name, `${path} has no users: nobody can come in`, `labgate users add NAME --role admin --config ${config}`)]
    if ((mode & 0o022) !== 0) return [fail(name, `${path} can be changed by others (mode ${octal(mode)})`, `chmod 600 ${path}`)]
    if ((mode & 0o004) !== 0) return [warn(name, `${path} can be read by everybody (mode ${octal(mode)})`, `chmod 600 ${path}`)]
    return [ok(name, `${all.size} in ${path}, mode ${octal(mode)}`)]
  } catch (error) {
    return [fail(name, (error as Error).message, 'run this command as the user of the gateway; or mend the file')]
  }
}

/** A password that is written out; one of the environment is not. */
async function secrets(path: string): Promise<Check[]> {
  const mode = await modeOf(path)
  if (mode === undefined) return []
  const name = 'configuration file'
  if ((mode & 0o002) !== 0) return [fail(name, `${path} can be changed by everybody (mode ${octal(mode)})`, `chmod o-w ${path}`)]
  const text = await readFile(path, 'utf8').catch(() => '')
  if ((mode & 0o004) !== 0 && /^[^#\n]*\b(?:password|token|secret)\s*:\s*(?!["']?\$\{)["']?[^\s"'{]/im.test(text))
    return [
      warn(
        name,
        `${path} has a password in it, and can be read by everybody (mode ${octal(mode)})`,
        `write it as \${NAME} and give it in the environment, or chmod 640 ${path}`
      )
    ]
  return [ok(name, `mode ${octal(mode)}`)]
}

async function tls(name: string, files: TlsFiles | undefined): Promise<Check[]> {
  if (files === undefined) return []
  try {
    const { certificate, authorities, isKeyOpen } = await readCredentials(files)
    const checks = [expiry(`${name}.cert`, files.cert, certificate), ...authorities.map((one) => expiry(`${name}.ca`, files.ca ?? '', one))]
    if (isKeyOpen) checks.push(warn(`${name}.key`, `every user of this computer can read ${files.key}`, `chmod 640 ${files.key}`))
    return checks
  } catch (error) {
    if (!(error instanceof CredentialsError)) throw error
    return [fail(`${name}.${error.part}`, error.message, 'give files that fit together and that the user of the gateway may read')]
  }
}

function expiry(name: string, file: string, { validTo, validFrom }: { readonly validTo: string; readonly validFrom: string }): Check {
  const now = systemClock.now()
  const days = Math.floor((Date.parse(validTo) / 1000 - now) / day)
  if (Date.parse(validFrom) / 1000 > now)
    return fail(name, `${file} is valid only from ${validFrom} on`, 'set the clock, or take another certificate')
  if (days < 0) return fail(name, `${file} has expired (${validTo})`, 'renew it; a running gateway reads the new files by itself')
  if (days < soon) return warn(name, `${file} expires in ${days} days`, 'renew it; a running gateway reads the new files by itself')
  return ok(name, `${file} is good for ${days} days`)
}

async function modeOf(path: string): Promise<number | undefined> {
  if (platform === 'win32') return 0
  return await stat(path).then(({ mode }) => mode & 0o777, () => undefined) // prettier-ignore
}

function octal(mode: number): string {
  return mode.toString(8).padStart(3, '0')
}
