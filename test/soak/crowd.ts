/**
 * 200 clients of all kinds, in a process of their own: `node crowd.js '{"mqtt": 1883, …}'`, the ports by name. Told over Node's own channel:
 * `tell` (answers with {@link Crowd}), `reset` (every TCP connection is torn), `stop`.
 */
import { Agent, request } from 'node:http'
import type { Socket } from 'node:net'
import { connect } from 'mqtt'
import type { IClientOptions, MqttClient } from 'mqtt'
import { WebSocket } from 'ws'
import { Events } from '../support/events.js'
import { UdpClient } from '../support/udp.js'
import { pause } from './audit.js'

/** Since the last time. */
export interface Crowd {
  readonly clients: number
  readonly received: number
  /** Questions of old clients and of programs, and those that had a good answer. */
  readonly asked: number
  readonly answered: number
}

export type CrowdOrder = 'tell' | 'reset' | 'stop'

const ports = JSON.parse(process.argv[2] as string) as Record<string, number>
const port = (name: string): number => ports[name] as number

let [clients, received, asked, answered] = [0, 0, 0, 0]
let isOver = false
const mqtts: MqttClient[] = []
const torn = new Set<() => void>()

const random = (below: number): number => Math.floor(Math.random() * below)

function mqtt(options: IClientOptions, filters: string[], qos: 0 | 1, over: 'tcp' | 'ws' = 'tcp'): MqttClient {
  clients += 1
  const url = over === 'ws' ? `ws://127.0.0.1:${port('http')}/mqtt` : `mqtt://127.0.0.1:${port('mqtt')}`
  const client = connect(url, { reconnectPeriod: 500 + random(2000), connectTimeout: 10_000, ...options })
  client.on('error', () => {})
  client.on('message', () => (received += 1))
  if (filters.length > 0) client.subscribe(filters, { qos })
  mqtts.push(client)
  return client
}

/** Does something again and again, and counts whether it came to a good end. */
function often(seconds: number, act: () => Promise<boolean>): void {
  clients += 1
  void (async () => {
    await pause(random(seconds * 1000))
    while (!isOver) {
      asked += 1
      if (await act().catch(() => false)) answered += 1
      await pause(seconds * 1000)
    }
  })()
}

const agent = new Agent({ keepAlive: true, maxSockets: 20 })

async function http(at: number, path: string, method = 'GET', body?: unknown, keep = true): Promise<boolean> {
  return await new Promise((resolve, reject) => {
    const text = body === undefined ? undefined : JSON.stringify(body)
    const headers = text === undefined ? {} : { 'content-type': 'application/json' }
    const asking = request({
      host: '127.0.0.1',
      port: at,
      path,
      method,
      headers,
      timeout: 10_000,
      ...(keep ? { agent } : { agent: false })
    })
    asking.once('timeout', () => asking.destroy(new Error('timeout')))
    asking.once('error', reject)
    asking.once('response', (answer) => {
      answer.on('error', reject)
      answer.resume()
      answer.once('end', () => resolve((answer.statusCode ?? 500) < 500))
    })
    asking.end(text)
  })
}

async function udp(at: number, question: string): Promise<boolean> {
  const client = new UdpClient()
  try {
    return (await client.ask(at, question, 2000)).length > 0
  } finally {
    await client.close()
  }
}

// Dashboards, Node-RED, scripts: they read.
for (let i = 0; i < 50; i++) mqtt({}, [['lab/+/+', 'lab/+/+/value', 'lab/+', 'lab/oven/#'][i % 4] as string], i % 2 === 0 ? 0 : 1)
for (let i = 0; i < 20; i++) mqtt({}, [i % 2 === 0 ? 'lab/+/+' : 'lab/+/+/value'], 0, 'ws')
// Native devices: they publish.
for (let i = 0; i < 25; i++) {
  const client = mqtt({}, [], 0, i % 5 === 0 ? 'ws' : 'tcp')
  setInterval(() => {
    if (client.connected) client.publish(`lab/native-${i}/value`, String(random(1000) / 10), { qos: i % 2 === 0 ? 0 : 1 })
  }, 1000)
}
// Sessions whose clients come and go.
for (let i = 0; i < 20; i++) {
  const client = mqtt({ clientId: `session-${i}`, clean: false }, [`lab/native-${i}/+`, 'soak/kept/0'], 1)
  setInterval(() => (client.disconnected ? client.reconnect() : client.end(true)), 15_000 + random(10_000))
}
// Slow ones: they take a little, now and then.
for (let i = 0; i < 15; i++) {
  const client = mqtt({}, ['lab/#'], i % 3 === 0 ? 1 : 0)
  setInterval(() => {
    const { stream } = client
    stream.pause()
    setTimeout(() => stream.resume(), 4500)
  }, 5000)
}
// Programs of HTTP.
for (let i = 0; i < 15; i++)
  often(1, () =>
    http(
      port('http'),
      i % 3 === 0 ? '/api/devices' : i % 3 === 1 ? '/api/devices/oven/temperature' : '/health',
      'GET',
      undefined,
      i % 2 === 0
    )
  )
