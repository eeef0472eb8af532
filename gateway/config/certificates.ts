/** Certificates, keys and authorities: can they be used, do they fit, how long do they last? */
import { CredentialsError, readAuthorities, readCredentials } from '../tls/credentials.js'
import type { TlsFiles } from '../tls/credentials.js'
import { formatTime } from '../time.js'
import type { Finding, Path } from './problem.js'

/** Of one listener, whose files are there. `now`: Unix seconds. */
export async function checkCertificates(path: Path, files: TlsFiles, now: number): Promise<Finding[]> {
  const warn = (key: string, rule: string, message: string): Finding => ({
    path: [...path, key],
    at: 'value',
    rule,
    message,
    warning: true
  })
  const findings: Finding[] = []
  if (files.ca !== undefined && files.clients === 'none')
    findings.push(warn('ca', 'unused', 'nobody is asked for a certificate: write clients: required, or optional, beside it'))
  try {
    const { certificate, isKeyOpen } = await readCredentials(files)
    const end = Date.parse(certificate.validTo) / 1000
    if (end <= now) findings.push(warn('cert', 'expired', `${files.cert} has expired at ${formatTime(end)}: renew it`))
    if (isKeyOpen)
      findings.push(
        warn('key', 'open-file', `every user of this computer may read ${files.key}; chmod 640 keeps it to its owner and group`)
      )
    return findings
  } catch (error) {
    if (!(error instanceof CredentialsError)) throw error
    return [...findings, { path: [...path, error.part], at: 'value', rule: 'file', message: error.message }]
  }
}

/** Whom a bridge believes. */
export async function checkAuthorities(path: Path, file: string, now: number): Promise<Finding[]> {
  try {
    const ends = (await readAuthorities(file)).map(({ validTo }) => Date.parse(validTo) / 1000)
    if (Math.max(...ends) > now) return []
    return [{ path, at: 'value', rule: 'expired', message: `all authorities in ${file} have expired: put in new ones`, warning: true }]
  } catch (error) {
    if (!(error instanceof CredentialsError)) throw error
    return [{ path, at: 'value', rule: 'file', message: error.message }]
  }
}
