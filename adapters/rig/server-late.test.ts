import assert from 'node:assert/strict'
import { settle } from '../../test/support/fake-clock.js'
import { hang } from '../../test/support/scripted.js'
import { ServerLab } from './test-support/server-lab.js'

const ref = '2024-03-14_001_subject'
const start = `[2, "${ref}", null]`

describe('a rig-server whose answers are late', () => {
  let lab = new ServerLab()
  beforeEach(() => (lab = new ServerLab()))
  afterEach(async () => await lab.close())

  const begun = (): string[] => lab.scripted.commands.map(({ codename }) => codename)

  async function call(codename: string, op: string, payload: object): Promise<Record<string, unknown>> {
    await lab.mqtt.publish(`lab/stage/${codename}/${op}`, { id: codename, ...payload })
    return await lab.mqtt.nextJson(({ topic, text }) => topic === `lab/stage/${codename}/reply` && !text.includes('accepted'))
  }

  it('tells what is true when an answer is written, and not when it began to wait', async () => {
    await lab.start()
    const controller = await lab.controller()
    await controller.echoed('[64, 0, 1]')
    await controller.echoed('[64, 0, 2]')
    await lab.gap()
    assert.match(await controller.next(), /^\[64, 0, /)
    await call('status', 'set', { value: 'RUNNING' })
    await lab.clock.pass(1.02)
    assert.match(await controller.next(), /^\[64, 20, /)
  })

  it('answers a stop before all that waits', async () => {
    await lab.start()
    const controller = await lab.controller()
    for (let n = 0; n < 5; n += 1) await controller.echoed(`[64, 0, ${n}]`)
    await lab.gap()
    await controller.next()
    await controller.echoed('[4, null]')
    await lab.clock.pass(1.02)
    assert.match(await controller.next(), /^\[4, /)
  })

  it('echoes and answers each question of a status, though the echo of one answer was lost', async () => {
    await lab.start()
    const controller = await lab.controller()
    await controller.echoed('[32, 0]')
    await lab.gap()
    await controller.expect('[32, 0]')
    await lab.clock.pass(1.3)
    await lab.exchange(controller, '[32, 0]', '[32, 0]')
  })

  it('carries out a stop that equals an answer which was not confirmed', async () => {
    await lab.start('answers: { others: same }')
    const controller = await lab.controller()
    await controller.echoed('[16, null]')
    await lab.gap()
    await controller.expect('[16, null]')
    await lab.clock.pass(1.02)
    await lab.values('event')
    await lab.clock.pass(0.3)
    await lab.exchange(controller, '[16, null]', '[16, null]')
    assert.equal((await lab.values('event')).length, 1)
  })

  it('knows the late echo of an answer that nobody else would say', async () => {
    await lab.start()
    const controller = await lab.controller()
    await controller.echoed(start)
    await lab.gap()
    const answer = await controller.next()
    await lab.clock.pass(5)
    controller.send(answer)
    await controller.assertQuiet()
    assert.equal((await lab.values('event')).length, 1)
  })

  it('begins nothing before all of an end was carried out, whoever begins it', async () => {
    await lab.start(
      'answers: { EXPSTART: { call: spectrometer/acquire }, EXPEND: [{ call: spectrometer/stop }, { set: furnace/setpoint, value: 20 }] }'
    )
    lab.hold()
    const [one, two] = [await lab.controller(), await lab.controller()]
    await one.echoed('[4, null]')
    await two.echoed(start)
    await settle()
    assert.deepEqual(begun(), ['stop'])
    lab.held.answer(null)
    await lab.gap()
    assert.deepEqual(begun(), ['stop', 'setpoint'])
    lab.held.answer(20)
    await lab.gap()
    assert.deepEqual(begun(), ['stop', 'setpoint', 'acquire'])
    lab.held.answer(null)
    await lab.gap()
    assert.deepEqual(await lab.values('status'), ['STOPPED', 'RUNNING'])
  })

  it('lets an older message that ends later not say what the status is', async () => {
    await lab.start('answers: { EXPCLEANUP: [{ call: spectrometer/stop }] }')
    lab.hold()
    const [one, two] = [await lab.controller(), await lab.controller()]
    await one.echoed('[8, null]')
    await two.echoed(start)
    await lab.gap()
    lab.held.answer(null)
    await lab.gap()
    assert.deepEqual(await lab.values('status'), ['RUNNING'])
  })

  it('is no other experiment, and ends none, after a message that it refused', async () => {
    await lab.start('answers: { EXPINIT: { call: spectrometer/acquire } }')
    lab.scripted.execute = () => hang()
    const controller = await lab.controller()
    for (let n = 0; n < 16; n += 1) await controller.echoed(`[1, ${n}]`)
    await lab.values('event')
    await controller.echoed('[2, "2024-12-24_001_other", null]')
    assert.deepEqual(await lab.values('exp_ref'), [])
    assert.match(lab.warnings.join(), /more than can be answered/)
  })

  it('takes a long interrupt when much waits', async () => {
    await lab.start('answers: { EXPINIT: { call: spectrometer/acquire }, EXPINTERRUPT: { call: spectrometer/stop } }, maxRate: 1000')
    lab.scripted.execute = ({ codename }) => (codename === 'stop' ? Promise.resolve('stopped') : hang())
    for (let n = 0; n < 18; n += 1) {
      const controller = await lab.controller()
      for (let m = 0; m < 16; m += 1) await controller.echoed(`[1, "${m}${'x'.repeat(60_000)}"]`)
    }
    assert.match(lab.warnings.join(), /more than can be answered/)
    await lab.exchange(await lab.controller(), `[16, [{"traceback": "${'x'.repeat(20_000)}"}]]`, '[16, "stopped"]')
  })

  it('says of what it pushes when nothing was sent, and sends the number of a status', async () => {
    await lab.start()
    const controller = await lab.controller()
    await lab.exchange(controller, '[32, 0]', '[32, 0]')
    const reply = await call('push', 'call', { arguments: { event: 'EXPSTATUS', data: ['x'.repeat(70_000)] } })
    const { class: errorClass, code, maybeExecuted } = reply['error'] as Record<string, unknown>
    assert.deepEqual([errorClass, code, maybeExecuted ?? false], ['BadPayload', 'too-large', false])
    await lab.mqtt.publish('lab/stage/push/call', { id: 'q', arguments: { event: 'EXPSTATUS', data: 'RUNNING' } })
    await lab.mqtt.settled()
    await lab.gap()
    await controller.echoes('[32, 20]')
  })

  it('is online again when a later answer is confirmed', async () => {
    await lab.start()
    const controller = await lab.controller()
    await controller.echoed('[64, 0, 1]')
    await controller.echoed('[64, 0, 2]')
    await lab.gap()
    await controller.next()
    await lab.clock.pass(1.02)
    assert.deepEqual(await lab.values('link'), ['online', 'silent'])
    controller.send(await controller.next())
    await controller.assertQuiet()
    assert.deepEqual((await lab.values('link')).at(-1), 'online')
  })

  it('reports what could not be sent in time', async () => {
    await lab.start()
    const controller = await lab.controller()
    await lab.exchange(controller, '[32, 0]', '[32, 0]')
    for (let n = 0; n < 12; n += 1) await controller.echoed(`[1, ${n}]`)
    await lab.clock.pass(10)
    const reports = (await controller.taken()).filter((text) => text.startsWith('[0, "TimeoutError: it was carried out'))
    assert.ok(reports.length >= 3, String(reports.length))
  })
})
