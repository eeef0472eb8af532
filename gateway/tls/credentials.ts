import { X509Certificate, constants, createPrivateKey, randomBytes } from 'node:crypto'
import type { KeyObject } from 'node:crypto'
import { readFile, stat } from 'node:fs/promises'
import { platform } from 'node:process'
import type { SecureContextOptions } from 'node:tls'
import type { Config } from '../config.js'

/** Which files a listener has, and what it asks of clients: `tls` of the configuration. */
export type TlsFiles = Pick<NonNullable<NonNullable<Config['http']>['tls']>, 'cert' | 'key' | 'ca' | 'clients'>

export type TlsPart = 'cert' | 'key' | 'ca'

/** Bytes of a file; authorities of a whole system are a few hundred KiB. */
const maxFile = 1_048_576

/** Why a file cannot be used, and what to do. */
export class CredentialsError extends Error {
  override readonly name = 'CredentialsError'
  /** The key of the configuration that names the file. */
  readonly part: TlsPart

  constructor(part: TlsPart, path: string, reason: string) {
    super(`${path}: ${reason}`)
    this.part = part
  }
}

/** A certificate with its private key, and whom to believe about clients. They fit. */
export interface Credentials {
  readonly cert: string
  readonly key: string
  readonly ca: string | undefined
  /** The one that clients are shown first. */
  readonly certificate: X509Certificate
  readonly authorities: readonly X509Certificate[]
  /** The private key can be read by every user of this computer. */
  readonly isKeyOpen: boolean
}

/** Reads the files. Rejects with a {@link CredentialsError}, also when they do not fit together or are half written. */
export async function readCredentials(files: TlsFiles): Promise<Credentials> {
  const { clients } = files
  const [certFile, keyFile] = [await read('cert', files.cert), await read('key', files.key)]
  const [certificate] = certificatesIn('cert', files.cert, certFile.text)
  const key = privateKey(files.key, keyFile.text)
  if (!certificate.checkPrivateKey(key))
    throw new CredentialsError('key', files.key, `this is not the private key of ${files.cert}: give the two that were made together`)
  let ca: string | undefined
  let authorities: readonly X509Certificate[] = []
  if (clients !== 'none') {
    // Without a list of its own OpenSSL would believe every authority of the Internet.
    if (files.ca === undefined) throw new CredentialsError('ca', 'ca', `clients: ${clients} needs the file of the authorities to believe`)
    ca = (await read('ca', files.ca)).text
    authorities = certificatesIn('ca', files.ca, ca)
  }
  const found = { cert: certFile.text, key: keyFile.text, ca, certificate, authorities, isKeyOpen: keyFile.isOpen }
  try {
    const { createSecureContext } = await import('node:tls')
    createSecureContext(contextOf(found))
  } catch (error) {
    const { reason, message } = error as Error & { reason?: string }
    throw new CredentialsError('cert', files.cert, `OpenSSL does not take it: ${reason ?? message}; make a new one`)
  }
  return found
}

/** The authorities that a file names. Rejects with a {@link CredentialsError}. */
export async function readAuthorities(path: string): Promise<readonly X509Certificate[]> {
  return certificatesIn('ca', path, (await read('ca', path)).text)
}

/**
 * For node:tls. Each has ticket keys of its own: nobody resumes a session that began with earlier files. Where clients show
 * certificates none is resumed at all, as neither certificate nor authority would be looked at again.
 */
export function contextOf({ cert, key, ca }: Pick<Credentials, 'cert' | 'key' | 'ca'>): SecureContextOptions & { ticketKeys: Buffer } {
  const { SSL_OP_NO_RENEGOTIATION, SSL_OP_NO_TICKET } = constants
  return {
    cert,
    key,
    ...(ca === undefined ? {} : { ca }),
    minVersion: 'TLSv1.2',
    secureOptions: SSL_OP_NO_RENEGOTIATION | (ca === undefined ? 0 : SSL_OP_NO_TICKET),
    ticketKeys: randomBytes(48)
  }
}

/** Changes when one of the files does, or when a link leads to another one. */
export async function signatureOf(files: TlsFiles): Promise<string> {
  const paths = [files.cert, files.key, ...(files.clients === 'none' || files.ca === undefined ? [] : [files.ca])]
  const parts = await Promise.all(
    paths.map(async (path) => {
      try {
        const { dev, ino, size, mtimeNs, ctimeNs } = await stat(path, { bigint: true })
        return `${dev} ${ino} ${size} ${mtimeNs} ${ctimeNs}`
      } catch (error) {
        return (error as NodeJS.ErrnoException).code ?? ''
      }
    })
  )
  return parts.join('\n')
}

async function read(part: TlsPart, path: string): Promise<{ text: string; isOpen: boolean }> {
  try {
    const found = await stat(path)
    // Also no pipe, for which a read would wait.
    if (!found.isFile()) throw new CredentialsError(part, path, 'this is no file')
    if (found.size > maxFile) throw new CredentialsError(part, path, `this is larger than ${maxFile} bytes, so it is something else`)
    return { text: await readFile(path, 'utf8'), isOpen: platform !== 'win32' && (found.mode & 0o004) !== 0 }
  } catch (error) {
    if (error instanceof CredentialsError) throw error
    const { code = '', message } = error as NodeJS.ErrnoException
    const reasons: Record<string, string> = {
      ENOENT: 'there is no such file: make it (README, section TLS), or mend the path',
      EACCES: 'the user of the gateway may not read it: give it to that user (chown), or to a group of his'
    }
    throw new CredentialsError(part, path, reasons[code] ?? message)
  }
}

function certificatesIn(part: TlsPart, path: string, text: string): [X509Certificate, ...X509Certificate[]] {
  const blocks = text.split(/(?=^-----BEGIN )/m).filter((block) => /^-----BEGIN (X509 |TRUSTED )?CERTIFICATE-----/.test(block))
  try {
    const [first, ...more] = blocks.map((block) => new X509Certificate(block))
    if (first !== undefined) return [first, ...more]
  } catch {
    throw new CredentialsError(part, path, 'a certificate in it is damaged, or only half of it was written: write the file again')
  }
  throw new CredentialsError(part, path, 'there is no certificate in it: it must be PEM, which begins with -----BEGIN CERTIFICATE-----')
}

function privateKey(path: string, text: string): KeyObject {
  try {
    return createPrivateKey(text)
  } catch {
    const why = /ENCRYPTED/.test(text)
      ? 'it has a passphrase, which nobody can type here: openssl pkey -in OLD -out NEW takes it away'
      : 'there is no private key in it, or only half of it was written: it must be PEM, which begins with -----BEGIN PRIVATE KEY-----'
    throw new CredentialsError('key', path, why)
  }
}
