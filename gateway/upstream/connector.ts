import type { Clock, Logger, Watch } from '../adapter.js'
import type { Bridge as Config } from '../../schemas/types.js'
import { dial } from './client.js'
import type { Link, LinkOptions, Server } from './client.js'

export interface ConnectorOptions extends Pick<LinkOptions, 'clientId' | 'subscribe'> {
  readonly clock: Clock
  readonly log: Logger
  readonly config: Config
  readonly will: () => LinkOptions['will']
  readonly received: (topic: string, payload: Buffer, retain: boolean) => void
  readonly connected: (link: Link) => void
  /** `isTheirs`: the broker has ended the connection. */
  readonly lost: (isTheirs: boolean) => void
  readonly changed: () => void
}

/** Seconds between two tries: at first, at most; and between the servers of a cluster. */
const patience = { first: 0.5, most: 10, next: 0.1 }

/** After so many connections that end soon, one after the other, a reason is guessed at. */
const often = 3

/** Seconds that a connection must have lasted to count as a good one. */
const lasting = 10

/** Seconds between two commands that come down, at most so many at once. */
const commands = { rate: 500, burst: 100 }

/** Keeps a connection: the servers in turn, with growing waits and jitter, so that a thousand gateways do not come at once. */
export class Connector {
  readonly #options: ConnectorOptions
  readonly #stopping = new AbortController()
  #link: Link | undefined
  #timer: Watch | undefined
  #tries = 0
  /** Why each server was away last, as the log has it; empty: it has been connected since. */
  readonly #told = new Map<string, string>()
  /** Connections, one after the other, that the broker ended soon. */
  #thrownOut = 0
  #turn = 0
  #dialling: Promise<void> | undefined
  #room = commands.burst
  #roomAt = 0
  state: 'connecting' | 'connected' | 'away' | 'stopped' = 'connecting'
  reason = ''
  since: number
  connections = 0

  constructor(options: ConnectorOptions) {
    this.#options = options
    this.since = options.clock.now()
  }

  get server(): string {
    const { host, port } = this.#server
    return `${host.includes(':') ? `[${host}]` : host}:${port ?? (this.#options.config.tls === undefined ? 1883 : 8883)}`
  }

  start(): void {
    if (!this.#stopping.signal.aborted) this.#dialling = this.#dial()
  }

  /** `isClean`: the broker need not publish the will. */
  async stop(isClean: boolean): Promise<void> {
    this.#timer?.cancel()
    const link = this.#link
    this.#link = undefined
    if (isClean) await this.#inTime(link?.end())
    link?.cut()
    this.#stopping.abort()
    await this.#dialling
    this.#set('stopped', '')
  }

  get #server(): Server {
    const { servers } = this.#options.config
    return servers[this.#turn % servers.length] as Server
  }

  async #dial(): Promise<void> {
    const { clock, log, config, clientId, subscribe, will, connected, lost } = this.#options
    let began = 0
    let link: Link | undefined
    let early: string | undefined
    try {
      link = await dial(
        {
          server: this.#server,
          config,
          clientId,
          subscribe,
          will: will(),
          received: (topic, payload, retain, done) => this.#received(topic, payload, retain, done),
          closed: (reason, isTheirs) => {
            if (link === undefined) early = reason
            if (this.#link === undefined || this.#link !== link) return
            this.#link = undefined
            const isLasting = clock.monotonic() - began >= lasting
            if (isLasting) this.#tries = 0
            this.#thrownOut = isTheirs && !isLasting ? this.#thrownOut + 1 : 0
            lost(isTheirs)
            const twin = `: perhaps another gateway has the client id ${clientId}; give each its own gateway.name or clientId`
            this.#again(this.#thrownOut >= often ? reason + twin : reason)
          }
        },
        this.#stopping.signal
      )
    } catch (error) {
      this.#again((error as Error).message)
      return
    }
    if (this.#stopping.signal.aborted) return link.cut()
    // It has ended before anybody had it.
    if (early !== undefined) return this.#again(early)
    began = clock.monotonic()
    this.#link = link
    this.connections += 1
    log.info({ server: this.server }, 'connected to upstream')
    this.#told.clear()
    this.#set('connected', '')
    connected(link)
  }

  #again(reason: string): void {
    if (this.#stopping.signal.aborted) return
    const { clock, config, log } = this.#options
    const where = this.server
    const isNews = this.#told.get(where) !== reason
    if (isNews) log.warn({ server: where, reason }, 'upstream is away: what is to go there is kept, and it is tried again')
    this.#told.set(where, reason)
    this.#set('away', reason, isNews)
    this.#tries += 1
    this.#turn += 1
    const isRound = this.#tries % config.servers.length === 0
    const rounds = Math.floor(this.#tries / config.servers.length)
    const wait = isRound ? Math.min(patience.most, patience.first * 2 ** Math.min(rounds - 1, 10)) : patience.next
    // From half to all of it.
    this.#timer = clock.after(wait * (0.5 + Math.random() / 2), () => this.start())
  }

  #set(state: Connector['state'], reason: string, isNews = false): void {
    if (this.state !== state) this.since = this.#options.clock.now()
    const isNew = this.state !== state || isNews
    this.state = state
    this.reason = reason
    if (isNew) this.#options.changed()
  }

  /** A flood of commands is read slowly: it waits there, and not here. */
  #received(topic: string, payload: Buffer, retain: boolean, done: () => void): void {
    const { clock, received } = this.#options
    const now = clock.monotonic()
    this.#room = Math.min(commands.burst, this.#room + (now - this.#roomAt) * commands.rate) - 1
    this.#roomAt = now
    received(topic, payload, retain)
    if (this.#room >= 0) done()
    else clock.after(-this.#room / commands.rate, done)
  }

  async #inTime(work: Promise<void> | undefined): Promise<void> {
    if (work === undefined) return
    await new Promise<void>((resolve) => {
      const timer = this.#options.clock.after(1, resolve)
      void work
        .catch(() => {})
        .then(() => {
          timer.cancel()
          resolve()
        })
    })
  }
}
