import assert from 'node:assert/strict'
import { FarSocket } from '../../test/support/far-socket.js'
import { SteeredOven, quiet } from './test-support/steered-oven.js'

describe('data-push client that forwards readings', () => {
  let old: FarSocket
  let oven: SteeredOven

  beforeEach(async () => {
    old = await FarSocket.open()
  })

  afterEach(async () => {
    await oven.stop()
    await old.close()
  })

  const forward = 'device: oven, forward: { p: room/pressure, 21984878: room/light }'

  it('pushes the newest of each key, no faster than its period, and counts what was left out', async () => {
    oven = await SteeredOven.start(old, forward)
    await oven.read('pressure', 1)
    for (const value of [2, 3, 4]) await oven.read('pressure', value)
    await oven.read('light', 7n)
    await (await old.nth(0)).answer('ACK#')
    await (await old.nth(1)).answer('ACK#')
    await quiet()
    assert.deepEqual(old.texts, ['raw_wn#p:float:1.0', 'json_wn#{"21984878": 7}'])
    oven.clock.advance(1)
    await (await old.nth(2)).answer('ACK#')
    await quiet()
    assert.equal(old.texts[2], 'raw_wn#p:float:4.0')
    assert.deepEqual(await oven.counted(), { received: 3n, dropped: 2n })
    assert.equal(old.heard.length, 3)
  })

  it('pushes nothing old, uncertain or bad, and not what has become old while it waited', async () => {
    oven = await SteeredOven.start(old, forward)
    await oven.read('pressure', NaN)
    await oven.read('pressure', 1, { time: 1.7e9 - 11 })
    await oven.read('pressure', 2, { quality: 'stale' })
    await oven.read('pressure', 2.5, { quality: 'uncertain' })
    await oven.read('light', 1n)
    await old.nth(0)
    await oven.read('pressure', 3, { time: 1.7e9 - 9.5 })
    oven.clock.advance(1)
    await quiet()
    assert.deepEqual(old.texts, ['json_wn#{"21984878": 1}'])
    // Four not worth sending, one grown old, one without an answer.
    assert.deepEqual(await oven.counted(), { dropped: 6n })
  })

  it('goes on after silence and refusals, and tells of them once', async () => {
    oven = await SteeredOven.start(old, forward)
    for (const [i, value] of [1, 2, 3].entries()) {
      await oven.read('pressure', value)
      await (await old.nth(i)).answer(value === 3 ? 'ACK#' : 'ERROR#no')
      await quiet()
      oven.clock.advance(1)
    }
    assert.deepEqual(oven.lines('warn'), ['a forwarded reading was refused; its next ones are tried without a word'])
    await oven.read('pressure', 4)
    await old.nth(3)
    oven.clock.advance(1)
    await quiet()
    await oven.read('pressure', 5)
    assert.equal((await old.nth(4)).text, 'raw_wn#p:float:5.0')
  })

  it('does not hold up commands', async () => {
    oven = await SteeredOven.start(old, forward)
    await oven.read('pressure', 1)
    await old.nth(0)
    const done = oven.set('setpoint', 2)
    await (await old.nth(1)).answer('ACK#')
    assert.equal(await done, 2)
  })

  it('waits until the last command is a period ago, and then pushes the newest', async () => {
    oven = await SteeredOven.start(old, forward)
    const done = oven.set('setpoint', 2)
    const asked = await old.nth(0)
    await oven.read('pressure', 1)
    await quiet()
    assert.equal(old.heard.length, 1)
    await asked.answer('ACK#')
    await done
    // The program looks at its last push now and then: it has not seen the setpoint yet.
    await oven.read('pressure', 3)
    oven.clock.advance(0.75)
    await quiet()
    assert.equal(old.heard.length, 1)
    oven.clock.advance(0.25)
    await (await old.nth(1)).answer('ACK#')
    await quiet()
    oven.clock.advance(5)
    await quiet()
    assert.deepEqual(old.texts, ['raw_wn#setpoint:float:2.0', 'raw_wn#p:float:3.0'])
    assert.deepEqual(await oven.counted(), { received: 2n, dropped: 1n })
  })

  it('does not push what has become old behind commands', async () => {
    oven = await SteeredOven.start(old, forward)
    const done = oven.set('setpoint', 2)
    const asked = await old.nth(0)
    await oven.read('pressure', 1, { time: 1.7e9 - 9.5 })
    await asked.answer('ACK#')
    await done
    oven.clock.advance(1)
    await quiet()
    assert.equal(old.heard.length, 1)
  })

  it('sends nothing behind a command that came while it asked for the name', async () => {
    oven = await SteeredOven.start(old, `${forward}, name: Oven`)
    await oven.read('pressure', 1)
    const name = await old.nth(0)
    const done = oven.set('setpoint', 2)
    await (await old.nth(1)).answer('RET#Oven')
    const set = await old.nth(2)
    await name.answer('RET#Oven')
    await quiet()
    await set.answer('ACK#')
    assert.equal(await done, 2)
    await quiet()
    assert.deepEqual(old.texts, ['name', 'name', 'raw_wn#setpoint:float:2.0'])
    assert.deepEqual([(await oven.state())['state'], oven.lines('warn')], ['online', []])
  })
})
