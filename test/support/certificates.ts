/** Certificates as a laboratory makes them: an authority of its own, and what it has signed. */
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { generate } from 'selfsigned'
import { folder } from '../process/program.js'

export interface Pair {
  readonly cert: string
  readonly key: string
}

export interface Signed {
  readonly by?: Pair
  /** Common names; a certificate should have one. */
  readonly names?: readonly string[]
  /** Days from now. */
  readonly from?: number
  readonly until?: number
  readonly isAuthority?: boolean
}

const day = 86_400_000

/** Elliptic curves: RSA takes seconds to make. */
export async function certificate({ by, names = ['localhost'], from = -1, until = 365, isAuthority = false }: Signed = {}): Promise<Pair> {
  const now = Math.floor(Date.now() / 1000) * 1000
  const made = await generate(
    names.map((value) => ({ name: 'commonName', value })),
    {
      keyType: 'ec',
      algorithm: 'sha256',
      notBeforeDate: new Date(now + from * day),
      notAfterDate: new Date(now + until * day),
      ...(by === undefined ? {} : { ca: by }),
      extensions: isAuthority
        ? [{ name: 'basicConstraints', cA: true, critical: true }]
        : [
            { name: 'basicConstraints', cA: false, critical: true },
            {
              name: 'subjectAltName',
              altNames: [
                { type: 2, value: 'localhost' },
                { type: 7, ip: '127.0.0.1' }
              ]
            }
          ]
    }
  )
  return { cert: made.cert, key: made.private }
}

/** A folder with authority, server and client `alice`, as files that programs can be given. */
export class CertificateFolder {
  readonly path = folder()
  authority!: Pair
  alice!: Pair

  static async create(server: Signed = {}): Promise<CertificateFolder> {
    const made = new CertificateFolder()
    made.authority = await certificate({ names: ['Laboratory'], isAuthority: true, until: 3650 })
    made.write('ca.pem', made.authority.cert)
    await made.server(server)
    made.alice = await made.client('alice', { names: ['alice'] })
    return made
  }

  file(name: string): string {
    return join(this.path, name)
  }

  write(name: string, text: string, mode = 0o600): string {
    writeFileSync(this.file(name), text, { mode })
    return this.file(name)
  }

  read(name: string): string {
    return readFileSync(this.file(name), 'utf8')
  }

  /** A new certificate and key at the place of the old ones. */
  async server(signed: Signed = {}): Promise<Pair> {
    const pair = await certificate({ by: this.authority, ...signed })
    this.write('server.pem', pair.cert)
    this.write('server.key', pair.key)
    return pair
  }

  async client(file: string, signed: Signed): Promise<Pair> {
    const pair = await certificate({ by: this.authority, ...signed })
    this.write(`${file}.pem`, pair.cert)
    this.write(`${file}.key`, pair.key)
    return pair
  }

  /** The keys of a listener's `tls`, for YAML in one line. */
  keys(more = ''): string {
    return `cert: ${this.file('server.pem')}, key: ${this.file('server.key')}${more}`
  }

  /** With certificates of clients. */
  keysFor(clients: 'optional' | 'required'): string {
    return this.keys(`, ca: ${this.file('ca.pem')}, clients: ${clients}`)
  }
}
