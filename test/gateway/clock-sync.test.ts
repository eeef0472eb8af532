import assert from 'node:assert/strict'
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { notBefore } from '../../gateway/clock.js'
import { ClockSync } from '../../gateway/clock-sync.js'
import type { Machine } from '../../gateway/clock-sync.js'
import { folder, write } from '../process/program.js'
import { FakeClock } from '../support/fake-clock.js'
import { labYaml, startLab } from '../support/lab.js'
import type { Lab } from '../support/lab.js'
import { rest } from '../support/rest.js'
import { TestLog } from '../support/start.js'
import { until } from '../support/until.js'

const released = 1_700_000_000
const nowhere = join(folder(), 'nowhere')

/** What the machine says, which may change. */
class Says implements Machine {
  readonly released = released
  readonly clock: FakeClock
  isBare = false
  said: boolean | undefined
  asked = 0

  constructor(clock: FakeClock) {
    this.clock = clock
  }

  now(): number {
    return this.clock.now()
  }

  async isWithoutClock(): Promise<boolean> {
    return await Promise.resolve(this.isBare)
  }

  async isSynchronised(): Promise<boolean | undefined> {
    this.asked += 1
    return await Promise.resolve(this.said)
  }
}

describe('whether the clock can be believed', () => {
  interface Trial {
    readonly sync: ClockSync
    readonly clock: FakeClock
    readonly machine: Says
    readonly troubles: (string | undefined)[]
    readonly log: TestLog
  }

  function trial(at: number, config: Partial<{ sync: 'auto' | 'trust' | 'file'; file: string }> = {}): Trial {
    const clock = new FakeClock(at)
    const machine = new Says(clock)
    const troubles: (string | undefined)[] = []
    const log = new TestLog()
    const changed = (trouble: string | undefined): void => void troubles.push(trouble)
    const sync = new ClockSync({ clock, machine, log, config: { sync: 'auto', file: nowhere, ...config }, changed })
    return { sync, clock, machine, troubles, log }
  }

  /** Lets the machine answer; files of the real one take more than a turn. */
  async function look({ clock, sync }: Trial, state: string, seconds = 2): Promise<void> {
    for (let i = 0; i < 50 && sync.status.state !== state; i++) {
      await clock.pass(seconds)
      await new Promise((resolve) => setTimeout(resolve, 5))
    }
    assert.equal(sync.status.state, state)
  }

  it('an ordinary computer or container is trusted, and nobody is asked', async () => {
    const one = trial(released + 1000)
    await one.sync.start(released + 999)
    assert.deepEqual([one.sync.status, one.sync.isDoubtful, one.machine.asked], [{ state: 'trusted', reason: '' }, false, 0])
    assert.deepEqual([one.troubles, one.clock.timers, one.log.lines], [[], 0, []])
  })

  it('a board without a clock is not, until the kernel or a time service says that it is synchronised', async () => {
    const one = trial(released + 1000)
    one.machine.isBare = true
    one.machine.said = false
    await one.sync.start(undefined)
    assert.equal(one.sync.isDoubtful, true)
    assert.match(one.troubles[0] ?? '', /no clock that runs while it is off.*timedatectl.*sync: trust/)
    await one.clock.pass(60)
    assert.equal(one.sync.isDoubtful, true)
    one.machine.said = true
    await look(one, 'synchronised')
    assert.deepEqual([one.troubles.length, one.troubles.at(-1), one.clock.timers], [2, undefined, 0])
    assert.deepEqual(
      one.log.lines.map(({ level }) => level),
      ['warn', 'info']
    )
  })

  it('a board that knows nobody who could say is not either', async () => {
    const one = trial(released + 1000)
    one.machine.isBare = true
    await one.sync.start(undefined)
    await one.clock.pass(20)
    assert.equal(one.sync.isDoubtful, true)
    one.sync.stop()
    assert.equal(one.clock.timers, 0)
  })

  it('one that says less than the release of labgate is wrong, on any computer', async () => {
    const one = trial(100)
    await one.sync.start(undefined)
    assert.match(one.sync.status.reason, /says 1970-01-01T00:01:40Z, before this version of labgate was made/)
    one.clock.jump(released)
    await look(one, 'trusted')
  })

  it('one that says less than what was written before is wrong, also when it has run on for as long', async () => {
    const one = trial(released + 1000)
    await one.sync.start(released + 4600)
    assert.match(one.sync.status.reason, /but the gateway was at work at 2023-11-14T23:30:00Z already/)
    await one.clock.pass(5000)
    assert.equal(one.sync.isDoubtful, true)
    one.clock.jump(86_400)
    await look(one, 'trusted')
  })

  it('a minute behind is no proof', async () => {
    const one = trial(released + 1000)
    await one.sync.start(released + 1059)
    assert.equal(one.sync.isDoubtful, false)
  })

  it('is not asked about where it is to be trusted, and waits for a file where it is told to', async () => {
    const trusting = trial(100, { sync: 'trust' })
    await trusting.sync.start(released)
    assert.equal(trusting.sync.status.state, 'trusted')
    const file = join(folder(), 'synchronized')
    const waiting = trial(released + 1000, { sync: 'file', file })
    assert.equal(waiting.sync.isDoubtful, true)
    await waiting.sync.start(undefined)
    assert.match(waiting.sync.status.reason, /gateway\.clock\.file is not there yet/)
    write(file, '')
    await look(waiting, 'synchronised')
    rmSync(file)
  })

  it('the file of the time service counts with auto, too', async () => {
    const one = trial(released + 1000, { file: write(join(folder(), 'synchronized'), '') })
    one.machine.isBare = true
    await one.sync.start(undefined)
    assert.deepEqual([one.sync.status.state, one.machine.asked], ['synchronised', 0])
  })
})

