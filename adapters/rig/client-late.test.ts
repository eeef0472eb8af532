import assert from 'node:assert/strict'
import { ClientLab, told } from './test-support/client-lab.js'
import { answer, deaf, echo, same } from './test-support/far-end.js'
import type { Said } from './test-support/far-end.js'

const note = (event: string): string => `this may be the late answer to an earlier ${event}`

describe('late answers of a rig', () => {
  let lab: ClientLab

  afterEach(async () => await lab.close())

  /** What was sent to the rig, without echoes of what it said. */
  const sent = (...own: string[]): string[] => lab.far.texts.filter((text) => !own.includes(text))

  it('are not taken for those to another call when an echo was lost: the second one counts', async () => {
    lab = await ClientLab.open()
    lab.far.manner = deaf
    assert.equal(told(await lab.done('init', { data: 'A' }))[2], 'echo-timeout')
    lab.far.manner = echo
    const id = await lab.call('init', { data: 'B' })
    await lab.pass(4)
    lab.far.say('[1, "of A"]')
    await lab.pass(0.5)
    lab.far.say('[1, "of B"]')
    const { value } = await lab.final(id, 1)
    assert.deepEqual([value?.['answer'], value?.['note']], [['of B'], undefined])
  })

  it('that may be those to another call are told so, where no second one comes', async () => {
    lab = await ClientLab.open()
    lab.far.manner = deaf
    await lab.done('init', { data: 'A' })
    lab.far.manner = answer('[1, "which"]')
    const { value } = await lab.done('init', { data: 'B' })
    assert.deepEqual([value?.['answer'], value?.['note']], [['which'], note('EXPINIT')])
  })

  it('that nobody waited for are not those to the next call', async () => {
    lab = await ClientLab.open()
    assert.equal((await lab.done('init', { data: 'A', answer: false })).phase, 'done')
    const id = await lab.call('init', { data: 'B' })
    await lab.pass(0.4)
    lab.far.say('[1, "of A"]')
    await lab.pass(0.2)
    lab.far.say('[1, "of B"]')
    const { value } = await lab.final(id, 2)
    assert.deepEqual([value?.['answer'], value?.['note']], [['of B'], undefined])
  })

  it('of an interrupt are no answer to a cleanup, unless nothing better comes', async () => {
    lab = await ClientLab.open()
    assert.equal(told(await lab.done('interrupt', { timeout: 1 }))[2], 'answer-timeout')
    const first = await lab.call('cleanup')
    await lab.pass(0.2)
    lab.far.say('[16, "late"]')
    await lab.pass(3)
    lab.far.say('[8, "clean"]')
    assert.deepEqual((await lab.final(first, 1)).value?.['answer'], ['clean'])
    assert.equal(told(await lab.done('interrupt', { timeout: 1 }))[2], 'answer-timeout')
    lab.far.manner = answer('[16, "camera rig"]')
    const { value } = await lab.done('cleanup', { timeout: 2 })
    assert.deepEqual([value?.['answer'], value?.['note']], [['camera rig'], note('EXPINTERRUPT')])
  })

  it('are waited for after an echo that did not come: a rig that is only busy is not made deaf', async () => {
    lab = await ClientLab.open()
    const busy: Said[] = []
    lab.far.manner = (said) => busy.push(said)
    const ids = []
    for (const codename of ['info', 'init', 'status']) ids.push(await lab.call(codename))
    await lab.pass(1.3)
    assert.deepEqual(sent(), ['[64, 0, null]'])
    lab.far.manner = same
    busy[0]?.say(busy[0].bytes)
    await lab.pass(0.5)
    // It has begun, and is not disturbed.
    assert.deepEqual(sent(), ['[64, 0, null]'])
    assert.match((await lab.states()).at(-1) ?? '', /^online/)
    assert.deepEqual((await lab.readings('link')).at(-1), 'online')
    busy[0]?.say('[64, 10, {}]')
    const replies = []
    for (const id of ids) replies.push(told(await lab.final(id, 1))[2] ?? 'done')
    assert.deepEqual(replies, ['echo-timeout', 'done', 'done'])
    assert.deepEqual(sent('[64, 10, {}]').slice(0, 2), ['[64, 0, null]', '[1, null]'])
    assert.deepEqual(lab.far.unconfirmed, [])
  })

  it('that never come hold up the next message for 3 s, and an interrupt for 1 s', async () => {
    lab = await ClientLab.open()
    lab.far.manner = deaf
    const at: number[] = []
    const begun = lab.clock.monotonic()
    for (const [begin, codename] of [
      ['[1', 'init'],
      ['[16', 'interrupt'],
      ['[32', 'status']
    ]) {
      lab.far.manners.set(begin as string, () => at.push(lab.clock.monotonic() - begun))
      await lab.call(codename as string)
    }
    await lab.pass(7)
    const [, interrupt = 0, status = 0] = at
    assert.ok(interrupt >= 2 && interrupt < 2.1, String(interrupt))
    // A second for its own echo.
    assert.ok(status - interrupt >= 4 && status - interrupt < 4.1, String(status - interrupt))
  })

  it('are waited for by a stop of the instance, and echoed', async () => {
    lab = await ClientLab.open()
    assert.equal(told(await lab.done('init', { timeout: 1 }))[2], 'answer-timeout')
    const stopped = lab.running.gateway.stop()
    await lab.pass(2.5)
    lab.far.heard[0]?.say('[1, 10, {}]')
    await lab.pass(0.1)
    await stopped
    assert.deepEqual(lab.far.unconfirmed, [])
  })
})

describe('late reports of a rig', () => {
  let lab: ClientLab

  afterEach(async () => await lab.close())

  beforeEach(async () => {
    lab = await ClientLab.open()
    assert.equal(told(await lab.done('init', { data: 'A', timeout: 1 }))[2], 'answer-timeout')
  })

  for (const report of ['[0, "OSError: disk of A", 1]', '[0,"text of MATLAB","[1, \\"A\\"]"]', '[0,"text","what?"]'])
    it(`fail no other message: ${report}`, async () => {
      const interrupt = await lab.call('interrupt')
      await lab.pass(0.2)
      lab.far.heard[0]?.say(report)
      await lab.pass(0.2)
      lab.far.say('[16, 30]')
      assert.deepEqual((await lab.final(interrupt, 1)).value?.['answer'], [30])
    })

  it('do not fail the same call with other data, and are told when it gets no answer', async () => {
    lab.far.manner = echo
    const second = await lab.call('init', { data: 'B' })
    await lab.pass(0.2)
    lab.far.heard[0]?.say('[0, "OSError: disk of A", 1]')
    await lab.pass(0.5)
    lab.far.say('[1, "B"]')
    assert.deepEqual((await lab.final(second, 1)).value?.['answer'], ['B'])
    assert.equal(told(await lab.done('init', { data: 'C', timeout: 1 }))[2], 'answer-timeout')
    const third = await lab.call('init', { data: 'D', timeout: 3 })
    await lab.pass(0.2)
    lab.far.heard[0]?.say('[0, "OSError: which disk", 1]')
    const { error } = await lab.final(third, 4)
    assert.deepEqual([error?.code, error?.maybeExecuted], ['answer-timeout', true])
    assert.match(error?.message ?? '', /\(it reported OSError: which disk, perhaps of an earlier message\)/)
  })

  it('fail the message that they quote', async () => {
    lab.far.manner = answer('[0,"no disk","[1, \\"B\\"]"]')
    const { error } = await lab.done('init', { data: 'B' })
    assert.deepEqual([error?.code], ['rig-report'])
  })
})
