import assert from 'node:assert/strict'
import type { Exact, Host } from '../../gateway/adapter.js'
import { GatewayError } from '../../gateway/errors.js'
import { settle } from '../../test/support/fake-clock.js'
import type { TestClient } from '../../test/support/mqtt.js'
import { FarSocket } from '../../test/support/far-socket.js'
import { Scripted } from '../../test/support/scripted.js'
import { start } from '../../test/support/start.js'
import type { LogLine, Running } from '../../test/support/start.js'
import { UdpClient } from '../../test/support/udp.js'
import { ScriptedClock } from '../../test/vectors/clock.js'

const devices = `
devices:
  oven:
    codenames:
      setpoint: { settable: true, timeout: 5, schema: { type: number, maximum: 1200 } }
      relay: { settable: true, schema: { type: integer } }
      note: { settable: true }
      temperature: { schema: { type: number } }
      bake: { callable: { timeout: 8 } }
  room: { codenames: { pressure: { maxAge: 10 }, light: {} } }
`

describe('data-push client', () => {
  let running: Running
  let mqtt: TestClient
  let old: FarSocket
  let clock: ScriptedClock
  let scripted: Scripted

  /** Time stands still unless the test lets it pass. Nobody asks for the name, unless the test says how often. */
  async function lab(rest = 'device: oven', more = ''): Promise<void> {
    clock = new ScriptedClock()
    clock.standStill(1.7e9)
    scripted = new Scripted()
    const probe = rest.includes('probe:') ? '' : ', probe: null'
    const client = `{ id: push, type: data-push-client, target: { host: 127.0.0.1, port: ${old.port} }${probe}, ${rest} }`
    running = await start(`${devices}adapters: [${client}, { id: sim, type: scripted, feeds: [oven, room] }${more}]`, {
      clock,
      types: [scripted.type]
    })
    // What dials is started after the listeners, and not waited for.
    await settle()
    mqtt = await running.connect()
    await mqtt.subscribe('lab/+/+/reply')
  }

  beforeEach(async () => {
    old = await FarSocket.open()
  })

  afterEach(async () => {
    await running?.stop()
    await old.close()
    assert.deepEqual(lines('error'), [])
  })

  const lines = (level: LogLine['level']): string[] =>
    running.log.lines.filter((line) => line.level === level).map(({ message }) => message)
  const host = (): Host => scripted.host('sim')
  const set = (codename: string, value: Exact): Promise<Exact> => host().request({ device: 'oven', codename, op: 'set', value })
  const call = (value: Exact): Promise<Exact> => host().request({ device: 'oven', codename: 'bake', op: 'call', value })
  const state = async (): Promise<Record<string, unknown>> => {
    const client = await running.connect()
    await client.subscribe('lab/oven')
    return await client.nextJson('lab/oven')
  }
  /** Everything that waits for nothing but its turn has run, datagrams on loopback too. */
  const quiet = async (): Promise<void> => {
    for (let turn = 0; turn < 10; turn += 1) await settle()
  }
  const counted = async (): Promise<unknown> => {
    await quiet()
    clock.advance(60)
    const counters = host().latest('gateway', 'counters')?.value as ReadonlyMap<string, ReadonlyMap<string, bigint>>
    return Object.fromEntries(counters.get('push') ?? [])
  }
  const failure = async (work: Promise<unknown>): Promise<GatewayError> => {
    const error = await work.then(
      () => undefined,
      (thrown: unknown) => thrown
    )
    assert.ok(error instanceof GatewayError, 'it did not fail')
    return error
  }

  describe('that carries out commands', () => {
    it('pushes one key each: a float with its type, an int as an int, text as JSON, under the name', async () => {
      await lab()
      old.respond = () => 'ACK#'
      assert.equal(await set('setpoint', 300), 300)
      assert.equal(await set('relay', 1n), 1n)
      assert.equal(await set('note', 'a#b; c'), 'a#b; c')
      assert.deepEqual(await set('note', [1, 2.5]), [1, 2.5])
      assert.equal(await set('note', true), true)
      assert.deepEqual(old.texts, [
        'raw_wn#setpoint:float:300.0',
        'json_wn#{"relay": 1}',
        'json_wn#{"note": "a\\u0023b; c"}',
        'raw_wn#note:float:1.0,2.5',
        'json_wn#{"note": true}'
      ])
    })

    it('answers over MQTT with the value that was acknowledged, and publishes no reading of its own', async () => {
      await lab()
      old.respond = () => "ACK#{u'setpoint': 300.0}"
      await mqtt.subscribe('lab/oven/setpoint')
      await mqtt.publish('lab/oven/setpoint/set', { id: 'a', value: 300 })
      const { phase, value, id } = await mqtt.nextJson('lab/oven/setpoint/reply')
      assert.deepEqual([phase, value, id], ['done', 300, 'a'])
      await mqtt.settled()
      assert.deepEqual(mqtt.left, [])
      // The same id again is not pushed again.
      await mqtt.publish('lab/oven/setpoint/set', { id: 'a', value: 300 })
      assert.equal((await mqtt.nextJson('lab/oven/setpoint/reply'))['phase'], 'done')
      assert.equal(old.heard.length, 1)
    })

    it('tells in the device’s own words what was refused, and what failed after it was taken', async () => {
      await lab()
      const cases: [reply: string, message: RegExp, code: string | undefined, maybe: boolean][] = [
        ['ERROR#UNKNOWN_COMMMAND', /^UNKNOWN_COMMMAND$/, 'ERROR', false],
        ['ERROR#', /^refused without a reason$/, 'ERROR', false],
        ["EXCEP#'method' # 2", /^'method' # 2$/, 'EXCEP', true],
        ['EXCEP#', /^it failed without a message$/, 'EXCEP', true],
        ['UNKNOWN_COMMMAND', /answers like no push socket \("UNKNOWN_COMMMAND"\): check target\.port/, undefined, true],
        ['RET#{', /^done, but its result "\{" is not json \(.*\): check returnFormat$/, 'RET', true]
      ]
      for (const [reply, message, code, maybe] of cases) {
        old.respond = () => reply
        const error = await failure(set('setpoint', 1))
        assert.match(error.message, message)
        assert.deepEqual([error.class, error.code, error.maybeExecuted], ['DeviceError', code, maybe], reply)
      }
    })

    it('sends a call whole, or with its codename under the key for methods, and returns what came back', async () => {
      await lab('device: oven')
      old.respond = () => 'RET#{"baked": 3, "at": 200.0}'
      assert.deepEqual(
        await call(new Map<string, Exact>([['minutes', 30n]])),
        new Map<string, Exact>([
          ['baked', 3n],
          ['at', 200]
        ])
      )
      old.respond = () => 'ACK#{}'
      assert.equal(await call(new Map()), null)
      assert.equal((await failure(call([1n]))).class, 'BadPayload')
      assert.deepEqual(old.texts, ['json_wn#{"minutes": 30}', 'json_wn#{}'])
      await running.stop()
      await lab('device: oven, method: method, returnFormat: string')
      old.respond = () => "RET#State set to: 'active'"
      assert.equal(await call(new Map<string, Exact>([['minutes', 0.5]])), "State set to: 'active'")
      assert.equal(old.texts.at(-1), 'json_wn#{"method": "bake", "minutes": 0.5}')
      assert.match((await failure(call(new Map([['method', 'x']])))).message, /the argument "method" is where the codename goes/)
    })

    it('takes the one member of a returned dict for the value of the set', async () => {
      await lab()
      old.respond = () => 'RET#{"setpoint": 299.5}'
      assert.equal(await set('setpoint', 300), 299.5)
      old.respond = () => 'RET#{"other": 1}'
      assert.deepEqual(await set('setpoint', 300), new Map([['other', 1n]]))
    })

    it('answers a get with the fresh reading that somebody else feeds, and asks nobody', async () => {
      await lab()
      const get = (): Promise<Exact> => host().request({ device: 'oven', codename: 'setpoint', op: 'get' })
      assert.equal((await failure(get())).class, 'Stale')
      await host().publish({ device: 'oven', codename: 'setpoint', value: 21.5 })
      assert.equal(await get(), 21.5)
      assert.deepEqual(old.texts, [])
    })

    it('refuses before it sends what no push socket could take', async () => {
      await lab('device: oven, form: raw_wn')
      for (const value of ['a;b', 'café', null, [1n], [1n, 2.5], new Map([['a', 1]])]) {
        const error = await failure(set('note', value))
        assert.equal(error.class, 'BadPayload')
        assert.match(error.message, /^not sent: .* has no raw_wn form: .*; use form: json_wn$/)
      }
      assert.match((await failure(set('note', 'x'.repeat(8200)))).message, /^not sent: the push has \d+ bytes; .* no more than 8192$/)
      assert.deepEqual(old.texts, [])
    })

    it('never sends again: silence is Timeout, maybe carried out; the late answer is nobody’s', async () => {
      await lab()
      const first = failure(set('setpoint', 1))
      const asked = await old.nth(0)
      clock.advance(1)
      const error = await first
      assert.deepEqual([error.class, error.maybeExecuted], ['Timeout', true])
      assert.match(error.message, /no answer from 127\.0\.0\.1:\d+ within 1 s/)
      const second = set('setpoint', 2)
      const other = await old.nth(1)
      assert.notEqual(asked.from, other.from)
      await asked.answer('ERROR#late')
      await asked.answer('ACK#late')
      await other.answer('ACK#')
      assert.equal(await second, 2)
      assert.equal(old.heard.length, 2)
      assert.deepEqual(await counted(), { received: 1n, dropped: 3n })
    })

    it('takes the second copy of an answer for nothing', async () => {
      await lab()
      const first = set('setpoint', 1)
      const asked = await old.nth(0)
      await asked.answer('ACK#')
      await first
      const second = failure(set('setpoint', 2))
      await old.nth(1)
      await asked.answer('ACK#')
      await quiet()
      clock.advance(1)
      assert.equal((await second).class, 'Timeout')
    })

    it('takes an answer from nobody but its target', async () => {
      await lab()
      const other = new UdpClient()
      try {
        const done = set('setpoint', 1)
        const { from, answer } = await old.nth(0)
        await other.send(from, 'ERROR#forged')
        await answer('ACK#')
        assert.equal(await done, 1)
      } finally {
        await other.close()
      }
    })

    it('is Unreachable and not carried out where nobody listens, or the name is not known', async () => {
      await lab()
      const { port } = old
      await old.close()
      const error = await failure(set('setpoint', 1))
      assert.deepEqual([error.class, error.maybeExecuted], ['Unreachable', false])
      assert.match(error.message, /nobody listens at 127\.0\.0\.1:\d+: start the program there, or correct target/)
      old = await FarSocket.open(port)
      old.respond = () => 'ACK#'
      assert.equal(await set('setpoint', 2), 2)
    })

    it('says why a text outside ASCII may have been taken in silence', async () => {
      await lab()
      const said = failure(set('note', 'é'))
      assert.equal((await old.nth(0)).text, 'json_wn#{"note": "\\u00e9"}')
      clock.advance(1)
      const error = await said
      assert.deepEqual([error.class, error.maybeExecuted], ['Timeout', true])
      assert.match(error.message, /under Python 3 a push socket takes text outside ASCII and is silent/)
    })

    it('pushes one after another; what has no time left for an answer is not begun', async () => {
      await lab('device: oven, timeout: 2')
      const first = set('setpoint', 1)
      const second = set('relay', 2n)
      await old.nth(0)
      await quiet()
      assert.equal(old.heard.length, 1)
      await (await old.nth(0)).answer('ACK#')
      await (await old.nth(1)).answer('ACK#')
      assert.deepEqual([await first, await second], [1, 2n])
      // The target is silent: 2 s each. The fourth would begin after 6 s, and has 5.
      const work = [failure(set('setpoint', 1)), failure(set('relay', 1n)), failure(set('note', 1)), call(new Map())]
      for (let i = 2; i < 4; i += 1) {
        await old.nth(i)
        clock.advance(2)
        await quiet()
      }
      await (await old.nth(4)).answer('RET#1')
      const [one, two, three, four] = await Promise.all(work)
      assert.deepEqual(
        [(one as GatewayError).class, (two as GatewayError).class, (three as GatewayError).class, four],
        ['Timeout', 'Timeout', 'Busy', 1n]
      )
      assert.equal((three as GatewayError).maybeExecuted, false)
      assert.deepEqual(old.texts.slice(2), ['raw_wn#setpoint:float:1.0', 'json_wn#{"relay": 1}', 'json_wn#{}'])
    })

    it('stops in the middle: what was sent may have been carried out, what waited was not', async () => {
      await lab()
      const work = [failure(set('setpoint', 1)), failure(set('relay', 1n))]
      await old.nth(0)
      await running.gateway.stop()
      assert.deepEqual(
        (await Promise.all(work)).map((error) => error.class),
        ['Unreachable', 'Unreachable']
      )
      assert.equal(old.heard.length, 1)
    })
  })

  describe('that asks whether its target is there', () => {
    it('asks for the name, once at start and after a while of silence; three times before it believes the silence', async () => {
      await lab('device: oven, probe: 10')
      await (await old.nth(0)).answer('RET#Oven')
      await quiet()
      assert.equal((await state())['state'], 'online')
      clock.advance(10)
      for (let i = 1; i <= 3; i += 1) {
        assert.equal((await old.nth(i)).text, 'name')
        clock.advance(1)
        await quiet()
      }
      const { state: word, reason } = await state()
      assert.equal(word, 'degraded')
      assert.match(String(reason), /no answer from 127\.0\.0\.1:\d+ within 1 s/)
      clock.advance(10)
      await (await old.nth(4)).answer('RET#Oven')
      await mqtt.subscribe('lab/oven')
      await mqtt.next(({ topic, text }) => topic === 'lab/oven' && text.includes('online'))
      assert.deepEqual(lines('warn'), ['the target of pushes does not answer as it should; it is asked on'])
    })

    it('does not ask while commands tell', async () => {
      old.respond = (text) => (text === 'name' ? 'RET#' : 'ACK#')
      await lab('device: oven, probe: 10')
      await old.nth(0)
      await quiet()
      clock.advance(9)
      await set('setpoint', 1)
      clock.advance(9)
      await quiet()
      assert.deepEqual(old.texts, ['name', 'raw_wn#setpoint:float:1.0'])
      clock.advance(1)
      assert.equal((await old.nth(2)).text, 'name')
    })

    it('asks after a lost command, and is not degraded by it', async () => {
      old.respond = (text) => (text === 'name' ? 'RET#' : undefined)
      await lab('device: oven, probe: 10')
      await old.nth(0)
      const lost = failure(set('setpoint', 1))
      await old.nth(1)
      clock.advance(1)
      await lost
      assert.equal((await old.nth(2)).text, 'name')
      await quiet()
      assert.deepEqual([(await state())['state'], lines('warn')], ['online', []])
    })

    it('sends no command to a socket of another name, and none before the name is sure', async () => {
      await lab('device: oven, name: Oven')
      old.respond = (text) => (text === 'name' ? 'RET#Freezer' : 'ACK#')
      const error = await failure(set('setpoint', 1))
      assert.deepEqual([error.class, error.maybeExecuted], ['Unreachable', false])
      assert.match(error.message, /^not sent, .*: 127\.0\.0\.1:\d+ calls itself "Freezer", not "Oven": check target, or name$/)
      assert.equal((await state())['state'], 'degraded')
      old.respond = (text) => (text === 'name' ? 'RET#Oven' : 'ACK#')
      assert.equal(await set('setpoint', 2), 2)
      assert.equal(await set('setpoint', 3), 3)
      assert.deepEqual(old.texts, ['name', 'name', 'raw_wn#setpoint:float:2.0', 'raw_wn#setpoint:float:3.0'])
      assert.equal((await state())['state'], 'online')
      // Silence: it may be another one that comes back.
      old.respond = () => undefined
      const lost = failure(set('setpoint', 4))
      await old.nth(4)
      clock.advance(1)
      await lost
      const unsure = failure(set('setpoint', 5))
      await old.nth(5)
      clock.advance(1)
      assert.deepEqual([(await unsure).class, (await unsure).maybeExecuted, old.texts.at(-1)], ['Unreachable', false, 'name'])
    })
  })

  describe('that forwards readings', () => {
    const forward = 'device: oven, forward: { p: room/pressure, 21984878: room/light }'
    const reading = (codename: string, value: Exact, more: object = {}): Promise<void> =>
      host().publish({ device: 'room', codename, value, ...more })

    it('pushes the newest of each key, no faster than its period, and counts what was left out', async () => {
      await lab(forward)
      await reading('pressure', 1)
      for (const value of [2, 3, 4]) await reading('pressure', value)
      await reading('light', 7n)
      await (await old.nth(0)).answer('ACK#')
      await (await old.nth(1)).answer('ACK#')
      await quiet()
      assert.deepEqual(old.texts, ['raw_wn#p:float:1.0', 'json_wn#{"21984878": 7}'])
      clock.advance(1)
      await (await old.nth(2)).answer('ACK#')
      await quiet()
      assert.equal(old.texts[2], 'raw_wn#p:float:4.0')
      assert.deepEqual(await counted(), { received: 3n, dropped: 2n })
      assert.equal(old.heard.length, 3)
    })

    it('pushes nothing old or bad, and not what has become old while it waited', async () => {
      await lab(forward)
      await reading('pressure', NaN)
      await reading('pressure', 1, { time: 1.7e9 - 11 })
      await reading('pressure', 2, { quality: 'stale' })
      await reading('light', 1n)
      await old.nth(0)
      await reading('pressure', 3, { time: 1.7e9 - 9.5 })
      clock.advance(1)
      await quiet()
      assert.deepEqual(old.texts, ['json_wn#{"21984878": 1}'])
      // Three not worth sending, one grown old, one without an answer.
      assert.deepEqual(await counted(), { dropped: 5n })
    })

    it('goes on after silence and refusals, and tells of them once', async () => {
      await lab(forward)
      for (const [i, value] of [1, 2, 3].entries()) {
        await reading('pressure', value)
        await (await old.nth(i)).answer(value === 3 ? 'ACK#' : 'ERROR#no')
        await quiet()
        clock.advance(1)
      }
      assert.deepEqual(lines('warn'), ['a forwarded reading was refused; its next ones are tried without a word'])
      await reading('pressure', 4)
      await old.nth(3)
      clock.advance(1)
      await quiet()
      await reading('pressure', 5)
      assert.equal((await old.nth(4)).text, 'raw_wn#p:float:5.0')
    })

    it('does not hold up commands', async () => {
      await lab(forward)
      await reading('pressure', 1)
      await old.nth(0)
      const done = set('setpoint', 2)
      await (await old.nth(1)).answer('ACK#')
      assert.equal(await done, 2)
    })
  })
})
