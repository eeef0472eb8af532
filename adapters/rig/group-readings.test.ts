import assert from 'node:assert/strict'
import { settle } from '../../test/support/fake-clock.js'
import { args, GroupLab, inWords, ref } from './test-support/group-lab.js'

describe('a group of rigs', () => {
  let lab: GroupLab

  beforeEach(() => (lab = new GroupLab()))

  describe('that waits for an event', () => {
    it('replies when each rig has sent one, whoever made it, and shows who is missing', async () => {
      const group = lab.group()
      const waiting = lab.call(group, 'await', args(['event', 'EXPEND'], ['timeout', 60]))
      await lab.host.clock.pass(5)
      assert.equal(lab.readings('waiting_for').at(-1), 'cameras, ephys, sync')
      lab.rig('ephys').say('EXPEND', 1n)
      lab.rig('cameras').say('EXPSTATUS', 30n)
      await settle()
      assert.equal(lab.readings('waiting_for').at(-1), 'cameras, sync')
      lab.rig('ephys').say('EXPEND', 2n)
      lab.rig('cameras').say('EXPEND', 3n)
      // Calls go on meanwhile.
      await lab.ended(lab.call(group, 'info'))
      lab.rig('sync').say('EXPEND', 4n)
      const { reply } = await lab.ended(waiting)
      const answers = Object.entries(reply?.rigs ?? {}).map(([name, { answer }]) => [name, answer])
      assert.deepEqual(answers, [
        ['cameras', [3]],
        ['ephys', [1]],
        ['sync', [4]]
      ])
      assert.equal(lab.readings('waiting_for').at(-1), '')
    })

    it('names those who sent none in time', async () => {
      const waiting = lab.call(lab.group(), 'await', args(['event', 'EXPEND'], ['timeout', 2]))
      await settle()
      lab.rig('ephys').say('EXPEND', 1n)
      const { error } = await lab.ended(waiting)
      assert.deepEqual([error?.class, error?.code], ['Timeout', 'answer-timeout'])
      assert.match(
        error?.message ?? '',
        /^await of everybody: rig cameras .* sent no EXPEND within 2 s; rig sync .*; carried out by ephys$/
      )
    })

    it('is not ended by an interrupt, which may be what it waits for', async () => {
      const group = lab.group()
      const waiting = lab.call(group, 'await', args(['event', 'EXPINTERRUPT']))
      await settle()
      await lab.ended(lab.call(group, 'interrupt'))
      assert.ok((await lab.ended(waiting)).reply)
    })

    it('shows no login, and takes no other word', async () => {
      assert.equal((await lab.call(lab.group(), 'await', args(['event', 'ALYX']))).error?.class, 'Forbidden')
      assert.equal((await lab.call(lab.group(), 'await', args(['event', 'EXPSTOP']))).error?.class, 'BadPayload')
    })
  })

  describe('as readings', () => {
    it('says who is waited for, as it changes', async () => {
      const group = lab.group({ mode: 'sequential' })
      await lab.ended(lab.call(group, 'init'))
      assert.deepEqual(lab.readings('waiting_for'), ['', 'cameras', '', 'ephys', '', 'sync', ''])
      lab.host.published.length = 0
      const other = new GroupLab(['a', 'b'])
      const both = other.call(other.group(), 'init')
      await other.host.clock.pass(0.0015)
      assert.deepEqual(other.readings('waiting_for'), ['', 'a', 'a, b'])
      await other.host.clock.pass(1)
      await both
    })

    it('knows who runs in all groups of a rig, and after a restart', async () => {
      const all = lab.group()
      const [cameras, ephys] = [lab.rig('cameras').rig, lab.rig('ephys').rig]
      lab.group({ name: 'two', rigs: [ephys, cameras] })
      await lab.ended(lab.call(all, 'start', args(['exp_ref', ref])))
      assert.equal(lab.readings('running', 'two').at(-1), 'ephys, cameras')
      await all.close()
      lab.host.published.length = 0
      lab.group({ name: 'three', rigs: [ephys], runs: lab.restarted() })
      assert.deepEqual(lab.readings('running', 'three'), ['ephys'])
    })

    it('believes what a rig says of itself', async () => {
      lab.group()
      lab.runs.heard('ephys', 'RUNNING')
      lab.runs.heard('ephys', 'RUNNING')
      lab.runs.heard('ephys', 'STOPPED')
      assert.deepEqual(lab.readings('running'), ['', 'ephys', ''])
    })

    it('takes a rig for running from the moment that it may have been told to start, also when the gateway dies then', async () => {
      const group = lab.group()
      lab.rig('cameras').manner = { answer: 5 }
      const start = lab.call(group, 'start', args(['exp_ref', ref]))
      await settle()
      assert.deepEqual([lab.sent, lab.readings('running').at(-1)], [['cameras EXPSTART'], 'cameras'])
      assert.equal(lab.restarted().has('cameras'), true)
      assert.equal(lab.restarted().has('ephys'), false)
      await lab.ended(start)
    })

    it('lets a rig be started when that is on disk, or the disk has refused', async () => {
      for (const isKept of [true, false]) {
        const other = new GroupLab(['a'])
        let kept: (isKept: boolean) => void = () => undefined
        other.host.kept = () => new Promise((resolve) => (kept = resolve))
        const start = other.call(other.group(), 'start', args(['exp_ref', ref]))
        await settle()
        assert.deepEqual([other.sent, other.restarted().has('a')], [[], true])
        kept(isKept)
        assert.ok((await other.ended(start)).reply)
        assert.deepEqual(other.sent, ['a EXPSTART'])
      }
    })

    for (const before of ['', 'cameras'])
      it(`takes that back when nothing can have arrived: ${before === '' ? 'it does not run' : 'it goes on'}`, async () => {
        const group = lab.group()
        if (before !== '') lab.runs.heard('cameras', 'RUNNING')
        lab.rig('cameras').manner = { echo: 'no-listener' }
        await lab.ended(lab.call(group, 'start', args(['exp_ref', ref])))
        assert.equal(lab.readings('running').at(-1), before)
        assert.equal(lab.restarted().has('cameras'), before !== '')
      })

    it('publishes nothing after it was closed, and closes when its calls have ended with their rigs', async () => {
      const group = lab.group({ mode: 'sequential', afterFailure: 'interrupt' })
      lab.rig('cameras').manner = { answer: 5 }
      const start = lab.call(group, 'start', args(['exp_ref', ref]))
      await lab.host.clock.pass(0.1)
      const closing = group.close()
      const drained = lab.rigs.map(({ rig }) => rig.drain(1))
      const { error } = await lab.ended(start)
      assert.deepEqual([error?.class, error?.maybeExecuted], ['Unreachable', true])
      await Promise.all([closing, ...drained])
      assert.deepEqual(inWords(lab.result.rigs), { cameras: 'closed', ephys: 'skipped', sync: 'skipped' })
      assert.equal(lab.readings('waiting_for').at(-1), '')
      const { length } = lab.host.published
      assert.match((await lab.call(group, 'stop')).error?.message ?? '', /the instance stops/)
      lab.runs.heard('sync', 'RUNNING')
      await settle()
      assert.equal(lab.host.published.length, length)
      // Of a start that was not echoed in time nobody knows.
      assert.equal(lab.restarted().has('cameras'), true)
    })
  })
})
