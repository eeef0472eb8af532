import type { X509Certificate } from 'node:crypto'
import type { Clock, Logger, Watch } from '../adapter.js'
import { formatTime } from '../time.js'
import { readCredentials, signatureOf } from './credentials.js'
import type { Credentials, TlsFiles } from './credentials.js'

/** Seconds between two looks at the files. */
const period = 10

/** Seconds between two log lines about the same certificate that expires. */
const toldEvery = 86_400

const day = 86_400

/** Days before its end when a certificate becomes a worry: whoever renews it has had a fortnight by then (certbot: 30 days). */
const soon = 14

export interface CertificateState {
  /** Of the configuration, e.g. `broker.tls.cert`. */
  readonly file: string
  readonly subject: string
  readonly issuer: string
  /** Unix seconds. */
  readonly expires: number
  /** Whole days that are left; below zero: it has expired. */
  readonly days: number
}

export interface CertificateTrouble {
  readonly status: 'degraded' | 'failing'
  readonly reason: string
}

/** The files of one listener. */
interface Watched {
  readonly listener: string
  readonly files: TlsFiles
  credentials: Credentials
  signature: string
  /** Why the files as they are now cannot be used; those read before serve on. */
  broken: string | undefined
  renew: (credentials: Credentials) => void
}

/** The certificates of the gateway's listeners: read again when their files change, and watched as their end draws near. */
export class Certificates {
  readonly #clock: Clock
  readonly #log: Logger
  readonly #watched: Watched[] = []
  /** What was told of a certificate, and when (by the monotonic clock). */
  readonly #told = new Map<string, { reason: string; at: number }>()
  #changed: (trouble: string | undefined) => void = () => {}
  #timer: Watch | undefined
  #looking: Promise<void> | undefined
  #isStopped = false

  constructor({ clock, log }: { clock: Clock; log: Logger }) {
    this.#clock = clock
    this.#log = log
  }

  /** Reads the files of a listener, for the first time. Rejects when they cannot be used, and says why. */
  async read(listener: string, files: TlsFiles): Promise<Credentials> {
    const signature = await signatureOf(files)
    const credentials = await readCredentials(files)
    this.#watched.push({ listener, files, credentials, signature, broken: undefined, renew: () => {} })
    this.#warnOfKey(listener, files, credentials)
    return credentials
  }

