import assert from 'node:assert/strict'
import type { Crashing } from '../process/crashing.js'
import { TestClient } from '../support/mqtt.js'
import { UdpClient } from '../support/udp.js'

/** Configuration of what old clients push to by UDP. */
export const pushSocket =
  'devices: { pushed: { codenames: {} } }\nadapters: [{ id: push, type: data-push-server, port: 0, device: pushed }]\n'

const topicOf = (index: number): string => `lab/pushed/k${index}`

/** Pushes by UDP, one number after the other, each when the one before has its ACK#. */
class Pusher {
  readonly #udp = new UdpClient()
  readonly #port: number
  readonly #key: string
  /** The highest that was acknowledged. */
  acked = -1
  #stopped = false

  constructor(port: number, key: string) {
    this.#port = port
    this.#key = key
  }

  async run(from: number): Promise<void> {
    for (let number = from; !this.#stopped; number++) {
      const answer = await this.#udp.ask(this.#port, `raw_wn#${this.#key}:int:${number}`, 500).catch(() => '')
      if (this.#stopped || !answer.startsWith('ACK#')) return
      assert.equal(answer, `ACK#{'${this.#key}': ${number}}`)
      this.acked = number
    }
  }

  async stop(): Promise<void> {
    this.#stopped = true
    await this.#udp.close()
  }
}

/** Some old clients that push until the gateway is killed. */
export class Pushers {
  readonly #all: readonly Pusher[]
  readonly #from: number
  readonly #runs: readonly Promise<void>[]

  private constructor(port: number, count: number, round: number) {
    this.#from = round * 1_000_000
    this.#all = Array.from({ length: count }, (_, index) => new Pusher(port, `k${index}`))
    this.#runs = this.#all.map((pusher) => pusher.run(this.#from))
  }

  /** A session that is never there, except to be looked at. */
  static async prepare(gateway: Crashing): Promise<void> {
    const absent = await gateway.connect('absent-pushed', false)
    await absent.subscribeAsync(['lab/pushed/+', 'pushed/end'], { qos: 1 })
    await absent.endAsync()
  }

  static start(gateway: Crashing, count: number, round: number): Pushers {
    return new Pushers(gateway.pushPort, count, round)
  }

  async stop(): Promise<void> {
    await Promise.all([...this.#all.map((pusher) => pusher.stop()), ...this.#runs])
  }

  /** Every acknowledged push is in the queue of the absent session, with the time that is shown now; tells how many there were. */
  async check(gateway: Crashing, retained: ReadonlyMap<string, string>): Promise<number> {
    const absent = await TestClient.connect(gateway.port, { clientId: 'absent-pushed', clean: false })
    await absent.publish('pushed/end', '0')
    await absent.next('pushed/end')
    const times = this.#all.map(() => new Map<number, string>())
    for (const { topic, text } of absent.left) {
      const { value, time } = JSON.parse(text) as { value: number; time: string }
      const own = times[Number(topic.slice('lab/pushed/k'.length))]
      if (own !== undefined && !own.has(value)) own.set(value, time)
    }
    await absent.close()
    let count = 0
    for (const [index, { acked }] of this.#all.entries()) {
      const [topic, own] = [topicOf(index), times[index]]
      for (let number = this.#from; number <= acked; number++) assert.ok(own?.has(number), `${topic} ${number} was acknowledged`)
      if (acked < 0) continue
      count += acked - this.#from + 1
      const shown = JSON.parse(retained.get(topic) ?? '{}') as Record<string, unknown>
      assert.ok(Number(shown['value']) >= acked, `${topic} shows ${String(shown['value'])}, acknowledged ${acked}`)
      assert.deepEqual([shown['quality'], shown['source'], shown['time']], ['stale', 'restored', own?.get(Number(shown['value']))])
    }
    return count
  }
}
