/** Plays a recorded conversation through a real gateway: real sockets on the old side, a real MQTT client on the new one. */
import assert from 'node:assert/strict'
import { isExactMap, parseExact, stringifyExact, toPlain } from '../../adapters/common/exact-json.js'
import type { Exact, ExactMap } from '../../adapters/common/exact-json.js'
import type { Adapter, AdapterType, Command, Host, InstanceConfig, Reading, Right } from '../../gateway/adapter.js'
import { GatewayError } from '../../gateway/errors.js'
import { FakeClock, settle } from './fake-clock.js'
import { FarSocket } from './far-socket.js'
import type { Asked } from './far-socket.js'
import { answerHttp, openHttpFar } from './http-far-talk.js'
import type { HttpFar } from './http-far.js'
import { speakHttp } from './http-talk.js'
import type { TestClient } from './mqtt.js'
import { LiveTalk } from './live-talk.js'
import { RigTalk } from './rig-talk.js'
import { start } from './start.js'
import type { Running } from './start.js'
import { UdpClient } from './udp.js'
import { WsTalk } from './ws-talk.js'

/** The keys are explained in adapters/README.md. Exact, so that 47 is not 47.0 and channels keep their order. */
export interface Conversation {
  readonly about: string
  readonly source: readonly string[]
  /** Unix seconds at which the gateway's clock stands; it moves with `pass` alone. */
  readonly clock: number
  readonly config: ExactMap
  readonly given: readonly ExactMap[]
  /** `device/codename` of what a scripted device carries out, and what it answers. */
  readonly answers: ExactMap
  readonly transport: 'udp' | 'live' | 'http' | 'ws' | 'rig'
  readonly talk: readonly ExactMap[]
  readonly published: readonly ExactMap[]
  /** Topics on which nothing may arrive. */
  readonly unpublished: readonly string[]
}

const keys = new Set('about source clock config given answers transport talk published unpublished'.split(' '))

/** Throws when the text is no conversation. */
export function readConversation(text: string): Conversation {
  const parsed = parseExact(text)
  assert.ok(parsed.ok, parsed.ok ? '' : `not JSON: ${parsed.error} at ${parsed.at}`)
  assert.ok(isExactMap(parsed.value), 'not an object')
  const unknown = [...parsed.value.keys()].filter((key) => !keys.has(key))
  assert.deepEqual(unknown, [], 'unknown keys')
  const said = Object.fromEntries(parsed.value) as unknown as Partial<Conversation>
  for (const key of ['about', 'source', 'config', 'transport', 'talk', 'published'] as const)
    assert.ok(said[key] !== undefined, `no ${key}`)
  assert.ok(
    said.transport !== undefined && ['udp', 'live', 'http', 'ws', 'rig'].includes(said.transport),
    'only udp, live, http, ws and rig are played'
  )
  const rest = { clock: 1_700_000_000, given: [], answers: new Map<string, Exact>(), unpublished: [] }
  return { ...rest, ...(said as Omit<Conversation, keyof typeof rest>) }
}

/** Rejects where the gateway says something else than the conversation does. */
export async function play(conversation: Conversation): Promise<void> {
  const clock = new FakeClock(Number(conversation.clock))
  const script = new Script(conversation)
  const far = await openFar(conversation)
  const web = conversation.transport === 'http' ? await openHttpFar(instancesOf(conversation.config)) : new Map<string, HttpFar>()
  const live = conversation.transport === 'live' ? await LiveTalk.open() : undefined
  const rigs = await RigTalk.open(instancesOf(conversation.config))
  const running = await start(yamlOf(conversation, script, new Map<string, { readonly port: number }>([...far, ...web]), { live, rigs }), {
    types: [script.type],
    clock
  })
  const old = new UdpClient()
  const clients = new WsTalk()
  try {
    const client = await running.connect({ clientId: 'conversation' })
    await client.subscribe('#')
    await give(conversation, script, client)
    for (const step of conversation.talk) await speak(step, { conversation, running, clock, old, client, far, web, live, clients, rigs })
    rigs.assertNothingLeft()
    await client.settled()
    await compare(conversation, client)
  } finally {
    await old.close()
    await live?.close()
    await clients.close()
    await stop(running, clock)
    await rigs.close()
    for (const side of [...far.values(), ...web.values()]) await side.close()
  }
}

/** Some instances wait a while for what is still to come. */
async function stop(running: Running, clock: FakeClock): Promise<void> {
  let isOver = false
  const stopped = running.stop().finally(() => (isOver = true))
  for (let turn = 0; !isOver; turn += 1) await (turn < 100 ? settle() : clock.pass(0.1))
  await stopped
}

/** The far side of an instance that dials: a real socket, and the question that came last. */
interface Far {
  readonly socket: FarSocket
  readonly port: number
  readonly close: () => Promise<void>
  last?: Asked
}

