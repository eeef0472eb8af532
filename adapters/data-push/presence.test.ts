import assert from 'node:assert/strict'
import { FarSocket } from '../../test/support/far-socket.js'
import { SteeredOven, failure, quiet } from './test-support/steered-oven.js'

describe('data-push client that asks whether its target is there', () => {
  let old: FarSocket
  let oven: SteeredOven

  beforeEach(async () => {
    old = await FarSocket.open()
  })

  afterEach(async () => {
    await oven.stop()
    await old.close()
  })

  it('asks for the name, once at start and after a while of silence; three times before it believes the silence', async () => {
    oven = await SteeredOven.start(old, 'device: oven, probe: 10')
    await (await old.nth(0)).answer('RET#Oven')
    await quiet()
    assert.equal((await oven.state())['state'], 'online')
    oven.clock.advance(10)
    for (let i = 1; i <= 3; i += 1) {
      assert.equal((await old.nth(i)).text, 'name')
      oven.clock.advance(1)
      await quiet()
    }
    const { state: word, reason } = await oven.state()
    assert.equal(word, 'degraded')
    assert.match(String(reason), /no answer from 127\.0\.0\.1:\d+ within 1 s/)
    oven.clock.advance(10)
    await (await old.nth(4)).answer('RET#Oven')
    await oven.mqtt.subscribe('lab/oven')
    await oven.mqtt.next(({ topic, text }) => topic === 'lab/oven' && text.includes('online'))
    assert.deepEqual(oven.lines('warn'), ['the target of pushes does not answer as it should; it is asked on'])
  })

  it('does not ask while commands tell', async () => {
    old.respond = (text) => (text === 'name' ? 'RET#' : 'ACK#')
    oven = await SteeredOven.start(old, 'device: oven, probe: 10')
    await old.nth(0)
    await quiet()
    oven.clock.advance(9)
    await oven.set('setpoint', 1)
    oven.clock.advance(9)
    await quiet()
    assert.deepEqual(old.texts, ['name', 'raw_wn#setpoint:float:1.0'])
    oven.clock.advance(1)
    assert.equal((await old.nth(2)).text, 'name')
  })

  it('asks after a lost command, and is not degraded by it', async () => {
    old.respond = (text) => (text === 'name' ? 'RET#' : undefined)
    oven = await SteeredOven.start(old, 'device: oven, probe: 10')
    await old.nth(0)
    const lost = failure(oven.set('setpoint', 1))
    await old.nth(1)
    oven.clock.advance(1)
    await lost
    assert.equal((await old.nth(2)).text, 'name')
    await quiet()
    assert.deepEqual([(await oven.state())['state'], oven.lines('warn')], ['online', []])
  })

  it('sends no command to a socket of another name, and none before the name is sure', async () => {
    oven = await SteeredOven.start(old, 'device: oven, name: Oven')
    old.respond = (text) => (text === 'name' ? 'RET#Freezer' : 'ACK#')
    const error = await failure(oven.set('setpoint', 1))
    assert.deepEqual([error.class, error.maybeExecuted], ['Unreachable', false])
    assert.match(error.message, /^not sent, .*: 127\.0\.0\.1:\d+ calls itself "Freezer", not "Oven": check target, or name$/)
    assert.equal((await oven.state())['state'], 'degraded')
    old.respond = (text) => (text === 'name' ? 'RET#Oven' : 'ACK#')
    assert.equal(await oven.set('setpoint', 2), 2)
    assert.equal(await oven.set('setpoint', 3), 3)
    assert.deepEqual(old.texts, ['name', 'name', 'raw_wn#setpoint:float:2.0', 'raw_wn#setpoint:float:3.0'])
    assert.equal((await oven.state())['state'], 'online')
    // Silence: it may be another one that comes back.
    old.respond = () => undefined
    const lost = failure(oven.set('setpoint', 4))
    await old.nth(4)
    oven.clock.advance(1)
    await lost
    const unsure = failure(oven.set('setpoint', 5))
    await old.nth(5)
    oven.clock.advance(1)
    assert.deepEqual([(await unsure).class, (await unsure).maybeExecuted, old.texts.at(-1)], ['Unreachable', false, 'name'])
  })

  for (const [probe, seconds] of [
    ['10', 10],
    ['null', 60]
  ] as const)
    it(`asks for the name again while commands are answered, with probe: ${probe} after ${seconds} s`, async () => {
      let name = 'Oven'
      old.respond = (text) => (text === 'name' ? `RET#${name}` : 'ACK#')
      oven = await SteeredOven.start(old, `device: oven, name: Oven, probe: ${probe}`)
      assert.equal(await oven.set('setpoint', 0), 0)
      name = 'Laser'
      const half = seconds / 2
      oven.clock.advance(half)
      assert.equal(await oven.set('setpoint', 1), 1)
      oven.clock.advance(half)
      const sent = old.texts.filter((text) => text !== 'name').length
      for (const value of [2, 3]) {
        const error = await failure(oven.set('setpoint', value))
        assert.deepEqual([error.class, error.maybeExecuted], ['Unreachable', false])
        assert.match(error.message, /calls itself "Laser", not "Oven"/)
        oven.clock.advance(half)
      }
      assert.equal(old.texts.filter((text) => text !== 'name').length, sent)
    })

  it('asks for the name again after an answer that no push socket gives', async () => {
    oven = await SteeredOven.start(old, 'device: oven, name: Oven')
    old.respond = (text) => (text === 'name' ? 'RET#Oven' : 'UNKNOWN_COMMMAND')
    assert.equal((await failure(oven.set('setpoint', 1))).class, 'DeviceError')
    old.respond = () => 'UNKNOWN_COMMMAND'
    assert.equal((await failure(oven.set('setpoint', 2))).class, 'Unreachable')
    assert.deepEqual(old.texts, ['name', 'raw_wn#setpoint:float:1.0', 'name'])
  })

  it('is there again once it has told its name, before a command is answered', async () => {
    oven = await SteeredOven.start(old, 'device: oven, name: Oven')
    const { port } = old
    await old.close()
    assert.match((await failure(oven.set('setpoint', 1))).message, /nobody listens/)
    assert.equal((await oven.state())['state'], 'degraded')
    old = await FarSocket.open(port)
    old.respond = (text) => (text === 'name' ? 'RET#Oven' : undefined)
    const done = oven.set('setpoint', 2)
    const asked = await old.nth(1)
    assert.equal((await oven.state())['state'], 'online')
    await asked.answer('ACK#')
    assert.equal(await done, 2)
  })
})
