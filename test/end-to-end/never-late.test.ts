import assert from 'node:assert/strict'
import { dumps } from '../../adapters/common/python-text.js'
import type { AdapterType, Exact, ExactMap } from '../../gateway/adapter.js'
import { settle } from '../support/fake-clock.js'
import { ramp } from '../support/ramp.js'
import { start } from '../support/start.js'
import type { Running } from '../support/start.js'
import { ScriptedClock } from '../vectors/clock.js'
import { Asker } from '../vectors/asker.js'

/** Seconds that a slow callback takes, and the step in which time passes here. */
const slow = 10
const step = 0.05

/** Everything that waits for nothing but its turn has run, datagrams on loopback too. */
async function quiet(): Promise<void> {
  for (let turn = 0; turn < 6; turn += 1) await settle()
}

/**
 * A program as run_ramp in the labs (section 9): one socket, one question after another, each with a number. What comes first after a
 * question is its answer; when nothing comes in time, it asks the next one and never looks back.
 */
class Ramp {
  readonly #asker: Asker
  readonly #name: string
  /** Seconds. */
  readonly #patience: number
  #asked = 0
  #until = 0
  #waiting = false
  /** Number of each question with what was taken for its answer. */
  readonly taken: (readonly [asked: number, answer: string])[] = []
  givenUp = 0

  private constructor(asker: Asker, name: string, patience: number) {
    this.#asker = asker
    this.#name = name
    this.#patience = patience
  }

  static async open(name: string, patience: number): Promise<Ramp> {
    return new Ramp(await Asker.open(), name, patience)
  }

  async go(port: number, now: number): Promise<void> {
    if (this.#waiting) {
      const answer = this.#asker.take()
      if (answer === undefined && now < this.#until) return
      if (answer === undefined) this.givenUp += 1
      else this.taken.push([this.#asked, answer.toString('latin1')])
    }
    this.#asked += 1
    this.#until = now + this.#patience
    this.#waiting = true
    await this.#asker.send(Buffer.from(`json_wn#{"client": "${this.#name}", "question": ${this.#asked}}`), port)
  }

  /** Answers that were taken for those to another question. */
  get wrong(): string[] {
    return this.taken.flatMap(([asked, answer]) => {
      const right = `RET#{"client": "${this.#name}", "question": ${asked}}`
      return answer === right || answer.startsWith('EXCEP#') ? [] : [`${asked}: ${answer}`]
    })
  }

  count(prefix: string): number {
    return this.taken.filter(([, answer]) => answer.startsWith(prefix)).length
  }

  /** Came and was not taken. */
  left(): Buffer | undefined {
    return this.#asker.take()
  }

  async close(): Promise<void> {
    await this.#asker.close()
  }
}

describe('never late', () => {
  let running: Running
  let clock: ScriptedClock
  let clients: Ramp[]
  /** Begun and not ended: a socket of this kind has one thread. */
  let most: number

  /** Echoes the question; every seventh takes its time. */
  const machine = (): AdapterType => {
    let underWay = 0
    let count = 0
    return ramp('machine', async (value) => {
      underWay += 1
      most = Math.max(most, underWay)
      count += 1
      if (count % 7 === 0) await new Promise<void>((resolve) => clock.after(slow, resolve))
      underWay -= 1
      return value
    })
  }

  async function lab(answerWithin: number, ...patience: number[]): Promise<void> {
    clock = new ScriptedClock()
    clock.standStill(1.7e9)
    most = 0
    const push = `type: data-push-server, port: 0, name: Ramp, accept: commands, action: callback_direct, as: { call: cell/ramp }, answerWithin: ${answerWithin}`
    running = await start(`adapters: [{ id: cell, type: machine }, { id: push, ${push} }]`, { clock, types: [machine()] })
    clients = await Promise.all(patience.map((seconds, i) => Ramp.open(`c${i}`, seconds)))
  }

  async function pass(seconds: number): Promise<void> {
    const begin = clock.monotonic()
    while (clock.monotonic() - begin < seconds) {
      for (const client of clients) await client.go(running.port('push'), clock.monotonic())
      await quiet()
      clock.advance(step)
      await quiet()
    }
  }

  afterEach(async () => {
    await Promise.all(clients.map((client) => client.close()))
    await running.stop()
  })

  it('a callback of 10 s lets no client take another question’s answer, when answerWithin is below their patience', async () => {
    await lab(0.2, 0.3, 0.3, 0.5, 1)
    await pass(120)
    clock.advance(slow)
    await quiet()
    for (const client of clients) {
      assert.deepEqual(client.wrong, [])
      assert.equal(client.givenUp, 0)
      assert.ok(client.count('EXCEP#no result within 0.2 s') > 50, 'no callback took its time')
      assert.ok(client.count('RET#') > 5, 'no callback was quick')
      // Each question had one answer: that to the last one is the only one left.
      assert.notEqual(client.left(), undefined)
      assert.equal(client.left(), undefined)
    }
    assert.equal(most, 1)
  })

  it('the test finds it: a client less patient than answerWithin does take another question’s answer', async () => {
    await lab(0.5, 0.3)
    await pass(60)
    assert.ok((clients[0]?.wrong.length ?? 0) > 0)
  })

  it('questions of one address and port are answered in their order, each once, whatever they are', async () => {
    await lab(0.2)
    const asker = await Asker.open()
    const expected: RegExp[] = []
    try {
      for (let round = 0; round < 30; round += 1) {
        const question: ExactMap = new Map<string, Exact>([['round', BigInt(round)]])
        const asked: [string, RegExp][] = [
          ['name', /^RET#Ramp$/],
          [`json_wn#${dumps(question)}`, new RegExp(`^(RET#\\{"round": ${round}\\}|EXCEP#no result within 0\\.2 s)$`)],
          [`nonsense ${round}`, /^ERROR#UNKNOWN_COMMMAND$/],
          [`json_wn#[${round}]`, new RegExp(`^ERROR#The object '\\[${round}\\]'`)]
        ]
        for (const [text, pattern] of asked) {
          await asker.send(Buffer.from(text), running.port('push'))
          expected.push(pattern)
        }
        await quiet()
        clock.advance(step)
        await quiet()
      }
      clock.advance(slow)
      await quiet()
      for (const [i, pattern] of expected.entries()) assert.match(String(asker.take()), pattern, `answer ${i}`)
      assert.equal(asker.take(), undefined)
    } finally {
      await asker.close()
    }
  })
})
