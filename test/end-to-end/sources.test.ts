import assert from 'node:assert/strict'
import { once } from 'node:events'
import { Agent, request } from 'node:http'
import { connect } from 'node:net'
import type { Socket } from 'node:net'
import { WebSocket } from 'ws'
import { adapterTypes } from '../../adapters/index.js'
import { checkConfig } from '../../gateway/config.js'
import { pagesPort } from '../support/page.js'
import { start } from '../support/start.js'
import type { Running } from '../support/start.js'
import { UdpFrom } from '../support/udp-from.js'
import { until } from '../support/until.js'
import { WsClient } from '../support/ws-client.js'

const devices = `
devices:
  sink: { codenames: { a: {} } }
  valve: { codenames: { open: { settable: true, timeout: 1 }, level: {}, run: { callable: { timeout: 1 } } } }
`

/** One instance of every type that listens, each with these keys. */
const everyListener = (keys: string): string => `${devices}
adapters:
  - { id: pull, type: data-pull-server, port: 0, name: pull of valve, device: valve, ${keys} }
  - { id: push, type: data-push-server, port: 0, device: sink, ${keys} }
  - { id: sets, type: data-push-server, port: 0, accept: commands, as: set, device: valve, action: callback_direct, ${keys} }
  - { id: flask, type: http-routes-server, port: 0, device: valve, routes: { '/level': { read: level }, '/open/<v>': { set: open } }, ${keys} }
  - { id: uu, type: instserver-server, port: 0, ${keys} }
  - { id: live, type: live-server, port: 0, web: { port: 0 }, ${keys} }
  - { id: sends, type: live-client, target: { host: 127.0.0.1, port: 9 }, watch: [valve], port: 0, name: of a live socket, ${keys} }
  - { id: rig, type: rig-server, port: 0, device: stage, answers: { EXPSTART: { set: valve/open, value: 1 } }, ${keys} }
  - { id: class, type: ws-echo-server, port: 0, device: class, ${keys} }
  - { id: bridge, type: ws-echo-server, port: 0, device: bridged, mode: bridge, call: valve/run, ${keys} }
`

const udp = [
  ['pull', 'name'],
  ['push', 'name'],
  ['sets', 'name'],
  ['sends', 'name'],
  ['rig', '[32, 0]']
] as const
const tcp = ['flask', 'uu', 'live', 'rig', 'class', 'bridge'] as const

