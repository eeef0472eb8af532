import assert from 'node:assert/strict'
import { hostname } from 'node:os'
import type { TestClient } from '../../test/support/mqtt.js'
import { start } from '../../test/support/start.js'
import type { Running } from '../../test/support/start.js'
import { UdpClient } from '../../test/support/udp.js'
import { FakeClock } from '../../test/support/fake-clock.js'
import { Sink } from '../../test/support/sink.js'

const devices = `devices:
  furnace: { codenames: { temperature: { maxAge: 5 }, power: {} } }
  gauge: { codenames: { pressure: {} } }`

describe('live-client', () => {
  let running: Running
  let mqtt: TestClient
  let proxy: Sink
  let udp: UdpClient
  let clock: FakeClock

  beforeEach(async () => {
    clock = new FakeClock(1_500_000_100)
    udp = new UdpClient()
    proxy = await Sink.open()
  })

  afterEach(async () => {
    await udp.close()
    await proxy.close()
    await running.stop()
    assert.deepEqual(
      running.log.lines.filter(({ level }) => level === 'error'),
      []
    )
  })

  async function lab(options = 'watch: [furnace]', more = devices): Promise<void> {
    const target = `target: { host: 127.0.0.1, port: ${proxy.port} }`
    const entry = `{ id: live, type: live-client, port: 0, hostName: rasppi71, ${target}, ${options} }`
    running = await start(`${more}\n${more.includes('adapters:') ? '' : 'adapters:'}\n  - ${entry}`, { clock })
    mqtt = await running.connect()
    await mqtt.subscribe('lab/#', 'lab-dead/#')
    await mqtt.settled()
    mqtt.drop()
  }

  async function instance(state: string): Promise<string> {
    const { text } = await mqtt.next(
      (message) => message.topic === 'lab/gateway/instances' && message.text.includes(`"state":"${state}"`),
      `an instance that is ${state}`
    )
    return text
  }

  /** What comes within a second of the clock, if anything. */
  async function passing(sink: Sink): Promise<string | undefined> {
    await clock.pass(1)
    return await sink.next(50).catch(() => undefined)
  }

  it('gathers the readings of a short time into one batch, with the time of each', async () => {
    await lab("watch: [furnace], channels: { p: gauge/pressure, 'p error': gauge/error }", `${devices.slice(0, -3)}, error: {} } }`)
    await mqtt.publish('lab/furnace/temperature', { value: 21.5, time: '2017-07-14T02:41:39.5Z' })
    await mqtt.publish('lab/gauge/pressure', '1e-9')
    await mqtt.publish('lab/furnace/power', '47')
    await mqtt.publish('lab/gauge/error', 'true')
    await clock.pass(0.05)
    assert.equal(
      await proxy.next(),
      '{"host": "rasppi71", "data": {"temperature": [1500000099.5, 21.5], "p": [1500000100.0, 1e-09], "power": [1500000100.0, 47], "p error": [1500000100.0, true]}}'
    )
  })

  it('sends every reading, also of one codename within that time', async () => {
    await lab()
    for (const power of ['1', '2', '3']) await mqtt.publish('lab/furnace/power', power)
    await clock.pass(0.05)
    for (const power of ['1', '2', '3'])
      assert.equal(await proxy.next(), `{"host": "rasppi71", "data": {"power": [1500000100.0, ${power}]}}`)
  })

  it('is called as the computer, without its domain, when it has no name of its own', async () => {
    running = await start(
      `${devices}\nadapters: [{ id: live, type: live-client, pullSocket: none, window: 0, target: { host: 127.0.0.1, port: ${proxy.port} }, watch: [furnace] }]`,
      { clock }
    )
    mqtt = await running.connect()
    await mqtt.publish('lab/furnace/power', '1')
    const { host } = JSON.parse(await proxy.next()) as { host: string }
    assert.equal(host, hostname().split('.')[0])
  })

  it('sends nothing that is stale, and NaN, null and resets as a LiveSocket does', async () => {
    await lab(
      'watch: [furnace, rasppi9]',
      `${devices}\n  rasppi9: { codenames: { a: {} } }\nadapters:\n  - { id: proxy, type: live-server, port: 0, web: { port: 0 }, channels: { rasppi9: rasppi9 } }`
    )
    const host = async (point: string): Promise<void> =>
      await udp.send(running.port('proxy'), `{"host": "rasppi9", "data": {"a": ${point}}}`)
    const sent = async (): Promise<string> => {
      await clock.pass(0.05)
      return await proxy.next()
    }
    await mqtt.publish('lab/furnace/temperature', { value: 1, time: '2017-07-14T02:41:00Z' })
    await mqtt.next('lab/furnace/temperature')
    for (const point of ['[0.5, NaN]', '[0.5, null]', '[0.5, 2]', '"RESET"']) {
      await host(point)
      await mqtt.next('lab/rasppi9/a')
      assert.equal(await sent(), `{"host": "rasppi71", "data": {"a": ${point}}}`)
    }
    await mqtt.publish('lab/furnace/power', {
      value: null,
      quality: 'bad',
      error: { class: 'DeviceError', message: 'off', retryable: true }
    })
    assert.equal(await sent(), '{"host": "rasppi71", "data": {"power": [1500000100.2, null]}}')
    // And what grows old is no new point.
    await mqtt.publish('lab/furnace/temperature', '1')
    await sent()
    await clock.pass(6)
    await mqtt.publish('lab/furnace/power', '2')
    assert.match(await sent(), /"power"/)
  })

  it('keeps what it cannot send, sends it in order once somebody listens, and drops the oldest with a count', async () => {
    await lab('watch: [furnace], queue: 3, window: 0')
    const { port } = proxy
    await proxy.close()
    // The first is lost with the notice that nobody listens.
    await mqtt.publish('lab/furnace/power', '0')
    assert.match(await instance('degraded'), new RegExp(`nobody listens on udp 127\\.0\\.0\\.1:${port}`))
    for (const power of ['1', '2', '3', '4', '5']) await mqtt.publish('lab/furnace/power', power)
    // Nobody is there at the next attempt either.
    await until(async () => {
      await clock.pass(1)
      return running.log.lines.some(({ message }) => /the oldest are dropped/.test(message))
    })
    proxy = await Sink.open(port)
    for (const power of ['3', '4', '5']) assert.match(await until(async () => await passing(proxy)), new RegExp(`, ${power}\\]\\}`))
    assert.match(await instance('online'), /"live":\{"reason":"it works"/)
    await mqtt.publish('lab/furnace/power', '6')
    assert.match(await proxy.next(), /, 6\]\}/)
    mqtt.drop()
    await clock.pass(10)
    const { value } = await mqtt.nextJson('lab/gateway/counters')
    assert.equal((value as { live: { dropped: number } }).live.dropped, 3, 'the one that was lost, and two that were too many')
    const told = running.log.lines.filter(({ fields, level }) => fields['instance'] === 'live' && level === 'warn')
    assert.deepEqual(
      told.map(({ message }) => message.slice(0, 40)),
      ['the live proxy cannot be reached; readin', 'more readings wait for the live proxy th']
    )
  })

  it('leaves out what grew old while it waited, counted, unless there is a newer point of it', async () => {
    const more = `devices:
  furnace: { codenames: { temperature: { maxAge: 100 }, power: {} } }
  gauge: { codenames: { pressure: { maxAge: 100 } } }`
    await lab('watch: [furnace, gauge], window: 0', more)
    const { port } = proxy
    await proxy.close()
    await mqtt.publish('lab/furnace/power', '0')
    await instance('degraded')
    await mqtt.publish('lab/gauge/pressure', '1')
    await mqtt.publish('lab/gauge/pressure', '2')
    for (const name of ['temperature', 'power']) await mqtt.publish(`lab/furnace/${name}`, '1')
    await clock.pass(101)
    await mqtt.publish('lab/furnace/temperature', '2')
    proxy = await Sink.open(port)
    const next = async (): Promise<string> => await until(async () => await passing(proxy))
    assert.equal(await next(), '{"host": "rasppi71", "data": {"temperature": [1500000100.0, 1], "power": [1500000100.0, 1]}}')
    assert.equal(await next(), '{"host": "rasppi71", "data": {"temperature": [1500000201.0, 2]}}')
    await mqtt.publish('lab/gauge/pressure', '3')
    assert.match(await next(), /"pressure": \[\d+\.\d+, 3\]\}/)
    mqtt.drop()
    await clock.pass(10)
    const { value } = await mqtt.nextJson('lab/gateway/counters')
    assert.equal((value as { live: { dropped: number } }).live.dropped, 3, 'the one that was lost, and two that grew old')
    assert.equal(running.log.lines.filter(({ message }) => message.startsWith('what grew old while it waited')).length, 1)
  })

  it('does not send what the proxy could not read to its end, and says so', async () => {
    await lab('watch: [furnace], window: 0')
    await mqtt.publish('lab/furnace/power', JSON.stringify('x'.repeat(9000)))
    await mqtt.publish('lab/furnace/power', '1')
    assert.match(await proxy.next(), /, 1\]\}/)
    const [told] = running.log.lines.filter(({ level }) => level === 'warn')
    assert.match(told?.message ?? '', /too long for a datagram/)
  })

  it('sends what has been gathered when it is stopped', async () => {
    await lab()
    await mqtt.publish('lab/furnace/power', '1')
    await mqtt.settled()
    await running.gateway.stop()
    assert.match(await proxy.next(), /"power"/)
  })

  it('answers as the DataPullSocket inside a LiveSocket, from memory, and never with what is old', async () => {
    await lab('name: live test, unset: [0, 0], watch: [furnace], channels: { p: gauge/pressure }')
    const ask = async (question: string): Promise<string> => await udp.ask(running.port('live'), question)
    assert.equal(await ask('raw_wn'), 'temperature:OLD_DATA;power:0.0,0.0;p:0.0,0.0')
    await mqtt.publish('lab/furnace/temperature', '21.5')
    assert.equal(await ask('temperature#json'), '[1500000100.0, 21.5]')
    assert.equal(await ask('name'), 'live test')
    assert.equal(await ask('codenames_raw'), 'temperature,power,p')
    const status = JSON.parse(await ask('status')) as { socket_server_status: Record<string, { type: string }> }
    assert.equal(status.socket_server_status[running.port('live')]?.type, 'data')
    await clock.pass(6)
    assert.equal(await ask('temperature#raw'), 'OLD_DATA')
  })

  it('is checked: names that would be two things, names that no page could ask for', async () => {
    await lab()
    const more = 'chamber: { codenames: { pressure: {}, "a": {} } }'
    const wrong: [string, RegExp][] = [
      ['watch: [gauge, chamber]', /gauge\/pressure and chamber\/pressure would both be sent as pressure/],
      ['watch: [gauge, gauge/pressure]', /would both be sent as pressure/],
      ["channels: { 'a:b': gauge/pressure }", /The character ':' is not allowed/],
      ['watch: [gauge], hostName: "a:b"', /a host name holds no colon/],
      ['watch: [gauge/presure]', /device gauge has no codename .?presure.*pressure/],
      ['watch: [gage]', /there is no device .?gage.*gauge/],
      ['watch: []', /watch/],
      ['window: 1', /watch|channels/]
    ]
    for (const [options, message] of wrong)
      await assert.rejects(
        start(`${devices}\n  ${more}\nadapters:\n  - { id: live, type: live-client, port: 0, target: { host: 127.0.0.1 }, ${options} }`),
        message,
        options
      )
  })
})

/** Tries until there is something; bounded by the test's own time. */
async function until<T>(look: () => Promise<T | undefined | false>): Promise<T> {
  for (;;) {
    const found = await look()
    if (found !== undefined && found !== false) return found
    await new Promise((resolve) => setImmediate(resolve))
  }
}
