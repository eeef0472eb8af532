import assert from 'node:assert/strict'
import { settle } from '../../test/support/fake-clock.js'
import { args, GroupLab, inWords, ref } from './test-support/group-lab.js'
import type { RigResult } from './test-support/group-lab.js'

describe('a group of rigs that is told to end', () => {
  let lab: GroupLab

  beforeEach(() => (lab = new GroupLab()))

  describe('that stops', () => {
    it('goes on to the other rigs after a failure', async () => {
      lab.rig('sync').manner = { echo: 'no-listener' }
      lab.rig('ephys').manner = { echo: 'echo-timeout' }
      const { error } = await lab.ended(lab.call(lab.group(), 'stop'))
      assert.deepEqual(lab.sent, ['sync EXPEND', 'ephys EXPEND', 'cameras EXPEND'])
      assert.deepEqual(inWords(lab.result.rigs), { cameras: 'done', ephys: 'echo-timeout', sync: 'no-listener' })
      assert.match(error?.message ?? '', /carried out by cameras$/)
    })

    it('says who may still run, and forgets who has ended', async () => {
      const group = lab.group()
      await lab.ended(lab.call(group, 'start', args(['exp_ref', ref])))
      assert.equal(lab.readings('running').at(-1), 'cameras, ephys, sync')
      lab.rig('ephys').manner = { answer: null }
      const { error } = await lab.ended(lab.call(group, 'stop'))
      assert.match(error?.message ?? '', /; may still run: ephys; call stop of everybody again$/)
      assert.equal(lab.readings('running').at(-1), 'ephys')
      lab.rig('ephys').manner = {}
      await lab.ended(lab.call(group, 'interrupt'))
      assert.equal(lab.readings('running').at(-1), '')
    })

    it('does not let a rig that is busy hold up the others for longer than a second', async () => {
      const group = lab.group()
      lab.rig('sync').manners.set('EXPINFO', { answer: 8 })
      const info = lab.rig('sync').rig.ask({ event: 'EXPINFO', elements: [0n, null], answer: true, answerWithin: 10 })
      await settle()
      const stop = lab.call(group, 'stop')
      await lab.host.clock.pass(1.1)
      assert.deepEqual(lab.sent, ['sync EXPINFO', 'ephys EXPEND', 'cameras EXPEND'])
      assert.equal(lab.readings('waiting_for').at(-1), 'sync')
      assert.ok((await lab.ended(stop)).reply)
      assert.deepEqual(lab.sent.at(-1), 'sync EXPEND')
      await info.answered
    })

    it('goes on when nobody waits for it any more', async () => {
      const group = lab.group({ mode: 'sequential' })
      const controller = new AbortController()
      const stop = lab.call(group, 'stop', null, controller.signal)
      await settle()
      controller.abort()
      assert.deepEqual(inWords((await lab.ended(stop)).reply?.rigs), { cameras: 'done', ephys: 'done', sync: 'done' })
    })
  })

  describe('that is interrupted while it starts', () => {
    it('asks no further rigs, interrupts all in their turn, and lists who was not asked', async () => {
      const group = lab.group({ mode: 'sequential' })
      lab.rig('ephys').manners.set('EXPSTART', { answer: 3 })
      const start = lab.call(group, 'start', args(['exp_ref', ref]))
      await lab.host.clock.pass(0.1)
      const interrupt = lab.call(group, 'interrupt')
      await settle()
      assert.deepEqual(lab.sent, ['cameras EXPSTART', 'ephys EXPSTART', 'sync EXPINTERRUPT'])
      const { reply } = await lab.ended(interrupt)
      // Not before ephys had answered: it would be deaf from then on.
      assert.deepEqual(lab.sent.slice(3), ['cameras EXPINTERRUPT', 'ephys EXPINTERRUPT'])
      assert.deepEqual(inWords(reply?.rigs), { cameras: 'done', ephys: 'done', sync: 'done' })
      const { error } = await lab.ended(start)
      assert.deepEqual([error?.class, error?.code, error?.maybeExecuted], ['Busy', 'busy', true])
      assert.match(error?.message ?? '', /not asked: sync \(an interrupt took its place\); carried out by cameras, ephys/)
      assert.equal(lab.readings('running').at(-1), '')
    })

    it('takes back a start that waits for its turn at a rig', async () => {
      const group = lab.group()
      lab.rig('ephys').manners.set('EXPINFO', { answer: 3 })
      const info = lab.rig('ephys').rig.ask({ event: 'EXPINFO', elements: [0n, null], answer: true, answerWithin: 10 })
      const start = lab.call(group, 'start', args(['exp_ref', ref]))
      await lab.host.clock.pass(0.1)
      const stop = lab.call(group, 'stop')
      await lab.ended(stop)
      assert.deepEqual(
        inWords((await lab.ended(start).then(() => lab.readings('result').at(0) as { rigs: Record<string, RigResult> })).rigs),
        {
          cameras: 'done',
          ephys: 'skipped',
          sync: 'skipped'
        }
      )
      assert.ok(!lab.sent.includes('ephys EXPSTART') && !lab.sent.includes('sync EXPSTART'))
      assert.equal(lab.sent.filter((one) => one.endsWith('EXPEND')).length, 3)
      await info.answered
    })

    it('interrupts also while it stops', async () => {
      const group = lab.group({ mode: 'sequential' })
      lab.rig('sync').manners.set('EXPEND', { answer: 8 })
      const stop = lab.call(group, 'stop')
      await lab.host.clock.pass(0.1)
      const interrupt = lab.call(group, 'interrupt')
      await lab.host.clock.pass(1.2)
      assert.deepEqual(lab.sent, ['sync EXPEND', 'ephys EXPINTERRUPT', 'cameras EXPINTERRUPT'])
      assert.ok((await lab.ended(interrupt)).reply)
      assert.match(
        (await lab.ended(stop)).error?.message ?? '',
        /not asked: ephys, cameras \(an interrupt took its place\); carried out by sync/
      )
    })

    it('is done all the same when all had been asked and answer', async () => {
      const group = lab.group()
      lab.rig('sync').manners.set('EXPSTART', { answer: 3 })
      const start = lab.call(group, 'start', args(['exp_ref', ref]))
      await lab.host.clock.pass(0.1)
      const interrupt = lab.call(group, 'interrupt')
      assert.ok((await lab.ended(start)).reply)
      assert.ok((await lab.ended(interrupt)).reply)
      assert.equal(lab.readings('running').at(-1), '')
    })

    it('lets no start through that waits for its turn at the group', async () => {
      const group = lab.group()
      const init = lab.call(group, 'init')
      const start = lab.call(group, 'start', args(['exp_ref', ref]))
      await settle()
      const stop = lab.call(group, 'stop')
      assert.match((await start).error?.message ?? '', /a stop took its place before its turn came; nothing was sent/)
      await Promise.all([lab.ended(init), lab.ended(stop)])
      assert.ok(!lab.sent.some((one) => one.endsWith('EXPSTART')))
    })
  })

  describe('in part, by somebody else, while it starts', () => {
    for (const by of ['another group', 'a call of the rig', 'a call of a rig that has started'])
      it(`asks no further rigs: ${by}`, async () => {
        const [cameras, ephys, sync] = ['cameras', 'ephys', 'sync'].map((name) => lab.rig(name))
        assert.ok(cameras && ephys && sync)
        ephys.manners.set('EXPSTART', { answer: 1.5 })
        const start = lab.call(lab.group({ mode: 'sequential' }), 'start', args(['exp_ref', ref]))
        await lab.host.clock.pass(0.1)
        const ended = { 'another group': sync, 'a call of the rig': sync }[by] ?? cameras
        const asked =
          by === 'another group'
            ? lab.call(lab.group({ name: 'two', mode: 'sequential', rigs: [ephys.rig, sync.rig] }), 'interrupt')
            : ended.rig.ask({ event: 'EXPEND', elements: [null], answer: true, answerWithin: 10, priority: 'stop' }).answered
        const { error } = await lab.ended(start)
        await lab.host.clock.pass(5)
        await asked
        assert.deepEqual([error?.class, error?.code, error?.maybeExecuted], ['Busy', 'busy', true])
        const what = by === 'another group' ? 'an interrupt' : 'a stop'
        assert.match(
          error?.message ?? '',
          new RegExp(`not asked: sync \\(${what} of ${ended.rig.name} took its place\\); carried out by cameras, ephys; running now: `)
        )
        assert.ok(!lab.sent.includes('sync EXPSTART'))
        const running = { 'another group': 'cameras', 'a call of the rig': 'cameras, ephys' }[by] ?? 'ephys'
        assert.equal(lab.readings('running').at(-1), running)
      })

    it('takes back what waits for its turn at another rig', async () => {
      lab.rig('ephys').manners.set('EXPINFO', { answer: 3 })
      const info = lab.rig('ephys').rig.ask({ event: 'EXPINFO', elements: [0n, null], answer: true, answerWithin: 10 })
      const start = lab.call(lab.group(), 'start', args(['exp_ref', ref]))
      await lab.host.clock.pass(0.1)
      await lab.ended(lab.call(lab.group({ name: 'two', rigs: [lab.rig('cameras').rig] }), 'stop'))
      await lab.host.clock.pass(5)
      await Promise.all([start, info.answered])
      assert.deepEqual(lab.sent, ['ephys EXPINFO', 'cameras EXPSTART', 'cameras EXPEND'])
    })

    it('begins nothing when it still waits for its turn at the group', async () => {
      const group = lab.group()
      lab.rig('cameras').manners.set('EXPINFO', { answer: 3 })
      const [info, start] = [lab.call(group, 'info'), lab.call(group, 'start', args(['exp_ref', ref]))]
      await settle()
      await lab.ended(lab.call(lab.group({ name: 'two', rigs: [lab.rig('sync').rig] }), 'stop'))
      await lab.ended(info)
      assert.equal((await start).error?.message, 'a stop of sync took its place before its turn came; nothing was sent')
      assert.ok(!lab.sent.some((one) => one.endsWith('EXPSTART')))
    })

    it('interrupts by itself those who had started, also then', async () => {
      lab.rig('cameras').manners.set('EXPSTART', { answer: 1.5 })
      const start = lab.call(lab.group({ mode: 'sequential', afterFailure: 'interrupt' }), 'start', args(['exp_ref', ref]))
      await lab.host.clock.pass(0.1)
      await lab.ended(lab.call(lab.group({ name: 'two', rigs: [lab.rig('sync').rig] }), 'interrupt'))
      const { error } = await lab.ended(start)
      assert.match(error?.message ?? '', /interrupted after that: cameras; none of its rigs runs/)
      assert.deepEqual(lab.sent, ['cameras EXPSTART', 'sync EXPINTERRUPT', 'cameras EXPINTERRUPT'])
    })

    it('still starts after its own stop, for which it waited, and other calls go on', async () => {
      const group = lab.group({ mode: 'sequential' })
      lab.rig('sync').manners.set('EXPEND', { answer: 3 })
      const [stop, start] = [lab.call(group, 'stop'), lab.call(group, 'start', args(['exp_ref', ref]))]
      await lab.ended(stop)
      assert.ok((await lab.ended(start)).reply)
      lab.rig('cameras').manners.set('EXPINFO', { answer: 3 })
      const info = lab.call(group, 'info')
      await settle()
      await lab.ended(lab.call(lab.group({ name: 'two', rigs: [lab.rig('sync').rig] }), 'stop'))
      assert.ok((await lab.ended(info)).reply)
    })
  })

  it('does not start a rig that another group, or somebody else, has told to end meanwhile', async () => {
    const cameras = lab.rig('cameras')
    cameras.manners.set('EXPINFO', { answer: 3 })
    const info = cameras.rig.ask({ event: 'EXPINFO', elements: [0n, null], answer: true, answerWithin: 10 })
    const start = lab.call(lab.group(), 'start', args(['exp_ref', ref]))
    await settle()
    const stop = lab.call(lab.group({ name: 'two', rigs: [cameras.rig] }), 'stop')
    assert.match((await lab.ended(start)).error?.message ?? '', /EXPEND came before the turn of EXPSTART/)
    assert.ok((await lab.ended(stop)).reply)
    assert.deepEqual(lab.sent, ['cameras EXPINFO', 'cameras EXPEND'])
    await info.answered
  })
})
