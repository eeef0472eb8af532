/** Two laboratories: the gateway that is watched, with everything on, and one far away that plays all its devices. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parse, stringify } from 'yaml'
import { project } from '../process/program.js'

type Tree = Record<string, unknown>

/** Ports of the far end by what is there, as the gateway reaches them: by the way of relays and cables. */
export type FarPorts = Readonly<Record<'pull' | 'push' | 'routes' | 'uuserver' | 'echo' | 'rig' | 'live', number>>

/** Looked up by every client of the far end; see inside.ts. */
const farHost = 'far.soak.test'

/** Takes one port after another. */
type NextPort = () => number

export interface Laboratory {
  readonly yaml: string
  /** By instance; `mqtt` and `http` too, and `pages-live`, the pages of live values. */
  readonly ports: Readonly<Record<string, number>>
}

/** config/examples/everything.yaml, and what is not in it: simulators, live values, pushed readings, history, runs, a data folder, a host that nobody knows. */
export function nearLab(next: NextPort, far: FarPorts, data: string): Laboratory {
  const lab = parse(readFileSync(join(project, 'config/examples/everything.yaml'), 'utf8')) as Tree & { adapters: Tree[]; devices: Tree }
  const ports: Record<string, number> = { mqtt: next(), http: next(), 'pages-live': next() }
  const targets: Readonly<Record<string, number>> = {
    'furnace-readings': far.pull,
    'furnace-commands': far.push,
    'scope-flask': far.routes,
    'optics-uuserver': far.uuserver,
    'far-echo': far.echo
  }
  for (const adapter of lab.adapters) {
    const id = String(adapter['id'])
    if ('port' in adapter) adapter['port'] = ports[id] = next()
    else if (id in targets) adapter['target'] = { host: farHost, port: targets[id] }
    else if (id === 'rigs') adapter['rigs'] = { cameras: `udp://${farHost}:${far.rig}` }
    else if (id === 'far-echo') adapter['probe'] = 5
  }
  for (const id of ['sensors', 'live', 'live-on']) ports[id] = next()
  lab.adapters.push(
    {
      id: 'instruments',
      type: 'simulator',
      instruments: { oven: { model: 'furnace' }, laser: { model: 'laser' }, balance: { model: 'balance', period: 0.2 } }
    },
    { id: 'sensors', type: 'data-push-server', port: ports['sensors'], device: 'pushed' },
    { id: 'live', type: 'live-server', port: ports['live'], web: { port: ports['pages-live'] }, show: { stove: 'oven' }, maxAge: 30 },
    { id: 'live-on', type: 'live-client', port: ports['live-on'], target: { host: farHost, port: far.live }, watch: ['oven'] },
    // Nobody has such a name: refused again and again, for as long as it goes on.
    { id: 'nobody', type: 'data-pull-client', target: { host: 'nobody.invalid', port: 9000 }, device: 'ghost' }
  )
  const optics = lab.devices['optics'] as { codenames: { gain: Tree } }
  // What plays it is a furnace.
  optics.codenames.gain['schema'] = { type: 'number', minimum: 0, maximum: 1000 }
  lab.devices['pushed'] = { codenames: {} }
  lab.devices['ghost'] = { codenames: { value: { maxAge: 5 } } }
  return {
    ports,
    yaml: stringify({
      ...lab,
      gateway: { name: 'soak', data },
      broker: { tcp: { port: ports['mqtt'] } },
      http: { port: ports['http'] },
      history: { maxBytes: 512 << 20 }
    })
  }
}

/** Everything that the near one dials, played by the same program. */
export function farLab(next: NextPort): Laboratory & { readonly ports: FarPorts & Readonly<Record<string, number>> } {
  const ports = {
    mqtt: next(),
    pull: next(),
    push: next(),
    routes: next(),
    uuserver: next(),
    echo: next(),
    rig: next(),
    live: next(),
    pages: next()
  }
  const furnace = { model: 'furnace', period: 0.5 }
  const yaml = stringify({
    gateway: { name: 'far' },
    broker: { tcp: { port: ports.mqtt } },
    adapters: [
      { id: 'instruments', type: 'simulator', instruments: { furnace, scope: furnace, optics: furnace } },
      {
        id: 'pull',
        type: 'data-pull-server',
        port: ports.pull,
        channels: { temperature: 'furnace/temperature', setpoint: 'furnace/setpoint' }
      },
      {
        id: 'push',
        type: 'data-push-server',
        port: ports.push,
        accept: 'commands',
        as: 'set',
        device: 'furnace',
        action: 'callback_direct'
      },
      {
        id: 'routes',
        type: 'http-routes-server',
        port: ports.routes,
        device: 'scope',
        routes: { '/idn': { text: 'FAR SCOPE' }, '/level': { get: 'setpoint' }, '/level/<float:value>': { set: 'setpoint' } }
      },
      {
        id: 'uuserver',
        type: 'instserver-server',
        port: ports.uuserver,
        devices: {
          lab: { device: 'optics', methods: { get_gain: { get: 'setpoint' }, set_gain: { set: 'setpoint' }, ramp: { call: 'cool' } } }
        }
      },
      { id: 'echo', type: 'ws-echo-server', port: ports.echo, device: 'echo' },
      { id: 'rig', type: 'rig-server', port: ports.rig, device: 'cameras' },
      { id: 'live', type: 'live-server', port: ports.live, web: { port: ports.pages } }
    ]
  })
  return { ports, yaml }
}
