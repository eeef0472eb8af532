import assert from 'node:assert/strict'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { FakeClock } from '../test/support/fake-clock.js'
import { TestLog } from '../test/support/start.js'
import type { Exact } from './adapter.js'
import { brief } from './brief.js'
import { Devices } from './devices.js'
import { GatewayError } from './errors.js'
import { Sparing } from './log.js'
import { Stories } from './stories.js'
import type { Step } from './stories.js'
import { Topics } from './topic.js'

const command = { device: 'furnace', codename: 'setpoint', op: 'set', client: 'nb7' } as const

function bench(): {
  clock: FakeClock
  devices: Devices
  log: TestLog
  stories: Stories
  step: (what: Step['what'], id: string, more?: Partial<Step>) => void
} {
  const clock = new FakeClock()
  const none = (): void => {}
  const devices = new Devices({
    topics: new Topics('lab'),
    undeclared: 'accept',
    maxUndeclared: 1000,
    described: none,
    forgotten: none,
    left: none
  })
  devices.declare('furnace', { codenames: new Map([['setpoint', {}]]) })
  const log = new TestLog()
  const stories = new Stories({ clock, devices, log })
  const step = (what: Step['what'], id: string, more: Partial<Step> = {}): void =>
    stories.step({ ...command, at: clock.now(), what, id, ...more })
  return { clock, devices, log, stories, step }
}

/** Bytes in use when everything that can go has gone. */
function heap(): number {
  setFlagsFromString('--expose-gc')
  const gc = runInNewContext('gc') as () => void
  gc()
  return process.memoryUsage().heapUsed
}

describe('stories', () => {
  it('are the last 1000, also after 100,000 commands with long values, names and reasons, and cost no memory beyond', function () {
    this.timeout(20_000)
    const { clock, stories, devices, step } = bench()
    const entry = devices.expect('furnace', 'setpoint')
    const long = 'x'.repeat(200_000)
    const run = (from: number, count: number): void => {
      for (let i = from; i < from + count; i++) {
        const id = `${i}${'-'.repeat(64)}`.slice(0, 64)
        const value: Exact =
          i % 50 > 0 ? i : i % 3 === 0 ? `${i}${long}` : i % 3 === 1 ? [BigInt(i), long, new Map([[`${i}${long}`, long]])] : i
        step('asked', id, { value })
        step('checked', id)
        step('begun', id, { instance: 'oven' })
        if (i % 100 === 0) step('failed', id, { error: new GatewayError('DeviceError', `${i}${long}`, { cause: value }) })
        else step('done', id, { value })
        if (i % 4 === 0)
          stories.take(entry, {
            ...command,
            value,
            time: 1,
            stamp: 1,
            quality: 'good',
            sourceTime: false,
            arrived: clock.monotonic(),
            ageAtArrival: 0,
            stale: false
          })
        if (i % 5 === 0) step('asked', id, { repeated: true })
      }
    }
    const before = heap()
    run(0, 100_000)
    const grown = heap() - before
    assert.ok(stories.size <= 1000 && stories.characters <= 2_000_000, `${stories.size} stories, ${stories.characters} characters`)
    assert.ok(grown < 5_000_000, `${grown} bytes more`)
    assert.ok(JSON.stringify(stories.find()).length < 6_000_000)
    assert.equal(stories.find({ limit: 1 })[0]?.id.slice(0, 6), '99999-')
  })

  it('of commands under way stay, however many others end meanwhile', () => {
    const { stories, step } = bench()
    step('asked', 'scan')
    step('begun', 'scan', { instance: 'oven' })
    for (let i = 0; i < 3000; i++) {
      step('asked', `i${i}`)
      step('done', `i${i}`)
    }
    assert.equal(stories.find({ id: 'scan' })[0]?.phase, 'begun')
    step('done', 'scan')
    assert.equal(stories.find({ id: 'scan' })[0]?.phase, 'done')
    assert.equal(stories.size, 1000)
  })

  it('of one id are kept apart by who asked and what', () => {
    const { stories, step } = bench()
    step('asked', '1', { client: 'a' })
    step('asked', '1', { client: 'b' })
    step('asked', '1', { client: 'a', codename: 'fan' })
    step('done', '1', { client: 'a' })
    step('late', '2')
    assert.deepEqual(
      stories.find({ id: '1' }).map(({ client, codename, phase }) => [client, codename, phase]),
      [
        ['a', 'fan', 'asked'],
        ['b', 'setpoint', 'asked'],
        ['a', 'setpoint', 'done']
      ]
    )
  })

  it('of one id are kept apart by the command: a question answered meanwhile does not end a setting', () => {
    const { stories, step } = bench()
    const shown = (): unknown[] => stories.find({ id: '1' }).map(({ op, phase, value }) => [op, phase, value])
    step('asked', '1', { value: 300 })
    step('begun', '1', { instance: 'oven' })
    step('asked', '1', { op: 'get' })
    step('done', '1', { op: 'get', value: 20 })
    // One message of the old side that sets it twice.
    step('asked', '1', { value: 400 })
    step('refused', '1', { error: new GatewayError('Busy', 'another one') })
    step('done', '1', { value: 300 })
    assert.deepEqual(shown(), [
      ['set', 'refused', undefined],
      ['get', 'done', 20],
      ['set', 'done', 300]
    ])
    step('asked', '2')
    step('failed', '2')
    step('asked', '2', { op: 'get' })
    step('failed', '2', { op: 'get' })
    step('late', '2', { value: 7 })
    step('asked', '2', { repeated: true })
    assert.deepEqual(
      stories.find({ id: '2' }).map(({ op, steps }) => [op, ...steps.map(({ what }) => what)]),
      [
        ['get', 'asked', 'failed'],
        ['set', 'asked', 'failed', 'late', 'asked']
      ]
    )
  })

  it('that never end are bounded too', () => {
    const { stories, step } = bench()
    for (let i = 0; i < 3000; i++) step('asked', 'same')
    assert.equal(stories.size, 1100)
    assert.ok(stories.characters < 1_000_000)
    assert.equal(stories.find({ id: 'same' }).length, 1100)
  })

  it('keep the digits of large integers, also inside a list', () => {
    const { stories, step } = bench()
    step('asked', 'big', { value: [2n ** 53n + 1n, new Map([['a', 1n]])] })
    step('done', 'big', { value: 2n ** 53n + 1n })
    const [story] = stories.find()
    assert.deepEqual([story?.asked, story?.value], [['9007199254740993', { a: 1 }], '9007199254740993'])
  })

  it('tell a repetition of which the first is not known any more as that', () => {
    const { stories, step } = bench()
    step('asked', 'old', { repeated: true })
    step('asked', 'old', { repeated: true })
    const [story, more] = stories.find()
    assert.deepEqual([story?.phase, story?.steps.length, more], ['repeated', 1, undefined])
    assert.match(story?.steps[0]?.text ?? '', /^asked again by nb7 with the same id, 2 times/)
  })

  it('have few steps, however many answers come too late', () => {
    const { stories, step } = bench()
    step('asked', 'slow')
    step('failed', 'slow')
    for (let i = 0; i < 1000; i++) step('late', 'slow', { value: i })
    const [story] = stories.find()
    assert.equal(story?.steps.length, 16)
    assert.match(story.steps.at(-1)?.text ?? '', /dropped: 999$/)
  })

  it('last as long as they do, although the clock is set back meanwhile', async () => {
    const { clock, stories, step } = bench()
    step('asked', 'jump')
    clock.jump(-86_400)
    await clock.pass(2)
    step('done', 'jump')
    const [story] = stories.find()
    assert.equal(story?.duration, 2)
    assert.ok((story?.ended ?? '') < (story?.started ?? ''))
  })
})

