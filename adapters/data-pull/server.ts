/** Legacy clients ask us: DateDataPullSocket and DataPullSocket. A front: it holds no right and answers from memory. */
import type { Adapter, AdapterType, Endpoint, Host, Latest, Plan, Right, Watch } from '../../gateway/adapter.js'
import { PyExpLabSysSocket } from '../common/pyexplabsys-socket.js'
import { channelProblems, shownChannels } from './channels.js'
import type { Shown } from './channels.js'
import * as codec from './codec.js'
import schema from './config.schema.json' with { type: 'json' }
import type { DataPullServerConfig } from './types.js'

export const dataPullServer: AdapterType<DataPullServerConfig> = {
  type: 'data-pull-server',
  configSchema: schema.$defs['data-pull-server'],
  plan: (config, site): Plan => ({
    listens: [{ protocol: 'udp', host: config.host, port: config.port, path: ['port'] }],
    problems: channelProblems(config, site)
  }),
  create: (config, host) => new DataPullServer(config, host)
}

class DataPullServer implements Adapter {
  readonly #config: DataPullServerConfig
  readonly #host: Host
  readonly #socket: PyExpLabSysSocket
  #watches: Watch[] = []
  #shown: readonly Shown[] = []
  #byName = new Map<string, Shown>()

  constructor(config: DataPullServerConfig, host: Host) {
    this.#config = config
    this.#host = host
    this.#socket = new PyExpLabSysSocket({
      config,
      type: config.kind,
      host,
      onDatagram: (datagram, answer) => answer(this.#reply(codec.decodeQuestion(datagram)))
    })
  }

  async start(signal: AbortSignal): Promise<void> {
    this.#shown = shownChannels(this.#config, this.#host)
    this.#byName = new Map(this.#shown.map((channel) => [channel.legacy, channel]))
    this.#watch()
    await this.#socket.open(signal)
  }

  async stop(): Promise<void> {
    for (const watch of this.#watches.splice(0)) watch.cancel()
    await this.#socket.close()
  }

  endpoint(): Endpoint {
    return this.#socket.endpoint()
  }

  /** New readings are the socket's activity; being asked is not (section 6). */
  #watch(): void {
    const active = (): void => this.#socket.active()
    const { device } = this.#config
    const watched: readonly Right[] = device === undefined ? this.#shown : [{ device }]
    for (const each of watched) this.#watches.push(this.#host.watch(each, active))
  }

  /** Readings that came without being declared: shown by json_wn and by name only (vector pg-date). */
  #undeclared(): Shown[] {
    const { device } = this.#config
    if (device === undefined) return []
    const names = this.#host.codenames(device).undeclared.filter((codename) => !this.#byName.has(codename))
    return names.map((codename) => ({ legacy: codename, device, codename }))
  }

  #undeclaredOf(name: string): Shown | undefined {
    const { device } = this.#config
    // A declared codename is known by its legacy name alone.
    if (device === undefined || this.#shown.some(({ codename }) => codename === name) || this.#host.latest(device, name) === undefined)
      return undefined
    return { legacy: name, device, codename: name }
  }

  #reply(question: codec.Question): Buffer | undefined {
    switch (question.kind) {
      case 'raw':
        return codec.encodeRaw(this.#channels(this.#shown))
      case 'raw_wn':
        return codec.encodeRawWithNames(this.#channels(this.#shown))
      case 'json':
        return codec.encodeJson(this.#channels(this.#shown))
      case 'json_wn':
        return codec.encodeJsonWithNames(this.#channels(this.#shown), this.#channels(this.#undeclared()))
      case 'codenames_raw':
        return codec.encodeCodenamesRaw(this.#shown.map(({ legacy }) => legacy))
      case 'codenames_json':
        return codec.encodeCodenamesJson(this.#shown.map(({ legacy }) => legacy))
      case 'name':
        return codec.encodeName(this.#config.name)
      case 'point': {
        const channel = this.#byName.get(question.codename) ?? this.#undeclaredOf(question.codename)
        return channel === undefined ? codec.encodeUnknown() : codec.encodePoint(this.#point(channel), question.form)
      }
      case 'status':
        return codec.encodeStatus(this.#socket.status())
      case 'silent':
        return undefined
      case 'unknown':
        return codec.encodeUnknown()
    }
  }

  #channels(shown: readonly Shown[]): codec.Channel[] {
    return shown.map((channel) => ({ codename: channel.legacy, point: this.#point(channel) }))
  }

  #point({ device, codename }: Shown): codec.Point | 'old' {
    const latest = this.#host.latest(device, codename)
    if (latest === undefined) return this.#unset(device, codename)
    return latest.old ? 'old' : [this.#x(latest), latest.value]
  }

  /** x of a date socket is when it was measured; of a data socket what the source gave. */
  #x(latest: Latest): codec.Point[number] {
    return this.#config.kind === 'date' ? latest.time : (latest.x ?? latest.time)
  }

  /** Before the first reading. The original serves a point that looks like data; we do only when told to (section 10.4). */
  #unset(device: string, codename: string): codec.Point | 'old' {
    const { unset, kind } = this.#config
    if (unset === 'old') return 'old'
    const maxAge = this.#host.meta(device, codename)?.maxAge
    // A data socket's first time-stamp is 0.0, so with a time-out it is old until it is set (section 4.2).
    const age = this.#host.clock.now() - (kind === 'date' ? unset[0] : 0)
    return maxAge !== undefined && age > maxAge ? 'old' : unset
  }
}