for (let i = 0; i < 3; i++) often(2, () => http(port('http'), '/api/devices/laser/power/set', 'POST', { value: random(100) }))
often(5, () => http(port('http'), '/api/history?codename=oven/temperature&from=-600'))
for (const path of ['/furnace', '/scope', '/optics', '/echo', '/furnace/200.0', '/scope/15.0'])
  often(2, () => http(port('pages'), path, 'GET', undefined, false))
for (let i = 0; i < 4; i++)
  often(2, () =>
    i === 0
      ? http(port('uuserver'), '/List')
      : http(port('uuserver'), '/Trigger', 'POST', { name: 'oven', method: 'get_temperature', arguments: null })
  )
// Streams of dashboards.
for (let i = 0; i < 8; i++) {
  clients += 1
  void (async () => {
    while (!isOver) {
      const stream = await Events.open(port('http'), i % 2 === 0 ? '/api/readings' : '/api/readings?device=oven').catch(() => undefined)
      if (stream === undefined) {
        await pause(1000)
        continue
      }
      const tear = (): void => stream.close()
      torn.add(tear)
      while (!stream.isOver && !isOver) {
        received += stream.forget()
        await pause(500)
      }
      torn.delete(tear)
      stream.close()
    }
  })()
}
// Old clients.
const questions = ['json_wn', 'raw_wn', 'furnace#raw', 'scope#json', 'name', 'codenames_json', 'status']
for (let i = 0; i < 20; i++) often(1, () => udp(port('pull'), questions[i % questions.length] as string))
for (let i = 0; i < 8; i++) often(1, () => udp(port('sensors'), `json_wn#{"sensor${i}": ${random(1000)}.5}`))
for (let i = 0; i < 3; i++) often(3, () => udp(port('push'), `json_wn#{"${['furnace', 'scope', 'optics'][i]}": ${random(200)}.0}`))
for (let i = 0; i < 4; i++)
  often(
    0.5,
    async () => (await udpSend(port('live'), JSON.stringify({ host: `host${i}`, data: { x: [Date.now() / 1000, random(100)] } })), true)
  )
for (const rig of ['rig-furnace', 'rig-scope']) often(3, () => udp(port(rig), '[32, 0]'))
// Live pages and classes.
for (let i = 0; i < 4; i++)
  socket(port('pages-live'), (page) =>
    page.send(JSON.stringify({ action: 'subscribe', subscriptions: ['stove:temperature', `host${i}:x`] }))
  )
for (const name of ['hear-furnace', 'hear-scope', 'hear-optics', 'hear-echo']) socket(port(name), () => {})
for (const [name, payload] of [
  ['tell-echo', 'hello'],
  ['tell-furnace', { setpoint: 220 }]
] as const) {
  let current: WebSocket | undefined
  socket(port(name), (page) => (current = page))
  setInterval(() => {
    if (current?.readyState === WebSocket.OPEN) current.send(JSON.stringify({ payload }))
  }, 2000)
}

async function udpSend(at: number, text: string): Promise<void> {
  const client = new UdpClient()
  await client.send(at, text)
  await client.close()
}

function socket(at: number, opened: (page: WebSocket) => void): void {
  clients += 1
  const open = (): void => {
    if (isOver) return
    const page = new WebSocket(`ws://127.0.0.1:${at}`)
    const tear = (): void => page.terminate()
    torn.add(tear)
    page.on('open', () => opened(page))
    page.on('message', () => (received += 1))
    page.on('error', () => {})
    page.on('close', () => {
      torn.delete(tear)
      setTimeout(open, 1000 + random(1000))
    })
  }
  open()
}

process.on('message', (order: CrowdOrder) => {
  if (order === 'tell') {
    process.send?.({ clients, received, asked, answered } satisfies Crowd)
    ;[received, asked, answered] = [0, 0, 0]
  } else if (order === 'reset') {
    for (const client of mqtts) {
      const stream = client.stream as Partial<Socket> | undefined
      if (typeof stream?.resetAndDestroy === 'function') stream.resetAndDestroy()
      else (stream as Socket | undefined)?.destroy()
    }
    for (const tear of torn) tear()
  } else process.exit(0)
})
// Who started it is gone.
process.on('disconnect', () => {
  isOver = true
  process.exit(0)
})
