import assert from 'node:assert/strict'
import { FastClock } from '../support/fast-clock.js'
import { Cable } from '../support/cable.js'
import { CertificateFolder } from '../support/certificates.js'
import { labYaml, startLab } from '../support/lab.js'
import type { Lab } from '../support/lab.js'
import { Mosquitto } from '../support/mosquitto.js'
import type { MosquittoOptions } from '../support/mosquitto.js'
import type { TestClient } from '../support/mqtt.js'
import { needs } from '../support/peers.js'
import { until } from '../support/until.js'

describe('upstream: a real Mosquitto', function () {
  let mosquitto: Mosquitto | undefined
  let lab: Lab | undefined
  const watchers: TestClient[] = []

  before(function () {
    needs(this, 'mosquitto')
  })

  afterEach(async () => {
    await Promise.all(watchers.splice(0).map((client) => client.vanish()))
    await lab?.stop()
    await mosquitto?.gone()
    lab = mosquitto = undefined
  })

  const broker = async (options?: MosquittoOptions): Promise<Mosquitto> => (mosquitto = await Mosquitto.start(options))

  const start = async (more: string, port = mosquitto?.port, clock = new FastClock(20)): Promise<Lab> => {
    lab = await startLab(
      { clock },
      `upstream:\n  - { id: faculty, servers: [{ host: localhost, port: ${port} }], topic: site/lab-a${more} }\n${labYaml.replace('rain: { maxAge: 10,', 'rain: { maxAge: 10000,')}`
    )
    return lab
  }

  const watch = async (there: Mosquitto, ...filters: string[]): Promise<TestClient> => {
    const client = await there.watch(...filters)
    watchers.push(client)
    return client
  }

  const connected = async (running: Lab): Promise<void> =>
    await until(() => running.gateway.upstream.get('faculty')?.state === 'connected', 'the bridge does not connect')

  it('is told readings, states, descriptions and replies under its own topic, with one hop', async () => {
    const there = await broker()
    const seen = await watch(there, 'site/lab-a/#', 'lab/#')
    const running = await start('')
    await connected(running)
    const client = await running.connect()
    await client.publish('lab/weather/wind', '7.5')
    const wind = await seen.nextJson('site/lab-a/weather/wind')
    assert.deepEqual([wind['value'], wind['unit'], wind['quality'], wind['source'], wind['hops']], [7.5, 'm/s', 'good', 'client', 1])
    const state = await seen.nextJson(({ topic, text }) => topic === 'site/lab-a/weather' && text.includes(`"state":"online"`))
    assert.equal(state['hops'], 1)
    const meta = await seen.nextJson('site/lab-a/weather/wind/meta')
    assert.deepEqual([meta['unit'], meta['hops']], ['m/s', 1])
    await client.publish('lab/weather/wind/get', '{"id":"a"}')
    const reply = await seen.nextJson('site/lab-a/weather/wind/reply')
    assert.deepEqual([reply['id'], reply['value'], reply['hops']], ['a', 7.5, 1])
    await seen.next(({ topic, text }) => topic === 'site/lab-a/gateway' && text.includes('"state":"online"'))
    assert.deepEqual(
      seen.left.filter(({ topic }) => topic.startsWith('lab/') || topic.endsWith('/get') || topic.endsWith('/value')),
      []
    )
  })

  it('has retained what is retained here, also what was told before it was there, and clears what vanishes', async () => {
    const there = await broker()
    await there.kill()
    const running = await start('')
    const client = await running.connect()
    await client.publish('lab/weather/wind', '7.5')
    await client.publish('lab/other/x', '1')
    await there.start()
    await connected(running)
    const live = await watch(there, 'site/lab-a/other/#')
    await live.next('site/lab-a/other/x')
    await client.publish('lab/other/x', '', { retain: true })
    const cleared = await live.next(({ topic, text }) => topic === 'site/lab-a/other/x' && text === '')
    assert.equal(cleared.text, '')
    await live.next(({ topic, text }) => topic === 'site/lab-a/other/x/meta' && text === '')
    const late = await watch(there)
    const topics = (await late.retained('site/lab-a/#')).map(({ topic }) => topic)
    for (const topic of ['site/lab-a/gateway', 'site/lab-a/weather', 'site/lab-a/weather/wind', 'site/lab-a/weather/wind/meta'])
      assert.ok(topics.includes(topic), `${topic} is not retained`)
    assert.ok(!topics.includes('site/lab-a/other/x'))
    assert.ok(!topics.includes('site/lab-a/other/x/meta'))
  })

  it('is told what the filters choose, and no more', async () => {
    const there = await broker()
    const seen = await watch(there, 'site/#')
    const running = await start(', up: ["weather/+", "!weather/rain", "weather/wind/value"]')
    await connected(running)
    const client = await running.connect()
    await client.publish('lab/weather/rain', '1')
    await client.publish('lab/other/x', '1')
    await client.publish('lab/weather/wind', '2')
    await seen.next('site/lab-a/weather/wind')
    await seen.next(({ topic, text }) => topic === 'site/lab-a/weather/wind/value' && text === '2')
    await seen.settled()
    assert.deepEqual(
      seen.left.map(({ topic }) => topic),
      []
    )
  })

  it('gets its password and its certificate', async () => {
    const made = await CertificateFolder.create()
    const files = `cafile ${made.file('ca.pem')}\ncertfile ${made.file('server.pem')}\nkeyfile ${made.file('server.key')}\nrequire_certificate true`
    const there = await broker({ users: { 'lab-a': 'right' }, listener: files })
    const tls = `{ ca: ${made.file('ca.pem')}, cert: ${made.file('alice.pem')}, key: ${made.file('alice.key')} }`
    const running = await start(`, tls: ${tls}, user: lab-a, password: right`, there.port)
    await connected(running)
    const client = await running.connect()
    await client.publish('lab/weather/wind', '3')
    await until(() => running.gateway.upstream.get('faculty')?.waiting === 0, 'it is not sent')
  })

  it('is not believed with a certificate of another authority', async () => {
    const [made, other] = [await CertificateFolder.create(), await CertificateFolder.create()]
    const there = await broker({ listener: `certfile ${made.file('server.pem')}\nkeyfile ${made.file('server.key')}` })
    const running = await start(`, tls: { ca: ${other.file('ca.pem')} }`, there.port)
    const told = (): string => running.gateway.upstream.get('faculty')?.reason ?? ''
    await until(() => told() !== '', 'it is not told')
    assert.match(told(), /certificate is not believed .*tls\.ca/)
    assert.equal(running.gateway.upstream.get('faculty')?.connections, 0)
  })

  it('that does not take the password is told of once, and tried again', async () => {
    const there = await broker({ users: { 'lab-a': 'right' } })
    const running = await start(', user: lab-a, password: wrong', there.port)
    const status = (): string => running.gateway.upstream.get('faculty')?.reason ?? ''
    await until(() => status() !== '', 'it is not told')
    assert.match(status(), /user/)
    const client = await running.connect()
    await client.subscribe('lab/gateway/upstream')
    const told = await client.nextJson(({ topic, text }) => topic === 'lab/gateway/upstream' && text.includes('"away"'))
    assert.match(JSON.stringify(told['value']), /"faculty".*"state":"away"/)
    assert.equal(running.log.lines.filter(({ level }) => level === 'warn').length, 1)
    assert.ok(!JSON.stringify(running.log.lines).includes('wrong'))
  })

  it('that is away with all its servers is told of once for each', async () => {
    const ports = `{ host: 127.0.0.1, port: 1 }, { host: 127.0.0.1, port: 2 }`
    const clock = new FastClock(50)
    lab = await startLab({ clock }, `upstream:\n  - { id: faculty, servers: [${ports}], topic: site/lab-a }\n${labYaml}`)
    const warnings = (): number => lab?.log.lines.filter(({ level }) => level === 'warn').length ?? 0
    const since = clock.monotonic()
    await until(() => warnings() >= 2 && clock.monotonic() > since + 30, 'it is not told')
    assert.equal(warnings(), 2)
  })

  it('publishes the will of a gateway that is cut off, and is told better when it is back', async () => {
    const there = await broker()
    const seen = await watch(there, 'site/lab-a/gateway')
    const running = await start('')
    await seen.next(({ text }) => text.includes(`"state":"online"`))
    await there.kick('labgate-lab-gateway-faculty')
    const offline = await seen.nextJson(({ text }) => text.includes(`"state":"offline"`))
    assert.deepEqual([offline['state'], offline['via'], offline['hops']], ['offline', 'gateway', 1])
    assert.match(String(offline['reason']), /not connected any more/)
    await until(() => running.gateway.upstream.get('faculty')?.connections === 2, 'it does not come back')
    const late = await watch(there)
    await until(() => running.gateway.upstream.get('faculty')?.waiting === 0, 'it is not sent')
    const [now] = await late.retained('site/lab-a/gateway')
    assert.match(now?.text ?? '', /"state":"online"/)
  })

  it('is told that the gateway stops, and not by its will', async () => {
    const there = await broker()
    const seen = await watch(there, 'site/lab-a/gateway')
    // It has a second to say so.
    const running = await start('', there.port, new FastClock(1))
    await seen.next(({ text }) => text.includes(`"state":"online"`))
    await running.stop()
    const offline = await seen.nextJson(({ text }) => text.includes(`"state":"offline"`))
    assert.equal(offline['reason'], 'it was stopped')
    await seen.settled()
    assert.deepEqual(
      seen.left.filter(({ text }) => text.includes(`"state":"offline"`)),
      []
    )
  })

  it('that ends the connection at a message gets everything else, and the message is counted', async function () {
    this.timeout(40_000)
    const there = await broker({ listener: 'max_packet_size 4000' })
    const running = await start(', up: ["weather/+"]')
    const client = await running.connect()
    await connected(running)
    await client.publish('lab/weather/free', '1')
    await until(() => (running.gateway.upstream.get('faculty')?.waiting ?? 1) === 0, 'it is not sent')
    const seen = await watch(there, 'site/lab-a/weather/free')
    await client.publish('lab/weather/free', JSON.stringify('x'.repeat(8000)))
    await client.publish('lab/weather/wind', '9')
    const unsendable = (): number => running.gateway.upstream.get('faculty')?.unsendable ?? 0
    // Found in some connections, with a growing wait between two.
    for (let n = 0; n < 4 && unsendable() === 0; n++) await until(() => unsendable() > 0, 'it is not found').catch(() => {})
    assert.equal(unsendable(), 1)
    await until(() => running.gateway.upstream.get('faculty')?.waiting === 0, 'it is not sent')
    // The old value does not stay there as if it were new.
    await seen.next(({ text }) => text === '')
    const late = await watch(there)
    const texts = (await late.retained('site/#')).map(({ topic, text }) => `${topic} ${(JSON.parse(text) as { value: number }).value}`)
    assert.deepEqual(texts, ['site/lab-a/weather/wind 9'])
    assert.match(running.log.lines.map(({ message }) => message).join(), /ends the connection at a message: it is put aside/)
    // And the topic goes on.
    await client.publish('lab/weather/free', '2')
    await seen.next(({ text }) => text.includes('"value":2'))
    assert.equal(unsendable(), 1)
  })

  it('has the mirror that is retained here, also after an outage, or none', async () => {
    const there = await broker()
    const cable = await Cable.open(there.port)
    const clock = new FastClock(20)
    const running = await start(', up: ["+/+", "+/+/value"]', cable.port, clock)
    await connected(running)
    const client = await running.connect()
    const status = (): ReturnType<typeof running.gateway.upstream.get> => running.gateway.upstream.get('faculty')
    const mirror = async (): Promise<string | undefined> => {
      const late = await watch(there)
      return (await late.retained('site/lab-a/weather/rain/value'))[0]?.text
    }
    const seen = await watch(there, 'site/lab-a/weather/rain/value')
    await client.publish('lab/weather/rain', '1')
    await seen.next(({ text }) => text === '1')
    for (const [value, here] of [
      ['2', '2'],
      ['{"value":4,"quality":"bad"}', undefined]
    ] as const) {
      cable.pull()
      await until(() => status()?.state === 'away', 'it is not noticed')
      await client.publish('lab/weather/rain', value)
      const since = clock.monotonic()
      await until(() => clock.monotonic() > since + 6, 'time stands still')
      cable.plug()
      await until(() => status()?.state === 'connected' && status()?.waiting === 0, 'it is not sent')
      await seen.next(({ text }) => text === (here ?? ''))
      assert.equal(await mirror(), here)
    }
    await cable.close()
  })

  it('gets a reading that is too large for the queue nevertheless, and it is counted and told', async () => {
    const there = await broker()
    const running = await start(', queue: { maxBytes: 4194304 }')
    await connected(running)
    const client = await running.connect()
    const seen = await watch(there, 'site/lab-a/weather/sky')
    await client.publish('lab/weather/sky', '"clear"')
    await seen.next('site/lab-a/weather/sky')
    for (let n = 0; n < 2; n++) await client.publish('lab/weather/sky', JSON.stringify({ value: `${n}${'x'.repeat(600_000)}` }))
    const large = await seen.nextJson(({ text }) => text.includes('"1xx'))
    assert.equal(large['quality'], 'good')
    const late = await watch(there)
    assert.ok(((await late.retained('site/lab-a/weather/sky'))[0]?.text.length ?? 0) > 600_000)
    assert.equal(running.gateway.upstream.get('faculty')?.dropped, 2)
    assert.equal(running.log.lines.filter(({ message }) => message.includes('too large')).length, 1)
  })

  it('that is unreachable delays neither start nor stop', async () => {
    await broker()
    await mosquitto?.kill()
    const running = await start('')
    const client = await running.connect()
    await client.publish('lab/weather/wind', '1')
    await until(() => running.gateway.upstream.get('faculty')?.state === 'away', 'it is not told')
    const since = performance.now()
    await running.stop()
    assert.ok(performance.now() - since < 1500, 'the stop takes long')
  })
})
