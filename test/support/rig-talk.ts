/**
 * The steps of conversations with `transport: rig`, of both roles.
 *
 * A controller of an instance that is a rig: `{"to"?: instance, "controller": name, "over"?: "tcp", "send": message, "echo"?: message, [messages] or null,
 * "answer"?: message, [messages] or null, "confirm"?: false}`. The echo is what was sent, unless written otherwise, and comes at once; the
 * answers come as time passes, and are echoed. Without `send` the rig speaks first.
 *
 * The rig that an instance drives: `{"rig": name, "asked": message, "echo"?, "answer"?: message or [messages]}`, which lets time pass until it
 * is asked, and `{"rig", "say": message, "echo"?}`, unasked; what the rig says must be echoed, but for a report.
 */
import assert from 'node:assert/strict'
import { isExactList, isExactMap } from '../../adapters/common/exact-json.js'
import type { Exact, ExactMap } from '../../adapters/common/exact-json.js'
import { settle } from './fake-clock.js'
import type { FakeClock } from './fake-clock.js'
import { RigLine } from './rig-line.js'
import type { Running } from './start.js'

/** Seconds of the gateway's clock for what must come. */
const within = 12

/** Seconds of it after which nothing comes any more. */
const silence = 2

export class RigTalk {
  readonly #controllers = new Map<string, RigLine>()
  readonly #rigs: ReadonlyMap<string, RigLine>

  private constructor(rigs: ReadonlyMap<string, RigLine>) {
    this.#rigs = rigs
  }

  /** With a rig for each that an instance drives. */
  static async open(instances: readonly ExactMap[]): Promise<RigTalk> {
    const rigs = new Map<string, RigLine>()
    for (const entry of instances) for (const [name, rig] of rigsOf(entry)) rigs.set(name, await RigLine.rig(transportOf(uriOf(rig))))
    return new RigTalk(rigs)
  }

  /** An entry of the configuration that dials these rigs; undefined: it is no such entry. */
  withPorts(entry: ExactMap): ExactMap | undefined {
    if (!entry.has('rigs')) return undefined
    const rigs = Array.from(rigsOf(entry), ([name, rig]): [string, Exact] => {
      const uri = `${transportOf(uriOf(rig))}://127.0.0.1:${this.#rigs.get(name)?.port}`
      return [name, isExactMap(rig) ? new Map([...rig, ['uri', uri]]) : uri]
    })
    return new Map([...entry, ['rigs', new Map(rigs)]])
  }

  /** False: it is no step of this kind. `server`: the instance that a controller speaks to. */
  async speak(step: ExactMap, server: string, running: Running, clock: FakeClock): Promise<boolean> {
    const [rig, controller] = [step.get('rig'), step.get('controller')]
    if (typeof rig === 'string') {
      const line = this.#rigs.get(rig)
      assert.ok(line !== undefined, `there is no rig ${rig}`)
      await asRig(step, rig, line, clock)
    } else if (typeof controller === 'string') {
      const transport = step.get('over') === 'tcp' ? 'tcp' : 'udp'
      const line = this.#controllers.get(controller) ?? (await RigLine.controller(transport, running.port(server)))
      this.#controllers.set(controller, line)
      await asController(step, controller, line, clock)
    } else return false
    // All is in this process: some turns of its loop, and what was said has been read.
    for (let turn = 0; turn < 10; turn += 1) await settle()
    return true
  }

