import assert from 'node:assert/strict'
import { GatewayError } from '../../gateway/errors.js'
import { ServerLab } from './test-support/server-lab.js'

const ref = '2024-03-14_001_subject'
const start = `[2, "${ref}", null]`
const other = '[2, "2024-03-15_001_subject", null]'
const actions =
  'answers: { EXPINIT: { call: spectrometer/acquire }, EXPSTART: { call: spectrometer/acquire }, EXPEND: { call: spectrometer/stop } }'

describe('a rig-server to which messages come twice', () => {
  let lab = new ServerLab()
  beforeEach(async () => {
    lab = new ServerLab()
    await lab.start(actions)
    lab.scripted.execute = ({ codename }) => Promise.resolve(codename)
  })
  afterEach(async () => await lab.close())

  const begun = (): string[] => lab.scripted.commands.map(({ codename }) => codename)

  it('stops again when somebody else has started meanwhile, however soon', async () => {
    const [one, two] = [await lab.controller(), await lab.controller()]
    await lab.exchange(one, '[4, null]', '[4, "stop"]')
    await lab.exchange(two, other, '[2, "acquire"]')
    await lab.exchange(one, '[4, null]', '[4, "stop"]')
    assert.deepEqual(begun(), ['stop', 'acquire', 'stop'])
  })

  it('stops again when the first stop failed', async () => {
    const controller = await lab.controller()
    lab.scripted.execute = () => Promise.reject(new GatewayError('Busy', 'the line is busy'))
    await controller.echoed('[4, null]')
    await lab.gap()
    await controller.expect('[0, "Busy: spectrometer/stop: the line is busy", 4]')
    lab.scripted.execute = () => Promise.resolve('stopped')
    await lab.exchange(controller, '[4, null]', '[4, "stopped"]')
    assert.deepEqual(begun(), ['stop', 'stop'])
  })

  it('stops again while it stops, when somebody has said something meanwhile; not when nobody has', async () => {
    lab.hold()
    const [one, two] = [await lab.controller(), await lab.controller()]
    await one.echoed('[4, null]')
    await one.echoed('[4, null]')
    assert.deepEqual(begun(), ['stop'])
    await two.echoed(other)
    await one.echoed('[4, null]')
    lab.held.answer('stopped')
    await lab.gap()
    assert.equal(begun().filter((codename) => codename === 'stop').length, 2)
  })

  it('does not start again for a copy that others have overtaken', async () => {
    const controller = await lab.controller()
    await lab.exchange(controller, start, '[2, "acquire"]')
    await lab.exchange(controller, '[32, 0]', '[32, 20]')
    await lab.exchange(controller, start, '[2, "acquire"]')
    await lab.clock.pass(0.4)
    await lab.exchange(controller, start, '[2, "acquire"]')
    assert.deepEqual(begun(), ['acquire'])
  })

  it('starts again in the same words for who has heard that the experiment is over', async () => {
    const controller = await lab.controller()
    await lab.exchange(controller, start, '[2, "acquire"]')
    await lab.exchange(controller, '[4, null]', '[4, "stop"]')
    await lab.exchange(controller, start, '[2, "acquire"]')
    assert.deepEqual(begun(), ['acquire', 'stop', 'acquire'])
  })

  it('does not start for a copy after an end of which its controller has not heard, and says so', async () => {
    const [controller, other] = [await lab.controller(), await lab.controller()]
    await lab.exchange(controller, start, '[2, "acquire"]')
    await lab.exchange(other, '[4, null]', '[4, "stop"]')
    await controller.echoed(start)
    await lab.gap()
    assert.match(await controller.next(), /^\[0, "Interrupted: the same EXPSTART came again within 2 s, and after its end: .*", 2\]$/)
    assert.deepEqual(begun(), ['acquire', 'stop'])
    assert.deepEqual(await lab.values('status'), ['RUNNING', 'STOPPED'])
    assert.match(lab.warnings.join(), /taken for a copy/)
    await lab.clock.pass(2)
    await lab.exchange(controller, start, '[2, "acquire"]')
    assert.deepEqual(begun(), ['acquire', 'stop', 'acquire'])
  })

  it('prepares the next experiment in the same words at once', async () => {
    const controller = await lab.controller()
    await lab.exchange(controller, '[1, null]', '[1, "acquire"]')
    await lab.exchange(controller, '[4, null]', '[4, "stop"]')
    await lab.exchange(controller, '[1, null]', '[1, "acquire"]')
    assert.deepEqual(begun(), ['acquire', 'stop', 'acquire'])
  })

  it('answers a question again whose answer was lost', async () => {
    const controller = await lab.controller()
    for (const question of ['[64, 0, null]', start]) {
      await controller.echoed(question)
      await lab.gap()
      const lost = await controller.next()
      await controller.echoed(question)
      await lab.clock.pass(1.02)
      assert.equal(await controller.next(), lost)
      controller.send(lost)
      await controller.assertQuiet()
    }
    assert.deepEqual(begun(), ['acquire'])
  })

  it('does not carry out the echo of what it told unasked, twice', async () => {
    const controller = await lab.controller()
    await lab.exchange(controller, '[32, 0]', '[32, 0]')
    await lab.mqtt.publish('lab/stage/push/call', { id: 'p', arguments: { event: 'EXPSTART', data: [ref, null] } })
    await lab.mqtt.settled()
    await lab.gap()
    await controller.echoes(start)
    await controller.echoed(start)
    await lab.gap()
    await controller.assertQuiet()
    assert.deepEqual(begun(), [])
  })
})
