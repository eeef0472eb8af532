/** The size of the laboratory that the protocol notes count: 130 pull sockets, of which some are dead, slow, or talk nonsense. */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { createInterface } from 'node:readline'
import type { Interface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { start } from '../support/start.js'
import type { Running } from '../support/start.js'

/** Seconds that are measured; POLLED_SECONDS=60 for a figure to quote. */
const seconds = Number(process.env['POLLED_SECONDS'] ?? 5)

const kinds = { healthy: 100, silent: 10, closed: 10, slow: 5, nonsense: 5 }
type Kind = keyof typeof kinds

/** The sockets, in a process of their own. */
class Sockets {
  readonly #child: ChildProcess
  readonly #lines: Interface
  readonly #waiting: ((line: string) => void)[] = []
  ports: Record<Kind, number[]> = { healthy: [], silent: [], closed: [], slow: [], nonsense: [] }

  constructor() {
    const program = fileURLToPath(new URL('../bench/peers/pull-sockets.js', import.meta.url))
    this.#child = spawn(process.execPath, [program, ...Object.values(kinds).map(String)], { stdio: ['pipe', 'pipe', 'inherit'] })
    this.#lines = createInterface({ input: this.#child.stdout! })
    this.#lines.on('line', (line) => this.#waiting.shift()?.(line))
  }

  async open(): Promise<void> {
    this.ports = ((await this.#line()) as { ports: Record<Kind, number[]> }).ports
  }

  async measure(): Promise<{ readonly questions: readonly number[]; readonly between: readonly (readonly number[])[] }> {
    const report = this.#line()
    this.#child.stdin?.write(`${seconds}\n`)
    return (await report) as { questions: number[]; between: number[][] }
  }

  async close(): Promise<void> {
    const ended = new Promise((resolve) => this.#child.once('exit', resolve))
    this.#child.kill('SIGTERM')
    await ended
    this.#lines.close()
  }

  async #line(): Promise<unknown> {
    return JSON.parse(await new Promise<string>((resolve) => this.#waiting.push(resolve)))
  }
}

describe('130 pull sockets, asked once a second', () => {
  let sockets: Sockets
  let running: Running

  before(async function () {
    this.timeout(20_000)
    sockets = new Sockets()
    await sockets.open()
    const instances = Object.entries(sockets.ports).flatMap(([kind, ports]) =>
      ports.map(
        (port, i) =>
          `  - { id: ask-${kind}-${i}, type: data-pull-client, target: { host: 127.0.0.1, port: ${port} }, device: ${kind}-${i} }`
      )
    )
    running = await start(`adapters:\n${instances.join('\n')}\n`)
  })

  after(async () => {
    await running.stop()
    await sockets.close()
  })

  it(`keep their period, whatever the others do (${seconds} s)`, async function () {
    this.timeout((seconds + 20) * 1000)
    const mqtt = await running.connect()
    await mqtt.subscribe('lab/+')
    const wanted = new Map<string, string>()
    for (const [kind, count] of Object.entries(kinds))
      for (let i = 0; i < count; i += 1)
        wanted.set(`lab/${kind}-${i}`, kind === 'healthy' ? 'answers' : 'no program|no answer|not understood')
    // Each is online or known to be offline.
    while (wanted.size > 0) {
      const { topic, text } = await mqtt.next(({ topic: of }) => wanted.has(of), [...wanted.keys()].join(' '))
      if (new RegExp(wanted.get(topic) as string).test(text)) wanted.delete(topic)
    }
    await mqtt.subscribe('lab/+/temperature')
    await mqtt.settled()
    mqtt.drop()
    const before = process.cpuUsage()
    const begun = performance.now()
    const { questions, between } = await sockets.measure()
    const { user, system } = process.cpuUsage(before)
    const cpu = (user + system) / 1000 / (performance.now() - begun)

    const jitter = between.flat().map((each) => Math.abs(each - 1000))
    jitter.sort((a, b) => a - b)
    const percentile = (part: number): string => (jitter[Math.min(jitter.length - 1, Math.floor(jitter.length * part))] ?? NaN).toFixed(1)
    console.log(
      `      ${jitter.length} periods of 1 s: jitter p50 ${percentile(0.5)} ms, p99 ${percentile(0.99)} ms, most ${percentile(1)} ms;` +
        ` CPU of gateway and test ${(cpu * 100).toFixed(1)} % of one core`
    )
    assert.ok(
      questions.every((count) => Math.abs(count - seconds) <= 2),
      `asked so often in ${seconds} s: ${questions.join(' ')}`
    )
    await mqtt.settled()
    const readings = mqtt.left.filter(({ topic }) => topic.endsWith('/temperature'))
    for (let i = 0; i < kinds.healthy; i += 1) {
      const own = readings.filter(({ topic }) => topic === `lab/healthy-${i}/temperature`).map(({ text }) => text)
      assert.ok(own.length >= seconds - 2, `healthy-${i} gave ${own.length} readings`)
      assert.ok(
        own.every((text) => text.includes('"quality":"good"')),
        own.join('\n')
      )
    }
    assert.deepEqual([...new Set(readings.map(({ topic }) => topic.replace(/\d+/, '')))], ['lab/healthy-/temperature'])
    const states = mqtt.left.filter(({ topic }) => !topic.endsWith('/temperature') && topic !== 'lab/gateway')
    assert.deepEqual(
      states.map(({ topic, text }) => `${topic} ${text}`),
      [],
      'nothing changes'
    )
    const warnings = running.log.lines.filter(({ level }) => level === 'warn' || level === 'error')
    assert.equal(warnings.length, 30, 'one for each that is not as it should be')
  })
})
