/** Configurations of the gateway for the rows. The system chooses all ports. */

const listeners = 'broker: { tcp: { port: 0 } }\n'

const number = '{ type: number, minimum: -273, maximum: 2000 }'

/** Simulated devices whose method `vent` answers at once. */
export const chambers: readonly string[] = Array.from({ length: 8 }, (_, i) => `chamber-${i}`)

/** What is pulled, pushed and published: one device of each kind. */
export const laboratory = `${listeners}
devices:
  furnace:
    codenames:
      temperature: { unit: C, maxAge: 600, schema: ${number} }
      setpoint: { unit: C, maxAge: 600, schema: ${number} }
${[0, 1, 2, 3].map((i) => `  bench-${i}: { codenames: { temperature: { unit: C, maxAge: 600, schema: ${number} } } }`).join('\n')}
  cold:
    codenames:
      temperature: { unit: C, schema: ${number} }
      setpoint: { unit: C, schema: ${number} }
  scope: { codenames: { idn: { schema: { type: string } } } }
adapters:
  - { id: routes, type: http-routes-server, port: 0, device: scope, routes: { /idn: { read: idn } } }
  - { id: chambers, type: simulator, instruments: { ${chambers.map((name) => `${name}: { model: pressure-gauge }`).join(', ')} } }
  - { id: uu, type: instserver-server, port: 0 }
  - { id: pull, type: data-pull-server, port: 0, kind: date, device: cold }
  - { id: push, type: data-push-server, port: 0, device: furnace }
`

/** A class at its JSON echo. Apart from the others, so that a checkout without it can be compared in them. */
export const classroom = `${listeners}adapters: [{ id: ws, type: ws-echo-server, port: 0, device: class-echo }]\n`

/** A rig that gives nothing but its echo, beside what a publisher of the MQTT rows writes. */
export const rig = `${listeners}
devices:
${[0, 1, 2, 3].map((i) => `  bench-${i}: { codenames: { temperature: { unit: C, maxAge: 600, schema: ${number} } } }`).join('\n')}
adapters: [{ id: rig, type: rig-server, port: 0, device: camera, answers: { others: echo }, maxRate: 1000000 }]
`

/** Topics of the codenames that the pull socket shows. */
export const pulled = ['lab/cold/temperature', 'lab/cold/setpoint']

/** The same, with a pull socket and a simulated device that answers commands at once; for a slow computer. */
export function slow(ports: readonly number[]): string {
  return `${polled(ports)}  - { id: pull, type: data-pull-server, port: 0, kind: date, device: chamber }
  - { id: chamber, type: simulator, instruments: { chamber: { model: pressure-gauge } } }
http: { port: 0 }
`
}

/** A device for each pull socket, which is asked once a second. */
export function polled(ports: readonly number[]): string {
  const instances = ports.map(
    (port, i) => `  - { id: ask-${i}, type: data-pull-client, target: { host: 127.0.0.1, port: ${port} }, device: device-${i}, period: 1 }`
  )
  return `${listeners}adapters:\n${instances.join('\n')}\n`
}

const perDevice = 1000
const schemas = 20

const nameOf = (i: number): readonly [device: string, codename: string] => [
  `device-${Math.floor(i / perDevice)}`,
  `codename-${i % perDevice}`
]

/** So many codenames, a thousand to a device, over twenty distinct schemas. */
export function codenames(count: number): string {
  const lines = Array.from({ length: count }, (_, i) => {
    const [device, codename] = nameOf(i)
    const entry = `      ${codename}: { unit: C, schema: { type: number, minimum: -273, maximum: ${2000 + (i % schemas)} } }`
    return i % perDevice === 0 ? `  ${device}:\n    codenames:\n${entry}` : entry
  })
  return `${listeners}devices:\n${lines.join('\n')}\n`
}

/** The same with a folder, and every reading kept, or none. */
export function recorded(count: number, folder: string, record: 'every' | 'off'): string {
  return `gateway: { data: ${JSON.stringify(folder)} }\nhistory: { record: ${record} }\n${codenames(count)}`
}

/** A broker, and where what it has acknowledged is kept: nowhere, unless told. */
export function kept(where: { readonly folder: string; readonly durability: string } | undefined): string {
  const limits = 'limits: { maxQueued: 10000000, maxQueuedBytes: 4000000000 }'
  if (where === undefined) return `broker: { tcp: { port: 0 }, ${limits} }\n`
  return `gateway: { data: ${JSON.stringify(where.folder)} }\nhistory: { record: off }\nbroker: { tcp: { port: 0 }, durability: ${where.durability}, ${limits} }\n`
}

/** A laboratory of simulated gauges, of one reading a second each. */
export function worn(count: number, folder: string, record: string, durability: string): string {
  const gauges = Array.from({ length: count }, (_, i) => `gauge-${i}: { model: pressure-gauge }`)
  return `gateway: { data: ${JSON.stringify(folder)} }
history: { record: ${record} }
broker: { tcp: { port: 0 }, durability: ${durability} }
adapters: [{ id: gauges, type: simulator, instruments: { ${gauges.join(', ')} } }]
`
}

/** A laboratory whose history of one codename is in the folder already. */
export function remembered(folder: string): string {
  const kept = 'history: { keep: 63072000, maxBytes: 17179869184 }'
  return `gateway: { data: ${JSON.stringify(folder)} }\n${kept}\n${listeners}http: { port: 0 }\ndevices: { furnace: { codenames: { temperature: { unit: C } } } }\n`
}

/** The topics of their readings. */
export function topics(count: number): string[] {
  return Array.from({ length: count }, (_, i) => ['lab', ...nameOf(i)].join('/'))
}
