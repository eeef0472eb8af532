import assert from 'node:assert/strict'
import { inWords, ref } from './test-support/group-lab.js'
import { Room } from './test-support/room.js'

const [init, run, end, interrupt, status] = [1, 2, 4, 16, 32] as const

/** Two groups that share a rig. */
async function open(room: Room, more: object = {}): Promise<void> {
  await room.open({
    everybody: { rigs: ['cameras', 'ephys', 'sync'], answerWithin: 0.5, ...more },
    two: { rigs: ['sync', 'ephys'], answerWithin: 0.5, mode: 'sequential' }
  })
}

for (const transport of ['udp', 'tcp'] as const)
  describe(`a group of real rigs (${transport})`, () => {
    let room: Room

    beforeEach(() => (room = new Room({ cameras: transport, ephys: transport, sync: transport })))
    afterEach(async () => await room.close())

    it('goes through a session: in order to begin, in reverse to end', async () => {
      await open(room)
      const calls: [string, object][] = [
        ['info', {}],
        ['init', { data: { exp_ref: ref } }],
        ['start', { exp_ref: ref }],
        ['stop', { data: [] }],
        ['cleanup', {}]
      ]
      for (const [call, given] of calls) {
        const { value, error } = await room.call('everybody', call, given)
        assert.equal(error, undefined)
        assert.deepEqual(inWords(value?.rigs), { cameras: 'done', ephys: 'done', sync: 'done' })
      }
      const forward = (code: number): string[] => [`cameras ${code}`, `ephys ${code}`, `sync ${code}`]
      const backward = (code: number): string[] => forward(code).toReversed()
      assert.deepEqual(room.order, [...forward(64), ...forward(init), ...forward(run), ...backward(end), ...backward(8)])
      assert.equal(room.heard.all[6]?.text, `[2, "${ref}", null]`)
      await room.reading('everybody', 'running', 'cameras, ephys, sync')
      await room.reading('everybody', 'running', '')
    })

    it('loses no answer that comes at once with the echo, in either mode, thirty times', async () => {
      await open(room)
      for (const { manners } of room.rigs) for (const code of [init, run, end]) manners.set(code, { answer: 0 })
      for (const group of ['two', 'everybody'])
        for (let n = 0; n < 5; n += 1)
          for (const [call, given] of [
            ['init', {}],
            ['start', { exp_ref: ref }],
            ['stop', {}]
          ] as const) {
            const { phase, error } = await room.call(group, call, given)
            assert.deepEqual([phase, error?.message], ['done', undefined])
          }
    }).timeout(20_000)

    it('names the rig that echoes and never answers, and says who is waited for', async () => {
      await open(room)
      room.manner('ephys', init, { answer: null })
      const reply = await room.send('everybody', 'init')
      await room.reading('everybody', 'waiting_for', 'ephys')
      const { error } = await reply()
      assert.deepEqual([error?.class, error?.code, error?.maybeExecuted], ['Timeout', 'answer-timeout', true])
      assert.match(error?.message ?? '', /rig ephys .* did not answer within 0\.5 s.*carried out by cameras, sync/)
      await room.reading('everybody', 'waiting_for', '')
    })

    it('asks nobody after a rig that is deaf, and is interrupted after that; who is deaf does not keep the others from it', async () => {
      await open(room)
      room.manner('ephys', run, { echo: false })
      const { error } = await room.call('everybody', 'start', { exp_ref: ref })
      assert.match(
        error?.message ?? '',
        /rig ephys .* did not echo EXPSTART within 0\.3 s.*not asked: sync.*running now: cameras, ephys; call interrupt/
      )
      assert.deepEqual(room.order, [`cameras ${run}`, `ephys ${run}`])
      room.manner('ephys', interrupt, { echo: false })
      const second = await room.call('everybody', 'interrupt')
      assert.match(
        second.error?.message ?? '',
        /rig ephys .*carried out by sync, cameras; may still run: ephys; call interrupt of everybody again/
      )
      room.rig('ephys').manners.clear()
      assert.equal((await room.call('everybody', 'interrupt')).phase, 'done')
    })

    it('tells what a rig reports at once', async () => {
      await open(room)
      room.manner('sync', init, { report: 'FileNotFoundError: no\nBonsai' })
      const { error } = await room.call('everybody', 'init', { timeout: 60 })
      assert.deepEqual([error?.class, error?.code], ['DeviceError', 'rig-report'])
      assert.match(error?.message ?? '', /rig sync .*FileNotFoundError: no Bonsai.*; carried out by cameras, ephys/)
    })

    it('does not ask a rig whose program is gone, and it takes the next call when it is back', async () => {
      await open(room)
      await room.rig('sync').close()
      if (transport === 'tcp') await room.reading('sync', 'link', 'error')
      const { error } = await room.call('everybody', 'init')
      assert.equal(error?.class, 'Unreachable')
      assert.match(error?.message ?? '', /rig sync .*carried out by cameras, ephys/)
      await room.rig('sync').open()
      if (transport === 'tcp') await room.reading('sync', 'link', 'online')
      assert.equal((await room.call('everybody', 'init')).phase, 'done')
    }).timeout(8000)

    it('is interrupted while it starts: nobody is started after that, and nothing runs', async () => {
      await open(room)
      room.manner('sync', run, { answer: 300 })
      const started = await room.send('two', 'start', { exp_ref: ref })
      await room.until(`sync ${run}`)
      const interrupted = await room.send('two', 'interrupt')
      const first = await started()
      assert.match(first.error?.message ?? '', /not asked: ephys \(an interrupt took its place\); carried out by sync/)
      assert.equal((await interrupted()).phase, 'done')
      assert.deepEqual(room.order, [`sync ${run}`, `ephys ${interrupt}`, `sync ${interrupt}`])
      await room.reading('two', 'running', 'sync')
      await room.reading('two', 'running', '')
    })

    it('shares a rig with another group: its messages take turns, and both know who runs', async () => {
      await open(room)
      for (const name of ['sync', 'ephys']) room.manner(name, status, { data: [20] })
      const [first, second] = [await room.send('everybody', 'start', { exp_ref: ref }), await room.send('two', 'status')]
      assert.equal((await first()).phase, 'done')
      assert.equal((await second()).phase, 'done')
      assert.equal(room.order.filter((one) => one === `sync ${status}`).length, 1)
      await room.reading('two', 'running', 'sync, ephys')
      assert.equal((await room.call('two', 'interrupt')).phase, 'done')
      await room.reading('everybody', 'running', 'cameras')
    })

    it('drops a start that waits for a rig when another group stops that rig', async () => {
      await open(room)
      room.manner('cameras', status, { answer: 300 })
      const [asked, started] = [await room.send('cameras', 'status'), await room.send('everybody', 'start', { exp_ref: ref })]
      await room.until(`cameras ${status}`)
      const stopped = await room.send('cameras', 'stop')
      assert.match((await started()).error?.message ?? '', /EXPEND came before the turn of EXPSTART/)
      assert.deepEqual([(await asked()).phase, (await stopped()).phase], ['done', 'done'])
      assert.deepEqual(room.order, [`cameras ${status}`, `cameras ${end}`])
    })

    it('answers a call that the restart of its instance cuts off, once, and remembers who runs', async () => {
      await open(room)
      room.manner('sync', run, { answer: 200 })
      const started = await room.send('two', 'start', { exp_ref: ref })
      await room.until(`sync ${run}`)
      await room.reading('two', 'running', 'sync')
      room.host?.failed(new Error('broken on purpose'))
      const { phase, error } = await started()
      assert.equal(phase, 'failed')
      assert.match(error?.message ?? '', /not asked: ephys \(the instance stops\)/)
      // And not what was known before, as stale.
      await room.mqtt.next(({ topic, text }) => topic === 'lab/two/running' && /"quality":"good".*"sync"/.test(text))
      const { value } = await room.call('everybody', 'interrupt')
      assert.deepEqual(inWords(value?.rigs), { cameras: 'done', ephys: 'done', sync: 'done' })
      assert.ok(!room.order.includes(`ephys ${run}`))
    })

    it('interrupts by itself who had started, when it is told to', async () => {
      await open(room, { afterFailure: 'interrupt' })
      room.manner('ephys', run, { report: 'ValueError: no disk' })
      const { error } = await room.call('everybody', 'start', { exp_ref: ref })
      assert.match(error?.message ?? '', /no disk.*interrupted after that: .*cameras; none of its rigs runs/)
      const told = room.heard.all.find(({ rig, code }) => rig === 'cameras' && code === interrupt)
      assert.match(told?.text ?? '', /^\[16, \[\{"error": "RuntimeError", "message": "start of everybody: rig ephys/)
      await room.reading('everybody', 'running', '')
    })

    it('believes what a rig says of itself', async () => {
      await open(room)
      for (const [said, running] of [
        [20, 'sync'],
        [30, '']
      ] as const) {
        room.manner('sync', status, { data: [said] })
        await room.call('everybody', 'status')
        await room.reading('two', 'running', running)
      }
    })

    it('knows that a rig may run which reports that its start failed, and one that echoed a stop and then failed at it', async () => {
      await open(room)
      room.manner('cameras', run, { report: 'RuntimeError: the second camera is missing' })
      assert.match((await room.call('cameras', 'start', { exp_ref: ref })).error?.message ?? '', /second camera is missing/)
      await room.reading('everybody', 'running', 'cameras')
      room.manner('cameras', end, { report: 'RuntimeError: the camera hangs', answer: 100 })
      assert.equal((await room.call('cameras', 'stop', { answer: false })).phase, 'done')
      await room.reading('everybody', 'running', '')
      await room.reading('cameras', 'status', 'STOPPED')
      await room.reading('everybody', 'running', 'cameras')
      await room.reading('cameras', 'status', 'RUNNING')
      assert.match((await room.call('cameras', 'stop')).error?.message ?? '', /the camera hangs/)
      room.rig('cameras').manners.clear()
      assert.equal((await room.call('cameras', 'stop')).phase, 'done')
      await room.reading('everybody', 'running', '')
    })

    it('knows who runs also by what an expert sends, and lets it take its turn as what it is', async () => {
      await open(room)
      assert.equal((await room.call('cameras', 'send', { json: [run, ref, null] })).phase, 'done')
      await room.reading('everybody', 'running', 'cameras')
      await room.reading('cameras', 'status', 'RUNNING')
      assert.equal((await room.call('cameras', 'send', { json: [end, null] })).phase, 'done')
      await room.reading('everybody', 'running', '')
      await room.reading('cameras', 'status', 'STOPPED')
      room.heard.all.length = 0
      room.manner('cameras', status, { answer: 300 })
      const asked = await room.send('cameras', 'status')
      await room.until(`cameras ${status}`)
      const [started, informed] = [await room.send('cameras', 'start', { exp_ref: ref }), await room.send('cameras', 'info')]
      const interrupted = await room.send('cameras', 'send', { json: [interrupt, null] })
      assert.match((await started()).error?.message ?? '', /EXPINTERRUPT came before the turn of EXPSTART/)
      assert.deepEqual([(await asked()).phase, (await interrupted()).phase, (await informed()).phase], ['done', 'done', 'done'])
      assert.deepEqual(room.order, [`cameras ${status}`, `cameras ${interrupt}`, 'cameras 64'])
    })

    it('waits for an event of all rigs', async () => {
      await open(room)
      const awaited = await room.send('everybody', 'await', { event: 'EXPSTATUS', timeout: 3 })
      await room.reading('everybody', 'waiting_for', 'cameras, ephys, sync')
      for (const { name } of room.rigs) await room.call(name, 'status')
      const { value } = await awaited()
      assert.deepEqual(
        Object.values(value?.rigs ?? {}).map(({ answer }) => answer),
        [[0], [0], [0]]
      )
    })
  })

describe('a group of real rigs (both)', () => {
  it('goes round sockets of both kinds in its order', async () => {
    const room = new Room({ cameras: 'tcp', ephys: 'udp', sync: 'tcp' })
    try {
      await open(room)
      for (const call of ['init', 'stop']) assert.equal((await room.call('everybody', call)).phase, 'done')
      assert.deepEqual(room.order, [`cameras ${init}`, `ephys ${init}`, `sync ${init}`, `sync ${end}`, `ephys ${end}`, `cameras ${end}`])
    } finally {
      await room.close()
    }
  })
})
