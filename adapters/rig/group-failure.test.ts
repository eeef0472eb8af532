import assert from 'node:assert/strict'
import { settle } from '../../test/support/fake-clock.js'
import { args, GroupLab, ref } from './test-support/group-lab.js'

describe('a group of rigs', () => {
  let lab: GroupLab

  beforeEach(() => (lab = new GroupLab()))

  describe('whose start fails at one', () => {
    beforeEach(() => (lab.rig('sync').manner = { echo: 'no-listener' }))

    it('interrupts those who have carried it out when it is told to, with the reason', async () => {
      const group = lab.group({ afterFailure: 'interrupt' })
      const { error } = await lab.ended(lab.call(group, 'start', args(['exp_ref', ref])))
      assert.deepEqual(lab.sent.slice(3), ['ephys EXPINTERRUPT', 'cameras EXPINTERRUPT'])
      const [[reason]] = lab.data.at(-1) as [[Map<string, string>]]
      assert.match(reason.get('message') ?? '', /^start of everybody: rig sync/)
      assert.match(error?.message ?? '', /carried out by cameras, ephys; interrupted after that: ephys, cameras; none of its rigs runs/)
      assert.deepEqual(
        Object.values(lab.result.rigs).map(({ interrupted }) => interrupted?.tookMs?.answer),
        [20, 20, undefined]
      )
      assert.equal(lab.readings('running').at(-1), '')
    })

    it('says so when the interrupt fails too', async () => {
      const group = lab.group({ afterFailure: 'interrupt' })
      lab.rig('cameras').manners.set('EXPINTERRUPT', { answer: null })
      const { error } = await lab.ended(lab.call(group, 'start', args(['exp_ref', ref])))
      assert.match(
        error?.message ?? '',
        /interrupted after that: ephys; an interrupt was sent after that and failed: rig cameras .*running now: cameras; call interrupt/
      )
    })

    it('lets them be otherwise, and after other calls', async () => {
      await lab.ended(lab.call(lab.group(), 'start', args(['exp_ref', ref])))
      const group = lab.group({ afterFailure: 'interrupt' })
      await lab.ended(lab.call(group, 'info'))
      await lab.ended(lab.call(group, 'stop'))
      assert.ok(!lab.sent.some((one) => one.endsWith('EXPINTERRUPT')))
    })

    it('leaves it to an interrupt that takes its place', async () => {
      const group = lab.group({ mode: 'sequential', afterFailure: 'interrupt' })
      const start = lab.call(group, 'start', args(['exp_ref', ref]))
      await lab.host.clock.pass(0.03)
      const interrupt = lab.call(group, 'interrupt')
      await Promise.all([lab.ended(start), lab.ended(interrupt)])
      assert.deepEqual(lab.sent.slice(0, 2), ['cameras EXPSTART', 'ephys EXPSTART'])
      assert.equal(lab.sent.filter((one) => one.endsWith('EXPINTERRUPT')).length, 3)
      const started = lab.readings('result').find((one) => (one as { call: string }).call === 'start')
      assert.doesNotMatch(JSON.stringify(started), /interrupted/)
    })

    it('leaves it to an interrupt that comes after the failure', async () => {
      const group = lab.group({ afterFailure: 'interrupt' })
      lab.rig('ephys').manners.set('EXPINTERRUPT', { echo: 0.5 })
      const start = lab.call(group, 'start', args(['exp_ref', ref]))
      await lab.host.clock.pass(0.2)
      const interrupt = lab.call(group, 'interrupt')
      await Promise.all([lab.ended(start), lab.ended(interrupt)])
      assert.equal(lab.sent.filter((one) => one === 'cameras EXPINTERRUPT').length, 1)
    })
  })

  describe('whose caller goes away', () => {
    it('asks no further rigs, and says who runs', async () => {
      const group = lab.group({ mode: 'sequential' })
      const controller = new AbortController()
      const start = lab.call(group, 'start', args(['exp_ref', ref]), controller.signal)
      await settle()
      controller.abort()
      const { error } = await lab.ended(start)
      assert.deepEqual(lab.sent, ['cameras EXPSTART'])
      assert.deepEqual([error?.class, error?.maybeExecuted], ['Timeout', true])
      assert.match(error?.message ?? '', /not asked: ephys, sync .*; carried out by cameras; running now: cameras; call interrupt/)
      assert.deepEqual([lab.result.ok, lab.readings('running').at(-1), lab.readings('waiting_for').at(-1)], [false, 'cameras', ''])
    })

    it('interrupts them when it is told to', async () => {
      const group = lab.group({ mode: 'sequential', afterFailure: 'interrupt' })
      const controller = new AbortController()
      const start = lab.call(group, 'start', args(['exp_ref', ref]), controller.signal)
      await settle()
      controller.abort()
      await lab.ended(start)
      assert.deepEqual(lab.sent, ['cameras EXPSTART', 'cameras EXPINTERRUPT'])
      assert.equal(lab.readings('running').at(-1), '')
    })
  })
})