/** By instance: those with a `target`, where no other talk takes their place. */
async function openFar({ config, transport }: Conversation): Promise<Map<string, Far>> {
  const far = new Map<string, Far>()
  if (transport !== 'udp') return far
  for (const entry of instancesOf(config)) {
    if (!entry.has('target')) continue
    const socket = await FarSocket.open()
    far.set(entry.get('id') as string, { socket, port: socket.port, close: () => socket.close() })
  }
  return far
}

function instancesOf(config: ExactMap): readonly ExactMap[] {
  return (config.get('adapters') ?? []) as readonly ExactMap[]
}

/** One line for each part of the file, which YAML reads as it reads JSON. Ports are chosen by the system, also those that are dialled. */
function yamlOf(
  { config }: Conversation,
  script: Script,
  far: ReadonlyMap<string, { readonly port: number }>,
  { live, rigs }: { readonly live: LiveTalk | undefined; readonly rigs: RigTalk }
): string {
  const parts = new Map(config)
  const free = instancesOf(config).map((entry): ExactMap => {
    const driver = rigs.withPorts(entry)
    if (driver !== undefined) return driver
    const dialled = far.get(entry.get('id') as string)
    if (dialled === undefined) return new Map([...(live?.withPorts(entry) ?? entry), ['port', 0n]])
    const target = new Map<string, Exact>([...(entry.get('target') as ExactMap), ['host', '127.0.0.1'], ['port', BigInt(dialled.port)]])
    return new Map([...entry, ['target', target]])
  })
  parts.set(
    'adapters',
    script.needed
      ? [
          ...free,
          new Map([
            ['id', 'script'],
            ['type', 'script']
          ])
        ]
      : free
  )
  return [...parts].map(([key, value]) => `${key}: ${stringifyExact(value)}\n`).join('')
}

async function give({ given }: Conversation, script: Script, client: TestClient): Promise<void> {
  for (const each of given) {
    const topic = each.get('mqtt')
    if (typeof topic === 'string') await client.publish(topic, payloadOf(each.get('payload')), { retain: false })
    else await script.feed(each)
  }
}

function payloadOf(payload: Exact | undefined): string {
  return typeof payload === 'string' ? payload : stringifyExact(payload ?? null)
}

interface Scene {
  readonly conversation: Conversation
  readonly running: Running
  readonly clock: FakeClock
  readonly old: UdpClient
  readonly client: TestClient
  readonly far: ReadonlyMap<string, Far>
  /** The far sides of instances that dial over HTTP. */
  readonly web: ReadonlyMap<string, HttpFar>
  readonly live: LiveTalk | undefined
  readonly clients: WsTalk
  readonly rigs: RigTalk
}

async function speak(step: ExactMap, scene: Scene): Promise<void> {
  const { conversation, running, clock, old, client, live } = scene
  const pass = step.get('pass')
  if (pass !== undefined) await clock.pass(Number(pass))
  const topic = step.get('mqtt')
  if (typeof topic === 'string') await client.publish(topic, payloadOf(step.get('payload')))
  if (conversation.transport !== 'rig' && (step.has('asked') || step.has('late')))
    await (conversation.transport === 'http' ? answerHttp(step, scene.web, clock) : answer(step, scene))
  const instances = instancesOf(conversation.config)
  const to = step.get('to') ?? instances[0]?.get('id')
  if (live !== undefined && (await live.speak(step, to as string, running, old))) return
  if (conversation.transport === 'http' && (await speakHttp(step, to as string, running))) return
  if (conversation.transport === 'rig' && (await scene.rigs.speak(step, to as string, running, clock))) return
  if (conversation.transport === 'ws' && (await scene.clients.speak(step, to as string, running))) return
  if (!step.has('send')) return
  const instance = instances.find((entry) => entry.get('id') === to)
  assert.ok(instance !== undefined && typeof to === 'string', 'there is no such instance to send to')
  const port = running.port(to)
  await old.send(port, bytesOf(step.get('send')))
  const expected = step.get('receive')
  if (expected === undefined) return
  // Silence: the next question is answered, and that is the first answer to come.
  if (expected === null) await old.send(port, 'name')
  const name = (instance.get('name') ?? '') as string
  const wanted = expected === null ? [name, `RET#${name}`] : [bytesOf(expected).toString('latin1')]
  const got = (await old.receive()).toString('latin1')
  assert.ok(
    wanted.includes(got),
    `to ${JSON.stringify(step.get('send'))}\n  expected ${JSON.stringify(wanted[0])}\n  got      ${JSON.stringify(got)}`
  )
}

