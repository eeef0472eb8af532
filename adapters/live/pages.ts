/** All web pages that are connected, and who of them wants what. */
import type { WebSocket } from 'ws'
import type { Host, Watch } from '../../gateway/adapter.js'
import type { Channel } from './codec.js'
import { Page, keyOf } from './page.js'
import type { Cut } from './page.js'
import { Rarely } from '../common/rarely.js'

export interface PagesOptions {
  readonly host: Host
  readonly maxSubscriptions: number
  /** One more frame of a page. False: there are too many of its address of late; it was counted and told. */
  readonly mayAsk: (address: string) => boolean
  /** The messages with the last values of these channels, to answer a subscription. */
  readonly last: (channels: readonly Channel[]) => readonly string[]
  /** Somebody began or ended to want channels. */
  readonly onChange: () => void
}

/** Seconds between two pings; a page that has not answered one by the next is gone. */
const pingEvery = 20

/** Seconds between two lines of the log about pages that were cut. */
const toldEvery = 10

export class Pages {
  readonly #options: PagesOptions
  readonly #pages = new Set<Page>()
  /** By `host:codename`. */
  readonly #wanting = new Map<string, Set<Page>>()
  readonly #told: Rarely
  #pings: Watch | undefined

  constructor(options: PagesOptions) {
    this.#options = options
    this.#told = new Rarely(options.host.clock, toldEvery)
  }

  get count(): number {
    return this.#pages.size
  }

  add(socket: WebSocket, address: string): void {
    const { host, maxSubscriptions, mayAsk } = this.#options
    const page = new Page({
      socket,
      address,
      maxSubscriptions,
      onFrame: () => {
        host.count('received')
        return mayAsk(address)
      },
      onSubscribe: (subscriber, channels) => this.#subscribe(subscriber, channels),
      onCut: (who, why, reason) => this.#cut(who, why, reason),
      onClose: (who) => this.#forget(who)
    })
    this.#pages.add(page)
    this.#pings ??= host.clock.after(pingEvery, () => this.#ping())
  }

  /** Does any page want a channel of these? */
  wants(channels: Iterable<Channel>): boolean {
    for (const channel of channels) if (this.#wanting.has(keyOf(channel))) return true
    return false
  }

  /** Once to each page that wants at least one of these codenames (section 7.2). Returns how many got it. */
  send(host: string, codenames: Iterable<string>, text: string): number {
    const pages = new Set<Page>()
    for (const codename of codenames) for (const page of this.#wanting.get(keyOf({ host, codename })) ?? []) pages.add(page)
    let sent = 0
    for (const page of pages) if (page.send(text)) sent += 1
    if (sent > 0) this.#options.host.count('answered', sent)
    return sent
  }

  close(): void {
    this.#pings?.cancel()
    this.#pings = undefined
    for (const page of this.#pages) page.end()
    this.#pages.clear()
    this.#wanting.clear()
  }

  #subscribe(page: Page, channels: readonly Channel[]): void {
    for (const channel of channels) {
      const key = keyOf(channel)
      const pages = this.#wanting.get(key)
      if (pages === undefined) this.#wanting.set(key, new Set([page]))
      else pages.add(page)
    }
    for (const text of this.#options.last(channels)) if (page.send(text)) this.#options.host.count('answered')
    this.#options.onChange()
  }

  #cut({ address }: Page, why: Cut, reason: string): void {
    const { host } = this.#options
    host.count(why === 'wrong' || why === 'many' ? 'refused' : 'dropped')
    const alike = this.#told.pass()
    if (alike !== undefined) host.log.warn({ address, reason, ...(alike > 0 ? { alike } : {}) }, 'a web page was disconnected')
  }

  #forget(page: Page): void {
    if (!this.#pages.delete(page)) return
    for (const key of page.channels.keys()) {
      const pages = this.#wanting.get(key)
      pages?.delete(page)
      if (pages?.size === 0) this.#wanting.delete(key)
    }
    this.#options.onChange()
  }

  #ping(): void {
    for (const page of this.#pages) page.ping()
    this.#pings = this.#pages.size === 0 ? undefined : this.#options.host.clock.after(pingEvery, () => this.#ping())
  }
}
