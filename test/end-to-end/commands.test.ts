import assert from 'node:assert/strict'
import { GatewayError } from '../../gateway/errors.js'
import { FakeClock } from '../support/fake-clock.js'
import { startLab } from '../support/lab.js'
import type { Lab } from '../support/lab.js'
import type { TestClient } from '../support/mqtt.js'
import { RawClient, packets } from '../support/raw-mqtt.js'
import { Held, hang } from '../support/scripted.js'

type Reply = Record<string, unknown> & {
  error?: { class: string; message: string; code?: string; retryable: boolean; maybeExecuted?: boolean }
}

describe('commands to an instance', () => {
  let clock: FakeClock
  let lab: Lab
  let client: TestClient

  beforeEach(async () => {
    clock = new FakeClock()
    lab = await startLab({ clock })
    client = await lab.connect({ clientId: 'nb7' })
    await client.subscribe('lab/+/+/reply', 'lab-dead/#')
  })

  afterEach(async () => {
    const stopped = lab.stop()
    await clock.pass(10)
    await stopped
  })

  async function ask(topic: string, payload: string | object): Promise<Reply> {
    await client.publish(`lab/${topic}`, payload)
    return await reply(topic.slice(0, topic.lastIndexOf('/')))
  }

  const reply = async (codename: string): Promise<Reply> => (await client.nextJson(`lab/${codename}/reply`)) as Reply

  /** Nothing more has come than what was taken. */
  async function nothingElse(): Promise<void> {
    await client.settled()
    assert.deepEqual(
      client.left.map(({ topic, text }) => `${topic} ${text}`),
      []
    )
  }

  it('a plain set is carried out, and answered once with what was really set', async () => {
    lab.scripted.execute = () => Promise.resolve(299.5)
    const { id, time, ...rest } = await ask('furnace/setpoint/set', '300')
    assert.ok(typeof id === 'string' && id.length > 0 && typeof time === 'string')
    assert.deepEqual(rest, { client: 'nb7', op: 'set', phase: 'done', value: 299.5 })
    const { id: given, ...command } = lab.scripted.commands[0] ?? {}
    assert.deepEqual([given, command], [id, { device: 'furnace', codename: 'setpoint', op: 'set', value: 300, client: 'nb7' }])
    await nothingElse()
  })

  it('in an envelope, with the id echoed', async () => {
    const { id, phase, value } = await ask('furnace/setpoint/set', { id: 'nb7-42', value: 250 })
    assert.deepEqual([id, phase, value], ['nb7-42', 'done', 250])
  })

  it('reach the instance as its schema wants the value: 47 is a float for a number, an int for an integer, text for text', async () => {
    await ask('furnace/setpoint/set', '47')
    await ask('furnace/count/set', '47.0')
    await ask('furnace/count/set', '12345678901234567890')
    await ask('furnace/note/set', '42')
    await ask('furnace/note/set', 'nan')
    assert.deepEqual(
      lab.scripted.commands.map(({ value }) => value),
      [47, 47n, 12345678901234567890n, '42', 'nan']
    )
  })

  it('a call takes its arguments in an envelope, bare, or not at all', async () => {
    await ask('furnace/cool/call', { id: '1', arguments: { rate: 2.5 } })
    await ask('furnace/cool/call', { rate: 3 })
    await ask('furnace/cool/call', '')
    await ask('furnace/cool/call', {})
    const given = lab.scripted.commands.map(({ op, value }) => [op, value])
    const rate = (value: number | bigint): unknown => new Map([['rate', value]])
    assert.deepEqual(given, [
      ['call', rate(2.5)],
      ['call', rate(3)],
      ['call', new Map()],
      ['call', new Map()]
    ])
  })

  it('a get asks the executor; without one it is answered with the latest reading, or Stale', async () => {
    lab.scripted.execute = ({ op }) => Promise.resolve(op === 'get' ? 281 : null)
    const asked = await ask('furnace/setpoint/get', '')
    assert.deepEqual([asked['op'], asked['value']], ['get', 281])
    assert.equal((await ask('furnace/temperature/get', { id: 'g1' })).error?.class, 'Stale')
    await lab.scripted.host('oven').publish({ device: 'furnace', codename: 'temperature', value: 20.5 })
    assert.equal((await ask('furnace/temperature/get', { id: 'g2' }))['value'], 20.5)
    await clock.pass(11)
    assert.equal((await ask('furnace/temperature/get', { id: 'g3' })).error?.class, 'Stale')
    assert.equal((await ask('gateway/version/get', ''))['value'], 'test')
  })

  it('are accepted first only when they take longer than 0.5 s', async () => {
    const held = new Held()
    lab.scripted.execute = held.execute
    await client.publish('lab/furnace/setpoint/set', '{"id": "slow", "value": 1}')
    await clock.pass(0.49)
    await nothingElse()
    await clock.pass(0.02)
    const { time: _, ...accepted } = await reply('furnace/setpoint')
    assert.deepEqual(accepted, { client: 'nb7', id: 'slow', op: 'set', phase: 'accepted' })
    held.answer(1)
    assert.equal((await reply('furnace/setpoint'))['phase'], 'done')
    await clock.pass(100)
    await nothingElse()
  })

  it('with the same id are carried out once and answered the same', async () => {
    const first = await ask('furnace/setpoint/set', { id: 'twice', value: 100 })
    const second = await ask('furnace/setpoint/set', { id: 'twice', value: 999 })
    assert.deepEqual(second, first)
    assert.equal(lab.scripted.commands.length, 1)
    await nothingElse()
  })

  it('with the same id while the first still runs are answered by its one reply', async () => {
    const held = new Held()
    lab.scripted.execute = held.execute
    for (let i = 0; i < 3; i++) await client.publish('lab/furnace/setpoint/set', '{"id": "running", "value": 1}')
    held.answer(1)
    assert.equal((await reply('furnace/setpoint'))['phase'], 'done')
    assert.equal(lab.scripted.commands.length, 1)
    await nothingElse()
  })

  it('that were refused are refused the same again, without a second dead letter', async () => {
    const first = await ask('furnace/setpoint/set', { id: 'bad', value: 5000 })
    await client.next('lab-dead/lab/furnace/setpoint/set')
    assert.deepEqual(await ask('furnace/setpoint/set', { id: 'bad', value: 100 }), first)
    assert.equal(lab.scripted.commands.length, 0)
    await nothingElse()
  })

  it('with the same id are carried out again after 60 s, from another client, and on another topic', async () => {
    const other = await lab.connect({ clientId: 'other' })
    await ask('furnace/setpoint/set', { id: 'x', value: 1 })
    await other.publish('lab/furnace/setpoint/set', '{"id": "x", "value": 2}')
    assert.equal((await reply('furnace/setpoint'))['client'], 'other')
    await ask('furnace/count/set', { id: 'x', value: 3 })
    await clock.pass(60.1)
    await ask('furnace/setpoint/set', { id: 'x', value: 4 })
    assert.deepEqual(
      lab.scripted.commands.map(({ value }) => value),
      [1, 2, 3n, 4]
    )
  })

  it('that expired are not carried out', async () => {
    const expires = (seconds: number): string => new Date((clock.now() + seconds) * 1000).toISOString()
    assert.equal((await ask('furnace/setpoint/set', { id: 'late', value: 1, expires: expires(-1) })).error?.class, 'Expired')
    assert.equal(lab.scripted.commands.length, 0)
    assert.equal((await ask('furnace/setpoint/set', { id: 'in time', value: 1, expires: expires(1) }))['phase'], 'done')
    await ask('furnace/setpoint/set', { id: 'whenever', value: 2 })
    // Who keeps commands waiting looks again.
    assert.deepEqual(
      lab.scripted.commands.map((command) => command.expires),
      [clock.now() + 1, undefined]
    )
  })

  it('with check: true are validated and answered, and nothing is done', async () => {
    const fine = await ask('furnace/setpoint/set', { id: 'c1', value: 1, check: true })
    assert.deepEqual([fine['phase'], fine['value']], ['done', 1])
    assert.equal((await ask('furnace/setpoint/set', { id: 'c2', value: -1, check: true })).error?.class, 'RangeError')
    assert.equal((await ask('furnace/cool/call', { id: 'c3', arguments: { rate: 1 }, check: true }))['phase'], 'done')
    assert.equal(lab.scripted.commands.length, 0)
  })

  const refusals: [what: string, topic: string, payload: string | object, error: string, says?: RegExp][] = [
    ['for an unknown device', 'furnance/setpoint/set', '1', 'UnknownDevice', /did you mean "furnace"\?/],
    ['for an unknown codename', 'furnace/setpiont/set', '1', 'UnknownCodename', /did you mean "setpoint"\?/],
    ['to set what is not settable', 'furnace/temperature/set', '1', 'ReadOnly'],
    ['to call what is not callable', 'furnace/setpoint/call', '', 'ReadOnly'],
    ['below the minimum', 'furnace/setpoint/set', '-1', 'RangeError', />= 0 \(got -1\)/],
    ['of another type', 'furnace/setpoint/set', '"hot"', 'WrongType'],
    ['outside an enum', 'furnace/mode/set', 'melt', 'RangeError', /"heat", "cool"/],
    ['that are NaN', 'furnace/setpoint/set', 'NaN', 'NotFinite'],
    ['that are infinite', 'furnace/setpoint/set', '{"id": "n", "value": 1e999}', 'NotFinite'],
    ['that hold an infinity', 'furnace/anything/set', '[1e999]', 'NotFinite'],
    ['without a value', 'furnace/setpoint/set', { id: 'v' }, 'BadPayload'],
    ['that are empty', 'furnace/setpoint/set', '', 'BadPayload'],
    ['that are broken JSON', 'furnace/setpoint/set', '{"value": 1', 'BadPayload'],
    ['with a member too many', 'furnace/setpoint/set', { value: 1, valeu: 2 }, 'BadPayload', /"valeu"/],
    ['with an id that is no text', 'furnace/setpoint/set', { value: 1, id: 7 }, 'BadPayload'],
    ['with a deadline that is no time', 'furnace/setpoint/set', { value: 1, expires: 'soon' }, 'BadPayload'],
    ['with arguments that break their schema', 'furnace/cool/call', { arguments: { rate: 'fast' } }, 'WrongType'],
    ['with arguments that are no JSON', 'furnace/cool/call', 'fast', 'BadPayload'],
    ['for a history that is not kept', 'furnace/note/history', '{"id": "h"}', 'ReadOnly', /no history is kept of furnace\/note/]
  ]
  for (const [what, topic, payload, error, says] of refusals)
    it(`${what} fail with ${error}, and become a dead letter`, async () => {
      const { phase, op, error: told } = await ask(topic, payload)
      assert.deepEqual([phase, op, told?.class], ['failed', topic.split('/')[2], error])
      assert.match(String(told?.message), says ?? /./)
      const letter = await client.nextJson(`lab-dead/lab/${topic}`)
      assert.deepEqual([letter['class'], letter['reason']], [error, told?.message])
      assert.equal(lab.scripted.commands.length, 0)
      await nothingElse()
    })

  it('that are retained fail with Retained, become a dead letter and are not kept', async () => {
    await client.publish('lab/furnace/setpoint/set', '{"id": "r", "value": 1}', { retain: true })
    assert.equal((await reply('furnace/setpoint')).error?.class, 'Retained')
    assert.equal((await client.nextJson('lab-dead/lab/furnace/setpoint/set'))['retain'], true)
    const late = await lab.connect()
    assert.deepEqual([await late.retained('lab/furnace/setpoint/set'), lab.scripted.commands], [[], []])
  })

  it('are Busy while another one for the same codename runs, and only then', async () => {
    const held = new Held()
    lab.scripted.execute = held.execute
    await client.publish('lab/furnace/setpoint/set', '{"id": "1", "value": 1}')
    const busy = await ask('furnace/setpoint/set', { id: '2', value: 2 })
    assert.deepEqual([busy['id'], busy.error?.class, busy.error?.retryable], ['2', 'Busy', true])
    await client.publish('lab/furnace/count/set', '{"id": "3", "value": 3}')
    held.answer(1)
    held.answer(3n)
    assert.equal((await reply('furnace/setpoint'))['id'], '1')
    assert.equal((await reply('furnace/count'))['id'], '3')
  })

  it('without an answer fail with Timeout after the codename’s own time, and maybeExecuted', async () => {
    lab.scripted.execute = (_, signal) =>
      new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(signal.reason as Error)))
    await client.publish('lab/furnace/count/set', '{"id": "t", "value": 1}')
    await client.settled()
    await clock.pass(2.9)
    assert.equal((await reply('furnace/count'))['phase'], 'accepted')
    await clock.pass(0.1)
    const failed = await reply('furnace/count')
    assert.deepEqual([failed.error?.class, failed.error?.maybeExecuted], ['Timeout', true])
    await nothingElse()
  })

  it('whose answer comes too late stay failed; the answer is dropped and logged', async () => {
    const held = new Held()
    lab.scripted.execute = held.execute
    await client.publish('lab/furnace/count/set', '{"id": "t", "value": 1}')
    await client.settled()
    await clock.pass(3)
    await client.next((message) => message.text.includes('"failed"'))
    client.drop()
    held.answer(1n)
    await nothingElse()
    assert.ok(
      lab.log.lines.some(
        ({ level, message, fields }) => level === 'warn' && /too late|after its time limit/.test(message) && fields['id'] === 't'
      )
    )
  })

  // Its text is for the log alone.
  const fault = { class: 'Internal', message: 'A fault of the gateway. The log has the details; please report it.', retryable: true }
  const errors: [thrown: unknown, expected: object][] = [
    [
      new GatewayError('DeviceError', 'interlock open', { code: 'E42' }),
      { class: 'DeviceError', code: 'E42', message: 'interlock open', retryable: true }
    ],
    [new GatewayError('Locked', 'door open'), { class: 'Locked', message: 'door open', retryable: true }],
    [
      new GatewayError('Unreachable', 'gone', { maybeExecuted: true }),
      { class: 'Unreachable', maybeExecuted: true, message: 'gone', retryable: true }
    ],
    [new Error('bug'), fault],
    ['no error at all', fault]
  ]
  for (const [thrown, expected] of errors)
    it(`an executor that throws ${String(thrown)} makes the reply ${JSON.stringify(expected)}`, async () => {
      lab.scripted.execute = () => {
        throw thrown
      }
      const { error, phase } = await ask('furnace/setpoint/set', '1')
      assert.deepEqual([phase, error], ['failed', expected])
      await nothingElse()
      if (thrown instanceof GatewayError) return
      const holding = lab.log.lines.filter((line) =>
        Object.values(line.fields).some((value) => value === thrown || value === String(thrown))
      )
      assert.deepEqual(
        holding.map(({ message }) => message),
        ['the gateway failed on a command']
      )
    })

  it('to an instance that is down fail with Unreachable at once', async () => {
    lab.scripted.host('oven').failed(new Error('cable cut'))
    const { error } = await ask('furnace/setpoint/set', '1')
    assert.equal(error?.class, 'Unreachable')
    assert.equal(lab.scripted.commands.length, 0)
  })

  it('that still run when the gateway stops are answered', async () => {
    lab.scripted.execute = hang
    await client.publish('lab/furnace/setpoint/set', '{"id": "open", "value": 1}')
    await client.settled()
    const gone = lab.gateway.stop()
    const { id, error } = await reply('furnace/setpoint')
    assert.deepEqual([id, error?.class, error?.maybeExecuted], ['open', 'Unreachable', true])
    await gone
  })

  it('repeated by QoS 2 before PUBREL are not carried out twice', async () => {
    const raw = await RawClient.connect(lab.mqttPort, 'raw')
    const set = (dup: boolean): Buffer => packets.publish('lab/furnace/setpoint/set', '300', { qos: 2, id: 7, dup })
    raw.send(set(false), set(true))
    await raw.next('pubrec')
    raw.send(set(true))
    await raw.next('pubrec')
    raw.send(packets.pubrel(7))
    await raw.next('pubcomp')
    assert.equal((await reply('furnace/setpoint'))['phase'], 'done')
    await nothingElse()
    assert.equal(lab.scripted.commands.length, 1)
    raw.close()
  })

  it('as a will are carried out when the client dies', async () => {
    const doomed = await lab.connect({
      clientId: 'doomed',
      will: { topic: 'lab/furnace/setpoint/set', payload: Buffer.from('0'), qos: 1, retain: false }
    })
    doomed.kill()
    const { client: who, value } = await reply('furnace/setpoint')
    assert.deepEqual([who, value], ['doomed', 0])
  })
})