  /** `renew` gets what is read later. */
  follow(listener: string, renew: (credentials: Credentials) => void): void {
    for (const watched of this.#watched) if (watched.listener === listener) watched.renew = renew
  }

  /** From now on files and dates are looked at. `changed` is told what is wrong with any of them, in one text, when that changes. */
  start(changed: (trouble: string | undefined) => void): void {
    if (this.#watched.length === 0 || this.#isStopped) return
    this.#changed = changed
    this.#tell()
    this.#wait()
  }

  async stop(): Promise<void> {
    this.#isStopped = true
    this.#timer?.cancel()
    await this.#looking
  }

  /** That of each listener; where clients show certificates also their authority, the one that lasts longest. */
  states(): CertificateState[] {
    return this.#watched.flatMap(({ listener, credentials: { certificate, authorities } }) => {
      const [lasting] = [...authorities].sort((a, b) => endOf(b) - endOf(a))
      const cert = this.#state(`${listener}.cert`, certificate)
      return lasting === undefined ? [cert] : [cert, this.#state(`${listener}.ca`, lasting)]
    })
  }

  /** What is wrong now. Paths of files are in it. */
  troubles(): CertificateTrouble[] {
    const broken = this.#watched.flatMap(({ listener, broken: reason }): CertificateTrouble[] =>
      reason === undefined ? [] : [{ status: 'degraded', reason: notTaken(listener, reason) }]
    )
    return [...this.#dated().map(({ status, reason }) => ({ status, reason })), ...broken]
  }

  #state(file: string, certificate: X509Certificate): CertificateState {
    const expires = endOf(certificate)
    const name = (text: string): string => text.split('\n').join(', ').slice(0, 200)
    const days = Math.floor((expires - this.#clock.now()) / day)
    return { file, subject: name(certificate.subject), issuer: name(certificate.issuer), expires, days }
  }

  /** Those whose dates are a worry. */
  #dated(): (CertificateTrouble & { readonly file: string })[] {
    const now = this.#clock.now()
    const young = this.#watched.flatMap(({ listener, credentials: { certificate } }) => {
      const file = `${listener}.cert`
      const reason = `the certificate of ${file} is not valid before ${formatTime(Date.parse(certificate.validFrom) / 1000)}: is the clock of this computer right?`
      return Date.parse(certificate.validFrom) / 1000 > now ? [{ file, status: 'degraded' as const, reason }] : []
    })
    const old = this.states().flatMap(({ file, expires, days }) => {
      if (days >= soon) return []
      const [is, status] = expires <= now ? (['expired', 'failing'] as const) : (['expires', 'degraded'] as const)
      const reason = `the certificate of ${file} ${is} at ${formatTime(expires)}: renew it; the new file is read while the gateway runs`
      return [{ file, status, reason }]
    })
    return [...young, ...old]
  }

  #wait(): void {
    if (this.#isStopped) return
    this.#timer = this.#clock.after(period, () => {
      this.#looking = this.#look().then(() => this.#wait())
    })
  }

  async #look(): Promise<void> {
    for (const watched of this.#watched) await this.#lookAt(watched)
    if (!this.#isStopped) this.#tell()
  }

  async #lookAt(watched: Watched): Promise<void> {
    const { listener, files } = watched
    const signature = await signatureOf(files)
    // What cannot be used is tried again: not everything that mends it shows in the files.
    if (this.#isStopped || (signature === watched.signature && watched.broken === undefined)) return
    watched.signature = signature
    let credentials: Credentials
    try {
      credentials = await readCredentials(files)
      if (this.#isStopped) return
      watched.renew(credentials)
    } catch (error) {
      const reason = (error as Error).message
      if (reason !== watched.broken)
        this.#log.error({ listener, reason }, `the changed TLS files of ${listener} cannot be used: those read before serve on; mend them`)
      watched.broken = reason
      return
    }
    const { cert, key, ca } = watched.credentials
    const isSame = credentials.cert === cert && credentials.key === key && credentials.ca === ca
    const wasBroken = watched.broken !== undefined
    watched.broken = undefined
    watched.credentials = credentials
    this.#warnOfKey(listener, files, credentials)
    if (isSame && !wasBroken) return
    const { subject, expires } = this.#state(listener, credentials.certificate)
    this.#log.info({ listener, subject, expires: formatTime(expires) }, 'the TLS files were read again; open connections stay')
  }

  #tell(): void {
    const now = this.#clock.monotonic()
    const dated = this.#dated()
    for (const { file, status, reason } of dated) {
      const told = this.#told.get(file)
      if (told !== undefined && told.reason === reason && now - told.at < toldEvery) continue
      this.#told.set(file, { reason, at: now })
      this.#log[status === 'failing' ? 'error' : 'warn']({ certificate: file }, reason)
    }
    for (const file of this.#told.keys()) if (!dated.some((one) => one.file === file)) this.#told.delete(file)
    const reasons = this.troubles().map(({ reason }) => reason)
    this.#changed(reasons.length === 0 ? undefined : reasons.join('; '))
  }

  #warnOfKey(listener: string, { key }: TlsFiles, { isKeyOpen }: Credentials): void {
    if (isKeyOpen)
      this.#log.warn(
        { listener, key },
        'every user of this computer can read the private key: chmod 640, and give it to the gateway (chown)'
      )
  }
}

function notTaken(listener: string, reason: string): string {
  return `the changed TLS files of ${listener} cannot be used, those read before serve on: ${reason}`
}

function endOf(certificate: X509Certificate): number {
  return Date.parse(certificate.validTo) / 1000
}
