/** Sessions as an experiment computer runs them, said on MQTT to rigs that are the instances of another gateway, and what became of them. */
import assert from 'node:assert/strict'
import type { TestClient } from './mqtt.js'

export const steps = ['info', 'init', 'start', 'again', 'status', 'stop', 'cleanup'] as const
export type Step = (typeof steps)[number]

const events: Readonly<Record<Step, string>> = {
  info: 'EXPINFO',
  init: 'EXPINIT',
  start: 'EXPSTART',
  again: 'EXPINFO',
  status: 'EXPSTATUS',
  stop: 'EXPEND',
  cleanup: 'EXPCLEANUP'
}

export type Status = 'CONNECTED' | 'INITIALIZED' | 'RUNNING' | 'STOPPED'

export interface Reply {
  readonly id: string
  readonly phase: string
  readonly value?: { readonly answer?: readonly unknown[]; readonly event?: string }
  readonly error?: { readonly class: string; readonly code?: string; readonly message: string; readonly maybeExecuted?: boolean }
}

/** One command of one session. */
export interface Told {
  readonly rig: string
  readonly step: Step
  readonly id: string
  readonly reply: Reply
}

/** Milliseconds for the reply to a command, whatever becomes of it: more than all its limits together. */
const patience = 15_000

/** Says commands to the rigs of one gateway, and keeps all that was answered. */
export class Conductor {
  readonly #client: TestClient
  readonly #waiting = new Map<string, (reply: Reply) => void>()
  /** Final replies by id of the command. */
  readonly replies = new Map<string, Reply[]>()
  #sessions = 0

  private constructor(client: TestClient) {
    this.#client = client
    client.client.on('message', (topic, payload) => {
      client.drop()
      if (!topic.endsWith('/reply')) return
      const reply = JSON.parse(payload.toString()) as Reply
      if (reply.phase === 'accepted') return
      this.replies.set(reply.id, [...(this.replies.get(reply.id) ?? []), reply])
      this.#waiting.get(reply.id)?.(reply)
    })
  }

  static async open(client: TestClient): Promise<Conductor> {
    await client.subscribe('lab/+/+/reply')
    return new Conductor(client)
  }

  /**
   * All of a session, each command when the one before has its final reply, good or bad. `status`: what the rig is told that it is. A message of
   * the same bytes again, soon after, cannot be told from a copy.
   */
  async session(rig: string, status: Status = 'RUNNING'): Promise<Told[]> {
    this.#sessions += 1
    const told: Told[] = []
    for (const step of steps) {
      const id = `${rig}.${this.#sessions}.${step}`
      told.push({ rig, step, id, reply: await this.#say(rig, step, id, status) })
    }
    return told
  }

  /** Rejects unless each of these commands has exactly one final reply by now. */
  async assertOneReplyEach(all: readonly Told[]): Promise<void> {
    await this.#client.settled()
    for (const { id } of all)
      assert.equal(this.replies.get(id)?.length, 1, `final replies to ${id}: ${JSON.stringify(this.replies.get(id))}`)
    assert.equal(this.replies.size, all.length)
  }

  async #say(rig: string, step: Step, id: string, status: Status): Promise<Reply> {
    const found = new Promise<Reply>((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error(`no final reply to ${id}`)), patience)
      this.#waiting.set(id, (reply) => {
        clearTimeout(timer)
        this.#waiting.delete(id)
        resolve(reply)
      })
    })
    await this.#client.publish(`lab/${rig}/${step === 'again' ? 'info' : step}/call`, { id, arguments: argumentsOf(step, id, status) })
    return await found
  }
}

/** Each session has its own, so that no two answers are alike but those to EXPSTATUS: what comes too often in a second is taken for a storm. */
function refOf(id: string): string {
  const [rig = '', session = ''] = id.split('.')
  return `2024-03-14_${Number(session) % 1000}_${rig.replace('-', '_')}`
}

/** The id of the command is in the data, so that nothing can be taken for something else; EXPSTATUS carries none. */
function argumentsOf(step: Step, id: string, status: Status): object {
  switch (step) {
    case 'status':
      return { status }
    case 'start':
      return { exp_ref: refOf(id), data: { id } }
    case 'info':
    case 'again':
      return { status: step === 'info' ? 'CONNECTED' : 'RUNNING', data: { id } }
    default:
      return { data: { id, exp_ref: refOf(id) } }
  }
}

/** Hears what the rigs were told: how often each command came to them. */
export class Witness {
  /** By id of the command, and by rig and event for those that carry none. */
  readonly seen = new Map<string, number>()

  private constructor(client: TestClient) {
    client.client.on('message', (topic, payload) => {
      client.drop()
      const [, rig = '', codename] = topic.split('/')
      if (codename !== 'event') return
      const { value } = JSON.parse(payload.toString()) as { value: { event: string; data: unknown } }
      const [, id] = /"id":"([^"]+)"/.exec(JSON.stringify(value.data)) ?? []
      const key = id ?? `${rig} ${value.event}`
      this.seen.set(key, (this.seen.get(key) ?? 0) + 1)
    })
  }

  static async open(client: TestClient): Promise<Witness> {
    await client.subscribe('lab/+/event')
    return new Witness(client)
  }
}

/** Whether it is true what was replied: done is what the rig has heard, and failed without a doubt is what it has not. */
export function assertTrue({ step, id, reply }: Told, { seen }: Witness): void {
  if (step === 'status') return
  const times = seen.get(id) ?? 0
  if (reply.phase === 'done') {
    assert.ok(times > 0, `${id} is done, and the rig never heard of it`)
    assert.equal(reply.value?.event, events[step])
  } else if (reply.error?.maybeExecuted !== true) assert.equal(times, 0, `${id} was told as never carried out: ${JSON.stringify(reply)}`)
}

/** How often which outcome: `done`, or the code of a failure. */
export function outcomes(all: readonly Told[]): Map<string, number> {
  const found = new Map<string, number>()
  for (const { reply } of all) {
    const name = reply.phase === 'done' ? 'done' : String(reply.error?.code ?? reply.error?.class)
    found.set(name, (found.get(name) ?? 0) + 1)
  }
  return found
}
