import assert from 'node:assert/strict'
import { connectAsync, type IPublishPacket } from 'mqtt'
import { Crashing } from '../process/crashing.js'
import { Program, main } from '../process/program.js'
import { TestClient } from '../support/mqtt.js'

/** Everything queued for the session, as it returns. */
async function collect(gateway: Crashing, clientId: string, marker: string): Promise<string[]> {
  const client = await TestClient.connect(gateway.port, { clientId, clean: false })
  await client.publish(marker, 'end')
  await client.next(marker)
  const texts = client.left.map(({ topic, text }) => `${topic} ${text}`)
  await client.close()
  return texts
}

for (const signal of ['SIGKILL', 'SIGTERM'] as const) {
  describe(signal, function () {
    this.timeout(20_000)
    const gateway = new Crashing('fast')
    afterEach(async () => await gateway.program?.gone())

    it('publishes the will of a client that was connected', async () => {
      await gateway.start()
      const absent = await gateway.connect('absent', false)
      await absent.subscribeAsync('wills/#', { qos: 1 })
      await absent.endAsync()
      const dying = await connectAsync(`mqtt://127.0.0.1:${gateway.port}`, {
        reconnectPeriod: 0,
        will: { topic: 'wills/one', payload: Buffer.from('gone'), qos: 1, retain: false }
      })
      dying.on('error', () => {})
      await dying.publishAsync('r/x', 'x', { qos: 1, retain: true })
      await gateway.kill(signal)
      await dying.endAsync(true)
      await gateway.start()
      assert.deepEqual(await collect(gateway, 'absent', 'wills/end'), ['wills/one gone'])
    })
  })
}

describe('restart with 10,000 retained readings', function () {
  this.timeout(60_000)
  const gateway = new Crashing('fast', 'devices: { native: { codenames: { power: { unit: W } } } }\n')
  afterEach(async () => await gateway.program?.gone())

  it('shows them stale, restored, with their time, before anything else; its devices are offline', async () => {
    await gateway.start()
    const client = await gateway.connect('writer')
    const time = '2026-01-02T03:04:05.25Z'
    const sent: Promise<unknown>[] = []
    for (let device = 0; device < 100; device++)
      for (let codename = 0; codename < 100; codename++)
        sent.push(client.publishAsync(`lab/d${device}/c${codename}`, JSON.stringify({ value: codename + 0.5, time }), { qos: 1 }))
    sent.push(client.publishAsync('lab/native/power', '7', { qos: 1 }))
    await Promise.all(sent)
    client.on('error', () => {})
    await gateway.kill()
    await client.endAsync(true)
    await gateway.start()
    console.log(`      ready after ${gateway.startedIn.toFixed(0)} ms with 10,000 retained readings`)
    const watcher = await TestClient.connect(gateway.port)
    const messages: IPublishPacket[] = []
    watcher.client.on('message', (_topic, _payload, packet) => messages.push(packet))
    const found = await watcher.retained('lab/+/+')
    const readings = found.filter(({ topic }) => /^lab\/d\d+\/c\d+$/.test(topic))
    assert.equal(readings.length, 10_000)
    for (const { text, topic } of readings) {
      const reading = JSON.parse(text) as Record<string, unknown>
      assert.deepEqual(
        [reading['quality'], reading['source'], reading['time'], reading['value']],
        ['stale', 'restored', time, Number(topic.split('/c')[1]) + 0.5]
      )
    }
    assert.equal(
      (JSON.parse(found.find(({ topic }) => topic === 'lab/native/power')?.text ?? '{}') as Record<string, unknown>)['quality'],
      'stale'
    )
    await watcher.close()
    const other = await TestClient.connect(gateway.port)
    for (const { topic, text } of await other.retained('lab/+')) {
      const { state } = JSON.parse(text) as { state: string }
      assert.equal(state, topic === 'lab/gateway' ? 'online' : 'offline', topic)
    }
    const [meta] = await (await TestClient.connect(gateway.port)).retained('lab/d1/c1/meta')
    assert.equal((JSON.parse(meta?.text ?? '{}') as Record<string, unknown>)['declared'], false)
    await other.close()
  })
})

describe('a data folder that cannot be used', function () {
  this.timeout(20_000)
  it('is a start error that says what to do, with exit code 1', async () => {
    const gateway = new Crashing('fast')
    await gateway.start()
    const second = new Program(process.execPath, [main, 'start', '--config', gateway.file, '--log-format', 'json'])
    const { code, stdout } = await second.ended()
    await gateway.program?.gone()
    assert.equal(code, 1, stdout)
    assert.match(stdout, /cannot open the data folder .*another process uses it/)
  })
})
