/** Who may come to a listener of the old side, which has no login: by address, how often, and how much he is answered. */
import { BlockList, isIP } from 'node:net'
import type { Host } from '../../gateway/adapter.js'
import { readRange } from '../../schemas/source.js'
import { Allowance } from './allowance.js'
import { RarelyEach } from './rarely.js'
import { isLoopback } from './web-origin.js'

/** What a second of another computer may bring where the operator says nothing: far more than any program of a laboratory sends. */
const usualRate = 5000

/** Seconds over which the rate of an address is taken. */
const rateOver = 10

/** Seconds between two lines of the log about the same rule. */
const toldEvery = 10

/** New connections for each request that an address may make: old clients open one for each, and should read that they ask too often. */
const connectionsPerRequest = 10

/** Addresses of which is known whether they may come; a forged one is looked up again. */
const maxKnown = 1024

/** Bytes of an answer that its question has paid for. */
const freeBytes = 1024

/** Services that answer whatever comes (echo, daytime, quote, chargen, time): what comes from there was forged, to make us talk with them for ever. */
const reflectors: ReadonlySet<number> = new Set([0, 7, 13, 17, 19, 37])

type Verdict = 'stranger' | 'limited' | 'free'

/** As the configuration says it, see `sources` in schemas/config.schema.json. */
export interface SourceRules {
  readonly allow?: readonly string[]
  readonly maxSourceRate?: number
}

export interface SourcesOptions {
  readonly config: SourceRules
  readonly host: Pick<Host, 'clock' | 'count' | 'log'>
}

export class Sources {
  readonly #host: SourcesOptions['host']
  readonly #rate: number | undefined
  readonly #list: BlockList | undefined
  readonly #rates: Allowance
  readonly #connections: Allowance
  readonly #trouble: RarelyEach<string>
  readonly #known = new Map<string, Verdict>()
  /** Most often the next one is the last one again. */
  #last = ''
  #lastVerdict: Verdict = 'limited'

  constructor(options: SourcesOptions) {
    const { config, host } = options
    this.#host = host
    this.#rate = config.maxSourceRate
    const rate = this.#rate ?? usualRate
    this.#rates = new Allowance({ clock: host.clock, rate, over: rateOver })
    this.#connections = new Allowance({ clock: host.clock, rate: rate * connectionsPerRequest, over: rateOver })
    this.#trouble = new RarelyEach(host.clock, toldEvery)
    this.#list = config.allow === undefined ? undefined : listOf(config.allow)
    this.#lastVerdict = this.#judge(this.#last)
  }

  /** A datagram, or a new connection. False: it must not be answered; it was counted. `port`: of a datagram. */
  mayCome(address: string, port?: number): boolean {
    const verdict = this.#verdict(address)
    if (verdict === 'stranger') return this.#refuse('allow', address)
    if (port !== undefined && reflectors.has(port)) return this.#refuse('port', address)
    return verdict === 'free' || this.#rates.take(address, 1) || this.#refuse('maxSourceRate', address)
  }

  /** A new connection whose requests are counted, see {@link mayAsk}. False: as {@link mayCome}. */
  mayConnect(address: string): boolean {
    const verdict = this.#verdict(address)
    if (verdict === 'stranger') return this.#refuse('allow', address)
    return verdict === 'free' || this.#connections.take(address, 1) || this.#refuse('maxSourceRate', address)
  }

  /** One more request, message or frame over a connection that was let in. False: there are too many of late; it was counted. */
  mayAsk(address: string): boolean {
    return this.#verdict(address) === 'free' || this.#rates.take(address, 1) || this.#refuse('maxSourceRate', address)
  }

  /** This computer itself, where no rate is written: all may be of one program. */
  isFree(address: string): boolean {
    return this.#verdict(address) === 'free'
  }

  /** A connection of it was closed, as the computer has no descriptors for more. */
  scarce(address: string): false {
    return this.#refuse('descriptors', address)
  }

  /** So many bytes go to an address that may be forged. Long answers leave less room for further questions. */
  answered(address: string, bytes: number): void {
    if (bytes > freeBytes && this.#verdict(address) !== 'free') this.#rates.spend(address, Math.floor((bytes - 1) / freeBytes))
  }

  #verdict(address: string): Verdict {
    if (address === this.#last) return this.#lastVerdict
    let verdict = this.#known.get(address)
    if (verdict === undefined) {
      if (this.#known.size >= maxKnown) this.#known.clear()
      this.#known.set(address, (verdict = this.#judge(address)))
    }
    this.#last = address
    this.#lastVerdict = verdict
    return verdict
  }

  #judge(address: string): Verdict {
    const [plain = ''] = address.replace(/^::ffff:(?=[0-9.]+$)/i, '').split('%')
    if (this.#list !== undefined && !isIn(this.#list, plain)) return 'stranger'
    return this.#rate === undefined && isLoopback(plain) ? 'free' : 'limited'
  }

  #refuse(rule: 'allow' | 'port' | 'maxSourceRate' | 'descriptors', address: string): false {
    const host = this.#host
    host.count('refused')
    const alike = this.#trouble.pass(rule)
    if (alike !== undefined) {
      const messages = {
        allow: 'somebody was sent away whose address is not listed under allow',
        port: 'datagrams of a service that answers whatever comes were dropped: somebody forges them',
        descriptors:
          'a connection was closed, as too few file descriptors are left: raise the limit (ulimit -n, or LimitNOFILE of a service), or look who opens so many',
        maxSourceRate: `an address sends more than ${this.#rate ?? usualRate}/s, or has too much answered (maxSourceRate); the rest is dropped`
      }
      host.log.warn({ address, rule, ...(alike > 0 ? { alike } : {}) }, messages[rule])
    }
    return false
  }
}

function listOf(allow: readonly string[]): BlockList {
  const list = new BlockList()
  for (const text of allow) {
    const range = readRange(text)
    if (range === undefined) throw new Error(`allow: ${text} is no IP address or network`)
    if (range.prefix === (range.family === 'ipv4' ? 32 : 128)) list.addAddress(range.address, range.family)
    else list.addSubnet(range.address, range.prefix, range.family)
  }
  return list
}

function isIn(list: BlockList, address: string): boolean {
  const version = isIP(address)
  // One that has gone already has no address.
  return version !== 0 && list.check(address, version === 6 ? 'ipv6' : 'ipv4')
}
