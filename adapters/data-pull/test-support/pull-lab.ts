/** A gateway with one data-pull-client, the socket that it asks, and an MQTT client that sees what comes of it. */
import assert from 'node:assert/strict'
import { FakeClock, settle } from '../../../test/support/fake-clock.js'
import { FarSocket } from '../../../test/support/far-socket.js'
import type { TestClient } from '../../../test/support/mqtt.js'
import { Scripted } from '../../../test/support/scripted.js'
import { start } from '../../../test/support/start.js'
import type { Running, StartOptions } from '../../../test/support/start.js'

/** Unix seconds at which the clock stands at first. */
export const now = 1_700_000_000

/** As MQTT shows it: so many whole seconds later. */
export const time = (seconds: number): string => new Date((now + seconds) * 1000).toISOString().replace('.000Z', 'Z')

export class PullLab {
  readonly clock: FakeClock
  readonly scripted: Scripted
  readonly far: FarSocket
  readonly running: Running
  readonly mqtt: TestClient

  private constructor(far: FarSocket, parts: { clock: FakeClock; scripted: Scripted; running: Running; mqtt: TestClient }) {
    this.far = far
    this.clock = parts.clock
    this.scripted = parts.scripted
    this.running = parts.running
    this.mqtt = parts.mqtt
  }

  /** One client of a device `d`; `more` are further keys of it, `others` further instances, or parts of the file. */
  static async open(codenames: string, more = '', { others = '', ...options }: StartOptions & { others?: string } = {}): Promise<PullLab> {
    const clock = new FakeClock(now)
    const scripted = new Scripted()
    const far = await FarSocket.open()
    const shown = /\b(channels|device):/.test(more) ? '' : ', device: d'
    const running = await start(
      `devices: { d: ${codenames} }
adapters:
  - { id: pull, type: data-pull-client, target: { host: 127.0.0.1, port: ${far.port} }${shown}${more === '' ? '' : `, ${more}`} }
${others}`,
      { clock, types: [scripted.type], ...options }
    )
    const mqtt = await running.connect()
    await mqtt.subscribe('lab/d', 'lab/d/+', 'lab/e/+', 'lab-dead/#')
    const lab = new PullLab(far, { clock, scripted, running, mqtt })
    await lab.state('offline')
    return lab
  }

  /** Fails when there was an error in the log. */
  async close(): Promise<void> {
    const stopped = this.running.stop()
    await this.clock.pass(10)
    await stopped
    await this.far.close()
    const wrong = this.running.log.lines.filter(({ level }) => level === 'error')
    assert.deepEqual(wrong, [])
  }

  /** The next question must be this one, and is answered so. */
  async reply(question: string, said: string | Buffer | undefined): Promise<void> {
    const asked = await this.far.nextAfter(this.clock)
    assert.equal(asked.text, question)
    if (said !== undefined) await asked.answer(said)
  }

  /** So many rounds without an answer, to the end of their patience. */
  async silence(rounds: number): Promise<void> {
    for (let round = 0; round < rounds; round += 1) {
      await this.reply('json_wn', undefined)
      await this.clock.pass(0.5)
    }
  }

  /** Time passes, in steps, and what it sets off goes its way over real sockets. */
  async pass(seconds: number): Promise<void> {
    for (let passed = 0; passed < seconds - 1e-9; passed += 0.05) {
      await this.clock.pass(0.05)
      for (let turn = 0; turn < 10; turn += 1) await settle()
    }
  }

  async reading(codename = 'a'): Promise<Record<string, unknown>> {
    return await this.mqtt.nextJson(`lab/d/${codename}`)
  }

  /** The reason of the next state of the device that is this one. */
  async state(is: string): Promise<string> {
    const fits = ({ topic, text }: { topic: string; text: string }): boolean => topic === 'lab/d' && text.includes(`"state":"${is}"`)
    return String((await this.mqtt.nextJson(fits))['reason'])
  }

  async letter(): Promise<Record<string, unknown>> {
    return await this.mqtt.nextJson(({ topic }) => topic.startsWith('lab-dead/'))
  }

  /** Of instances: the history says for itself that it does not believe a time. */
  warnings(): string[] {
    const warned = this.running.log.lines.filter(({ level, fields }) => level === 'warn' && 'instance' in fields)
    return warned.map(({ message, fields }) => `${message}: ${String(fields['reason'])}`)
  }

  /** What was published on a codename besides what the test has taken. */
  async more(codename = 'a'): Promise<string[]> {
    await this.mqtt.settled()
    return this.mqtt.left.filter(({ topic }) => topic === `lab/d/${codename}`).map(({ text }) => text)
  }
}