  /** Rejects where something was said that no step was told. */
  assertNothingLeft(): void {
    for (const [name, line] of [...this.#rigs, ...this.#controllers]) assert.deepEqual(line.left, [], `${name} was told besides`)
  }

  async close(): Promise<void> {
    for (const line of [...this.#rigs.values(), ...this.#controllers.values()]) await line.close()
  }
}

async function asController(step: ExactMap, name: string, line: RigLine, clock: FakeClock): Promise<void> {
  const send = step.get('send')
  if (send !== undefined) {
    line.say(bytesOf(send))
    await assertEcho(step, bytesOf(send).toString('latin1'), name, line)
  }
  for (const answer of answersOf(step)) {
    assertSame(name, 'is answered', answer, await line.after(clock, within))
    if (step.get('confirm') !== false && !isReport(answer)) line.say(Buffer.from(answer, 'latin1'))
  }
  if (step.get('answer') === null) assertSilent(name, await line.after(clock, silence))
}

async function asRig(step: ExactMap, name: string, line: RigLine, clock: FakeClock): Promise<void> {
  const [asked, say] = [step.get('asked'), step.get('say')]
  if (asked !== undefined) {
    const heard = await line.after(clock, within)
    assertSame(name, 'is asked', bytesOf(asked).toString('latin1'), heard)
    const echo = step.has('echo') ? step.get('echo') : heard
    if (typeof echo === 'string') line.say(Buffer.from(echo, 'latin1'))
  }
  const said = [...answersOf(step), ...(say === undefined ? [] : [bytesOf(say).toString('latin1')])]
  for (const each of said) {
    assert.ok(line.isKnown, `nobody has spoken to ${name} yet`)
    line.say(Buffer.from(each, 'latin1'))
    if (say !== undefined) await assertEcho(step, each, name, line)
    else if (!isReport(each)) assertSame(name, 'is echoed', each, await line.now())
  }
}

/** What was said, unless the step says another thing, or nothing for null. A report has no echo. */
async function assertEcho(step: ExactMap, said: string, name: string, line: RigLine): Promise<void> {
  const echo = step.get('echo') ?? (step.has('echo') || isReport(said) ? null : said)
  if (echo === null) {
    for (let turn = 0; turn < 20; turn += 1) await settle()
    assertSilent(name, line.left[0])
  } else for (const each of isExactList(echo) ? echo : [echo]) assertSame(name, 'is echoed', each as string, await line.now())
}

function answersOf(step: ExactMap): readonly string[] {
  const answer = step.get('answer') ?? []
  return isExactList(answer) ? answer.map((each) => each as string) : [answer as string]
}

function assertSame(name: string, what: string, expected: string, got: string | undefined): void {
  assert.ok(got === expected, `${name} ${what}\n  expected ${JSON.stringify(expected)}\n  got      ${JSON.stringify(got)}`)
}

function assertSilent(name: string, got: string | undefined): void {
  assert.ok(got === undefined, `${name} is told\n  expected nothing\n  got      ${JSON.stringify(got)}`)
}

/** Section 3, step 2. */
function isReport(text: string): boolean {
  return text[1] === '0'
}

/** Text as it is, one byte a character; or `{hex}`. */
function bytesOf(said: Exact): Buffer {
  if (typeof said === 'string') return Buffer.from(said, 'latin1')
  const hex = isExactMap(said) ? said.get('hex') : undefined
  assert.ok(typeof hex === 'string', 'what is said is a text, or {"hex": …}')
  return Buffer.from(hex.replaceAll(' ', ''), 'hex')
}

function rigsOf(entry: ExactMap): ExactMap {
  const rigs = entry.get('rigs')
  return rigs !== undefined && isExactMap(rigs) ? rigs : new Map<string, Exact>()
}

function uriOf(rig: Exact): string {
  return (isExactMap(rig) ? rig.get('uri') : rig) as string
}

/** All but `udp://` are TCP (section 1). */
function transportOf(uri: string): 'udp' | 'tcp' {
  return !uri.includes('://') || uri.startsWith('udp:') ? 'udp' : 'tcp'
}

/** Of a recorded transcript what one side said, and the message or report of the other that came of it, as `said` and `answer`. */
export function rigExchanges(steps: readonly ExactMap[]): ExactMap[] {
  const own = steps.filter((step) => step.get('kind') === 'message' || step.get('kind') === 'report')
  return own.map((step, i) => {
    const next = own[i + 1]
    const isAnswered =
      next !== undefined && step.get('from') === 'client' && next.get('from') === 'server' && next.get('peer') === step.get('peer')
    return new Map([
      ['said', step.get('bytes_utf8') ?? null],
      ['answer', isAnswered ? (next.get('bytes_utf8') ?? null) : null]
    ])
  })
}

/** Whether the step is an exchange of a recording. */
export function isRecordedRig(step: ExactMap, recorded: ExactMap): boolean {
  const said = step.get('send') ?? step.get('asked') ?? step.get('say')
  return (
    recorded.has('said') && said !== undefined && said === recorded.get('said') && (answersOf(step)[0] ?? null) === recorded.get('answer')
  )
}
