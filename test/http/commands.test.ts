import assert from 'node:assert/strict'
import { GatewayError } from '../../gateway/errors.js'
import { FakeClock, settle } from '../support/fake-clock.js'
import { startLab } from '../support/lab.js'
import type { Lab } from '../support/lab.js'
import type { TestClient } from '../support/mqtt.js'
import { post } from '../support/rest.js'
import type { RestAnswer } from '../support/rest.js'
import { Held, hang } from '../support/scripted.js'

describe('commands over REST', () => {
  let clock: FakeClock
  let lab: Lab
  let watcher: TestClient

  beforeEach(async () => {
    clock = new FakeClock()
    lab = await startLab({ clock })
    watcher = await lab.connect({ clientId: 'watcher' })
    await watcher.subscribe('lab/+/+/reply', 'lab/+/+/set', 'lab-dead/#')
  })

  afterEach(async () => {
    const stopped = lab.stop()
    await clock.pass(10)
    await stopped
  })

  const ask = async (path: string, body: string | object, client?: string): Promise<RestAnswer> =>
    await post(lab.httpPort, `/api/devices/${path}`, body, client === undefined ? {} : { headers: { 'labgate-client': client } })

  /** The executor has got that many commands. */
  async function got(count: number): Promise<void> {
    while (lab.scripted.commands.length < count) await settle()
  }

  async function refused(path: string, body: string | object, status: number, errorClass: string, rule?: string): Promise<RestAnswer> {
    const answer = await ask(path, body)
    assert.equal(answer.headers['content-type'], 'application/problem+json; charset=utf-8', answer.text)
    const { status: told, class: said, rule: broken, type, title } = answer.json
    assert.deepEqual([answer.status, told, said, type, typeof title], [status, status, errorClass, 'about:blank', 'string'], answer.text)
    if (rule !== undefined) assert.equal(broken, rule, answer.text)
    return answer
  }

  it('are carried out, and answered with the reply that is on MQTT', async () => {
    lab.scripted.execute = () => Promise.resolve(299.5)
    const answer = await ask('furnace/setpoint/set', { id: 'a1', value: 300 }, 'nb7')
    const onMqtt = await watcher.next('lab/furnace/setpoint/reply')
    assert.equal(answer.text, onMqtt.text)
    const { client, id, op, phase, value } = answer.json
    assert.deepEqual([answer.status, client, id, op, phase, value], [200, 'http:nb7@127.0.0.1', 'a1', 'set', 'done', 299.5])
    assert.equal(answer.headers['cache-control'], 'no-store')
    const called = await ask('furnace/cool/call', { arguments: { rate: 2 } })
    assert.deepEqual([called.status, called.json['op'], called.json['client']], [200, 'call', 'http:127.0.0.1'])
    assert.deepEqual(lab.scripted.commands[1]?.value, new Map([['rate', 2]]))
  })

  it('keep numbers as they were written', async () => {
    for (const [text, value] of [
      ['47', 47n],
      ['47.0', 47],
      ['123456789012345678901', 123456789012345678901n],
      ['[1, 1.0, {"a": 1e2}]', [1n, 1, new Map([['a', 100]])]]
    ] as const) {
      lab.scripted.commands.length = 0
      const { status } = await ask('furnace/anything/set', `{"value": ${text}}`)
      assert.deepEqual([status, lab.scripted.commands[0]?.value], [200, value])
    }
  })

  it('may come without a body where nothing need be said', async () => {
    assert.equal((await ask('furnace/cool/call', '')).status, 200)
    void lab.scripted.host('oven').publish({ device: 'furnace', codename: 'temperature', value: 21.5 })
    const { status, json } = await ask('furnace/temperature/get', '')
    assert.deepEqual([status, json['value']], [200, 21.5])
  })

  it('are refused with the reason, and the part of the body that is wrong', async () => {
    const high = await refused('furnace/setpoint/set', { id: 'h', value: 5000 }, 400, 'RangeError', 'maximum')
    assert.deepEqual([high.json['id'], high.json['retryable']], ['h', false])
    assert.match(String(high.json['detail']), /<= 1200/)
    await refused('furnace/setpoint/set', { value: 'hot' }, 400, 'WrongType', 'type')
    await refused('furnace/temperature/set', { value: 1 }, 403, 'ReadOnly')
    await refused('furnace/temperature/get', {}, 503, 'Stale')
    await refused('furnace/temprature/get', {}, 404, 'UnknownCodename')
    await refused('furnac/setpoint/set', { value: 1 }, 404, 'UnknownDevice')
    const typo = await refused('furnace/setpoint/set', { value: 1, typo: 1 }, 400, 'BadPayload', 'additionalProperties')
    assert.equal(typo.json['path'], '/typo')
    assert.equal((await refused('furnace/setpoint/set', {}, 400, 'BadPayload', 'required')).json['path'], '/value')
    assert.equal((await refused('furnace/setpoint/set', { value: 1, check: 'no' }, 400, 'BadPayload', 'type')).json['path'], '/check')
    assert.equal(lab.scripted.commands.length, 0)
    // No dead letters, so the log must tell.
    const told = lab.log.lines.filter(({ level, message }) => level === 'info' && message === 'a command was refused')
    assert.deepEqual(
      told.map(({ fields }) => [fields['device'], fields['client'], fields['class']]),
      [
        ['furnace', 'http:127.0.0.1', 'RangeError'],
        ['furnace', 'http:127.0.0.1', 'WrongType'],
        ['furnace', 'http:127.0.0.1', 'ReadOnly'],
        ['furnac', 'http:127.0.0.1', 'UnknownDevice']
      ]
    )
  })

  it('are no commands when the body is none', async () => {
    for (const body of ['{"value": 1', '[1]', '1', '"x"', 'null', '{"value": NaN}', '{"value": 1}{', '{"value": 01}', '['.repeat(500)])
      await refused('furnace/anything/set', body, 400, 'BadPayload')
    const bytes = await post(lab.httpPort, '/api/devices/furnace/note/set', Buffer.from('7b2276616c7565223a22ff227d', 'hex'))
    assert.deepEqual([bytes.status, bytes.json['rule']], [400, 'utf-8'])
    assert.equal(lab.scripted.commands.length, 0)
  })

  it('are only checked, when that is wanted', async () => {
    const { status, json } = await ask('furnace/setpoint/set', { value: 20, check: true })
    assert.deepEqual([status, json['phase'], json['value'], lab.scripted.commands.length], [200, 'done', 20, 0])
  })

  it('are refused when they come too late', async () => {
    await refused('furnace/setpoint/set', { value: 20, expires: '2020-01-01T00:00:00Z' }, 409, 'Expired')
    await refused('furnace/setpoint/set', { value: 20, expires: 'soon' }, 400, 'BadPayload', 'format')
    assert.equal(lab.scripted.commands.length, 0)
  })

  it('of one codename are carried out one by one', async () => {
    const held = new Held()
    lab.scripted.execute = held.execute
    const first = ask('furnace/setpoint/set', { value: 1 })
    await got(1)
    const second = await refused('furnace/setpoint/set', { value: 2 }, 409, 'Busy')
    assert.equal(second.json['retryable'], true)
    const other = ask('furnace/count/set', { value: 3 })
    await got(2)
    held.answer(1)
    held.answer(3n)
    assert.deepEqual([(await first).json['value'], (await other).json['value']], [1, 3])
  })

  it('that nobody answers end with the time limit of the codename', async () => {
    lab.scripted.execute = hang
    const asked = ask('furnace/count/set', { value: 1 })
    await got(1)
    await clock.pass(3.1)
    const { status, json } = await asked
    assert.deepEqual([status, json['class'], json['maybeExecuted']], [504, 'Timeout', true])
  })

  it('that the device refuses tell its text and code', async () => {
    lab.scripted.execute = () => Promise.reject(new GatewayError('DeviceError', 'interlock open', { code: 'E17' }))
    const { json } = await refused('furnace/setpoint/set', { value: 1 }, 502, 'DeviceError')
    assert.deepEqual([json['detail'], json['code'], json['retryable']], ['interlock open', 'E17', true])
    lab.scripted.execute = () => Promise.reject(new Error("ENOENT: no such file or directory, open '/srv/secret/x'"))
    const fault = await refused('furnace/count/set', { value: 1 }, 500, 'Internal')
    assert.doesNotMatch(fault.text, /srv|ENOENT/)
  })

  it('with the same id are carried out once, and answered alike', async () => {
    const held = new Held()
    lab.scripted.execute = held.execute
    const twice = [ask('furnace/setpoint/set', { id: 'x', value: 7 }), ask('furnace/setpoint/set', { id: 'x', value: 7 })]
    await got(1)
    // The second one is on its way; a third one of another client is another command.
    const busy = await ask('furnace/setpoint/set', { id: 'x', value: 7 }, 'nb8')
    assert.equal(busy.status, 409)
    held.answer(7)
    const [one, two] = await Promise.all(twice)
    assert.deepEqual([one?.status, one?.text], [200, two?.text])
    const later = await ask('furnace/setpoint/set', { id: 'x', value: 7 })
    assert.deepEqual([later.text, lab.scripted.commands.length], [one?.text, 1])
    await clock.pass(61)
    const again = ask('furnace/setpoint/set', { id: 'x', value: 7 })
    await got(2)
    held.answer(7)
    assert.notEqual((await again).text, one?.text)
  })

  it('with an id that meant another command are refused, and not taken for that one', async () => {
    assert.equal((await ask('furnace/setpoint/set', { id: '1', value: 7 })).status, 200)
    const { json } = await refused('furnace/setpoint/set', { id: '1', value: 900 }, 409, 'BadPayload', 'id')
    assert.match(String(json['detail']), /was used for another command/)
    assert.equal((await ask('furnace/setpoint/set', { id: '1', value: 900 }, 'nb9')).status, 200)
    assert.deepEqual(
      lab.scripted.commands.map(({ value }) => value),
      [7, 900]
    )
  })

  it('go on when their asker hangs up, and the reply is on MQTT', async () => {
    const held = new Held()
    lab.scripted.execute = held.execute
    const gone = new AbortController()
    const asked = post(lab.httpPort, '/api/devices/furnace/setpoint/set', { id: 'g', value: 5 }, { signal: gone.signal })
    await got(1)
    gone.abort()
    await assert.rejects(asked)
    held.answer(5)
    assert.equal((await watcher.nextJson('lab/furnace/setpoint/reply'))['phase'], 'done')
    // And who asks again is told.
    assert.equal((await ask('furnace/setpoint/set', { id: 'g', value: 5 })).json['value'], 5)
    assert.equal(lab.scripted.commands.length, 1)
  })

  it('to a native device are answered by that', async () => {
    const driver = await lab.connect({ clientId: 'driver' })
    await driver.subscribe('lab/stage/position/set')
    await driver.publish('lab/stage', 'online')
    const asked = ask('stage/position/set', '{"value": 12}')
    const command = await driver.nextJson('lab/stage/position/set')
    assert.equal(command['value'], 12)
    await driver.publish('lab/stage/position/reply', { id: command['id'], phase: 'accepted' })
    await driver.publish('lab/stage/position/reply', { id: command['id'], value: 11.9 })
    const { status, json } = await asked
    assert.deepEqual([status, json['phase'], json['value']], [200, 'done', 11.9])
    const second = ask('stage/position/set', { value: 13 })
    const { id } = await driver.nextJson('lab/stage/position/set')
    await driver.publish('lab/stage/position/reply', { id, error: { message: 'end switch', code: '7' } })
    const failed = await second
    assert.deepEqual([failed.status, failed.json['class'], failed.json['code']], [502, 'DeviceError', '7'])
    await driver.publish('lab/stage', { state: 'offline', reason: 'parked' })
    await refused('stage/position/set', { value: 1 }, 503, 'Unreachable')
  })

  it('that are under way when the gateway stops are answered', async () => {
    lab.scripted.execute = hang
    const asked = ask('furnace/setpoint/set', { value: 1 })
    await got(1)
    const stopped = lab.gateway.stop()
    const { status, json } = await asked
    assert.deepEqual([status, json['class'], json['maybeExecuted']], [503, 'Unreachable', true])
    await clock.pass(10)
    await stopped
  })

  it('come from many at once, each with its own answer', async () => {
    const asked = Array.from({ length: 150 }, (_, i) => ask('furnace/anything/set', { id: `m${i}`, value: i }, `c${i}`))
    const answers = await Promise.all(asked)
    for (const [i, { status, json }] of answers.entries())
      if (status === 200) assert.deepEqual([json['id'], json['value']], [`m${i}`, i])
      else assert.deepEqual([status, json['class'], json['id']], [409, 'Busy', `m${i}`])
    assert.equal(lab.scripted.commands.length, answers.filter(({ status }) => status === 200).length)
  })
})
