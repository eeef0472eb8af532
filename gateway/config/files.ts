/** What a configuration names must be there when it starts: looked at after everything else is right. */
import { access, constants, stat } from 'node:fs/promises'
import { UsersFileError, readUsers } from '../access/users-file.js'
import { roleNames } from '../access/roles.js'
import type { Config } from '../../schemas/types.js'
import { systemClock } from '../clock.js'
import type { TlsFiles } from '../tls/credentials.js'
import { checkAuthorities, checkCertificates } from './certificates.js'
import type { Finding, Path } from './problem.js'

export async function checkFiles({ access: { users, roles }, broker, http, upstream }: Config): Promise<Finding[]> {
  const listeners = [
    checkTls(['broker', 'tls'], broker.tls),
    checkTls(['http', 'tls'], http?.tls),
    ...upstream.map(({ tls }, index) => checkBridge(['upstream', index, 'tls'], tls))
  ]
  const findings = await Promise.all(listeners)
  return [...(users === undefined ? [] : await checkUsers(users, roleNames(roles))), ...findings.flat()]
}

async function checkTls(path: Path, files: TlsFiles | undefined): Promise<Finding[]> {
  if (files === undefined) return []
  const named = (['cert', 'key', 'ca'] as const).map((key) => [key, files[key]] as const)
  const missing = await Promise.all(named.map(async ([key, file]) => (file === undefined ? [] : await checkReadable([...path, key], file))))
  return missing.flat().length > 0 ? missing.flat() : await checkCertificates(path, files, systemClock.now())
}

async function checkBridge(path: Path, files: Config['upstream'][number]['tls']): Promise<Finding[]> {
  if (files === undefined) return []
  const { ca, cert, key } = files
  const named = (['cert', 'key', 'ca'] as const).map((part) => [part, files[part]] as const)
  const missing = await Promise.all(
    named.map(async ([part, file]) => (file === undefined ? [] : await checkReadable([...path, part], file)))
  )
  if (missing.flat().length > 0) return missing.flat()
  const own =
    cert === undefined || key === undefined ? [] : await checkCertificates(path, { cert, key, clients: 'none' }, systemClock.now())
  return [...own, ...(ca === undefined ? [] : await checkAuthorities([...path, 'ca'], ca, systemClock.now()))]
}

async function checkReadable(path: Path, file: string): Promise<Finding[]> {
  // The text of a key must not be told.
  if (/\n|-----BEGIN/.test(file))
    return [{ path, at: 'value', rule: 'file', message: 'the name of a file is wanted, and not what is in it' }]
  try {
    await access(file, constants.R_OK)
    if ((await stat(file)).isDirectory()) return [{ path, at: 'value', rule: 'file', message: `${file} is a folder; a file is wanted` }]
    return []
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    const reasons: Record<string, string> = { ENOENT: `there is no file ${file}`, EACCES: `${file} may not be read by this user` }
    return [{ path, at: 'value', rule: 'file', message: reasons[code ?? ''] ?? message }]
  }
}

async function checkUsers(file: string, roles: ReadonlySet<string>): Promise<Finding[]> {
  const place = { path: ['access', 'users'], at: 'value' as const }
  try {
    const { users, isOpen } = await readUsers(file)
    const lost = [...users].filter(([, { role }]) => !roles.has(role)).map(([name, { role }]) => `${name} (${role})`)
    const more = lost.length > 5 ? ' …' : ''
    return [
      ...(users.size === 0
        ? [warning('no-users', `${file} holds no user yet; add one with: labgate users add NAME --role admin --file ${file}`)]
        : []),
      ...(isOpen ? [warning('open-file', `other users of this computer may read or change ${file}; chmod 600 keeps it to its owner`)] : []),
      ...(lost.length > 0
        ? [warning('unknown-role', `users whose role is not known may do nothing: ${lost.slice(0, 5).join(', ')}${more}`)]
        : [])
    ]
  } catch (error) {
    if (!(error instanceof UsersFileError)) throw error
    return [{ ...place, rule: 'file', message: error.message }]
  }

  function warning(rule: string, message: string): Finding {
    return { ...place, rule, message, warning: true }
  }
}
