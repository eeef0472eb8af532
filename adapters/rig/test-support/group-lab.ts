import assert from 'node:assert/strict'
import type { Codename, Device, Exact } from '../../../gateway/adapter.js'
import { GatewayError } from '../../../gateway/errors.js'
import { FakeHost } from '../../../test/support/fake-host.js'
import { toPlain } from '../../common/exact-json.js'
import { readPayload } from '../codec.js'
import type { EventName } from '../events.js'
import { Group } from '../group.js'
import type { GroupOptions } from '../group.js'
import { Trouble } from '../peer.js'
import type { TroubleKind } from '../peer.js'
import { Rig } from '../rig.js'
import type { Link, Sending } from '../rig-link.js'
import { Runs } from '../runs.js'

/** How the far end of a rig behaves. Seconds. */
export interface Manner {
  /** Until the echo, or what becomes of the message instead. */
  readonly echo?: number | TroubleKind
  /** Until the answer; null: none. */
  readonly answer?: number | null
  /** It says that it failed, in place of an answer. */
  readonly report?: string
}

/** A rig whose wire is scripted: the queue and the failures are the real ones. */
export class ScriptedRig implements Pick<Link, 'send' | 'isAwaiting'> {
  readonly rig: Rig
  manner: Manner = {}
  /** For one event, in place of `manner`. */
  readonly manners = new Map<EventName, Manner>()
  /** Of its wire: an echo is still to come. */
  isAwaiting = false
  readonly #lab: GroupLab

  constructor(lab: GroupLab, name: string) {
    this.#lab = lab
    this.rig = new Rig({
      name,
      device: name,
      where: `udp://${name}`,
      clock: lab.host.clock,
      echoWithin: 1,
      link: this,
      onBegin: ({ event }) => lab.runs.begun(name, event),
      onEchoed: () => undefined,
      onDone: ({ event }) => lab.runs.done(name, event),
      onFailed: ({ event }, error) => lab.runs.failed(name, event, error)
    })
    this.rig.start()
  }

  /** What the wire does with a message. */
  async send({ bytes, onWritten }: Sending): Promise<{ seconds: number }> {
    onWritten()
    this.isAwaiting = true
    return await this.#send(bytes).finally(() => (this.isAwaiting = false))
  }

  /** It says something by itself. */
  say(event: EventName, ...elements: Exact[]): void {
    this.rig.heard({ kind: 'message', event, elements })
  }

  async #send(bytes: Buffer): Promise<{ seconds: number }> {
    const { clock } = this.#lab.host
    const payload = readPayload(bytes)
    if (payload.kind !== 'message') throw new Error('a rig is sent messages')
    const { event, elements } = payload
    const { echo = 0.001, answer = 0.02, report } = this.manners.get(event) ?? this.manner
    this.#lab.sent.push(`${this.rig.name} ${event}`)
    this.#lab.data.push(elements)
    const wait = async (seconds: number): Promise<void> => await new Promise((resolve) => void clock.after(seconds, resolve))
    if (typeof echo === 'string') {
      await wait(echo === 'echo-timeout' ? 1 : 0.001)
      throw new Trouble(echo, 'scripted', echo === 'echo-timeout')
    }
    await wait(echo)
    // As over a wire: the echo is told first, and what comes after it finds it told.
    if (answer !== null)
      void wait(answer).then(() => {
        if (report === undefined) this.say(event, ...elements)
        else this.rig.heard({ kind: 'report', text: report, event, elements: [] })
      })
    return { seconds: echo }
  }
}

/** A host that remembers notes. */
class NotingHost extends FakeHost {
  readonly #notes = new Map<string, string>()

  override note(name?: string, text?: string): void {
    if (name === undefined) return
    if (text === undefined) this.#notes.delete(name)
    else this.#notes.set(name, text)
  }

  override notes(): ReadonlyMap<string, string> {
    return this.#notes
  }
}

/** Groups of three rigs, on a clock that stands. */
export class GroupLab {
  readonly host = new NotingHost({ devices: new Map<string, Device & { codenames: ReadonlyMap<string, Codename> }>() })
  /** "rig event", as they went out. */
  readonly sent: string[] = []
  readonly data: (readonly Exact[])[] = []
  readonly rigs: readonly ScriptedRig[]
  readonly runs: Runs
  readonly #names: readonly string[]
  #calls = 0

  constructor(names: readonly string[] = ['cameras', 'ephys', 'sync']) {
    this.#names = names
    this.runs = this.restarted()
    this.rigs = names.map((name) => new ScriptedRig(this, name))
  }

  rig(name: string): ScriptedRig {
    const found = this.rigs.find(({ rig }) => rig.name === name)
    if (found === undefined) throw new Error(`no rig ${name}`)
    return found
  }

  /** As after a restart of the gateway. */
  restarted(): Runs {
    return new Runs(this.host, this.#names)
  }

  group(more: Partial<GroupOptions> = {}): Group {
    const rigs = this.rigs.map(({ rig }) => rig)
    const { host } = this
    const group = new Group({
      name: 'everybody',
      rigs,
      mode: 'concurrent',
      answerWithin: 10,
      afterFailure: 'leave',
      host,
      runs: this.runs,
      ...more
    })
    group.open()
    return group
  }

  /** What came of a call: its reply as MQTT shows it, or the error. */
  async call(group: Group, codename: string, value: Exact = null, signal = new AbortController().signal): Promise<Called> {
    this.#calls += 1
    const command = { id: `call-${this.#calls}`, op: 'call' as const, device: 'everybody', codename, value, client: 'test' }
    try {
      return { reply: toPlain(await group.execute(command, signal)) as Reply }
    } catch (error) {
      if (error instanceof GatewayError) return { error }
      throw error
    }
  }

  /** Lets time pass until the call has ended. */
  async ended(called: Promise<Called>, within = 60): Promise<Called> {
    let isOver = false
    const watched = called.then((value) => {
      isOver = true
      return value
    })
    for (let passed = 0; !isOver && passed < within; passed += 0.1) await this.host.clock.pass(0.1)
    assert.ok(isOver, `the call goes on after ${within} s`)
    return await watched
  }

  /** All values that a reading had, in order. */
  readings(codename: string, device = 'everybody'): unknown[] {
    return this.host.published.flatMap((one) => (one.device === device && one.codename === codename ? [toPlain(one.value)] : []))
  }

  get result(): Reply & { readonly id: string; readonly call: string; readonly ok: boolean } {
    return this.readings('result').at(-1) as Reply & { id: string; call: string; ok: boolean }
  }
}

export interface RigResult {
  readonly answer?: unknown
  readonly tookMs?: { readonly echo?: number; readonly answer?: number }
  readonly error?: { readonly class: string; readonly code?: string; readonly message: string; readonly maybeExecuted: boolean }
  readonly skipped?: string
  readonly interrupted?: RigResult
}

export interface Reply {
  readonly rigs: Readonly<Record<string, RigResult>>
}

export interface Called {
  readonly reply?: Reply
  readonly error?: GatewayError
}

export const ref = '2022-01-01_1_subject'

export function args(...members: [string, Exact][]): Exact {
  return new Map(members)
}

/** Each rig in a word: done, the code or class of its error, or skipped. */
export function inWords(rigs: Readonly<Record<string, RigResult>> | undefined): Record<string, string> {
  const word = ({ error, skipped }: RigResult): string =>
    error === undefined ? (skipped === undefined ? 'done' : 'skipped') : (error.code ?? error.class)
  return Object.fromEntries(Object.entries(rigs ?? {}).map(([name, one]) => [name, word(one)]))
}
