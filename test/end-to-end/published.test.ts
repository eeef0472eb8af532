import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { Ajv2020 } from 'ajv/dist/2020.js'
import type { ValidateFunction } from 'ajv/dist/2020.js'
import addFormats from 'ajv-formats'
import { FakeClock } from '../support/fake-clock.js'
import { startLab } from '../support/lab.js'
import type { Lab } from '../support/lab.js'
import type { Message, TestClient } from '../support/mqtt.js'

type Kind = 'reading' | 'command' | 'reply' | 'state' | 'meta' | 'dead-letter'

// As anybody outside would: from the files, with an ajv of our own.
const ajv = new Ajv2020({ strict: true, allowUnionTypes: true })
;(addFormats as unknown as (ajv: Ajv2020) => void)(ajv)
const validators = Object.fromEntries(
  (['reading', 'command', 'reply', 'state', 'meta', 'dead-letter'] as const).map((kind) => [
    kind,
    ajv.compile(JSON.parse(readFileSync(`schemas/${kind}.schema.json`, 'utf8')) as object)
  ])
) as Record<Kind, ValidateFunction>

/** Independent of topic.ts: depth tells the kind. */
function kindOf(topic: string): Kind | 'mirror' | undefined {
  if (topic.startsWith('lab-dead/')) return 'dead-letter'
  const levels = topic.split('/')
  if (levels[0] !== 'lab') return undefined
  if (levels.length === 2) return 'state'
  if (levels.length === 3) return 'reading'
  const last = levels[3]
  if (last === 'value') return 'mirror'
  if (last === 'meta' || last === 'reply') return last
  return 'command'
}

describe('everything published', () => {
  let clock: FakeClock
  let lab: Lab
  let recorder: TestClient
  const seen: Message[] = []

  before(async () => {
    clock = new FakeClock()
    lab = await startLab({ clock })
    recorder = await lab.connect({ clientId: 'recorder' })
    recorder.client.on('message', (topic: string, payload: Buffer, packet) =>
      seen.push({ topic, payload, text: payload.toString(), qos: packet.qos, retain: packet.retain, dup: packet.dup })
    )
    await recorder.subscribe('#')
    await drive()
    await recorder.settled()
  })

  after(async () => {
    const stopped = lab.stop()
    await clock.pass(10)
    await stopped
  })

  /** Every kind of topic, good and bad, from instances and clients. */
  async function drive(): Promise<void> {
    const driver = await lab.connect({ clientId: 'driver' })
    const oven = lab.scripted.host('oven')
    await driver.subscribe('lab/stage/+/set')
    const furnace = (codename: string, value: number | bigint | string | null) => ({ device: 'furnace', codename, value })
    await oven.publish(furnace('temperature', 20.5), furnace('count', 2n ** 70n), furnace('new one/°', 'x'), {
      ...furnace('anything', null),
      x: [1n, 2.5]
    })
    await oven.publish({ ...furnace('temperature', NaN), time: 1e300, uncertainty: 0.5 })
    oven.dead({ device: 'furnace' }, 'rubbish', new Error('not understood'))
    for (const payload of ['3', 'nan', '{"value": 4, "seq": 1, "run": "r", "x": 5}', 'calm', '{"value": 400}', ''])
      await driver.publish('lab/weather/wind', payload)
    await driver.publish('lab/weather/free', Buffer.from([0xff]))
    await driver.publish('lab/elsewhere/x%20y', '{"value": {"a": [1, null]}}')
    await driver.publish('lab/weather/rain', '1')
    await driver.publish('lab/stage', 'online')
    await driver.publish('lab/stage', { state: 'degraded', reason: 'x' })
    for (const [topic, payload] of [
      ['furnace/setpoint/set', '300'],
      ['furnace/setpoint/set', '{"id": "a", "value": 300}'],
      ['furnace/setpoint/set', '5000'],
      ['furnace/cool/call', '{"id": "b", "arguments": {"rate": 1}}'],
      ['furnace/temperature/get', '{"id": "c"}'],
      ['furnace/temperature/history', '{"id": "d"}'],
      ['nothing/x/set', '1']
    ] as const)
      await driver.publish(`lab/${topic}`, payload)
    await driver.publish('lab/stage/position/set', '1')
    const { id } = await driver.nextJson('lab/stage/position/set')
    await driver.publish('lab/stage/position/reply', { id, value: 1 })
    await driver.publish('lab/stage/position/set', '{"id": "silence", "value": 2}')
    await driver.settled()
    await clock.pass(11)
    await driver.publish('$SYS/x', 'x')
    await driver.publish('lab/a/b/c/d/e', Buffer.alloc(10_000, 0xc3))
    oven.failed(new Error('broken'))
    await driver.settled()
  }

  const expected: [kind: Kind | 'mirror', atLeast: number][] = [
    ['reading', 15],
    ['state', 8],
    ['meta', 20],
    ['reply', 10],
    ['command', 3],
    ['dead-letter', 8],
    ['mirror', 8]
  ]
  for (const [kind, atLeast] of expected)
    it(`keeps to its schema, QoS and retain flag: ${kind}`, () => {
      const messages = seen.filter(({ topic }) => kindOf(topic) === kind)
      assert.ok(messages.length >= atLeast, `only ${messages.length} messages of this kind`)
      for (const { topic, text, qos } of messages) {
        // A dead letter has the QoS of the message that it was.
        if (kind !== 'dead-letter') assert.equal(qos, kind === 'mirror' ? 0 : 1, topic)
        if (kind === 'mirror') continue
        // Commands to an instance go on as they were sent.
        if (kind === 'command' && !text.startsWith('{')) continue
        const validate = validators[kind]
        assert.ok(validate(JSON.parse(text)), `${topic} ${text}\n${ajv.errorsText(validate.errors)}`)
        const sorted = (object: object): boolean => Object.keys(object).every((key, i, keys) => i === 0 || (keys[i - 1] as string) < key)
        if (kind !== 'command') assert.ok(sorted(JSON.parse(text) as object), `${topic} has its keys sorted`)
      }
    })

  it('that is retained is of a retained kind', async () => {
    const late = await lab.connect()
    const kinds = new Set((await late.retained('lab/#', 'lab-dead/#')).map(({ topic }) => kindOf(topic)))
    assert.deepEqual(kinds, new Set(['reading', 'state', 'meta']))
  })
})
