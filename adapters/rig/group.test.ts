import assert from 'node:assert/strict'
import type { Exact } from '../../gateway/adapter.js'
import { settle } from '../../test/support/fake-clock.js'
import { GroupLab } from './test-support/group-lab.js'
import type { Called, RigResult } from './test-support/group-lab.js'

const ref = '2022-01-01_1_subject'

function args(...members: [string, Exact][]): Exact {
  return new Map(members)
}

/** Each rig in a word: done, the code or class of its error, or skipped. */
function inWords(rigs: Readonly<Record<string, RigResult>> | undefined): Record<string, string> {
  const word = ({ error, skipped }: RigResult): string =>
    error === undefined ? (skipped === undefined ? 'done' : 'skipped') : (error.code ?? error.class)
  return Object.fromEntries(Object.entries(rigs ?? {}).map(([name, one]) => [name, word(one)]))
}

describe('a group of rigs', () => {
  let lab: GroupLab

  beforeEach(() => (lab = new GroupLab()))

  /** Lets time pass until the call has ended. */
  async function ended(called: Promise<Called>, within = 60): Promise<Called> {
    let isOver = false
    const watched = called.then((value) => {
      isOver = true
      return value
    })
    for (let passed = 0; !isOver && passed < within; passed += 0.1) await lab.host.clock.pass(0.1)
    assert.ok(isOver, `the call goes on after ${within} s`)
    return await watched
  }

  describe('concurrent', () => {
    it('asks the rigs in order, each after the echo of the one before, and then waits for all answers', async () => {
      const group = lab.group()
      const start = lab.call(group, 'start', args(['exp_ref', ref]))
      await settle()
      assert.deepEqual(lab.sent, ['cameras EXPSTART'])
      await lab.host.clock.pass(0.0015)
      assert.deepEqual(lab.sent, ['cameras EXPSTART', 'ephys EXPSTART'])
      const { reply } = await ended(start)
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
        const { reply } = await ended(lab.call(lab.group(), call))
        assert.deepEqual(lab.sent, [`sync ${event}`, `ephys ${event}`, `cameras ${event}`])
        assert.deepEqual(Object.keys(reply?.rigs ?? {}), ['cameras', 'ephys', 'sync'])
      })

    for (const [call, event] of [
      ['init', 'EXPINIT'],
      ['status', 'EXPSTATUS'],
      ['info', 'EXPINFO']
    ] as const)
      it(`asks in order for ${call}`, async () => {
        await ended(lab.call(lab.group(), call))
        assert.deepEqual(lab.sent, [`cameras ${event}`, `ephys ${event}`, `sync ${event}`])
      })

    it('gives each rig its time from its own echo on', async () => {
      for (const { manners } of lab.rigs) manners.set('EXPINIT', { echo: 0.9, answer: 9.9 })
      const { reply } = await ended(lab.call(lab.group(), 'init'))
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
      assert.ok((await ended(lab.call(group, 'init'))).reply)
      const { error } = await ended(lab.call(group, 'init', args(['timeout', 20])))
      assert.match(error?.message ?? '', /^init of everybody: rig ephys .* did not answer within 20 s/)
    })

    it('takes the echo for enough where the call says so', async () => {
      lab.rig('ephys').manner = { answer: null }
      const { reply } = await ended(lab.call(lab.group(), 'stop', args(['answer', false])))
      assert.deepEqual(reply?.rigs['ephys'], { answer: null, tookMs: { echo: 1 } })
    })

    it('names the rig that echoes and never answers; the others have carried it out', async () => {
      lab.rig('ephys').manner = { answer: null }
      const { error } = await ended(lab.call(lab.group(), 'init', args(['timeout', 1.5])))
      assert.deepEqual([error?.class, error?.code, error?.maybeExecuted], ['Timeout', 'answer-timeout', true])
      assert.match(error?.message ?? '', /^init of everybody: rig ephys .*within 1\.5 s.*; carried out by cameras, sync; [^\n]*$/)
      assert.deepEqual(inWords(lab.result.rigs), { cameras: 'done', ephys: 'answer-timeout', sync: 'done' })
      assert.equal(lab.result.ok, false)
    })

    it('asks nobody after a rig that does not echo, and names those who were not asked, and who runs', async () => {
      lab.rig('ephys').manner = { echo: 'echo-timeout' }
      const { error } = await ended(lab.call(lab.group(), 'start', args(['exp_ref', ref])))
      assert.deepEqual(lab.sent, ['cameras EXPSTART', 'ephys EXPSTART'])
      assert.match(
        error?.message ?? '',
        /^start of everybody: rig ephys .* did not echo .*; not asked: sync \(ephys failed first\); carried out by cameras; running now: cameras, ephys; call interrupt of everybody to end that$/
      )
      assert.deepEqual(inWords(lab.result.rigs), { cameras: 'done', ephys: 'echo-timeout', sync: 'skipped' })
      assert.equal(lab.readings('running').at(-1), 'cameras, ephys')
    })

    it('ends the wait with what a rig reports, asks nobody after it, and does not take it for running', async () => {
      lab.rig('cameras').manner = { answer: 0.001, report: 'ValueError: no disk' }
      lab.rig('ephys').manner = { echo: 0.5 }
      const { error } = await ended(lab.call(lab.group(), 'start', args(['exp_ref', ref])), 2)
      assert.deepEqual([error?.class, error?.code], ['DeviceError', 'rig-report'])
      assert.match(error?.message ?? '', /ValueError: no disk/)
      assert.deepEqual(inWords(lab.result.rigs), { cameras: 'rig-report', ephys: 'done', sync: 'skipped' })
      assert.equal(lab.readings('running').at(-1), 'ephys')
    })

    it('takes back what waits for its turn at a rig when another fails', async () => {
      lab.rig('cameras').manner = { answer: 0.5, report: 'no disk' }
      lab.rig('ephys').manners.set('EXPINFO', { answer: 3 })
      const info = lab.rig('ephys').rig.ask({ event: 'EXPINFO', elements: [0n, null], answer: true, answerWithin: 10 })
      await ended(lab.call(lab.group(), 'start', args(['exp_ref', ref])), 1)
      assert.deepEqual(inWords(lab.result.rigs), { cameras: 'rig-report', ephys: 'skipped', sync: 'skipped' })
      await lab.host.clock.pass(5)
      await info.answered
      assert.ok(!lab.sent.includes('ephys EXPSTART'))
    })

    it('says DeviceError of failures that have nothing in common, and tells each', async () => {
      lab.rig('cameras').manner = { answer: null }
      lab.rig('sync').manner = { echo: 'no-listener' }
      const { error } = await ended(lab.call(lab.group(), 'info'))
      assert.deepEqual([error?.class, error?.code, error?.maybeExecuted], ['DeviceError', undefined, true])
      assert.match(
        error?.message ?? '',
        /nobody listens there.*rig cameras .* did not answer|rig cameras .* did not answer.*nobody listens there/
      )
      assert.doesNotMatch(error?.message ?? '', /\n/)
    })

    it('says that nothing was done where nothing can have been', async () => {
      lab.rig('cameras').manner = { echo: 'no-listener' }
      const { error } = await ended(lab.call(lab.group(), 'start', args(['exp_ref', ref])))
      assert.deepEqual([error?.class, error?.code, error?.maybeExecuted], ['Unreachable', 'no-listener', false])
      assert.match(error?.message ?? '', /not asked: ephys, sync .*; none of its rigs runs, by what is known$/)
    })

    it('refuses what no rig could understand, before anything is sent', async () => {
      const { error } = await ended(lab.call(lab.group(), 'start', args(['exp_ref', 'yesterday'])))
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
      assert.equal((await ended(start)).reply?.rigs['sync']?.tookMs?.answer, 20)
    })

    it('loses no answer that comes with the echo, where the original does', async () => {
      for (const one of lab.rigs) one.manner = { echo: 0.001, answer: 0 }
      const { reply } = await ended(lab.call(lab.group({ mode: 'sequential' }), 'init'))
      assert.deepEqual(inWords(reply?.rigs), { cameras: 'done', ephys: 'done', sync: 'done' })
    })

    it('asks nobody after a rig that does not answer', async () => {
      lab.rig('cameras').manner = { answer: null }
      const { error } = await ended(lab.call(lab.group({ mode: 'sequential' }), 'init'))
      assert.deepEqual(lab.sent, ['cameras EXPINIT'])
      assert.match(error?.message ?? '', /not asked: ephys, sync \(cameras failed first\)/)
    })

    it('lets a rig answer a stop before it asks the next, but an interrupt goes on after a second', async () => {
      const group = lab.group({ mode: 'sequential' })
      lab.rig('sync').manner = { answer: 5 }
      const stop = lab.call(group, 'stop')
      await lab.host.clock.pass(4.9)
      assert.deepEqual(lab.sent, ['sync EXPEND'])
      await ended(stop)
      lab.sent.length = 0
      const interrupt = lab.call(group, 'interrupt')
      await lab.host.clock.pass(1.1)
      assert.deepEqual(lab.sent, ['sync EXPINTERRUPT', 'ephys EXPINTERRUPT', 'cameras EXPINTERRUPT'])
      assert.ok((await ended(interrupt)).reply)
    })
  })

  describe('that stops', () => {
    it('goes on to the other rigs after a failure', async () => {
      lab.rig('sync').manner = { echo: 'no-listener' }
      lab.rig('ephys').manner = { echo: 'echo-timeout' }
      const { error } = await ended(lab.call(lab.group(), 'stop'))
      assert.deepEqual(lab.sent, ['sync EXPEND', 'ephys EXPEND', 'cameras EXPEND'])
      assert.deepEqual(inWords(lab.result.rigs), { cameras: 'done', ephys: 'echo-timeout', sync: 'no-listener' })
      assert.match(error?.message ?? '', /carried out by cameras$/)
    })

    it('says who may still run, and forgets who has ended', async () => {
      const group = lab.group()
      await ended(lab.call(group, 'start', args(['exp_ref', ref])))
      assert.equal(lab.readings('running').at(-1), 'cameras, ephys, sync')
      lab.rig('ephys').manner = { answer: null }
      const { error } = await ended(lab.call(group, 'stop'))
      assert.match(error?.message ?? '', /; may still run: ephys; call stop of everybody again$/)
      assert.equal(lab.readings('running').at(-1), 'ephys')
      lab.rig('ephys').manner = {}
      await ended(lab.call(group, 'interrupt'))
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
      assert.ok((await ended(stop)).reply)
      assert.deepEqual(lab.sent.at(-1), 'sync EXPEND')
      await info.answered
    })

    it('goes on when nobody waits for it any more', async () => {
      const group = lab.group({ mode: 'sequential' })
      const controller = new AbortController()
      const stop = lab.call(group, 'stop', null, controller.signal)
      await settle()
      controller.abort()
      assert.deepEqual(inWords((await ended(stop)).reply?.rigs), { cameras: 'done', ephys: 'done', sync: 'done' })
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
      const { reply } = await ended(interrupt)
      // Not before ephys had answered: it would be deaf from then on.
      assert.deepEqual(lab.sent.slice(3), ['cameras EXPINTERRUPT', 'ephys EXPINTERRUPT'])
      assert.deepEqual(inWords(reply?.rigs), { cameras: 'done', ephys: 'done', sync: 'done' })
      const { error } = await ended(start)
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
      await ended(stop)
      assert.deepEqual(inWords((await ended(start).then(() => lab.readings('result').at(0) as { rigs: Record<string, RigResult> })).rigs), {
        cameras: 'done',
        ephys: 'skipped',
        sync: 'skipped'
      })
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
      assert.ok((await ended(interrupt)).reply)
      assert.match(
        (await ended(stop)).error?.message ?? '',
        /not asked: ephys, cameras \(an interrupt took its place\); carried out by sync/
      )
    })

    it('is done all the same when all had been asked and answer', async () => {
      const group = lab.group()
      lab.rig('sync').manners.set('EXPSTART', { answer: 3 })
      const start = lab.call(group, 'start', args(['exp_ref', ref]))
      await lab.host.clock.pass(0.1)
      const interrupt = lab.call(group, 'interrupt')
      assert.ok((await ended(start)).reply)
      assert.ok((await ended(interrupt)).reply)
      assert.equal(lab.readings('running').at(-1), '')
    })

    it('lets no start through that waits for its turn at the group', async () => {
      const group = lab.group()
      const init = lab.call(group, 'init')
      const start = lab.call(group, 'start', args(['exp_ref', ref]))
      await settle()
      const stop = lab.call(group, 'stop')
      assert.match((await start).error?.message ?? '', /a stop took its place before its turn came; nothing was sent/)
      await Promise.all([ended(init), ended(stop)])
      assert.ok(!lab.sent.some((one) => one.endsWith('EXPSTART')))
    })
  })

  describe('whose start fails at one', () => {
    beforeEach(() => (lab.rig('sync').manner = { echo: 'no-listener' }))

    it('interrupts those who have carried it out when it is told to, with the reason', async () => {
      const group = lab.group({ afterFailure: 'interrupt' })
      const { error } = await ended(lab.call(group, 'start', args(['exp_ref', ref])))
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
      const { error } = await ended(lab.call(group, 'start', args(['exp_ref', ref])))
      assert.match(
        error?.message ?? '',
        /interrupted after that: ephys; an interrupt was sent after that and failed: rig cameras .*running now: cameras; call interrupt/
      )
    })

    it('lets them be otherwise, and after other calls', async () => {
      await ended(lab.call(lab.group(), 'start', args(['exp_ref', ref])))
      const group = lab.group({ afterFailure: 'interrupt' })
      await ended(lab.call(group, 'info'))
      await ended(lab.call(group, 'stop'))
      assert.ok(!lab.sent.some((one) => one.endsWith('EXPINTERRUPT')))
    })

    it('leaves it to an interrupt that takes its place', async () => {
      const group = lab.group({ mode: 'sequential', afterFailure: 'interrupt' })
      const start = lab.call(group, 'start', args(['exp_ref', ref]))
      await lab.host.clock.pass(0.03)
      const interrupt = lab.call(group, 'interrupt')
      await Promise.all([ended(start), ended(interrupt)])
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
      await Promise.all([ended(start), ended(interrupt)])
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
      const { error } = await ended(start)
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
      await ended(start)
      assert.deepEqual(lab.sent, ['cameras EXPSTART', 'cameras EXPINTERRUPT'])
      assert.equal(lab.readings('running').at(-1), '')
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
    await ended(info)
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

  it('does not start a rig that another group, or somebody else, has told to end meanwhile', async () => {
    const cameras = lab.rig('cameras')
    cameras.manners.set('EXPINFO', { answer: 3 })
    const info = cameras.rig.ask({ event: 'EXPINFO', elements: [0n, null], answer: true, answerWithin: 10 })
    const start = lab.call(lab.group(), 'start', args(['exp_ref', ref]))
    await settle()
    const stop = lab.call(lab.group({ name: 'two', rigs: [cameras.rig] }), 'stop')
    assert.match((await ended(start)).error?.message ?? '', /EXPEND came before the turn of EXPSTART/)
    assert.ok((await ended(stop)).reply)
    assert.deepEqual(lab.sent, ['cameras EXPINFO', 'cameras EXPEND'])
    await info.answered
  })

  it('leaves no timer', async () => {
    await ended(lab.call(lab.group(), 'interrupt'))
    assert.equal(lab.host.clock.timers, 0)
  })

  it('is called, and nothing else', async () => {
    const command = { id: 'x', device: 'everybody', codename: 'start', value: null, client: 'test' }
    for (const op of ['set', 'get'] as const)
      await assert.rejects(lab.group().execute({ ...command, op }, new AbortController().signal), { class: 'ReadOnly' })
  })

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
      await ended(lab.call(group, 'info'))
      lab.rig('sync').say('EXPEND', 4n)
      const { reply } = await ended(waiting)
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
      const { error } = await ended(waiting)
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
      await ended(lab.call(group, 'interrupt'))
      assert.ok((await ended(waiting)).reply)
    })

    it('shows no login, and takes no other word', async () => {
      assert.equal((await lab.call(lab.group(), 'await', args(['event', 'ALYX']))).error?.class, 'Forbidden')
      assert.equal((await lab.call(lab.group(), 'await', args(['event', 'EXPSTOP']))).error?.class, 'BadPayload')
    })
  })

  describe('as readings', () => {
    it('says who is waited for, as it changes', async () => {
      const group = lab.group({ mode: 'sequential' })
      await ended(lab.call(group, 'init'))
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
      await ended(lab.call(all, 'start', args(['exp_ref', ref])))
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

    it('publishes nothing after it was closed, and closes when its calls have ended with their rigs', async () => {
      const group = lab.group({ mode: 'sequential', afterFailure: 'interrupt' })
      lab.rig('cameras').manner = { answer: 5 }
      const start = lab.call(group, 'start', args(['exp_ref', ref]))
      await lab.host.clock.pass(0.1)
      const closing = group.close()
      const drained = lab.rigs.map(({ rig }) => rig.drain(1))
      const { error } = await ended(start)
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
