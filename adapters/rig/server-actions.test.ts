import assert from 'node:assert/strict'
import type { Exact } from '../../gateway/adapter.js'
import { GatewayError } from '../../gateway/errors.js'
import { settle } from '../../test/support/fake-clock.js'
import { hang } from '../../test/support/scripted.js'
import { dumps } from '../common/python-text.js'
import { ServerLab } from './test-support/server-lab.js'

const ref = '2024-03-14_001_subject'
const start = `[2, "${ref}", null]`

describe('a rig-server that lets devices act', () => {
  let lab = new ServerLab()
  beforeEach(() => (lab = new ServerLab()))
  afterEach(async () => await lab.close())

  /** As `device/codename op` in the order in which they were begun. */
  const begun = (): string[] => lab.scripted.commands.map(({ device, codename, op }) => `${device}/${codename} ${op}`)

  it('answers with the reply of one action', async () => {
    await lab.start(
      'answers: { EXPSTATUS: { get: furnace/temperature }, EXPINFO: { call: spectrometer/acquire }, EXPEND: { set: furnace/setpoint, value: 20 } }'
    )
    lab.scripted.execute = ({ op }) => Promise.resolve(op === 'call' ? [5n, new Map([['x', 1.5]])] : 20)
    await lab.scripted.host('maker').publish({ device: 'furnace', codename: 'temperature', value: 47 })
    const controller = await lab.controller()
    await lab.exchange(controller, '[32, 0]', '[32, 47.0]')
    await lab.exchange(controller, '[64, 0, null]', '[64, 5, {"x": 1.5}]')
    await lab.exchange(controller, '[4, null]', '[4, 20.0]')
    assert.deepEqual(begun(), ['spectrometer/acquire call', 'furnace/setpoint set'])
    assert.equal(lab.scripted.commands[1]?.value, 20)
  })

  it('tells a call what is known of the message, and everything carries one id', async () => {
    await lab.start('answers: { EXPSTART: { call: spectrometer/acquire }, EXPEND: [{ call: spectrometer/stop }] }')
    const controller = await lab.controller()
    await controller.echoed('[64, 0, null]')
    await lab.gap()
    await controller.next()
    await controller.echoed(start)
    await lab.gap()
    const event = ((await lab.values('event')) as Record<string, unknown>[])[1]
    const session = String(event?.['session'])
    assert.match(session, /^stage-[a-z0-9]+-1$/)
    assert.deepEqual(event, {
      id: `${session}/2`,
      session,
      event: 'EXPSTART',
      code: 2,
      data: [ref, null],
      exp_ref: ref,
      refValid: true,
      controller: controller.name,
      transport: 'udp'
    })
    const argumentsOf = (index: number): [string, unknown][] =>
      Array.from((lab.scripted.commands[index]?.value ?? new Map()) as Map<string, unknown>)
    assert.deepEqual(argumentsOf(0), [
      ['id', `${session}/2`],
      ['session', session],
      ['event', 'EXPSTART'],
      ['exp_ref', ref],
      ['data', null],
      ['elements', [ref, null]],
      ['controller', controller.name],
      [
        'rig',
        new Map([
          ['status', 'CONNECTED'],
          ['exp_ref', ref]
        ])
      ]
    ])
    const reply = await lab.mqtt.nextJson('lab/spectrometer/acquire/reply')
    assert.deepEqual([reply['id'], reply['phase'], reply['client']], [`${session}/2`, 'done', 'stage'])
    await controller.echoed('[4, null]')
    await lab.gap()
    // The call takes nothing but the reference, and an end names none.
    assert.deepEqual(argumentsOf(1), [['exp_ref', null]])
    assert.equal((await lab.mqtt.nextJson('lab/spectrometer/stop/reply'))['id'], `${session}/3`)
  })

  it('tells a call what the message says, and of itself what the rig knows', async () => {
    await lab.start('answers: { others: [{ call: spectrometer/acquire }] }')
    const controller = await lab.controller()
    const told: unknown[] = []
    for (const message of [
      `[64, "connected", {"exp_ref": null, "subject": "a"}]`,
      `[1, {"exp_ref": "${ref}"}]`,
      `[2, "${ref}", {"x": [NaN]}, 7]`,
      '[32, 20]',
      '[32]',
      '[4, []]',
      '[2, null, null]'
    ]) {
      await controller.echoed(message)
      await lab.gap()
      controller.send(await controller.next())
      const given = lab.scripted.commands.at(-1)?.value as ReadonlyMap<string, unknown>
      const rig = given.get('rig') as ReadonlyMap<string, unknown>
      told.push(
        JSON.parse(
          dumps([...['exp_ref', 'status', 'data', 'elements'].map((name) => given.get(name) ?? null), rig.get('exp_ref')] as Exact)
        )
      )
      assert.equal(
        given.has('status'),
        ['[64', '[32,'].some((begin) => message.startsWith(begin))
      )
    }
    assert.deepEqual(told, [
      [null, 'CONNECTED', { exp_ref: null, subject: 'a' }, ['connected', { exp_ref: null, subject: 'a' }], null],
      [ref, null, { exp_ref: ref }, [{ exp_ref: ref }], ref],
      [ref, null, { x: [null] }, [ref, { x: [null] }, 7], ref],
      [null, 'RUNNING', null, [20], ref],
      [null, null, null, [], ref],
      [null, null, [], [[]], ref],
      [null, null, null, [null, null], null]
    ])
  })

  it('asks devices that speak MQTT too', async () => {
    await lab.start('answers: { EXPINIT: [{ call: native/begin, arguments: { fast: true } }] }')
    const controller = await lab.controller()
    await controller.echoed('[1, null]')
    const { id, arguments: given } = await lab.mqtt.nextJson('lab/native/begin/call')
    assert.deepEqual(given, { fast: true })
    assert.match(String(id), /^stage-[a-z0-9]+-1\/1$/)
    await lab.mqtt.publish('lab/native/begin/reply', {
      id,
      op: 'call',
      phase: 'done',
      value: 1,
      time: new Date(lab.clock.now() * 1000).toISOString()
    })
    await lab.mqtt.settled()
    await lab.gap()
    assert.match(await controller.next(), /^\[1, 10, \{/)
  })

  it('carries out several in order, and answers when all are done', async () => {
    await lab.start('answers: { EXPSTART: [{ call: spectrometer/acquire }, { set: furnace/setpoint, value: 300 }] }')
    lab.hold()
    const controller = await lab.controller()
    await controller.echoed(start)
    await lab.gap()
    assert.deepEqual(begun(), ['spectrometer/acquire call'])
    lab.held.answer(null)
    await lab.gap()
    assert.deepEqual(begun(), ['spectrometer/acquire call', 'furnace/setpoint set'])
    await controller.assertQuiet()
    assert.deepEqual(await lab.values('status'), [])
    lab.held.answer(300)
    await lab.gap()
    assert.match(await controller.next(), /"status": 20\}\]$/)
    assert.deepEqual(await lab.values('status'), ['RUNNING'])
  })

  it('does not go on with a start that failed', async () => {
    await lab.start('answers: { EXPSTART: [{ call: spectrometer/acquire }, { set: furnace/setpoint, value: 300 }] }')
    lab.scripted.execute = () => Promise.reject(new GatewayError('DeviceError', 'no\nlamp'))
    const controller = await lab.controller()
    await controller.echoed(start)
    await lab.gap()
    await controller.expect('[0, "DeviceError: spectrometer/acquire: no lamp", 2]')
    assert.deepEqual(begun(), ['spectrometer/acquire call'])
    assert.deepEqual(await lab.values('status'), [])
    assert.equal(((await lab.value('answer')) as Record<string, unknown>)['code'], 0)
    assert.match(lab.warnings.join(), /was not carried out/)
    await lab.clock.pass(2)
    await controller.assertQuiet()
  })

  it('goes on with an end whatever fails, and with what takes long too', async () => {
    await lab.start(
      'answers: { EXPEND: [{ call: spectrometer/stop }, { call: spectrometer/acquire }, { set: furnace/setpoint, value: 20 }] }'
    )
    lab.scripted.execute = ({ codename, value }) => {
      if (codename === 'stop') return Promise.reject(new GatewayError('Locked', 'it is locked'))
      return codename === 'acquire' ? hang() : Promise.resolve(value)
    }
    const controller = await lab.controller()
    await controller.echoed('[4, null]')
    await settle()
    assert.deepEqual(begun(), ['spectrometer/stop call', 'spectrometer/acquire call'])
    await lab.clock.pass(4.5)
    assert.deepEqual(begun(), ['spectrometer/stop call', 'spectrometer/acquire call', 'furnace/setpoint set'])
    await controller.assertQuiet()
    await lab.clock.pass(4.1)
    await controller.expect(
      '[0, "Locked: spectrometer/stop: it is locked; no answer from spectrometer/acquire: no answer within 8.5 s; it may have been carried out", 4]'
    )
    assert.deepEqual(await lab.values('status'), [])
  })

  it('gives up in time, and drops what comes later', async () => {
    await lab.start('answers: { EXPSTART: { call: spectrometer/acquire } }')
    lab.hold()
    const controller = await lab.controller()
    await controller.echoed(start)
    await lab.clock.pass(8.4)
    await controller.assertQuiet()
    await lab.clock.pass(0.2)
    await controller.expect(
      '[0, "TimeoutError: no answer from spectrometer/acquire: no answer within 8.5 s; it may have been carried out", 2]'
    )
    lab.held.answer('late')
    await lab.clock.pass(1)
    await controller.assertQuiet()
    assert.deepEqual(await lab.values('status'), [])
  })

  it('carries out one after another for a controller, and answers in that order', async () => {
    await lab.start('answers: { EXPINIT: { call: spectrometer/acquire } }')
    lab.hold()
    const [controller, other] = [await lab.controller(), await lab.controller()]
    await controller.echoed('[1, 1]')
    await controller.echoed('[1, 2]')
    await controller.echoed('[32, 0]')
    await lab.gap()
    await lab.exchange(other, '[32, 0]', '[32, 0]')
    assert.equal(begun().length, 1)
    await controller.assertQuiet()
    lab.held.answer('one')
    await lab.gap()
    await controller.echoes('[1, "one"]')
    await settle()
    assert.equal(begun().length, 2)
    lab.held.answer('two')
    await lab.gap()
    await controller.echoes('[1, "two"]')
    await lab.gap()
    await controller.echoes('[32, 10]')
  })

  it('does not carry out what the network has doubled', async () => {
    await lab.start('answers: { EXPSTART: { call: spectrometer/acquire } }')
    lab.hold()
    const controller = await lab.controller()
    await controller.echoed(start)
    await controller.echoed(start)
    await lab.gap()
    lab.held.answer('done')
    await lab.gap()
    await controller.expect('[2, "done"]')
    assert.equal(begun().length, 1)
    assert.equal((await lab.values('event')).length, 1)
    // The echo of the answer, and that doubled.
    controller.send('[2, "done"]')
    await controller.assertQuiet()
    await controller.echoed('[2, "done"]')
    await lab.gap()
    await controller.assertQuiet()
    assert.equal(begun().length, 1)
    // The message once more, right after its answer: it gets that again, should it be meant.
    lab.scripted.execute = () => Promise.resolve('again')
    await lab.exchange(controller, start, '[2, "done"]')
    assert.equal(begun().length, 1)
    assert.equal((await lab.values('event')).length, 0)
    await lab.clock.pass(2)
    await lab.exchange(controller, start, '[2, "again"]')
    assert.equal(begun().length, 2)
    assert.equal((await lab.counters())['dropped'], 3)
  })

  it('carries out over TCP what comes again, as nothing is doubled there', async () => {
    await lab.start('answers: { EXPSTART: { call: spectrometer/acquire } }')
    lab.scripted.execute = () => Promise.resolve('done')
    const controller = await lab.controller('tcp')
    for (let i = 0; i < 3; i += 1) await lab.exchange(controller, start, '[2, "done"]')
    assert.equal(begun().length, 3)
  })

  for (const event of ['EXPEND', 'EXPINTERRUPT'])
    it(`lets ${event} of anybody through at once, and begins nothing of a start any more`, async () => {
      await lab.start(
        `answers: { EXPSTART: [{ call: spectrometer/acquire }, { set: furnace/setpoint, value: 300 }], ${event}: { call: spectrometer/stop } }`
      )
      lab.scripted.execute = ({ codename }) => (codename === 'acquire' ? hang() : Promise.resolve('stopped'))
      const [controller, other] = [await lab.controller(), await lab.controller()]
      await controller.echoed(start)
      await controller.echoed('[2, "2024-03-14_001_subject", 2]')
      await settle()
      const code = event === 'EXPEND' ? 4 : 16
      await lab.exchange(other, `[${code}, null]`, `[${code}, "stopped"]`)
      await controller.expect(`[0, "Interrupted: ${event} came before EXPSTART was carried out; part of it may be", 2]`)
      await controller.expect(`[0, "Interrupted: ${event} came before EXPSTART was carried out; part of it may be", 2]`)
      assert.deepEqual(begun(), ['spectrometer/acquire call', 'spectrometer/stop call'])
      assert.deepEqual(await lab.values('status'), ['STOPPED'])
      await lab.clock.pass(30)
      assert.deepEqual(begun(), ['spectrometer/acquire call', 'spectrometer/stop call'])
      await controller.assertQuiet()
    })

  it('does not start after an end what waited for its turn, whatever its policy', async () => {
    await lab.start('answers: { EXPINIT: { call: spectrometer/acquire } }')
    lab.scripted.execute = () => hang()
    const [controller, other] = [await lab.controller('tcp'), await lab.controller()]
    await controller.echoed('[1, null]')
    await controller.echoed(start)
    await other.echoed('[4, null]')
    await lab.gap()
    await other.next()
    await lab.gap()
    const interrupted = (event: string, code: number): string =>
      `[0, "Interrupted: EXPEND came before ${event} was carried out; part of it may be", ${code}]`
    await controller.expect(interrupted('EXPINIT', 1))
    await controller.expect(interrupted('EXPSTART', 2))
    assert.deepEqual(await lab.values('status'), ['STOPPED'])
  })

  it('tells who waits when it stops, and asks nothing more', async () => {
    await lab.start('answers: { EXPSTART: [{ call: spectrometer/acquire }, { set: furnace/setpoint, value: 300 }] }')
    lab.scripted.execute = () => hang()
    const [udp, tcp] = [await lab.controller('udp'), await lab.controller('tcp')]
    await udp.echoed(start)
    await tcp.echoed('[32, 0]')
    await settle()
    await lab.running.gateway.stop()
    await udp.expect('[0, "Unreachable: the gateway is stopping", 2]')
    await tcp.closed()
    assert.deepEqual(begun(), ['spectrometer/acquire call'])
  })

  it('says at the start what will be refused', async () => {
    await lab.start(
      'answers: { EXPSTART: { set: furnace/setpoint, value: 5000 }, EXPEND: { call: spectrometer/stop, arguments: { fast: true } }, EXPINIT: { call: spectrometer/stop } }'
    )
    assert.equal(lab.warnings.length, 2)
    assert.match(lab.warnings.join('\n'), /set furnace\/setpoint will be refused.*\n.*call spectrometer\/stop will be refused/)
  })

  it('reports an answer that is too long, and is told apart by its event', async () => {
    await lab.start('answers: { EXPINFO: { call: spectrometer/acquire } }')
    lab.scripted.execute = () => Promise.resolve('x'.repeat(70_000))
    const controller = await lab.controller()
    await controller.echoed('[64, 0, null]')
    await lab.gap()
    await controller.expect('[0, "ValueError: the answer has 70008 bytes, more than can be sent", 64]')
    await lab.exchange(controller, '[32, 0]', '[32, 0]')
  })
})
