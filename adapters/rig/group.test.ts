import assert from 'node:assert/strict'
import { settle } from '../../test/support/fake-clock.js'
import { args, GroupLab, inWords, ref } from './test-support/group-lab.js'

describe('a group of rigs', () => {
  let lab: GroupLab

  beforeEach(() => (lab = new GroupLab()))

  describe('concurrent', () => {
    it('asks the rigs in order, each after the echo of the one before, and then waits for all answers', async () => {
      const group = lab.group()
      const start = lab.call(group, 'start', args(['exp_ref', ref]))
      await settle()
      assert.deepEqual(lab.sent, ['cameras EXPSTART'])
      await lab.host.clock.pass(0.0015)
      assert.deepEqual(lab.sent, ['cameras EXPSTART', 'ephys EXPSTART'])
      const { reply } = await lab.ended(start)
      assert.deepEqual(lab.sent, ['cameras EXPSTART', 'ephys EXPSTART', 'sync EXPSTART'])
      assert.deepEqual(lab.data[2], [ref, null])
      const one = { answer: [ref, null], tookMs: { echo: 1, answer: 20 } }
      assert.deepEqual(reply, { rigs: { cameras: one, ephys: one, sync: one } })
      assert.deepEqual(lab.result, { id: 'call-1', call: 'start', ok: true, rigs: reply?.rigs })
    })

    for (const [call, event] of [
      ['stop', 'EXPEND'],
      ['interrupt', 'EXPINTERRUPT'],
      ['cleanup', 'EXPCLEANUP']
    ] as const)
      it(`asks in reverse order for ${call}, and replies in the order of the group`, async () => {
        const { reply } = await lab.ended(lab.call(lab.group(), call))
        assert.deepEqual(lab.sent, [`sync ${event}`, `ephys ${event}`, `cameras ${event}`])
        assert.deepEqual(Object.keys(reply?.rigs ?? {}), ['cameras', 'ephys', 'sync'])
      })

    for (const [call, event] of [
      ['init', 'EXPINIT'],
      ['status', 'EXPSTATUS'],
      ['info', 'EXPINFO']
    ] as const)
      it(`asks in order for ${call}`, async () => {
        await lab.ended(lab.call(lab.group(), call))
        assert.deepEqual(lab.sent, [`cameras ${event}`, `ephys ${event}`, `sync ${event}`])
      })

    it('gives each rig its time from its own echo on', async () => {
      for (const { manners } of lab.rigs) manners.set('EXPINIT', { echo: 0.9, answer: 9.9 })
      const { reply } = await lab.ended(lab.call(lab.group(), 'init'))
      assert.equal(reply?.rigs['sync']?.tookMs?.answer, 9900)
    })

    it('gives a rig that has a longer limit of its own that one, unless the call says otherwise', async () => {
      const group = lab.group({
        ownWithin: new Map([
          ['ephys', 30],
          ['sync', 1]
        ])
      })
      for (const one of lab.rigs) one.manner = { answer: 9.5 }
      lab.rig('ephys').manner = { answer: 29 }
      assert.ok((await lab.ended(lab.call(group, 'init'))).reply)
      const { error } = await lab.ended(lab.call(group, 'init', args(['timeout', 20])))
      assert.match(error?.message ?? '', /^init of everybody: rig ephys .* did not answer within 20 s/)
    })

    it('takes the echo for enough where the call says so', async () => {
      lab.rig('ephys').manner = { answer: null }
      const { reply } = await lab.ended(lab.call(lab.group(), 'stop', args(['answer', false])))
      assert.deepEqual(reply?.rigs['ephys'], { answer: null, tookMs: { echo: 1 } })
    })

    it('names the rig that echoes and never answers; the others have carried it out', async () => {
      lab.rig('ephys').manner = { answer: null }
      const { error } = await lab.ended(lab.call(lab.group(), 'init', args(['timeout', 1.5])))
      assert.deepEqual([error?.class, error?.code, error?.maybeExecuted], ['Timeout', 'answer-timeout', true])
      assert.match(error?.message ?? '', /^init of everybody: rig ephys .*within 1\.5 s.*; carried out by cameras, sync; [^\n]*$/)
      assert.deepEqual(inWords(lab.result.rigs), { cameras: 'done', ephys: 'answer-timeout', sync: 'done' })
      assert.equal(lab.result.ok, false)
    })

    it('asks nobody after a rig that does not echo, and names those who were not asked, and who runs', async () => {
      lab.rig('ephys').manner = { echo: 'echo-timeout' }
      const { error } = await lab.ended(lab.call(lab.group(), 'start', args(['exp_ref', ref])))
      assert.deepEqual(lab.sent, ['cameras EXPSTART', 'ephys EXPSTART'])
      assert.match(
        error?.message ?? '',
        /^start of everybody: rig ephys .* did not echo .*; not asked: sync \(ephys failed first\); carried out by cameras; running now: cameras, ephys; call interrupt of everybody to end that$/
      )
      assert.deepEqual(inWords(lab.result.rigs), { cameras: 'done', ephys: 'echo-timeout', sync: 'skipped' })
      assert.equal(lab.readings('running').at(-1), 'cameras, ephys')
    })

    it('ends the wait with what a rig reports, asks nobody after it, and knows that it may run in part', async () => {
      lab.rig('cameras').manner = { answer: 0.001, report: 'ValueError: no disk' }
      lab.rig('ephys').manner = { echo: 0.5 }
      const { error } = await lab.ended(lab.call(lab.group(), 'start', args(['exp_ref', ref])), 2)
      assert.deepEqual([error?.class, error?.code], ['DeviceError', 'rig-report'])
      assert.match(error?.message ?? '', /ValueError: no disk/)
      assert.deepEqual(inWords(lab.result.rigs), { cameras: 'rig-report', ephys: 'done', sync: 'skipped' })
      assert.match(error?.message ?? '', /running now: cameras, ephys; call interrupt of everybody to end that$/)
      assert.equal(lab.readings('running').at(-1), 'cameras, ephys')
    })

    it('takes back what waits for its turn at a rig when another fails', async () => {
      lab.rig('cameras').manner = { answer: 0.5, report: 'no disk' }
      lab.rig('ephys').manners.set('EXPINFO', { answer: 3 })
      const info = lab.rig('ephys').rig.ask({ event: 'EXPINFO', elements: [0n, null], answer: true, answerWithin: 10 })
      await lab.ended(lab.call(lab.group(), 'start', args(['exp_ref', ref])), 1)
      assert.deepEqual(inWords(lab.result.rigs), { cameras: 'rig-report', ephys: 'skipped', sync: 'skipped' })
      await lab.host.clock.pass(5)
      await info.answered
      assert.ok(!lab.sent.includes('ephys EXPSTART'))
    })

    it('says DeviceError of failures that have nothing in common, and tells each', async () => {
      lab.rig('cameras').manner = { answer: null }
      lab.rig('sync').manner = { echo: 'no-listener' }
      const { error } = await lab.ended(lab.call(lab.group(), 'info'))
      assert.deepEqual([error?.class, error?.code, error?.maybeExecuted], ['DeviceError', undefined, true])
      assert.match(
        error?.message ?? '',
        /nobody listens there.*rig cameras .* did not answer|rig cameras .* did not answer.*nobody listens there/
      )
      assert.doesNotMatch(error?.message ?? '', /\n/)
    })

    it('says that nothing was done where nothing can have been', async () => {
      lab.rig('cameras').manner = { echo: 'no-listener' }
      const { error } = await lab.ended(lab.call(lab.group(), 'start', args(['exp_ref', ref])))
      assert.deepEqual([error?.class, error?.code, error?.maybeExecuted], ['Unreachable', 'no-listener', false])
      assert.match(error?.message ?? '', /not asked: ephys, sync .*; none of its rigs runs, by what is known$/)
    })

    it('refuses what no rig could understand, before anything is sent', async () => {
      const { error } = await lab.ended(lab.call(lab.group(), 'start', args(['exp_ref', 'yesterday'])))
      assert.deepEqual([error?.class, error?.code, lab.sent.length], ['BadPayload', 'invalid', 0])
      assert.equal((await lab.call(lab.group(), 'fly')).error?.class, 'UnknownCodename')
      assert.deepEqual(lab.readings('result'), [])
    })
  })

  describe('sequential', () => {
    it('asks each rig after the answer of the one before', async () => {
      const start = lab.call(lab.group({ mode: 'sequential' }), 'start', args(['exp_ref', ref]))
      await lab.host.clock.pass(0.015)
      assert.deepEqual(lab.sent, ['cameras EXPSTART'])
      await lab.host.clock.pass(0.01)
      assert.deepEqual(lab.sent, ['cameras EXPSTART', 'ephys EXPSTART'])
      assert.equal((await lab.ended(start)).reply?.rigs['sync']?.tookMs?.answer, 20)
    })

    it('loses no answer that comes with the echo, where the original does', async () => {
      for (const one of lab.rigs) one.manner = { echo: 0.001, answer: 0 }
      const { reply } = await lab.ended(lab.call(lab.group({ mode: 'sequential' }), 'init'))
      assert.deepEqual(inWords(reply?.rigs), { cameras: 'done', ephys: 'done', sync: 'done' })
    })

    it('asks nobody after a rig that does not answer', async () => {
      lab.rig('cameras').manner = { answer: null }
      const { error } = await lab.ended(lab.call(lab.group({ mode: 'sequential' }), 'init'))
      assert.deepEqual(lab.sent, ['cameras EXPINIT'])
      assert.match(error?.message ?? '', /not asked: ephys, sync \(cameras failed first\)/)
    })

    it('lets a rig answer a stop before it asks the next, but an interrupt goes on after a second', async () => {
      const group = lab.group({ mode: 'sequential' })
      lab.rig('sync').manner = { answer: 5 }
      const stop = lab.call(group, 'stop')
      await lab.host.clock.pass(4.9)
      assert.deepEqual(lab.sent, ['sync EXPEND'])
      await lab.ended(stop)
      lab.sent.length = 0
      const interrupt = lab.call(group, 'interrupt')
      await lab.host.clock.pass(1.1)
      assert.deepEqual(lab.sent, ['sync EXPINTERRUPT', 'ephys EXPINTERRUPT', 'cameras EXPINTERRUPT'])
      assert.ok((await lab.ended(interrupt)).reply)
    })
  })

  it('does nothing for a command that expired while it waited, but ends what it has begun to end', async () => {
    const group = lab.group()
    const expires = lab.host.clock.now() + 0.01
    const info = lab.call(group, 'info')
    const late = group.execute(
      { id: 'x', op: 'call', device: 'everybody', codename: 'init', value: null, client: 'test', expires },
      new AbortController().signal
    )
    const refused = assert.rejects(late, (error: { class?: string }) => error.class === 'Expired')
    await lab.ended(info)
    await refused
    assert.deepEqual([lab.readings('result').length, lab.sent.some((one) => one.endsWith('EXPINIT'))], [1, false])
    const stop = group.execute(
      { id: 'y', op: 'call', device: 'everybody', codename: 'stop', value: null, client: 'test', expires: lab.host.clock.now() + 0.0005 },
      new AbortController().signal
    )
    await lab.host.clock.pass(1)
    await stop
    assert.equal(lab.sent.filter((one) => one.endsWith('EXPEND')).length, 3)
  })

  it('does not ask a rig whose turn comes after it expired', async () => {
    lab.rig('ephys').manners.set('EXPINFO', { answer: 3 })
    const info = lab.rig('ephys').rig.ask({ event: 'EXPINFO', elements: [0n, null], answer: true, answerWithin: 10 })
    const expires = lab.host.clock.now() + 2
    const command = { id: 'x', op: 'call' as const, device: 'everybody', codename: 'init', value: null, client: 'test', expires }
    const refused = assert.rejects(lab.group().execute(command, new AbortController().signal), { class: 'Expired', maybeExecuted: true })
    await lab.host.clock.pass(5)
    await refused
    await info.answered
    assert.deepEqual(inWords(lab.result.rigs), { cameras: 'done', ephys: 'Expired', sync: 'skipped' })
  })

  it('leaves no timer', async () => {
    await lab.ended(lab.call(lab.group(), 'interrupt'))
    assert.equal(lab.host.clock.timers, 0)
  })

  it('is called, and nothing else', async () => {
    const command = { id: 'x', device: 'everybody', codename: 'start', value: null, client: 'test' }
    for (const op of ['set', 'get'] as const)
      await assert.rejects(lab.group().execute({ ...command, op }, new AbortController().signal), { class: 'ReadOnly' })
  })
})
