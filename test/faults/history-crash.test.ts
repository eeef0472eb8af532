import assert from 'node:assert/strict'
import { cp } from 'node:fs/promises'
import type { MqttClient } from 'mqtt'
import { Crashing } from '../process/crashing.js'
import { folder } from '../process/program.js'
import { OpenHistory } from '../support/open-history.js'

/** Kills; 20 for a release. */
const kills = Number(process.env['LABGATE_KILLS'] ?? 2)
const codenames = 5

/** Milliseconds between two readings of a codename. */
const period = 10

/** Seconds that a kill may take: the second of the promise, and what the batch takes to be written here. */
const lost = 1.3

/** Publishes numbers to its codename, one after the other, until the connection breaks. */
class Series {
  readonly codename: string
  /** Seconds at which each was acknowledged. */
  readonly acked: number[] = []
  #next = 0
  #timer: NodeJS.Timeout | undefined

  constructor(codename: string) {
    this.codename = codename
  }

  start(client: MqttClient): void {
    // What was under way at the kill may have been taken or not: the next ones begin elsewhere.
    this.#next = this.acked.length = this.#next + 1000
    this.#timer = setInterval(() => {
      const number = this.#next++
      client.publish(`lab/probe/${this.codename}`, String(number), { qos: 1 }, (error) => {
        if (!error) this.acked[number] = performance.now() / 1000
      })
    }, period)
  }

  stop(): void {
    clearInterval(this.#timer)
  }
}

describe('history after kill -9', function () {
  this.timeout(20_000 + kills * 10_000)
  const gateway = new Crashing('fast')
  const series = Array.from({ length: codenames }, (_, index) => new Series(`c${index}`))
  afterEach(async () => {
    for (const each of series) each.stop()
    await gateway.program?.gone()
  })

  it(`can be read, and lacks at most the last second: ${kills} kills while ${codenames * (1000 / period)} readings come in a second`, async () => {
    let [worst, count] = [0, 0]
    const kept = new Map<string, number[]>()
    for (let round = 0; round < kills; round++) {
      await gateway.start()
      const client = await gateway.connect(`p${round}`)
      client.on('error', () => {})
      for (const each of series) each.start(client)
      await new Promise((resolve) => setTimeout(resolve, 1200 + Math.random() * 1000))
      await gateway.kill()
      const killed = performance.now() / 1000
      for (const each of series) each.stop()
      await client.endAsync(true)

      // The gateway goes on from what the kill left.
      const copy = folder()
      await cp(gateway.data, copy, { recursive: true })
      const history = await OpenHistory.open(copy)
      assert.deepEqual(history.log.lines, [])
      for (const { codename, acked } of series) {
        const points = await history.readings('probe', codename)
        const values = points.filter(({ quality }) => quality === 'good').map(({ value }) => Number(value))
        const before = kept.get(codename) ?? []
        // What survived the kill before is there, then what was published since: from its beginning on, nothing missing, nothing twice.
        assert.deepEqual(values.slice(0, before.length), before)
        const now = values.slice(before.length)
        const first = now[0] ?? NaN
        assert.deepEqual(
          now,
          now.map((_, index) => first + index)
        )
        const last = now.at(-1) ?? NaN
        for (const [number, at] of acked.entries()) if (at !== undefined && number > last) worst = Math.max(worst, killed - at)
        // Where it was away, no line is drawn.
        assert.equal(points.filter(({ quality }) => quality === 'stale').length, round)
        kept.set(codename, values)
        count += now.length
        const plot = await history.plot('probe', codename, 5)
        assert.ok(plot.kind === 'rollups')
        assert.equal(
          plot.buckets.reduce((sum, bucket) => sum + bucket.count, 0),
          values.length
        )
      }
      await history.close()
    }
    assert.ok(worst <= lost, `what was acknowledged ${worst} s before the kill is gone`)
    console.log(`      ${count} readings survived ${kills} kills; the oldest that did not was acknowledged ${worst.toFixed(2)} s before`)
  })
})
