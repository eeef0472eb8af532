/** Legacy clients ask us: DateDataPullSocket and DataPullSocket. A front: it holds no right and answers from memory. */
import type { Adapter, AdapterType, Endpoint, Host, Plan } from '../../gateway/adapter.js'
import { PullSocket } from '../common/pull-socket.js'
import { channelProblems, shownChannels } from './channels.js'
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
  readonly #socket: PullSocket

  constructor(config: DataPullServerConfig, host: Host) {
    this.#socket = new PullSocket({ config, host, shown: () => shownChannels(config, host), device: config.device })
  }

  async start(signal: AbortSignal): Promise<void> {
    await this.#socket.open(signal)
  }

  async stop(): Promise<void> {
    await this.#socket.close()
  }

  endpoint(): Endpoint {
    return this.#socket.endpoint()
  }
}
