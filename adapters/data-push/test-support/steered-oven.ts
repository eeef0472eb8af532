import assert from 'node:assert/strict'
import type { Exact, Host } from '../../../gateway/adapter.js'
import { GatewayError } from '../../../gateway/errors.js'
import { settle } from '../../../test/support/fake-clock.js'
import type { FarSocket } from '../../../test/support/far-socket.js'
import type { TestClient } from '../../../test/support/mqtt.js'
import { Scripted } from '../../../test/support/scripted.js'
import { start } from '../../../test/support/start.js'
import type { LogLine, Running } from '../../../test/support/start.js'
import { ScriptedClock } from '../../../test/vectors/clock.js'

const devices = `
devices:
  oven:
    codenames:
      setpoint: { settable: true, timeout: 5, schema: { type: number, maximum: 1200 } }
      relay: { settable: true, schema: { type: integer } }
      note: { settable: true }
      temperature: { schema: { type: number } }
      bake: { callable: { timeout: 8 } }
  room: { codenames: { pressure: { maxAge: 10 }, light: {} } }
`

/** A gateway with a push client, the instance `push`, whose old socket is `old`; another instance feeds the devices. */
export class SteeredOven {
  readonly old: FarSocket
  readonly running: Running
  readonly mqtt: TestClient
  readonly clock: ScriptedClock
  readonly #scripted: Scripted

  private constructor(old: FarSocket, running: Running, mqtt: TestClient, clock: ScriptedClock, scripted: Scripted) {
    this.old = old
    this.running = running
    this.mqtt = mqtt
    this.clock = clock
    this.#scripted = scripted
  }

  /** Time stands still unless the test lets it pass. Nobody asks for the name, unless `options` say how often. */
  static async start(old: FarSocket, options = 'device: oven'): Promise<SteeredOven> {
    const clock = new ScriptedClock()
    clock.standStill(1.7e9)
    const scripted = new Scripted()
    const probe = options.includes('probe:') ? '' : ', probe: null'
    const client = `{ id: push, type: data-push-client, target: { host: 127.0.0.1, port: ${old.port} }${probe}, ${options} }`
    const yaml = `${devices}adapters: [${client}, { id: sim, type: scripted, feeds: [oven, room] }]`
    const running = await start(yaml, { clock, types: [scripted.type] })
    // What dials is started after the listeners, and not waited for.
    await settle()
    const mqtt = await running.connect()
    await mqtt.subscribe('lab/+/+/reply')
    return new SteeredOven(old, running, mqtt, clock, scripted)
  }

  /** Also makes sure that no error was logged. */
  async stop(): Promise<void> {
    await this.running.stop()
    assert.deepEqual(this.lines('error'), [])
  }

  get host(): Host {
    return this.#scripted.host('sim')
  }

  set(codename: string, value: Exact): Promise<Exact> {
    return this.host.request({ device: 'oven', codename, op: 'set', value })
  }

  call(value: Exact): Promise<Exact> {
    return this.host.request({ device: 'oven', codename: 'bake', op: 'call', value })
  }

  /** A reading of the room. */
  async read(codename: string, value: Exact, more: object = {}): Promise<void> {
    await this.host.publish({ device: 'room', codename, value, ...more })
  }

  lines(level: LogLine['level']): string[] {
    return this.running.log.lines.filter((line) => line.level === level).map(({ message }) => message)
  }

  /** As MQTT shows it. */
  async state(): Promise<Record<string, unknown>> {
    const client = await this.running.connect()
    await client.subscribe('lab/oven')
    return await client.nextJson('lab/oven')
  }

  /** The counters of the push client. */
  async counted(): Promise<unknown> {
    await quiet()
    this.clock.advance(60)
    const counters = this.host.latest('gateway', 'counters')?.value as ReadonlyMap<string, ReadonlyMap<string, bigint>>
    return Object.fromEntries(counters.get('push') ?? [])
  }
}

/** Everything that waits for nothing but its turn has run, datagrams on loopback too. */
export async function quiet(): Promise<void> {
  for (let turn = 0; turn < 10; turn += 1) await settle()
}

export async function failure(work: Promise<unknown>): Promise<GatewayError> {
  const error = await work.then(
    () => undefined,
    (thrown: unknown) => thrown
  )
  assert.ok(error instanceof GatewayError, 'it did not fail')
  return error
}
