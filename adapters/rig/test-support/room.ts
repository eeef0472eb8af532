import assert from 'node:assert/strict'
import type { AdapterType, Host } from '../../../gateway/adapter.js'
import { start } from '../../../test/support/start.js'
import type { Running } from '../../../test/support/start.js'
import type { TestClient } from '../../../test/support/mqtt.js'
import { rigClient } from '../client.js'
import type { RigClientConfig } from '../types.js'
import type { RigResult } from './group-lab.js'
import { HeardLog, StrictRig } from './strict-rig.js'
import type { StrictManner } from './strict-rig.js'

interface Final {
  readonly phase: string
  readonly value?: { readonly rigs: Readonly<Record<string, RigResult>> }
  readonly error?: { readonly class: string; readonly code?: string; readonly message: string; readonly maybeExecuted?: boolean }
}

/** A gateway that drives strict rigs over real sockets, alone and in groups, and a person who calls. */
export class Room {
  readonly heard = new HeardLog()
  readonly rigs: readonly StrictRig[]
  running!: Running
  mqtt!: TestClient
  /** Of the instance. */
  host: Host | undefined
  #calls = 0

  /** `rigs`: their transports by name. */
  constructor(rigs: Readonly<Record<string, 'udp' | 'tcp'>>) {
    this.rigs = Object.entries(rigs).map(([name, transport]) => new StrictRig(name, transport, this.heard))
  }

  /** `groups`: as in the configuration. */
  async open(groups: object): Promise<void> {
    await Promise.all(this.rigs.map((rig) => rig.open()))
    const book = this.rigs.map(({ name, uri }) => `${name}: "${uri}"`).join(', ')
    const held = {
      ...rigClient,
      type: 'held-rig-client',
      create: (config: RigClientConfig, host: Host) => rigClient.create(config, (this.host = host))
    } as unknown as AdapterType
    const schedule = { first: 0.05, factor: 1, longest: 0.05, jitter: 0 }
    this.running = await start(
      `
adapters:
  - id: room
    type: held-rig-client
    rigs: { ${book} }
    echoWithin: 0.3
    groups: ${JSON.stringify(groups)}
`,
      { types: [held], schedule }
    )
    this.mqtt = await this.running.connect({ clientId: 'person' })
    await this.mqtt.subscribe('lab/+/+', 'lab/+/+/reply')
    for (const { name, transport } of this.rigs) if (transport === 'tcp') await this.reading(name, 'link', 'online')
    // What was there before a test began is no news.
    await this.mqtt.settled()
    this.mqtt.drop()
  }

  async close(): Promise<void> {
    // A stop waits for what a rig owes still.
    await Promise.all(this.rigs.map((rig) => rig.catchUp()))
    await this.running?.stop()
    await Promise.all(this.rigs.map((rig) => rig.close()))
    // What the original would be deaf from.
    assert.deepEqual(
      this.rigs.flatMap(({ broken }) => broken),
      []
    )
  }

  rig(name: string): StrictRig {
    return this.rigs.find((rig) => rig.name === name) as StrictRig
  }

  manner(name: string, code: number, manner: StrictManner): void {
    this.rig(name).manners.set(code, manner)
  }

  /** Sends a call; gives the wait for its final reply. */
  async send(group: string, codename: string, given: object = {}): Promise<() => Promise<Final>> {
    this.#calls += 1
    const id = `n${this.#calls}`
    await this.mqtt.publish(`lab/${group}/${codename}/call`, { id, arguments: given })
    const topic = `lab/${group}/${codename}/reply`
    return async () => {
      const fits = (message: { topic: string; text: string }): boolean => {
        if (message.topic !== topic) return false
        const reply = JSON.parse(message.text) as { id: string; phase: string }
        return reply.id === id && reply.phase !== 'accepted'
      }
      return JSON.parse((await this.mqtt.next(fits, `the reply of ${group}/${codename}`)).text) as Final
    }
  }

  async call(group: string, codename: string, given: object = {}): Promise<Final> {
    return await (
      await this.send(group, codename, given)
    )()
  }

  /** Waits until the reading has that value. */
  async reading(device: string, codename: string, value: unknown): Promise<void> {
    const fits = ({ topic, text }: { topic: string; text: string }): boolean =>
      topic === `lab/${device}/${codename}` && JSON.stringify((JSON.parse(text) as { value: unknown }).value) === JSON.stringify(value)
    await this.mqtt.next(fits, `${device}/${codename} = ${JSON.stringify(value)}`)
  }

  /** "rig code", in the order in which they heard it. */
  get order(): string[] {
    return this.heard.all.map(({ rig, code }) => `${rig} ${code}`)
  }

  /** Waits until a rig has heard that. */
  async until(what: string): Promise<void> {
    await this.heard.until(({ rig, code }) => `${rig} ${code}` === what)
  }
}
