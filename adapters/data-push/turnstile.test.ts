import assert from 'node:assert/strict'
import fc from 'fast-check'
import { ScriptedClock } from '../../test/vectors/clock.js'
import { Turnstile } from './turnstile.js'

/** Lets everything run that waits for nothing but its turn. */
const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

class Bench {
  readonly clock = new ScriptedClock()
  readonly turnstile: Turnstile
  readonly begun: string[] = []
  readonly aborted: string[] = []
  /** In order: who, what, when. */
  readonly answers: { name: string; reply: string; at: number }[] = []
  dropped = 0
  /** That ran at the same time. */
  most = 0
  #running = 0
  readonly #start: number

  constructor(options: { within: number; max?: number }) {
    this.clock.standStill(1.7e9)
    this.#start = this.clock.monotonic()
    this.turnstile = new Turnstile({
      clock: this.clock,
      within: options.within,
      max: options.max ?? 100,
      tooLate: () => (this.dropped += 1)
    })
  }

  get time(): number {
    return this.clock.monotonic() - this.#start
  }

  /** Carried out within so many seconds; 0: at once; negative: fails after that. */
  push(name: string, seconds: number): boolean {
    const run = async (signal: AbortSignal): Promise<Buffer> => {
      this.begun.push(name)
      signal.addEventListener('abort', () => this.aborted.push(name))
      this.#running += 1
      this.most = Math.max(this.most, this.#running)
      if (seconds !== 0) await new Promise<void>((resolve) => this.clock.after(Math.abs(seconds), resolve))
      this.#running -= 1
      if (seconds < 0) throw new Error('a fault')
      return Buffer.from('done')
    }
    const answer = (reply: Buffer | undefined): void => void this.answers.push({ name, reply: String(reply), at: this.time })
    return this.turnstile.push({ run, late: () => Buffer.from('late'), answer })
  }

  async pass(seconds: number): Promise<void> {
    for (let i = 0; i < seconds; i += 1) {
      await settle()
      this.clock.advance(1)
      await settle()
    }
  }

  get said(): string[] {
    return this.answers.map(({ name, reply, at }) => `${name} ${reply} ${at}`)
  }
}

describe('turnstile', () => {
  it('carries out one request after another and answers in order', async () => {
    const bench = new Bench({ within: 10 })
    for (const [name, seconds] of [
      ['a', 2],
      ['b', 1],
      ['c', 0]
    ] as const)
      bench.push(name, seconds)
    await settle()
    assert.deepEqual([bench.begun, bench.turnstile.length], [['a'], 2])
    await bench.pass(4)
    assert.deepEqual(bench.said, ['a done 2', 'b done 3', 'c done 3'])
    assert.deepEqual([bench.dropped, bench.aborted], [0, []])
  })

  it('answers in time what takes too long, and drops the late result, once', async () => {
    const bench = new Bench({ within: 3 })
    bench.push('slow', 5)
    await bench.pass(3)
    assert.deepEqual(bench.said, ['slow late 3'])
    assert.deepEqual([bench.dropped, bench.aborted], [0, ['slow']])
    await bench.pass(10)
    assert.deepEqual([bench.said, bench.dropped], [['slow late 3'], 1])
  })

  it('never begins what was not begun by its deadline', async () => {
    const bench = new Bench({ within: 3 })
    for (const name of ['first', 'second', 'third']) bench.push(name, 9)
    await bench.pass(20)
    assert.deepEqual(bench.said, ['first late 3', 'second late 3', 'third late 3'])
    assert.deepEqual([bench.begun, bench.dropped], [['first'], 1])
  })

  it('begins the next only when a late one has ended', async () => {
    const bench = new Bench({ within: 3 })
    bench.push('slow', 5)
    await bench.pass(1)
    bench.push('in vain', 0)
    await bench.pass(3)
    bench.push('next', 1)
    await bench.pass(5)
    assert.deepEqual(bench.said, ['slow late 3', 'in vain late 4', 'next done 6'])
    assert.deepEqual([bench.begun, bench.dropped], [['slow', 'next'], 1])
  })

  it('takes no more than its maximum', async () => {
    const bench = new Bench({ within: 3, max: 2 })
    assert.deepEqual([bench.push('runs', 1), bench.push('a', 0), bench.push('b', 0), bench.push('c', 0)], [true, true, true, false])
    await bench.pass(2)
    assert.deepEqual(bench.said, ['runs done 1', 'a done 1', 'b done 1'])
    assert.equal(bench.push('d', 0), true)
  })

  it('survives a request that fails without an answer', async () => {
    const bench = new Bench({ within: 5 })
    bench.push('faulty', -1)
    bench.push('next', 1)
    await bench.pass(3)
    assert.deepEqual(bench.said, ['faulty late 1', 'next done 2'])
  })

  it('answers nobody after clear, leaves no timer and calls nothing late; then works on', async () => {
    const bench = new Bench({ within: 3 })
    bench.push('runs', 2)
    bench.push('waits', 1)
    await settle()
    bench.turnstile.clear()
    bench.turnstile.clear()
    assert.deepEqual(bench.aborted, ['runs'])
    await bench.pass(10)
    assert.deepEqual([bench.said, bench.begun, bench.dropped], [[], ['runs'], 0])
    bench.push('again', 1)
    await bench.pass(1)
    assert.deepEqual(bench.said, ['again done 11'])
  })

  it('keeps order, answers each exactly once and none after its deadline, whatever the durations', async () => {
    const job = fc.record({ gap: fc.integer({ min: 0, max: 4 }), seconds: fc.integer({ min: -3, max: 12 }) })
    await fc.assert(
      fc.asyncProperty(fc.array(job, { maxLength: 12 }), fc.integer({ min: 1, max: 8 }), async (jobs, within) => {
        const bench = new Bench({ within })
        const arrived = new Map<string, number>()
        for (const [i, { gap, seconds }] of jobs.entries()) {
          await bench.pass(gap)
          arrived.set(String(i), bench.time)
          bench.push(String(i), seconds)
        }
        await bench.pass(12 * 13)
        const names = jobs.map((_, i) => String(i))
        assert.deepEqual(
          bench.answers.map(({ name }) => name),
          names
        )
        for (const { name, reply, at } of bench.answers) {
          const came = arrived.get(name) as number
          assert.ok(at <= came + within, `${name} was answered at ${at}, its deadline was ${came + within}`)
          if (reply === 'done') assert.ok(bench.begun.includes(name))
          if (reply === 'late' && (jobs[Number(name)]?.seconds ?? 0) >= 0) assert.equal(at, came + within)
        }
        const order = bench.begun.map(Number)
        assert.deepEqual(
          order,
          order.toSorted((a, b) => a - b)
        )
        assert.equal(bench.turnstile.length, 0)
        assert.deepEqual([bench.dropped, bench.most], [bench.aborted.length, Math.min(jobs.length, 1)])
      }),
      { numRuns: 60 }
    )
  })
})
