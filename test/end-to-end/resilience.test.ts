import assert from 'node:assert/strict'
import fc from 'fast-check'
import { startLab } from '../support/lab.js'
import type { Lab } from '../support/lab.js'
import type { TestClient } from '../support/mqtt.js'
import { RawClient, packets } from '../support/raw-mqtt.js'

const faults: unknown[] = []
const keep = (error: unknown): void => void faults.push(error)

describe('no payload of any client ends the process', function () {
  this.timeout(15_000)
  let lab: Lab
  let client: TestClient
  let watcher: TestClient

  before(async () => {
    process.on('uncaughtException', keep)
    lab = await startLab()
    client = await lab.connect({ clientId: 'fuzz' })
    watcher = await lab.connect({ clientId: 'good' })
    await watcher.subscribe('lab/weather/wind')
  })

  after(async () => {
    await lab.stop()
    process.off('uncaughtException', keep)
  })

  /** A good client is served all the while. */
  async function lives(): Promise<void> {
    const value = Math.floor(Math.random() * 1e9) / 1e7
    await client.publish('lab/weather/wind', String(value))
    await watcher.next(({ text }) => text.includes(`"value":${value}`), `the value ${value}`)
    watcher.drop()
    assert.deepEqual(faults, [])
  }

  it('not broken JSON, at any QoS, retained or not, which once threw in a subscriber of the process', async () => {
    for (const qos of [0, 1, 2] as const)
      for (const retain of [false, true])
        for (const topic of ['lab/weather/free', 'lab/weather/free/set', 'lab/stage/position/reply', 'lab/weather'])
          await client.publish(topic, '{"value": ', { qos, retain })
    await lives()
  })

  it('not two hundred commands that are never answered, which once filled all slots of the broker', async () => {
    lab.scripted.execute = () => new Promise(() => {})
    for (let i = 0; i < 200; i++) await client.publish('lab/furnace/anything/set', `{"id": "slot-${i}", "value": 1}`)
    await lives()
  })

  it('not a packet larger than broker.limits.maxPacket: its sender is cut at the header, and said why', async () => {
    const raw = await RawClient.connect(lab.mqttPort, 'huge')
    const closed = raw.closed()
    raw.send(Buffer.concat([Buffer.from([0x30, 0x80, 0x80, 0x80, 0x08])]))
    await closed
    assert.ok(
      lab.log.lines.some(
        ({ fields }) => fields['client'] === 'huge' && String(fields['reason']).startsWith('a packet of 16777216 bytes; at most 1048576')
      )
    )
    await lives()
  })

  it('not an empty retained payload, nor a topic with broken percent-encoding', async () => {
    for (const topic of [
      'lab/weather/free',
      'lab/weather',
      'lab/furnace/setpoint/set',
      'lab/x/y/z',
      'lab/stage/position/reply',
      'lab/gateway'
    ])
      await client.publish(topic, '', { retain: true })
    for (const level of ['%', '%%', '%G0', '%C3', '%c3%bc', '%ED%A0%80', '__proto__', 'constructor', 'toString', '%5F%5Fproto%5F%5F']) {
      await client.publish(`lab/${level}/${level}`, '1')
      await client.publish(`lab/weather/${level}/set`, '1')
      await client.publish(`lab/${level}`, 'online')
    }
    await lives()
  })

  it('not JSON with hostile members, depths and sizes', async () => {
    const hostile = [
      '{"value": 1, "__proto__": {"x": 1}}',
      '{"__proto__": 1}',
      '{"value": {"__proto__": null, "constructor": 1, "toJSON": "x"}}',
      '{"value": 1, "error": {"__proto__": 1}}',
      `{"value": ${'['.repeat(199)}${']'.repeat(199)}}`,
      '['.repeat(100_000),
      `{"id": "${'x'.repeat(100_000)}"}`,
      '9'.repeat(4300),
      '9'.repeat(100_000),
      '1e999999999',
      '"\\ud800"',
      '{"id": "\\u0000", "value": "\\u0000"}',
      '{"id": "x", "expires": "9999-12-31T23:59:59-23:59", "value": 1}',
      '{"value": 1, "time": "0000-01-01T00:00:00+23:59"}',
      '{"value": 1, "time": "9999-12-31T23:59:59.999999999Z"}',
      '{"id": "x", "error": {"class": "constructor", "message": ""}}'
    ]
    for (const payload of hostile)
      for (const topic of [
        'weather/free',
        'weather/wind',
        'weather',
        'furnace/anything/set',
        'furnace/cool/call',
        'furnace/setpoint/get',
        'stage/position/reply'
      ])
        await client.publish(`lab/${topic}`, payload)
    await lives()
  })

  it('not random payloads on random topics of every kind', async () => {
    const level = fc.constantFrom(
      'weather',
      'furnace',
      'stage',
      'gateway',
      'nobody',
      'wind',
      'setpoint',
      'position',
      'cool',
      '%41',
      '',
      'x y'
    )
    const last = fc.constantFrom('set', 'get', 'call', 'history', 'reply', 'meta', 'value', 'nope')
    const topic = fc
      .oneof(fc.tuple(level), fc.tuple(level, level), fc.tuple(level, level, last))
      .map((levels) => ['lab', ...levels].join('/'))
    const scalar = fc.oneof(
      fc.integer().map(String),
      fc.double().map(String),
      fc.constantFrom('true', 'null', '""', 'NaN', '"x"', '[]', '{}')
    )
    const members = fc.constantFrom(
      'id',
      'value',
      'arguments',
      'time',
      'expires',
      'check',
      'phase',
      'error',
      'state',
      'quality',
      'reason',
      'seq'
    )
    const object = fc
      .array(fc.tuple(members, fc.oneof(scalar, fc.json())), { maxLength: 4 })
      .map((pairs) => `{${pairs.map(([key, value]) => `"${key}": ${value}`).join(',')}}`)
    const payload = fc.oneof(scalar, object, fc.json(), fc.string({ unit: 'binary' })).map((text) => Buffer.from(text))
    const anything = fc.oneof(
      payload,
      fc.uint8Array({ maxLength: 50 }).map((bytes) => Buffer.from(bytes))
    )
    const how = fc.record({ qos: fc.constantFrom(0, 1, 2) as fc.Arbitrary<0 | 1 | 2>, retain: fc.boolean() })
    const messages = fc.sample(fc.tuple(topic, anything, how), 5000)
    for (let at = 0; at < messages.length; at += 100)
      await Promise.all(messages.slice(at, at + 100).map(([to, body, options]) => client.publish(to, body, options)))
    await lives()
    assert.ok(client.client.connected)
  })

  it('not a client that breaks the protocol: it alone is cut', async () => {
    for (const bytes of [
      packets.publish('lab/#', 'x'),
      packets.publish('', 'x'),
      packets.publish(`lab/${'a/'.repeat(150)}`, 'x'),
      Buffer.alloc(64, 0xff)
    ]) {
      const rude = await RawClient.connect(lab.mqttPort, 'rude')
      rude.send(bytes)
      await rude.closed()
    }
    await lives()
  })
})
