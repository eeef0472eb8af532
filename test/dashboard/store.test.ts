import assert from 'node:assert/strict'
import { setImmediate as turn } from 'node:timers/promises'
import { Asking } from '../../gateway/dashboard/store/asking.js'
import { GatewayClock } from '../../gateway/dashboard/store/gateway-clock.js'
import type { LinkOptions } from '../../gateway/dashboard/store/link.js'
import { Raw } from '../../gateway/dashboard/store/raw.js'
import { Recheck } from '../../gateway/dashboard/store/recheck.js'
import type { Everything } from '../../gateway/dashboard/store/recheck.js'
import { Table } from '../../gateway/dashboard/store/table.js'
import type { CodenameView } from '../../gateway/dashboard/store/table.js'
import { Topics } from '../../gateway/topic.js'
import type { Reading } from '../../schemas/types.js'

const topics = new Topics('lab')
const bytes = (value: unknown): Uint8Array => new TextEncoder().encode(JSON.stringify(value))
const reading = (value: number, time = '2026-11-21T15:00:00Z'): Reading => ({ quality: 'good', time, value })

/** Waits that end when the test says so. */
class Waits {
  readonly all: { readonly seconds: number; readonly run: () => void; cancelled: boolean }[] = []

  readonly after = (seconds: number, run: () => void): { cancel(): void } => {
    const wait = { seconds, run, cancelled: false }
    this.all.push(wait)
    return { cancel: () => void (wait.cancelled = true) }
  }

  /** Ends all that last so long. */
  end(seconds: number): void {
    for (const wait of this.all.splice(0))
      if (wait.cancelled || wait.seconds !== seconds) this.all.push(wait)
      else wait.run()
  }
}

describe('the gateway’s clock on the page', () => {
  const own = { mono: 100, ahead: 86_400 }
  const make = (): GatewayClock => {
    Object.assign(own, { mono: 100, ahead: 86_400 })
    const clock = new GatewayClock({ monotonic: () => own.mono, wall: () => own.mono + own.ahead })
    const asked = clock.steady()
    own.mono += 0.2
    clock.answered(5000, asked)
    return clock
  }
  const near = (actual: number, expected: number, by = 0.11): void =>
    assert.ok(Math.abs(actual - expected) <= by, `${actual} for ${expected}`)

  it('is not moved back by what comes late', () => {
    const clock = make()
    near(clock.now(), 5000.1)
    own.mono += 10
    clock.heard(5006.5)
    near(clock.now(), 5010.1)
    clock.heard(5010.4)
    near(clock.now(), 5010.4, 0.001)
  })

  it('follows when the gateway’s clock was set: forward at once, back by an answer', () => {
    const clock = make()
    clock.heard(9000)
    near(clock.now(), 9000)
    const asked = clock.steady()
    own.mono += 1
    clock.answered(6000, asked)
    near(clock.now(), 6000.5, 0.51)
  })

  it('takes an answer that was long underway for no more than it says', () => {
    const clock = make()
    const before = clock.now()
    const asked = clock.steady()
    own.mono += 8
    clock.answered(5001, asked)
    near(clock.now(), before + 8, 0.001)
  })

  it('goes on while the computer sleeps', () => {
    const clock = make()
    own.ahead += 8 * 3600
    near(clock.now(), 5000.1 + 8 * 3600)
    assert.equal(clock.sleeps, 1)
    clock.heard(5000 + 7 * 3600)
    near(clock.now(), 5000 + 7 * 3600, 0.001)
  })
})

describe('the table of the page', () => {
  const topic = topics.reading('weather', 'serial') ?? ''
  const everything = (value: number, age = 3): Everything => ({
    devices: [{ device: 'weather', codenames: [{ codename: 'serial', reading: reading(value), age }] }]
  })
  let now = 50
  const make = (): Table => new Table(topics, () => now)

  it('takes from the answer what it missed, and leaves alone what came since', () => {
    const table = make()
    table.put(topic, bytes(reading(1)))
    table.put(topics.reading('old', 'gone') ?? '', bytes(reading(1)))
    table.note()
    assert.deepEqual(
      table.mend(everything(42), 60)?.map((view) => [view.codename, view.reading?.value, view.arrived]),
      [['serial', 42, 57]]
    )
    assert.equal(table.device('old'), undefined)
    table.note()
    assert.equal(table.mend(everything(42), 60), undefined, 'the same is nothing to mend')
    table.note()
    table.put(topic, bytes(reading(43)))
    assert.equal(table.mend(everything(42), 60), undefined, 'the answer is older')
    assert.equal(table.device('weather')?.find('serial')?.reading?.value, 43)
    table.note()
    table.put(topic, new Uint8Array())
    assert.equal(table.mend(everything(42), 60), undefined, 'forgotten meanwhile')
    assert.equal(table.device('weather'), undefined)
  })

  it('does not know since when a retained reading is there, until it is told', () => {
    const table = make()
    const view = table.put(topic, bytes(reading(5)), { retained: true })
    assert.equal(view?.arrived, undefined)
    table.note()
    assert.equal(table.mend(everything(5, 30), 60), undefined)
    assert.equal(view?.arrived, 30)
    now = 70
    table.put(topic, bytes(reading(5)), { retained: true })
    assert.equal(view?.arrived, 30, 'the same again after a reconnect')
    table.put(topic, bytes(reading(6)))
    assert.equal(view?.arrived, 70)
  })

  it('keeps no device of what it does not take', () => {
    const table = make()
    for (let i = 0; i < 20_001; i += 1) table.put(`lab/d/c${i}`, bytes(1))
    table.put('lab/another/c', bytes(1))
    assert.equal(table.beyond, 2)
    assert.equal(table.device('another'), undefined)
    for (let i = 0; i < 20_001; i += 1) table.put(`lab/e${i}`, bytes(1))
    assert.equal(table.devices.length, 20_000)
  })
})

