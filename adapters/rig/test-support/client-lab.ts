/** A gateway with one rig-client, the rigs that it drives, and an MQTT client that sees what comes of it. */
import assert from 'node:assert/strict'
import type { Exact, Request } from '../../../gateway/adapter.js'
import { FakeClock, settle } from '../../../test/support/fake-clock.js'
import type { Message, TestClient } from '../../../test/support/mqtt.js'
import { Scripted } from '../../../test/support/scripted.js'
import { start } from '../../../test/support/start.js'
import type { Running } from '../../../test/support/start.js'
import { FarEnd } from './far-end.js'

export interface Reply {
  readonly phase: string
  readonly value?: Readonly<Record<string, unknown>>
  readonly error?: { readonly class: string; readonly code?: string; readonly message: string; readonly maybeExecuted?: boolean }
}

/** Phase, class, code, and whether it may have been carried out. */
export function told({ phase, error }: Reply): readonly unknown[] {
  return [phase, error?.class, error?.code, error?.maybeExecuted ?? false]
}

export interface LabOptions {
  readonly transport?: 'udp' | 'tcp'
  /** Further keys of the rig. */
  readonly rig?: string
  /** Further keys of the instance. */
  readonly more?: string
  /** Further rigs, as YAML members. */
  readonly rigs?: string
  readonly far?: FarEnd
  /** Further parts of the file. */
  readonly file?: string
  readonly uri?: string
}

export class ClientLab {
  readonly clock: FakeClock
  readonly far: FarEnd
  readonly running: Running
  readonly mqtt: TestClient
  readonly #scripted: Scripted
  /** Everything that MQTT showed, also what was taken. */
  readonly #all: Message[] = []
  #ids = 0
  #isHalted = false

  private constructor(far: FarEnd, clock: FakeClock, running: Running, mqtt: TestClient, scripted: Scripted) {
    this.far = far
    this.clock = clock
    this.running = running
    this.mqtt = mqtt
    this.#scripted = scripted
    mqtt.client.on('message', (topic: string, payload: Buffer) =>
      this.#all.push({ topic, text: payload.toString(), payload, retain: false, qos: 1, dup: false })
    )
  }

  static async open(options: LabOptions = {}): Promise<ClientLab> {
    const { transport = 'udp', rig = '', more = '', rigs = '', file = '' } = options
    const far = options.far ?? (transport === 'udp' ? await FarEnd.udp() : await FarEnd.tcp())
    const uri = options.uri ?? `${transport}://127.0.0.1:${far.port}`
    const clock = new FakeClock()
    const scripted = new Scripted()
    const running = await start(
      `${file}
adapters:
  - { id: room, type: rig-client, rigs: { cameras: { uri: "${uri}"${rig === '' ? '' : `, ${rig}`} }${rigs === '' ? '' : `, ${rigs}`} }${more === '' ? '' : `, ${more}`} }
  - { id: asker, type: scripted }
`,
      { clock, types: [scripted.type] }
    )
    const mqtt = await running.connect()
    const lab = new ClientLab(far, clock, running, mqtt, scripted)
    await mqtt.subscribe('lab/#', 'lab-dead/#')
    // What is retained comes in its own time.
    await mqtt.next(({ topic }) => topic.endsWith('/link'))
    await mqtt.settled()
    return lab
  }

  /** Also when the gateway or the rig are gone already. */
  async close(): Promise<void> {
    await this.halt()
    await this.far.close()
  }

  /** The gateway alone. Fails when there was an error in the log. */
  async halt(): Promise<void> {
    if (this.#isHalted) return
    this.#isHalted = true
    const stopped = this.running.stop()
    await this.clock.pass(20)
    await stopped
    assert.deepEqual(
      this.running.log.lines.filter(({ level }) => level === 'error'),
      []
    )
  }

  /** Calls; resolves with the id of the command once the gateway has it. */
  async call(
    codename: string,
    args: unknown = {},
    { device = 'cameras', expires }: { device?: string; expires?: string } = {}
  ): Promise<string> {
    this.#ids += 1
    const id = `t${this.#ids}`
    await this.mqtt.publish(`lab/${device}/${codename}/call`, { id, arguments: args, ...(expires === undefined ? {} : { expires }) })
    return id
  }

  /** The final reply with this id; time passes until it comes, but so many seconds at most. */
  async final(id: string, within = 0): Promise<Reply> {
    const fits = ({ topic, text }: Message): boolean =>
      topic.endsWith('/reply') && text.includes(`"id":"${id}"`) && !text.includes('"phase":"accepted"')
    for (let passed = 0; passed < within && !this.mqtt.left.some(fits); passed += 0.05) await this.pass(0.05)
    return (await this.mqtt.nextJson(fits)) as unknown as Reply
  }

  /** Calls, and lets time pass until the final reply. */
  async done(codename: string, args: unknown = {}, device = 'cameras'): Promise<Reply> {
    const id = await this.call(codename, args, { device })
    return await this.final(id, 30)
  }

  /** As an instance asks. */
  async request(request: Omit<Request, 'op'>): Promise<Exact> {
    return await this.#scripted.host('asker').request({ op: 'call', ...request })
  }

  /** Time passes, in steps, and what it sets off goes its way over real sockets. */
  async pass(seconds: number): Promise<void> {
    const step = 0.01
    for (let passed = 0; passed < seconds - 1e-9; passed += step) {
      for (let turn = 0; turn < 6; turn += 1) await settle()
      await this.clock.pass(Math.min(step, seconds - passed))
    }
    for (let turn = 0; turn < 12; turn += 1) await settle()
  }

  /** The values that a reading has had, in order; with their quality where it is not good. */
  async readings(codename: string, device = 'cameras'): Promise<unknown[]> {
    await this.pass(0.05)
    await this.mqtt.settled()
    return this.#all
      .filter(({ topic }) => topic === `lab/${device}/${codename}`)
      .map(({ text }) => {
        const { value, quality } = JSON.parse(text) as { value: unknown; quality: string }
        return quality === 'good' ? value : { value, quality }
      })
  }

  async events(device = 'cameras'): Promise<{ event: string; code: number; data: unknown[]; exp_ref?: unknown; refValid?: boolean }[]> {
    return (await this.readings('event', device)) as { event: string; code: number; data: unknown[] }[]
  }

  /** States of a device, with their reasons. */
  async states(device = 'cameras'): Promise<string[]> {
    await this.mqtt.settled()
    return this.#all
      .filter(({ topic }) => topic === `lab/${device}`)
      .map(({ text }) => JSON.parse(text) as { state: string; reason: string })
      .map(({ state, reason }) => `${state}: ${reason}`)
  }

  /** Everything that left the gateway or is in its log, as one text. */
  get shown(): string {
    return [...this.#all.map(({ topic, text }) => `${topic} ${text}`), ...this.running.log.lines.map((line) => JSON.stringify(line))].join(
      '\n'
    )
  }

  get dead(): string[] {
    return this.#all.filter(({ topic }) => topic.startsWith('lab-dead/')).map(({ text }) => text)
  }

  warnings(): string[] {
    return this.running.log.lines
      .filter(({ level }) => level === 'warn')
      .map(({ message, fields }) => `${message}: ${String(fields['reason'])}`)
  }

  /** What the instance has counted. */
  async counted(): Promise<Record<string, number>> {
    await this.pass(11)
    await this.mqtt.settled()
    const last = this.#all.findLast(({ topic }) => topic === 'lab/gateway/counters')
    const { value = {} } = JSON.parse(last?.text ?? '{}') as { value?: Record<string, Record<string, number>> }
    return value['room'] ?? {}
  }
}