/** An instance that dials asks its far side; time passes until it does. */
async function answer(step: ExactMap, { far, clock }: Scene): Promise<void> {
  const from = step.get('from') ?? [...far.keys()][0]
  const side = typeof from === 'string' ? far.get(from) : undefined
  assert.ok(typeof from === 'string' && side !== undefined, 'there is no such instance that asks')
  if (step.has('asked')) {
    side.last = await side.socket.nextAfter(clock)
    const [expected, got] = [bytesOf(step.get('asked')).toString('latin1'), side.last.text]
    assert.ok(expected === got, `${from} asks\n  expected ${JSON.stringify(expected)}\n  got      ${JSON.stringify(got)}`)
  }
  const said = step.get('answer') ?? step.get('late') ?? null
  if (said === null) return
  assert.ok(side.last !== undefined, 'nothing was asked that could be answered late')
  await side.last.answer(bytesOf(said))
  // All is in this process: some turns of its loop, and the answer has been read.
  for (let turn = 0; turn < 10; turn += 1) await settle()
}

/** Text as it is, one byte a character; or `{hex}`. */
function bytesOf(said: Exact | undefined): Buffer {
  if (typeof said === 'string') return Buffer.from(said, 'latin1')
  const hex = said !== undefined && isExactMap(said) ? said.get('hex') : undefined
  assert.ok(typeof hex === 'string', 'what is said is a text, or {"hex": …}')
  return Buffer.from(hex.replaceAll(' ', ''), 'hex')
}

/** What was published on each topic named, in order and nothing else; `"<any>"` stands for whatever is there. */
async function compare({ published, unpublished }: Conversation, client: TestClient): Promise<void> {
  for (const each of published) {
    const topic = each.get('topic') as string
    const { text } = await client.next(topic)
    const wanted = each.get('payload') ?? null
    const got = parseExact(text)
    const fits = typeof wanted === 'string' ? wanted === '<any>' || wanted === text : got.ok && matches(toPlain(wanted), toPlain(got.value))
    assert.ok(fits, `on ${topic}\n  expected ${payloadOf(wanted)}\n  got      ${text}`)
  }
  const closed = new Set([...published.map((each) => each.get('topic')), ...unpublished])
  const more = client.left.filter(({ topic }) => closed.has(topic)).map(({ topic, text }) => `${topic} ${text}`)
  assert.deepEqual(more, [], 'published besides')
}

function matches(wanted: unknown, got: unknown): boolean {
  if (wanted === '<any>') return got !== undefined
  if (typeof wanted !== 'object' || wanted === null || typeof got !== 'object' || got === null) return Object.is(wanted, got)
  const members = (value: object): string[] => Object.keys(value).sort()
  const [left, right] = [members(wanted), members(got)]
  return (
    left.join('\0') === right.join('\0') &&
    left.every((key) => matches((wanted as Record<string, unknown>)[key], (got as Record<string, unknown>)[key]))
  )
}

/** The adapter of a device that only exists in a conversation: it feeds what is given, and answers commands as it is told. */
class Script {
  readonly type: AdapterType
  readonly #fed: ReadonlySet<string>
  readonly #answers: ExactMap
  #host: Host | undefined

  constructor({ given, answers }: Conversation) {
    this.#fed = new Set(given.flatMap((each) => (typeof each.get('feed') === 'string' ? [each.get('feed') as string] : [])))
    this.#answers = answers
    this.type = {
      type: 'script',
      configSchema: {
        title: 'script',
        description: 'A device of a conversation.',
        type: 'object',
        additionalProperties: false,
        properties: {}
      },
      plan: () => ({ feeds: [...this.#fed].map(refOf), executes: [...this.#answers.keys()].map(refOf) }),
      create: (_config: InstanceConfig, host: Host) => this.#adapter(host)
    }
  }

  get needed(): boolean {
    return this.#fed.size + this.#answers.size > 0
  }

  async feed(each: ExactMap): Promise<void> {
    const { feed, ...reading } = Object.fromEntries(each)
    await this.#host?.publish({ ...refOf(feed as string), source: 'poll', ...(reading as unknown as Pick<Reading, 'value'>) })
  }

  #adapter(host: Host): Adapter {
    this.#host = host
    return { start: () => Promise.resolve(), stop: () => Promise.resolve(), execute: (command) => this.#execute(command) }
  }

  #execute({ device, codename, op, value }: Command): Promise<Exact> {
    const answer = this.#answers.get(`${device}/${codename}`) as ExactMap
    const failure = answer.get('fail')
    if (typeof failure === 'string') return Promise.reject(new GatewayError('DeviceError', failure))
    return Promise.resolve(answer.get('return') ?? (op === 'set' ? value : null))
  }
}

function refOf(target: string): Required<Right> {
  const slash = target.indexOf('/')
  return { device: target.slice(0, slash), codename: target.slice(slash + 1) }
}
