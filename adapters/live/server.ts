/** LiveSocket hosts send to us, and web pages look on: the live proxy. It feeds the devices of the hosts. */
import type { Adapter, AdapterType, Endpoint, Host } from '../../gateway/adapter.js'
import { GatewayError } from '../../gateway/errors.js'
import { UdpServer } from '../common/udp-server.js'
import { WebListener } from '../common/web-listener.js'
import { Allowance } from '../common/allowance.js'
import { datagramBytes, decodeDatagram, encodeBatch, encodeForPages, pagePoint } from './codec.js'
import type { Batch, Channel } from './codec.js'
import schema from './config.schema.json' with { type: 'json' }
import { Inlet } from './inlet.js'
import { LastValues } from './last-values.js'
import { Load, loadChannels, loadHost } from './load.js'
import { Pages } from './pages.js'
import { Rarely } from '../common/rarely.js'
import { Sources } from '../common/sources.js'
import { Shown } from './shown.js'
import { livePlan } from './targets.js'
import type { LiveServerConfig } from './types.js'

export const liveServer: AdapterType<LiveServerConfig> = {
  type: 'live-server',
  configSchema: schema.$defs['live-server'],
  plan: livePlan,
  create: (config, host) => new LiveServer(config, host)
}

/** Bytes of a frame of a page; a subscription to a thousand channels has a third of it. */
const maxPayload = 131_072

/** Seconds over which the rate of a sender is taken. */
const rateOver = 2

/** Seconds between two lines of the log about the same trouble. */
const toldEvery = 10

const greeting = 'labgate: live values over WebSocket; send {"action": "subscribe", "subscriptions": ["host:codename"]}\n'

class LiveServer implements Adapter {
  readonly #config: LiveServerConfig
  readonly #host: Host
  readonly #udp: UdpServer
  readonly #web: WebListener
  readonly #pages: Pages
  readonly #visitors: Sources
  readonly #load: Load
  readonly #shown: Shown
  readonly #inlet: Inlet
  readonly #last: LastValues
  readonly #allowance: Allowance
  readonly #trouble: { readonly rate: Rarely; readonly room: Rarely; readonly web: Rarely; readonly readOnly: Rarely }
  #lastActivity = 0