describe('a value in brief', () => {
  const cases: [Exact, string, boolean][] = [
    [300, '300', true],
    [NaN, 'NaN', true],
    [2n ** 70n, '1180591620717411303424', true],
    ['heat', '"heat"', true],
    [new Map<string, Exact>([['a', [1n, null, 'x']]]), '{"a":[1,null,"x"]}', true],
    [[], '[]', true]
  ]
  for (const [value, text, whole] of cases) it(`is ${text}`, () => assert.deepEqual(brief(value), { text, whole }))

  it('ends where it is long, and looks no further', () => {
    const endless = {
      *[Symbol.iterator](): IterableIterator<number> {
        for (;;) yield 1
      }
    }
    const list: number[] = Object.defineProperty([1], Symbol.iterator, { value: endless[Symbol.iterator] })
    const { text, whole } = brief(list)
    assert.ok(!whole && text.length <= 201 && text.endsWith('…'), text)
    assert.deepEqual(brief('x'.repeat(1000)).text, `"${'x'.repeat(199)}…`)
    let deep: Exact = 1
    for (let i = 0; i < 100_000; i++) deep = [deep]
    assert.ok(brief(deep).text.startsWith('[[['))
  })
})

describe('lines of what goes well', () => {
  it('come five at once of each sender, then one in 10 s, and fifty of all together, then one a second', async () => {
    const clock = new FakeClock()
    const sparing = new Sparing(() => clock.monotonic())
    const passed = (sender: string, count: number): number =>
      Array.from({ length: count }, () => sparing.pass(sender)).filter((held) => held !== undefined).length
    assert.equal(passed('a', 1000), 5)
    await clock.pass(10)
    assert.deepEqual([sparing.pass('a'), sparing.pass('a')], [995, undefined])
    await clock.pass(1000)
    let all = 0
    for (let i = 0; i < 5000; i++) all += passed(`s${i}`, 5)
    assert.equal(all, 50)
    await clock.pass(3)
    assert.equal(passed('other', 5), 3)
  })
})
