/** Gateway against gateway: the data-pull-client asks a data-pull-server, also over a network that loses, doubles, delays and cuts. */
import assert from 'node:assert/strict'
import { str } from '../../adapters/common/python-text.js'
import type { Exact } from '../../gateway/adapter.js'
import { FakeClock, settle } from '../support/fake-clock.js'
import { Relay } from '../support/relay.js'
import type { Fate } from '../support/relay.js'
import { Scripted } from '../support/scripted.js'
import { start } from '../support/start.js'
import type { Running } from '../support/start.js'
import { Random } from './random.js'

const now = 1_700_000_000

describe('a data-pull-client and a data-pull-server', () => {
  let clock: FakeClock
  let far: Running
  let near: Running
  let relay: Relay | undefined
  const [source, sink] = [new Scripted(), new Scripted()]

  const codenames = '{ a: { maxAge: 5 }, b: {}, c: {} }'

  async function open(asked: string, fate?: () => Fate): Promise<void> {
    clock = new FakeClock(now)
    far = await start(
      `devices: { d: { codenames: ${codenames} } }
adapters:
  - { id: source, type: scripted, feeds: [d] }
  - { id: pull, type: data-pull-server, port: 0, name: far, device: d }`,
      { clock, types: [source.type] }
    )
    const port = far.port('pull')
    relay = fate === undefined ? undefined : await Relay.open(() => port, fate)
    near = await start(
      `devices: { d: { codenames: { a: {}, b: {}, c: {} } } }
adapters:
  - { id: ask, type: data-pull-client, target: { host: 127.0.0.1, port: ${relay?.port ?? port} }, device: d, name: far, ${asked} }
  - { id: sink, type: scripted, feeds: [other] }`,
      { clock, types: [sink.type] }
    )
  }

  afterEach(async () => {
    const stopped = Promise.all([near.stop(), far.stop(), relay?.close()])
    await clock.pass(10)
    await stopped
    const wrong = [...near.log.lines, ...far.log.lines].filter(({ level }) => level === 'error')
    assert.deepEqual(wrong, [])
  })

  /** Time passes, and what it sets off goes its way over real sockets. */
  async function pass(seconds: number): Promise<void> {
    for (let passed = 0; passed < seconds - 1e-9; passed += 0.05) {
      await clock.pass(0.05)
      for (let turn = 0; turn < 6; turn += 1) await settle()
    }
  }

  const set = async (codename: string, value: Exact, time = clock.now()): Promise<void> =>
    await source.host('source').publish({ device: 'd', codename, value, time })

  for (const ask of ['json_wn', 'codename#json', 'codename#raw'])
    it(`${ask}: values, types and times arrive as they were, and OLD_DATA as stale with the last time`, async () => {
      await open(`ask: "${ask}"`)
      const points: [string, Exact][] = [
        ['a', 47],
        ['b', 123456789012345678901234567890n],
        ['c', 'on']
      ]
      for (const [codename, value] of points) await set(codename, value, now - 1.25)
      await pass(2)
      const host = sink.host('sink')
      for (const [codename, value] of points) {
        const got = host.latest('d', codename)
        assert.deepEqual([got?.value, got?.time, got?.quality], [value, now - 1.25, 'good'])
      }
      await pass(5)
      const old = host.latest('d', 'a')
      assert.deepEqual([old?.value, old?.time, old?.quality, old?.error?.code], [47, now - 1.25, 'stale', 'OLD_DATA'])
      assert.equal(host.latest('d', 'b')?.quality, 'good', 'it has no maxAge')
      source.host('source').report('offline', 'cable cut')
      await pass(2)
      for (const [codename, value] of points) {
        const got = host.latest('d', codename)
        assert.deepEqual([got?.value, got?.time, got?.quality], [value, now - 1.25, 'stale'])
      }
    })

  for (const ask of ['json_wn', 'codename#json', 'codename#raw'])
    it(`${ask}: over a bad network no value is wrong, of another channel, or of another time`, async function () {
      this.timeout(30_000)
      const random = new Random(4)
      await open(`ask: "${ask}"`, () => {
        const chance = random.next()
        if (chance < 0.1) return { copies: 0 }
        if (chance < 0.2) return { copies: 2 }
        if (chance < 0.3) return { copies: 0, later: 1 }
        if (chance < 0.4) return { copies: 0, later: 2 }
        // A raw answer does not show that its end is missing.
        if (chance < 0.45 && ask !== 'codename#raw') return { copies: 1, cut: random.below(40) }
        return { copies: 1 }
      })
      /** What the source said: channel and time to the value. */
      const said = new Map<string, Exact>()
      const heard: string[] = []
      const wrong: string[] = []
      const watch = sink.host('sink').watch({ device: 'd' }, ({ codename, value, time, quality }) => {
        if (value === null) return
        heard.push(codename)
        if (said.get(`${codename} ${time}`) !== value) wrong.push(`${codename} at ${time}: ${str(value)}, ${quality}`)
      })
      // Each channel has values of its own.
      for (let second = 0; second < 200; second += 1) {
        for (const [i, codename] of ['a', 'b', 'c'].entries()) {
          const [time, value] = [clock.now() - i / 8, BigInt(1000 * (i + 1) + second)]
          said.set(`${codename} ${time}`, value)
          await set(codename, value, time)
        }
        await pass(1)
      }
      watch.cancel()
      assert.deepEqual(wrong, [])
      for (const codename of ['a', 'b', 'c'])
        assert.ok(heard.filter((one) => one === codename).length > 60, `${codename}: ${heard.filter((one) => one === codename).length}`)
    })
})