describe('the recheck of the page', () => {
  it('asks, waits for what is underway, and mends; not sooner again after a slow answer', async () => {
    const waits = new Waits()
    const table = new Table(topics, () => now)
    let now = 0
    let asked = 0
    let mended: readonly CodenameView[] = []
    table.put(topics.reading('weather', 'serial') ?? '', bytes(reading(1)))
    const recheck = new Recheck({
      ask: () => {
        asked += 1
        now += 1
        return Promise.resolve({ devices: [{ device: 'weather', codenames: [{ codename: 'serial', reading: reading(42), age: 1 }] }] })
      },
      table: () => table,
      now: () => now,
      after: waits.after,
      isVisible: () => true,
      onMended: (views) => (mended = views)
    })
    recheck.now()
    await turn()
    assert.equal(mended.length, 0)
    waits.end(2)
    await turn()
    assert.deepEqual(
      mended.map((view) => view.reading?.value),
      [42]
    )
    waits.end(20)
    await turn()
    assert.equal(asked, 1, 'it took a second: again after forty')
    assert.equal(recheck.soon(), false)
    now += 40
    assert.equal(recheck.soon(), true)
    await turn()
    assert.equal(asked, 2)
    recheck.now()
    await turn()
    assert.equal(asked, 3, 'there was reason to doubt')
  })
})

describe('commands of the page', () => {
  const view = { topic: 'lab/oven/target', meta: undefined } as unknown as CodenameView
  const make = (subscribed: Promise<void>): { asking: Asking; waits: Waits; sent: string[] } => {
    const sent: string[] = []
    const waits = new Waits()
    const link = {
      up: true,
      subscribe: async () => await subscribed,
      unsubscribe: () => {},
      publish: (_topic: string, payload: string) => Promise.resolve(void sent.push(payload))
    }
    return { asking: new Asking(link, 'page', () => 1_000_000, waits.after), waits, sent }
  }

  it('expire when the page gives up, and say so', async () => {
    const { asking, waits, sent } = make(Promise.resolve())
    const asked = asking.ask('set', view, { value: 222, id: 'a' })
    await turn()
    assert.deepEqual(JSON.parse(sent[0] ?? ''), { value: 222, id: 'a', expires: '1970-01-12T13:46:48Z' })
    waits.end(8)
    const { error } = await asked
    assert.equal(error?.class, 'Timeout')
    assert.match(error?.message ?? '', /will not be done later/)
  })

  it('are not sent once they were called failed', async () => {
    let subscribed = (): void => {}
    const { asking, waits, sent } = make(new Promise((resolve) => (subscribed = resolve)))
    const asked = asking.ask('set', view, { value: 222 })
    waits.end(8)
    assert.equal((await asked).phase, 'failed')
    subscribed()
    await turn()
    assert.deepEqual(sent, [])
  })
})

describe('subscriptions to any topics', () => {
  it('say why nothing comes', async () => {
    const told: (string | undefined)[] = []
    let options: LinkOptions | undefined
    let refused = true
    const link = {
      up: true,
      start: () => {},
      stop: () => {},
      hurry: () => {},
      unsubscribe: () => {},
      subscribe: () => (refused ? Promise.reject(new Error('refused')) : Promise.resolve())
    }
    const raw = new Raw(
      'ws://x',
      'page',
      () => told.push(raw.trouble),
      (given) => ((options = given), link)
    )
    const leave = raw.add('a/#', () => {})
    options?.onConnected()
    await turn()
    options?.onLost('cut')
    refused = false
    options?.onConnected()
    await turn()
    leave()
    assert.deepEqual(told, ['the connection for this page is being made', 'refused', 'cut', undefined])
  })
})