  constructor(config: LiveServerConfig, host: Host) {
    const { clock } = host
    const publish = (name: string, points: ReadonlyMap<string, string>): void => this.#publish(name, points)
    this.#config = config
    this.#host = host
    this.#last = new LastValues(config.maxChannels)
    this.#allowance = new Allowance({ clock, rate: config.maxRate, over: rateOver })
    const rarely = (): Rarely => new Rarely(clock, toldEvery)
    this.#trouble = { rate: rarely(), room: rarely(), web: rarely(), readOnly: rarely() }
    this.#inlet = new Inlet(config, host)
    this.#shown = new Shown({ show: config.show, host, publish })
    this.#load = new Load({ host, pages: () => this.#pages.count, publish })
    this.#visitors = this.#visitorsOf(config)
    this.#pages = new Pages({
      host,
      mayAsk: (address) => this.#visitors.mayAsk(address),
      maxSubscriptions: config.web.maxSubscriptions,
      last: (channels) => this.#lastOf(channels),
      onChange: () => this.#load.watch(this.#pages.wants(loadChannels))
    })
    this.#udp = new UdpServer({
      host: config.host,
      port: config.port,
      sources: new Sources({ config, host }),
      onDatagram: (datagram, _answer, sender) => this.#datagram(datagram, sender),
      onError: (error) => host.failed(error)
    })
    this.#web = this.#listener()
  }

  async start(signal: AbortSignal): Promise<void> {
    const { host, web } = this.#config
    this.#lastActivity = this.#host.clock.now()
    this.#inlet.start()
    this.#shown.start()
    await this.#udp.open(signal)
    await this.#web.open(signal)
    const scheme = web.tls === undefined ? 'ws' : 'wss'
    const told = (protocol: string, at: string, port: number | undefined, what: string): void =>
      this.#host.log.info({ protocol, host: at, port, type: what }, `${what} on ${protocol} ${at}:${port}`)
    told('udp', host, this.#udp.port, 'LiveSocket hosts')
    told(scheme, web.host, this.#web.port, 'live web pages')
  }

  async stop(): Promise<void> {
    this.#shown.stop()
    this.#load.watch(false)
    this.#pages.close()
    await Promise.all([this.#udp.close(), this.#web.close()])
    this.#inlet.stop()
  }

  endpoint(): Endpoint {
    const { host, port, id } = this.#config
    return { protocol: 'udp', host, port: this.#udp.port ?? port, name: id, type: 'live', lastActivity: this.#lastActivity }
  }

  #datagram(datagram: Buffer, sender: string): void {
    const { clock } = this.#host
    this.#host.count('received')
    if (this.#config.readOnly)
      return this.#told('refused', this.#trouble.readOnly, { sender }, 'a host sends values, and is not heard (readOnly)')
    this.#lastActivity = clock.now()
    if (!this.#allowance.has(sender)) {
      this.#drop(this.#trouble.rate, { sender }, `a host sends more than maxRate (${this.#config.maxRate} values/s); datagrams are dropped`)
      return
    }
    const began = clock.monotonic()
    const decoded = decodeDatagram(datagram)
    if (decoded.kind === 'batch') {
      this.#allowance.spend(sender, Math.max(1, decoded.batch.data.size))
      this.#batch(decoded.batch)
    } else {
      this.#allowance.spend(sender, 1)
      const what = datagram.toString('latin1', 0, datagramBytes)
      this.#inlet.refuse({ device: this.#config.id }, what, new GatewayError('BadPayload', decoded.reason, { rule: 'live-batch' }))
    }
    if (this.#load.isOn) this.#load.received(datagram.length, clock.monotonic() - began, decoded.kind !== 'no-json')
  }

  /** First the pages, as they wait for nothing. */
  #batch(given: Batch): void {
    const batch = this.#withoutOurs(given)
    if (batch.data.size === 0) return
    const { text, points } = encodeForPages(batch)
    this.#keep(batch.host, points)
    this.#send(batch.host, points.keys(), text)
    this.#inlet.take(batch)
  }

  /** What pages see under names of our own comes from us: a datagram that has such a name would pass for the device. */
  #withoutOurs(batch: Batch): Batch {
    const { host } = batch
    const isOurs = (codename: string): boolean => host === loadHost || this.#shown.has({ host, codename })
    const ours = [...batch.data].filter(([codename]) => isOurs(codename))
    if (ours.length === 0) return batch
    for (const [codename, point] of ours) {
      const error = new GatewayError('Forbidden', `${host}:${codename} is no host's to send: the gateway itself shows it to the pages`)
      this.#inlet.refuse({ device: this.#config.id }, encodeBatch(host, [[codename, pagePoint(point)]]), error)
    }
    return { ...batch, data: new Map([...batch.data].filter(([codename]) => !isOurs(codename))) }
  }

  #keep(host: string, points: ReadonlyMap<string, string>): void {
    const full = 'no more last values are kept for pages: raise maxChannels, or find who makes up names'
    for (const [codename, point] of points)
      if (!this.#last.put(host, codename, point)) this.#drop(this.#trouble.room, { host, codename }, full)
  }

  /** A batch of our own making. */
  #publish(host: string, points: ReadonlyMap<string, string>): void {
    this.#send(host, points.keys(), encodeBatch(host, points))
  }

  #send(host: string, codenames: Iterable<string>, text: string): void {
    const sent = this.#pages.send(host, codenames, text)
    if (this.#load.isOn) this.#load.sent(sent, text.length)
  }

  /** One message for each host, in the order of the subscription (vector px-last-two-hosts). */
  #lastOf(channels: readonly Channel[]): string[] {
    const hosts = new Map<string, [string, string][]>()
    for (const channel of channels) {
      const { host, codename } = channel
      const point = this.#shown.has(channel) ? this.#shown.last(channel) : this.#last.get(host, codename)
      if (point === undefined) continue
      const points = hosts.get(host) ?? []
      hosts.set(host, points)
      points.push([codename, point])
    }
    return [...hosts].map(([host, points]) => encodeBatch(host, points))
  }

  #drop(told: Rarely, fields: object, message: string): void {
    this.#told('dropped', told, fields, message)
  }

  #told(counter: 'dropped' | 'refused', told: Rarely, fields: object, message: string): void {
    this.#host.count(counter)
    const alike = told.pass()
    if (alike !== undefined) this.#host.log.warn({ ...fields, ...(alike > 0 ? { alike } : {}) }, message)
  }

  /** Who may look at pages: a list of their own, or that of the hosts. */
  #visitorsOf({ maxSourceRate, allow: all, web }: LiveServerConfig): Sources {
    const allow = web.allow ?? all
    const rules = { ...(allow === undefined ? {} : { allow }), ...(maxSourceRate === undefined ? {} : { maxSourceRate }) }
    return new Sources({ config: rules, host: this.#host })
  }

  #listener(): WebListener {
    const { host, port, tls, origins, maxPages } = this.#config.web
    return new WebListener({
      host,
      port,
      tls,
      origins,
      maxPayload,
      greeting,
      maxConnections: maxPages,
      sources: this.#visitors,
      onWebSocket: (socket, address) => this.#pages.add(socket, address),
      onRefused: (why, who) => this.#refused(why, who),
      onError: (error) => this.#drop(this.#trouble.web, { reason: error.message }, 'a web page could not be taken')
    })
  }

  #refused(why: 'connections' | 'origin', who: string): void {
    const { maxPages } = this.#config.web
    this.#host.count('refused')
    const alike = this.#trouble.web.pass()
    if (alike === undefined) return
    const message =
      why === 'connections'
        ? `a web page was sent away: ${maxPages} are connected (web.maxPages), or half as many from its address`
        : 'a web page of another server was sent away: list its server under web.origins if it may look on'
    this.#host.log.warn({ who, ...(alike > 0 ? { alike } : {}) }, message)
  }
}