describe('who may come to a legacy listener', function () {
  this.timeout(15_000)

  let running: Running
  const open: { close(): unknown }[] = []

  afterEach(async () => {
    for (const each of open.splice(0)) await each.close()
    await running.stop()
    assert.deepEqual(
      running.log.lines.filter(({ level }) => level === 'error'),
      []
    )
  })

  const portOf = (instance: string): number => (instance === 'live' ? pagesPort(running, 'live') : running.port(instance))

  async function from(address?: string): Promise<UdpFrom> {
    const client = await UdpFrom.open(address)
    open.push(client)
    return client
  }

  async function dial(port: number, localAddress: string): Promise<Socket> {
    const socket = connect({ port, host: '127.0.0.1', localAddress })
    open.push({ close: () => socket.destroy() })
    socket.on('error', () => {})
    await once(socket, 'connect')
    return socket
  }

  /** Over TCP. True: it was closed at once. */
  async function isClosed(port: number, localAddress: string): Promise<boolean> {
    const socket = await dial(port, localAddress)
    return await Promise.race([
      once(socket, 'close').then(() => true),
      new Promise<boolean>((resolve) => setTimeout(() => resolve(false), 200))
    ])
  }

  function get(port: number, path: string, method = 'GET', body = '', agent?: Agent): Promise<number> {
    return new Promise((resolve, reject) => {
      const asked = request({ port, host: '127.0.0.1', path, method, agent: agent ?? false }, (response) => {
        response.resume()
        resolve(response.statusCode ?? 0)
      })
      asked.on('error', reject)
      asked.end(body)
    })
  }

  const refused = (): Record<string, number> =>
    Object.fromEntries(
      [...new Set([...udp.map(([id]) => id), ...tcp])].map((id) => [
        id,
        running.log.lines.filter(({ fields }) => fields['instance'] === id && fields['rule'] !== undefined).length
      ])
    )

  it('is listed: others get no answer, or their connection is closed, and it is told once', async () => {
    running = await start(everyListener('allow: [127.0.0.2/31]'))
    const [listed, other] = [await from('127.0.0.2'), await from()]
    for (const [id, question] of udp) {
      await other.send(portOf(id), question, question)
      assert.notEqual(await listed.ask(portOf(id), question), undefined, id)
    }
    assert.deepEqual(await other.all(), [])
    for (const id of tcp) {
      assert.ok(await isClosed(portOf(id), '127.0.0.1'), `${id}: a stranger stays connected`)
      assert.ok(!(await isClosed(portOf(id), '127.0.0.3')), `${id}: who is listed is sent away`)
    }
    assert.deepEqual(new Set(Object.values(refused())), new Set([1]))
    const [line] = running.log.lines.filter(({ fields }) => fields['rule'] !== undefined)
    assert.deepEqual([line?.fields['address'], line?.fields['rule']], ['127.0.0.1', 'allow'])
  })

  it('may look where nothing may be done, and is told in the words of the protocol', async () => {
    running = await start(everyListener('readOnly: true'))
    const mqtt = await running.connect()
    await mqtt.subscribe('lab/valve/#', 'lab/sink/#', 'lab/class/#', 'lab/h/#', 'lab/stage/event')
    await mqtt.publish('lab/valve/level', '7')
    await mqtt.next('lab/valve/level')
    const client = await from()
    // What is only read goes on.
    assert.match((await client.ask(portOf('pull'), 'level#json')) ?? '', /7/)
    assert.equal(await client.ask(portOf('push'), 'name'), 'RET#')
    assert.equal(await get(portOf('flask'), '/level'), 200)
    assert.equal(await get(portOf('uu'), '/List'), 200)
    // What would do something does not.
    assert.match((await client.ask(portOf('push'), 'json_wn#{"a": 1}')) ?? '', /^ERROR#.*readOnly/)
    assert.match((await client.ask(portOf('sets'), 'json_wn#{"open": 1}')) ?? '', /^ERROR#.*readOnly/)
    assert.equal(await get(portOf('flask'), '/open/1'), 403)
    assert.equal(await get(portOf('uu'), '/Trigger', 'POST', '{"name": "valve", "method": "set_open", "argument": 1}'), 403)
    await client.send(running.port('live'), '{"host": "h", "data": {"a": [1, 2]}}')
    const bridge = await WsClient.open(portOf('bridge'))
    open.push({ close: () => bridge.vanish() })
    assert.match(await bridge.ask('1'), /Forbidden/)
    const echo = await WsClient.open(portOf('class'))
    open.push({ close: () => echo.vanish() })
    assert.match(await echo.ask('"hello"'), /hello/)
    const begin = '[1, "2026-07-01_1_mouse", null]'
    await client.send(portOf('rig'), begin.replace('[1', '[2'))
    await until(() => client.answers.length >= 2, 'no answer of the rig')
    assert.match(client.answers.map(String).join(' '), /Forbidden: .*readOnly/)
    await mqtt.publish('lab/valve/level', '8')
    await mqtt.next('lab/valve/level')
    const topics = mqtt.left.filter(({ retain }) => !retain).map(({ topic }) => topic)
    for (const topic of ['lab/sink/a', 'lab/valve/open/set', 'lab/valve/run/call', 'lab/class/message', 'lab/h/a', 'lab/stage/event'])
      assert.ok(!topics.includes(topic), `${topic}: ${topics.join()}`)
  })

  it('comes only so often: datagrams are dropped, requests are answered with 429', async () => {
    running = await start(everyListener('maxSourceRate: 1'))
    const client = await from()
    for (const [id, question] of udp.filter(([name]) => name !== 'rig')) {
      await client.send(portOf(id), ...Array.from({ length: 30 }, () => question))
      assert.ok((await client.all()).length <= 12, id)
    }
    const agent = new Agent({ keepAlive: true, maxSockets: 1 })
    open.push({ close: () => agent.destroy() })
    const statuses: number[] = []
    for (let i = 0; i < 20; i += 1) statuses.push(await get(portOf('uu'), '/List', 'GET', '', agent))
    assert.deepEqual([statuses[0], statuses.at(-1)], [200, 429])
    // With a connection for each, as old clients ask; but far too many connections are closed unread.
    const each: number[] = []
    for (let i = 0; i < 15; i += 1) each.push(await get(portOf('flask'), '/level'))
    assert.ok(!each.slice(0, 10).includes(429) && each.at(-1) === 429, each.join())
    const more = Array.from({ length: 120 }, async () => await get(portOf('flask'), '/level').catch(() => 'closed'))
    const answers429 = (await Promise.all(more)).filter((status) => status === 429).length
    assert.ok(answers429 > 0 && answers429 <= 100, String(answers429))
    const page = new WebSocket(`ws://127.0.0.1:${portOf('live')}/`)
    open.push({ close: () => page.terminate() })
    await once(page, 'open')
    for (let i = 0; i < 30; i += 1) page.send('{"action": "subscribe", "subscriptions": ["h:a"]}')
    await once(page, 'close')
    const echo = await WsClient.open(portOf('class'))
    open.push({ close: () => echo.vanish() })
    const answers: string[] = []
    for (let i = 0; i < 12; i += 1) answers.push(await echo.ask(String(i)))
    assert.match(answers[0] ?? '', /"payload": 0/)
    assert.match(answers[11] ?? '', /RateLimited/)
  })

  it('is sent away when one address holds half of all connections', async () => {
    running = await start(
      everyListener('maxSourceRate: 1000')
        .replace(/type: (http-routes|instserver|ws-echo)-server/g, '$&, maxConnections: 4')
        .replace('maxControllers', '')
        .replace('web: { port: 0 }', 'web: { port: 0, maxPages: 4 }')
    )
    for (const id of ['class', 'live']) {
      const closed: boolean[] = []
      for (let i = 0; i < 3; i += 1) closed.push(await isClosed(portOf(id), '127.0.0.1'))
      assert.deepEqual(closed, [false, false, true], id)
      assert.ok(!(await isClosed(portOf(id), '127.0.0.2')), `${id}: another address finds no place`)
    }
    // Those of HTTP that wait for nothing make room for others of their own address alone.
    const [other, first] = [await dial(portOf('uu'), '127.0.0.2'), await dial(portOf('uu'), '127.0.0.1')]
    const gone = once(first, 'close')
    for (let i = 0; i < 2; i += 1) await dial(portOf('uu'), '127.0.0.1')
    await gone
    assert.ok(!other.destroyed)
  })

  it('has pages of its own list where the live proxy says so', async () => {
    running = await start(`${devices}
adapters: [{ id: live, type: live-server, port: 0, allow: [127.0.0.2], web: { port: 0, allow: [127.0.0.3] } }]`)
    assert.ok(await isClosed(portOf('live'), '127.0.0.2'))
    assert.ok(!(await isClosed(portOf('live'), '127.0.0.3')))
  })

  it('stands in the configuration of every type that listens, and what is no address is told', async () => {
    running = await start(devices + 'adapters: []')
    const wrong = everyListener('allow: [10.0.0.300, 10.0.0.0/33, fd00::/129]').replace(
      'web: { port: 0 }',
      "web: { port: 0, allow: ['1:2'] }"
    )
    const listening = ['pull', 'push', 'sets', 'flask', 'uu', 'live', 'sends', 'rig', 'class', 'bridge'].length
    const check = (yaml: string): string => {
      try {
        checkConfig(`broker: { tcp: { port: 0 } }\n${yaml}`, { file: 'x', types: adapterTypes, env: {} })
        return ''
      } catch (error) {
        return (error as Error).message
      }
    }
    assert.equal(check(wrong).match(/\[address\]/g)?.length, listening * 3 + 1, check(wrong))
    assert.equal(check(everyListener('allow: [lab.example]')).match(/\[pattern\]/g)?.length, listening)
    for (const { type, configSchema } of adapterTypes) {
      const { properties } = configSchema as { readonly properties: object }
      assert.equal('insecure' in properties, type.endsWith('-server') || type === 'live-client', type)
    }
  })
})
