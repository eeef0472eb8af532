/** Where a host is now. The name of a machine that moved is found again, and nobody waits for that while an address is known. */
import { isIP } from 'node:net'
import type { Clock } from '../../gateway/adapter.js'
import { lookUp } from './names.js'

/** Seconds between two look-ups of one name, however often it is asked for: those of dead names hold up those of others. */
const lookUpAgain = 10

/** Seconds after which a name is looked up again although all is well. */
const believedFor = 300

export interface HostAddressOptions {
  /** A name or an IP address. */
  readonly host: string
  readonly clock: Clock
  /** How names are looked up; left out: as the system does, for an IPv4 address, which is all that PyExpLabSys speaks (section 1). */
  readonly resolve?: (name: string) => Promise<string>
}

export class HostAddress {
  readonly #options: HostAddressOptions
  #known: string | undefined
  #error: Error | undefined
  #underWay: Promise<void> | undefined
  /** Monotonic seconds. */
  #lookedUp = -Infinity

  constructor(options: HostAddressOptions) {
    this.#options = options
    if (isIP(options.host) !== 0) this.#known = options.host
  }

  /** At once when it is known. Rejects when the name means nothing, or did a moment ago. */
  async find(): Promise<string> {
    if (this.#known === undefined || this.#age() > believedFor) this.refresh()
    if (this.#known === undefined) await this.#underWay
    if (this.#known === undefined) throw this.#error ?? new Error(`${this.#options.host} was not found`)
    return this.#known
  }

  /** Nobody answers there: is the host somewhere else now? Looks in the background, and not too often. */
  refresh(): void {
    const { host, clock, resolve = resolveName } = this.#options
    if (isIP(host) !== 0 || this.#underWay !== undefined || this.#age() < lookUpAgain) return
    this.#lookedUp = clock.monotonic()
    this.#underWay = resolve(host)
      .then(
        (address) => {
          this.#known = address
        },
        (error: unknown) => {
          const code = (error as NodeJS.ErrnoException).code ?? String(error)
          this.#error = new Error(`the name ${host} is not found (${code})`, { cause: error })
        }
      )
      .finally(() => (this.#underWay = undefined))
  }

  #age(): number {
    return this.#options.clock.monotonic() - this.#lookedUp
  }
}

async function resolveName(name: string): Promise<string> {
  return ((await lookUp(name, { family: 4 }))[0] as { readonly address: string }).address
}
