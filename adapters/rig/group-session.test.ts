import assert from 'node:assert/strict'
import type { AdapterType, Host } from '../../gateway/adapter.js'
import { start } from '../../test/support/start.js'
import type { Running } from '../../test/support/start.js'
import type { TestClient } from '../../test/support/mqtt.js'
import { rigClient } from './client.js'
import { StrictRig, HeardLog } from './test-support/strict-rig.js'
import type { StrictManner } from './test-support/strict-rig.js'
import { inWords, ref } from './test-support/group-lab.js'
import type { RigResult } from './test-support/group-lab.js'
import type { RigClientConfig } from './types.js'

interface Final {
  readonly phase: string
  readonly value?: { readonly rigs: Readonly<Record<string, RigResult>> }
  readonly error?: { readonly class: string; readonly code?: string; readonly message: string; readonly maybeExecuted?: boolean }
}

const [init, run, end, interrupt, status] = [1, 2, 4, 16, 32] as const

/** A gateway with two groups of real rigs that share one: all three (sockets of both kinds), and ephys with sync. */
class Room {
  readonly heard = new HeardLog()
  readonly rigs: readonly StrictRig[]
  running!: Running
  mqtt!: TestClient
  /** Of the instance. */
  host: Host | undefined
  #calls = 0

  constructor(transports: readonly ('udp' | 'tcp')[]) {
    this.rigs = ['cameras', 'ephys', 'sync'].map((name, at) => new StrictRig(name, transports[at] ?? 'udp', this.heard))
  }

  async open(more = ''): Promise<void> {
    await Promise.all(this.rigs.map((rig) => rig.open()))
    const book = this.rigs.map(({ name, uri }) => `${name}: "${uri}"`).join(', ')
    const held = {
      ...rigClient,
      type: 'held-rig-client',
      create: (config: RigClientConfig, host: Host) => rigClient.create(config, (this.host = host))
    } as unknown as AdapterType
    const schedule = { first: 0.05, factor: 1, longest: 0.05, jitter: 0 }
    this.running = await start(
      `
adapters:
  - id: room
    type: held-rig-client
    rigs: { ${book} }
    echoWithin: 0.3
    groups:
      everybody: { rigs: [cameras, ephys, sync], answerWithin: 0.5${more} }
      two: { rigs: [sync, ephys], answerWithin: 0.5, mode: sequential }
`,
      { types: [held], schedule }
    )
    this.mqtt = await this.running.connect({ clientId: 'person' })
    await this.mqtt.subscribe('lab/+/+', 'lab/+/+/reply')
    for (const { name, transport } of this.rigs) if (transport === 'tcp') await this.reading(name, 'link', 'online')
    // What was there before a test began is no news.
    await this.mqtt.settled()
    this.mqtt.drop()
  }

  async close(): Promise<void> {
    await this.running?.stop()
    await Promise.all(this.rigs.map((rig) => rig.close()))
    // What the original would be deaf from.
    assert.deepEqual(
      this.rigs.flatMap(({ broken }) => broken),
      []
    )
  }

  rig(name: string): StrictRig {
    return this.rigs.find((rig) => rig.name === name) as StrictRig
  }

  manner(name: string, code: number, manner: StrictManner): void {
    this.rig(name).manners.set(code, manner)
  }

  /** Sends a call; gives the wait for its final reply. */
  async send(group: string, codename: string, given: object = {}): Promise<() => Promise<Final>> {
    this.#calls += 1
    const id = `n${this.#calls}`
    await this.mqtt.publish(`lab/${group}/${codename}/call`, { id, arguments: given })
    const topic = `lab/${group}/${codename}/reply`
    return async () => {
      const fits = (message: { topic: string; text: string }): boolean => {
        if (message.topic !== topic) return false
        const reply = JSON.parse(message.text) as { id: string; phase: string }
        return reply.id === id && reply.phase !== 'accepted'
      }
      return JSON.parse((await this.mqtt.next(fits, `the reply of ${group}/${codename}`)).text) as Final
    }
  }

  async call(group: string, codename: string, given: object = {}): Promise<Final> {
    return await (
      await this.send(group, codename, given)
    )()
  }

  /** Waits until the reading has that value. */
  async reading(device: string, codename: string, value: unknown): Promise<void> {
    const fits = ({ topic, text }: { topic: string; text: string }): boolean =>
      topic === `lab/${device}/${codename}` && JSON.stringify((JSON.parse(text) as { value: unknown }).value) === JSON.stringify(value)
    await this.mqtt.next(fits, `${device}/${codename} = ${JSON.stringify(value)}`)
  }

  /** "rig code", in the order in which they heard it. */
  get order(): string[] {
    return this.heard.all.map(({ rig, code }) => `${rig} ${code}`)
  }

