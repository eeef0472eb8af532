import assert from 'node:assert/strict'
import { FakeClock } from '../../../test/support/fake-clock.js'
import type { TestClient } from '../../../test/support/mqtt.js'
import { Held, Scripted } from '../../../test/support/scripted.js'
import { start } from '../../../test/support/start.js'
import type { Running } from '../../../test/support/start.js'
import { TestController } from './test-controller.js'

/** What experiment PCs cause: two scripted devices, and one that speaks MQTT. */
export const roomYaml = `
devices:
  furnace:
    codenames:
      temperature: { maxAge: 10, schema: { type: number } }
      setpoint: { settable: true, schema: { type: number, maximum: 1200 }, timeout: 60 }
      state: { maxAge: 10 }
      note: { maxAge: 10 }
  spectrometer:
    codenames:
      acquire: { callable: { timeout: 60 } }
      stop: { callable: { arguments: { type: object, additionalProperties: false, properties: { exp_ref: {} } }, timeout: 60 } }
  native: { codenames: { begin: { callable: { timeout: 60 } } } }
adapters:
  - { id: maker, type: scripted, feeds: [furnace, spectrometer], executes: [furnace/setpoint, spectrometer] }
`

/** A gateway with an instance `stage` of rig-server, experiment PCs of it, and an MQTT client that looks on. Time stands. */
export class ServerLab {
  readonly clock = new FakeClock()
  readonly scripted = new Scripted()
  /** Scripted devices answer when the test says so, once `hold` was called. */
  readonly held = new Held()
  readonly controllers: TestController[] = []
  #running: Running | undefined
  #mqtt: TestClient | undefined

  get running(): Running {
    assert.ok(this.#running !== undefined, 'not started')
    return this.#running
  }

  get mqtt(): TestClient {
    assert.ok(this.#mqtt !== undefined, 'not started')
    return this.#mqtt
  }

  get port(): number {
    return this.running.port('stage')
  }

  /** `options` of the instance; `more`: further entries of adapters; `declared`: of devices. */
  async start(options = '', more = '', device = 'stage', declared = ''): Promise<void> {
    const entry = `  - { id: stage, type: rig-server, port: 0, device: ${device}, ${options} }\n`
    this.#running = await start(`${roomYaml.replace('devices:\n', `devices:\n  ${declared}\n`)}${more}${entry}`, {
      clock: this.clock,
      types: [this.scripted.type]
    })
    this.#mqtt = await this.#running.connect()
    await this.#mqtt.subscribe('lab/#', 'lab-dead/#')
    await this.#mqtt.settled()
    this.#mqtt.drop()
  }

  hold(): void {
    this.scripted.execute = this.held.execute
  }

  async close(): Promise<void> {
    for (const controller of this.controllers) await controller.close()
    if (this.#running === undefined) return
    await this.#running.stop()
    assert.deepEqual(
      this.#running.log.lines.filter(({ level }) => level === 'error'),
      []
    )
  }

  async controller(transport: 'udp' | 'tcp' = 'udp'): Promise<TestController> {
    const controller = await TestController[transport](this.port)
    this.controllers.push(controller)
    return controller
  }

  /** The gap is over: what waits for it is sent. */
  async gap(): Promise<void> {
    await this.clock.pass(0.026)
  }

  /** A message, its echo, its answer, and the echo of that. */
  async exchange(controller: TestController, message: string, answer: string): Promise<void> {
    await controller.echoed(message)
    await this.gap()
    await controller.echoes(answer)
  }

  /** The next reading of the rig; what is retained may come a second time. */
  async reading(codename: string): Promise<Record<string, unknown>> {
    return await this.mqtt.nextJson(({ topic, retain }) => topic === `lab/stage/${codename}` && !retain)
  }

  async value(codename: string): Promise<unknown> {
    return (await this.reading(codename))['value']
  }

  /** All values of a reading that came so far, and were not taken. */
  async values(codename: string): Promise<unknown[]> {
    await this.mqtt.settled()
    const found = this.mqtt.left.filter(({ topic, retain }) => topic === `lab/stage/${codename}` && !retain)
    for (const _ of found) await this.reading(codename)
    return found.map(({ text }) => (JSON.parse(text) as { value: unknown }).value)
  }

  async deadLetters(): Promise<string[]> {
    await this.mqtt.settled()
    return this.mqtt.left.filter(({ topic }) => topic.startsWith('lab-dead/')).map(({ text }) => text)
  }

  /** Of the instance, as the gateway publishes them. */
  async counters(): Promise<Record<string, number>> {
    this.mqtt.drop()
    await this.clock.pass(10)
    const { value } = await this.mqtt.nextJson(({ topic, retain }) => topic === 'lab/gateway/counters' && !retain)
    return (value as Record<string, Record<string, number>>)['stage'] ?? {}
  }

  /** Until the instance has warned of this. */
  async logged(what: RegExp): Promise<void> {
    for (let i = 0; i < 3000 && !this.warnings.some((message) => what.test(message)); i += 1)
      await new Promise((resolve) => setTimeout(resolve, 1))
    assert.match(this.warnings.join('\n'), what)
  }

  /** Warnings of the instance. */
  get warnings(): string[] {
    return this.running.log.lines
      .filter(({ level, fields }) => level === 'warn' && fields['instance'] === 'stage')
      .map(({ message }) => message)
  }

  /** Everything that could be read by anybody: topics, dead letters, log. */
  async everything(): Promise<string> {
    await this.mqtt.settled()
    const mqtt = this.mqtt.left.map(({ topic, text }) => `${topic} ${text}`)
    return [...mqtt, ...this.running.log.lines.map((line) => JSON.stringify(line))].join('\n')
  }
}
