import assert from 'node:assert/strict'
import { Cable } from '../support/cable.js'
import { RawClient, packets } from '../support/raw-mqtt.js'
import { start } from '../support/start.js'
import type { Running } from '../support/start.js'

/** A gateway far away plays what ours dials. */
const far = `
adapters:
  - { id: instruments, type: simulator, instruments: { stove: { model: furnace } } }
  - { id: page, type: http-routes-server, port: 0, device: stove, routes: { /level: { get: setpoint }, '/level/<float:value>': { set: setpoint } } }
  - { id: uu, type: instserver-server, port: 0, devices: { lab: { device: stove, methods: { get_gain: { get: setpoint }, set_gain: { set: setpoint } } } } }
  - { id: echo, type: ws-echo-server, port: 0, device: far-echo }
`

const near = (page: number, uu: number, echo: number): string => `
devices:
  scope: { codenames: { level: { maxAge: 1, settable: true, timeout: 1 } } }
  optics: { codenames: { gain: { maxAge: 1, settable: true, timeout: 1 } } }
adapters:
  - { id: oven, type: simulator, instruments: { furnace: { model: furnace, period: 0.1 } } }
  - { id: flask, type: http-routes-client, target: { host: 127.0.0.1, port: ${page} }, device: scope, timeout: 0.5, offlineAfter: 1, routes: { level: { get: /level, set: '/level/{value}', period: 0.2 } } }
  - { id: uuserver, type: instserver-client, target: { host: 127.0.0.1, port: ${uu} }, devices: { lab: optics }, others: refuse, timeout: 0.5, offlineAfter: 1, poll: [{ device: lab, method: get_gain, period: 0.2 }] }
  - { id: far, type: ws-echo-client, target: { host: 127.0.0.1, port: ${echo} }, device: echo, timeout: 0.5, probe: 0.5 }
`

describe('a peer that vanishes without a word', function () {
  this.timeout(30_000)
  const running: Running[] = []
  const cables: Cable[] = []
  const raw: RawClient[] = []

  afterEach(async () => {
    for (const client of raw.splice(0)) client.close()
    await Promise.all(cables.splice(0).map((cable) => cable.close()))
    await Promise.all(running.splice(0).map((gateway) => gateway.stop()))
  })

  async function lab(yaml: string): Promise<Running> {
    const gateway = await start(yaml)
    running.push(gateway)
    return gateway
  }

  async function cableTo(port: number): Promise<Cable> {
    const cable = await Cable.open(port)
    cables.push(cable)
    return cable
  }

  it('is told as offline, its readings as old, its commands as failed; others go on; it comes back by itself', async () => {
    const there = await lab(far)
    for (const id of ['page', 'uu', 'echo']) await cableTo(there.port(id))
    const [page, uu, echo] = cables.map(({ port }) => port) as [number, number, number]
    const here = await lab(near(page, uu, echo))
    const client = await here.connect()
    await client.subscribe('lab/+', 'lab/+/+', 'lab/+/+/reply')
    const state = async (device: string, wanted: string): Promise<void> =>
      void (await client.next(
        ({ topic, text }) => topic === `lab/${device}` && text.includes(`"state":"${wanted}"`),
        `${device} ${wanted}`
      ))
    const all = ['scope', 'optics', 'echo']
    for (const device of all) await state(device, 'online')
    await client.next(({ topic, text }) => topic === 'lab/scope/level' && text.includes('"good"'))
    await client.next(({ topic, text }) => topic === 'lab/optics/gain' && text.includes('"good"'))
    client.drop()

    for (const cable of cables) cable.freeze()
    const settled = Promise.all([
      client.publish('lab/scope/level/set', { id: 'scope', value: 5 }),
      client.publish('lab/optics/gain/set', { id: 'optics', value: 5 })
    ])
    for (const device of all) await state(device, 'offline')
    await settled
    for (const [topic, id] of [
      ['lab/scope/level', 'scope'],
      ['lab/optics/gain', 'optics']
    ] as const) {
      const reply = await client.nextJson((message) => message.topic === `${topic}/reply` && !message.text.includes('accepted'))
      assert.deepEqual([reply['id'], reply['phase']], [id, 'failed'])
      await client.next((message) => message.topic === topic && message.text.includes('"stale"'))
    }
    client.drop()
    await client.next(({ topic, text }) => topic === 'lab/furnace/temperature' && text.includes('"good"'))

    // What lay on the way belongs to connections that nobody has any more.
    for (const cable of cables) {
      cable.pull()
      cable.thaw()
      cable.plug()
    }
    for (const device of ['scope', 'echo']) await state(device, 'online')
    await client.next(({ topic, text }) => topic === 'lab/scope/level' && text.includes('"good"'))
  })

  it('as an MQTT client is cut after its keepalive; its will is told, and its session keeps what it has not acknowledged', async () => {
    const gateway = await lab('devices: {}')
    const cable = await cableTo(gateway.mqttPort)
    const watcher = await gateway.connect()
    await watcher.subscribe('will')
    const will = { topic: 'will', payload: 'gone' }
    const client = await RawClient.connect(cable.port, 'vanishing', { clean: false, keepalive: 1, will })
    raw.push(client)
    client.send(packets.subscribe(1, ['x', 1]))
    await client.next('suback')
    cable.freeze()
    for (const text of ['1', '2', '3']) await watcher.publish('x', text)
    assert.equal((await watcher.next('will')).text, 'gone')
    await watcher.publish('x', '4')
    const back = await RawClient.connect(gateway.mqttPort, 'vanishing', { clean: false })
    raw.push(back)
    assert.deepEqual(
      (await back.has(4)).map(({ text }) => text),
      ['1', '2', '3', '4']
    )
    assert.equal(back.sessionPresent, true)
  })
})