describe('a clock that is not before the release', () => {
  it('goes on from there until it is set, and is then what it is', async () => {
    const wall = new FakeClock(100)
    const clock = notBefore(wall, released)
    assert.equal(clock.now(), released)
    await wall.pass(7)
    assert.equal(clock.now(), released + 7)
    wall.jump(released + 1_000_000)
    assert.equal(clock.now(), wall.now())
    assert.equal(clock.monotonic(), wall.monotonic())
  })
})

describe('a gateway whose clock is not synchronised', () => {
  const file = join(folder(), 'synchronized')
  const wall = new FakeClock(100)
  let lab: Lab

  before(async () => {
    lab = await startLab({ clock: notBefore(wall, released) }, `gateway: { clock: { sync: file, file: ${file} } }\n${labYaml}`)
  })

  after(() => lab.stop())

  const reading = async (path: string): Promise<Record<string, unknown>> => {
    const [device, codename] = path.split('/')
    const { json } = await rest(lab.httpPort, `/api/devices/${device}/${codename}`)
    return json['reading'] as Record<string, unknown>
  }

  it('gives uncertain readings, says why and what to do, and good ones once it is synchronised', async () => {
    const oven = lab.scripted.host('oven')
    const client = await lab.connect()
    const watcher = await lab.connect()
    await watcher.subscribe('lab/+/+')
    await watcher.subscribe('lab/gateway')
    assert.match((await watcher.next(({ topic }) => topic === 'lab/gateway')).text, /not synchronised.*"degraded"/)
    await oven.publish({ device: 'furnace', codename: 'temperature', value: 21 })
    await client.publish('lab/weather/wind', '3', { qos: 1 })
    for (const topic of ['lab/furnace/temperature', 'lab/weather/wind']) {
      const { text } = await watcher.next((message) => message.topic === topic)
      assert.equal((JSON.parse(text) as { quality: string }).quality, 'uncertain')
    }
    const health = (await rest(lab.httpPort, '/health')).json as { status: string; checks: { name: string; reason: string }[] }
    assert.equal(health.status, 'degraded')
    assert.match(health.checks.find(({ name }) => name === 'clock')?.reason ?? '', /not synchronised.*network/)
    // What has a time of its own, and is worse already, is left alone.
    await oven.publish({ device: 'furnace', codename: 'temperature', value: 22, time: released - 5 })
    await watcher.next(({ topic, text }) => topic === 'lab/furnace/temperature' && text.includes('"good"') && text.includes('22'))
    await oven.publish({ device: 'furnace', codename: 'temperature', value: 23, quality: 'bad' })
    await watcher.next(({ topic, text }) => topic === 'lab/furnace/temperature' && text.includes('"bad"'))
    // It ages as any other: by the clock that never jumps.
    await client.publish('lab/weather/rain', '1', { qos: 1 })
    await wall.pass(11)
    await watcher.next(({ topic, text }) => topic === 'lab/weather/rain' && text.includes('"stale"'))

    write(file, '')
    wall.jump(released + 1_000_000)
    await until(() => {
      void wall.pass(2)
      return lab.gateway.operation.clockSync.status.state === 'synchronised'
    }, 'it was not synchronised')
    await watcher.next(({ topic, text }) => topic === 'lab/gateway' && text.includes('"online"'))
    // What the gateway says of itself when it changes does not change, and is good again.
    const own = ['name', 'version', 'instances', 'runs', 'reload', 'history_state', 'slow_clients']
    for (const codename of own) assert.equal((await reading(`gateway/${codename}`))['quality'], 'good', codename)
    // Nobody says afterwards that what was uncertain is good.
    assert.equal((await reading('weather/wind'))['quality'], 'uncertain')
    await client.publish('lab/weather/wind', '4', { qos: 1 })
    await watcher.next(({ topic, text }) => topic === 'lab/weather/wind' && text.includes('"good"'))
  })

  it('has kept what it gave meanwhile neither at 1970 nor in the future, as uncertain', async () => {
    const path = `/api/devices/weather/wind/history?from=1970-01-01T00:00:00Z&format=csv`
    const { json, text } = await rest(lab.httpPort, path.replace('&format=csv', ''))
    const points = (json['readings'] ?? json['points']) as { time: string; quality: string; value: unknown }[]
    assert.ok(points !== undefined, text)
    const ofValue = (value: number): { time: string; quality: string } => points.find((point) => point.value === value) ?? assert.fail(text)
    const [before, later] = [ofValue(3), ofValue(4)]
    assert.deepEqual([before.quality, later.quality], ['uncertain', 'good'])
    assert.ok(Date.parse(before.time) / 1000 >= released && Date.parse(before.time) / 1000 < released + 100, before.time)
    assert.ok(Date.parse(later.time) / 1000 > released + 1_000_000)
    for (const { time } of points) assert.ok(Date.parse(time) / 1000 <= wall.now())
  })
})
