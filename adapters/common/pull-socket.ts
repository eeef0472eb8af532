/** A DateDataPullSocket or DataPullSocket that shows the last readings of any codenames. It holds no right and answers from memory. */
import type { Endpoint, Host, Latest, Ref, Watch } from '../../gateway/adapter.js'
import * as talk from './pull-talk.js'
import { PyExpLabSysSocket } from './pyexplabsys-socket.js'
import type { SocketConfig } from './pyexplabsys-socket.js'

export interface PullSocketConfig extends SocketConfig {
  /** date: x is the time of the reading. data: x is the x of the reading. */
  readonly kind: 'date' | 'data'
  /** What a codename without any reading shows: old, or this point. */
  readonly unset: 'old' | readonly [number, number]
}

export interface Shown extends Ref {
  /** The name that legacy clients know. */
  readonly legacy: string
}

export interface PullSocketOptions {
  readonly config: PullSocketConfig
  readonly host: Host
  /** In the order that clients see; asked at each start. */
  readonly shown: () => readonly Shown[]
  /** Shows what comes from this device without being declared, too. */
  readonly device: string | undefined
}

export class PullSocket {
  readonly #options: PullSocketOptions
  readonly #socket: PyExpLabSysSocket
  #watches: Watch[] = []
  #shown: readonly Shown[] = []
  #byName = new Map<string, Shown>()

  constructor(options: PullSocketOptions) {
    const { config, host } = options
    this.#options = options
    this.#socket = new PyExpLabSysSocket({
      config,
      type: config.kind,
      host,
      onDatagram: (datagram, answer) => answer(this.#reply(talk.decodeQuestion(datagram)))
    })
  }

  async open(signal: AbortSignal): Promise<void> {
    this.#shown = this.#options.shown()
    this.#byName = new Map(this.#shown.map((channel) => [channel.legacy, channel]))
    this.#watch()
    await this.#socket.open(signal)
  }

  async close(): Promise<void> {
    for (const watch of this.#watches.splice(0)) watch.cancel()
    await this.#socket.close()
  }

  endpoint(): Endpoint {
    return this.#socket.endpoint()
  }

  /** New readings are the socket's activity; being asked is not (section 6). */
  #watch(): void {
    const { device, host } = this.#options
    const active = (): void => this.#socket.active()
    const watched = device === undefined ? this.#shown : [{ device }]
    for (const each of watched) this.#watches.push(host.watch(each, active))
  }

  /** Readings that came without being declared: shown by json_wn and by name only (vector pg-date). */
  #undeclared(): Shown[] {
    const { device, host } = this.#options
    if (device === undefined) return []
    const names = host.codenames(device).undeclared.filter((codename) => !this.#byName.has(codename))
    return names.map((codename) => ({ legacy: codename, device, codename }))
  }

  #undeclaredOf(name: string): Shown | undefined {
    const { device, host } = this.#options
    // A declared codename is known by its legacy name alone.
    if (device === undefined || this.#shown.some(({ codename }) => codename === name) || host.latest(device, name) === undefined)
      return undefined
    return { legacy: name, device, codename: name }
  }

  #reply(question: talk.Question): Buffer | undefined {
    switch (question.kind) {
      case 'raw':
        return talk.encodeRaw(this.#channels(this.#shown))
      case 'raw_wn':
        return talk.encodeRawWithNames(this.#channels(this.#shown))
      case 'json':
        return talk.encodeJson(this.#channels(this.#shown))
      case 'json_wn':
        return talk.encodeJsonWithNames(this.#channels(this.#shown), this.#channels(this.#undeclared()))
      case 'codenames_raw':
        return talk.encodeCodenamesRaw(this.#shown.map(({ legacy }) => legacy))
      case 'codenames_json':
        return talk.encodeCodenamesJson(this.#shown.map(({ legacy }) => legacy))
      case 'name':
        return talk.encodeName(this.#options.config.name)
      case 'point': {
        const channel = this.#byName.get(question.codename) ?? this.#undeclaredOf(question.codename)
        return channel === undefined ? talk.encodeUnknown() : talk.encodePoint(this.#point(channel), question.form)
      }
      case 'status':
        return talk.encodeStatus(this.#socket.status())
      case 'silent':
        return undefined
      case 'unknown':
        return talk.encodeUnknown()
    }
  }

  #channels(shown: readonly Shown[]): talk.Channel[] {
    return shown.map((channel) => ({ codename: channel.legacy, point: this.#point(channel) }))
  }

  #point({ device, codename }: Shown): talk.Point | 'old' {
    const latest = this.#options.host.latest(device, codename)
    if (latest === undefined) return this.#unset(device, codename)
    return latest.old ? 'old' : [this.#x(latest), latest.value]
  }

  /** x of a date socket is when it was measured; of a data socket what the source gave. */
  #x(latest: Latest): talk.Point[number] {
    return this.#options.config.kind === 'date' ? latest.time : (latest.x ?? latest.time)
  }

  /** Before the first reading. The original serves a point that looks like data; we do only when told to (section 10.4). */
  #unset(device: string, codename: string): talk.Point | 'old' {
    const { config, host } = this.#options
    const { unset, kind } = config
    if (unset === 'old') return 'old'
    const maxAge = host.meta(device, codename)?.maxAge
    // A data socket's first time-stamp is 0.0, so with a time-out it is old until it is set (section 4.2).
    const age = host.clock.now() - (kind === 'date' ? unset[0] : 0)
    return maxAge !== undefined && age > maxAge ? 'old' : unset
  }
}