  /** Waits until a rig has heard that. */
  async until(what: string): Promise<void> {
    await this.heard.until(({ rig, code }) => `${rig} ${code}` === what)
  }
}

for (const transports of [
  ['udp', 'udp', 'udp'],
  ['tcp', 'tcp', 'tcp']
] as const)
  describe(`a group of real rigs (${transports[0]})`, () => {
    let room: Room

    beforeEach(() => (room = new Room(transports)))
    afterEach(async () => await room.close())

    it('goes through a session: in order to begin, in reverse to end', async () => {
      await room.open()
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
      await room.open()
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
      await room.open()
      room.manner('ephys', init, { answer: null })
      const reply = await room.send('everybody', 'init')
      await room.reading('everybody', 'waiting_for', 'ephys')
      const { error } = await reply()
      assert.deepEqual([error?.class, error?.code, error?.maybeExecuted], ['Timeout', 'answer-timeout', true])
      assert.match(error?.message ?? '', /rig ephys .* did not answer within 0\.5 s.*carried out by cameras, sync/)
      await room.reading('everybody', 'waiting_for', '')
    })

    it('asks nobody after a rig that is deaf, and is interrupted after that; who is deaf does not keep the others from it', async () => {
      await room.open()
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
      await room.open()
      room.manner('sync', init, { report: 'FileNotFoundError: no\nBonsai' })
      const { error } = await room.call('everybody', 'init', { timeout: 60 })
      assert.deepEqual([error?.class, error?.code], ['DeviceError', 'rig-report'])
      assert.match(error?.message ?? '', /rig sync .*FileNotFoundError: no Bonsai.*; carried out by cameras, ephys/)
    })

    it('does not ask a rig whose program is gone, and it takes the next call when it is back', async () => {
      await room.open()
      await room.rig('sync').close()
      if (transports[0] === 'tcp') await room.reading('sync', 'link', 'error')
      const { error } = await room.call('everybody', 'init')
      assert.equal(error?.class, 'Unreachable')
      assert.match(error?.message ?? '', /rig sync .*carried out by cameras, ephys/)
      await room.rig('sync').open()
      if (transports[0] === 'tcp') await room.reading('sync', 'link', 'online')
      assert.equal((await room.call('everybody', 'init')).phase, 'done')
    }).timeout(8000)

    it('is interrupted while it starts: nobody is started after that, and nothing runs', async () => {
      await room.open()
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
      await room.open()
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
      await room.open()
      room.manner('cameras', status, { answer: 300 })
      const [asked, started] = [await room.send('cameras', 'status'), await room.send('everybody', 'start', { exp_ref: ref })]
      await room.until(`cameras ${status}`)
      const stopped = await room.send('cameras', 'stop')
      assert.match((await started()).error?.message ?? '', /EXPEND came before the turn of EXPSTART/)
      assert.deepEqual([(await asked()).phase, (await stopped()).phase], ['done', 'done'])
      assert.deepEqual(room.order, [`cameras ${status}`, `cameras ${end}`])
    })

    it('answers a call that the restart of its instance cuts off, once, and remembers who runs', async () => {
      await room.open()
      room.manner('sync', run, { answer: 200 })
      const started = await room.send('two', 'start', { exp_ref: ref })
      await room.until(`sync ${run}`)
      room.host?.failed(new Error('broken on purpose'))
      const { phase, error } = await started()
      assert.equal(phase, 'failed')
      assert.match(error?.message ?? '', /not asked: ephys \(the instance stops\)/)
      await room.reading('two', 'running', 'sync')
      const { value } = await room.call('everybody', 'interrupt')
      assert.deepEqual(inWords(value?.rigs), { cameras: 'done', ephys: 'done', sync: 'done' })
      assert.ok(!room.order.includes(`ephys ${run}`))
    })

    it('interrupts by itself who had started, when it is told to', async () => {
      await room.open(', afterFailure: interrupt')
      room.manner('ephys', run, { report: 'ValueError: no disk' })
      const { error } = await room.call('everybody', 'start', { exp_ref: ref })
      assert.match(error?.message ?? '', /no disk.*interrupted after that: .*cameras; none of its rigs runs/)
      const told = room.heard.all.find(({ rig, code }) => rig === 'cameras' && code === interrupt)
      assert.match(told?.text ?? '', /^\[16, \[\{"error": "RuntimeError", "message": "start of everybody: rig ephys/)
      await room.reading('everybody', 'running', '')
    })

    it('believes what a rig says of itself', async () => {
      await room.open()
      for (const [said, running] of [
        [20, 'sync'],
        [30, '']
      ] as const) {
        room.manner('sync', status, { data: [said] })
        await room.call('everybody', 'status')
        await room.reading('two', 'running', running)
      }
    })

    it('waits for an event of all rigs', async () => {
      await room.open()
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
