/** THE REGISTRATION: one line for each type; see README.md, "Add an adapter". */
import type { AdapterType, InstanceConfig } from '../gateway/adapter.js'
import { dataPullClient } from './data-pull/client.js'
import { dataPullServer } from './data-pull/server.js'
import { dataPushClient } from './data-push/client.js'
import { dataPushServer } from './data-push/server.js'
import { httpRoutesClient } from './http-routes/client.js'
import { httpRoutesServer } from './http-routes/server.js'
import { instserverClient } from './instserver/client.js'
import { instserverServer } from './instserver/server.js'
import { liveClient } from './live/client.js'
import { liveServer } from './live/server.js'
import { rigClient } from './rig/client.js'
import { rigServer } from './rig/server.js'
import { simulator } from './simulator/simulator.js'
import { wsEchoClient } from './ws-echo/client.js'
import { wsEchoServer } from './ws-echo/server.js'

export const adapterTypes: readonly AdapterType[] = [
  dataPullServer,
  dataPullClient,
  dataPushServer,
  dataPushClient,
  httpRoutesServer,
  httpRoutesClient,
  instserverServer,
  instserverClient,
  liveServer,
  liveClient,
  rigClient,
  rigServer,
  simulator,
  wsEchoServer,
  wsEchoClient
] as readonly unknown[] as readonly AdapterType<InstanceConfig>[]
