import assert from 'node:assert/strict'
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { toPlain } from '../../adapters/common/exact-json.js'
import { GatewayError } from '../../gateway/errors.js'
import { folder } from '../process/program.js'
import { startLab } from '../support/lab.js'
import type { Lab } from '../support/lab.js'
import { Held } from '../support/scripted.js'
import { NodeRed, flowFile, needsNodeRed } from './node-red.js'
import type { FlowNode } from './node-red.js'
import { Relay } from './relay.js'

const yaml = (root: string, data: string, port = 0): string => `
gateway: { data: ${data} }
broker: { root: ${root}, tcp: { port: ${port} } }
devices:
  furnace:
    codenames:
      temperature: { unit: °C, schema: { type: number } }
      setpoint: { unit: °C, settable: true, schema: { type: number, minimum: 0, maximum: 1200 } }
${Array.from({ length: 8 }, (_, at) => `      zone${at}: { settable: true, schema: { type: number } }`).join('\n')}
      cool: { callable: { arguments: { type: object } } }
adapters:
  - { id: oven, type: scripted, feeds: [furnace], executes: [furnace] }
`

/** What came out of the subflow for one message. */
interface Outcome {
  readonly out: 'done' | 'failed'
  readonly payload?: unknown
  readonly reply?: { readonly id: string; readonly phase: string; readonly client: string }
  readonly error?: { readonly class: string; readonly message: string; readonly retryable: boolean; readonly maybeExecuted: boolean }
  readonly topic?: unknown
  readonly mark?: unknown
}

type Properties = Readonly<Record<string, string | number>>

describe('config/examples/node-red/labgate-command.json in Node-RED', function () {
  // Node-RED takes two seconds to start.
  this.timeout(60_000)
  const nodeRed = new NodeRed()
  const files = folder()
  const held = new Held()
  let labs: Lab[] = []
  let relay: Relay
  const data = [join(files, 'a'), join(files, 'b')] as const

  before(async function () {
    needsNodeRed(this)
    for (const path of data) mkdirSync(path)
    labs = [await startLab({}, yaml('lab', data[0])), await startLab({}, yaml('site/north', data[1]))]
    relay = await Relay.to(lab().mqttPort)
    await nodeRed.start()
    await nodeRed.deploy(
      flow([relay.port, (labs[1] as Lab).mqttPort], {
        first: { broker: 'broker-0' },
        twin: { broker: 'broker-0', device: 'furnace', codename: 'setpoint', op: 'set', timeout: 1 },
        north: { broker: 'broker-1', root: 'site/north', maxWaiting: 2 }
      })
    )
    await connected('first')
    await connected('north')
  })

  beforeEach(() => {
    for (const { scripted } of labs) {
      scripted.commands.length = 0
      scripted.execute = ({ value }) => Promise.resolve(value)
    }
    held.drop()
  })

  after(async () => {
    await nodeRed.gone()
    await Promise.all([relay?.close(), ...labs.map((one) => one.stop())])
  })

  /** One subflow of each name behind an address of its own; what comes out is the answer, and counted. */
  function flow(ports: readonly number[], subflows: Readonly<Record<string, Properties>>): FlowNode[] {
    const file = flowFile('labgate-command.json', 0)
    const subflow = file.find(({ type }) => type === 'subflow') as FlowNode
    const server = file.find(({ type }) => type === 'mqtt-broker') as FlowNode
    const brokers = ports.map((port, at) => ({ ...server, id: `broker-${at}`, port: String(port), clientid: `flows-${at}` }))
    const tab = { id: 'tab', type: 'tab', label: 'Test' }
    const code = (id: string, func: string, wires: string[]): FlowNode => ({
      id,
      type: 'function',
      z: 'tab',
      name: id,
      func,
      outputs: 1,
      initialize: '',
      finalize: '',
      libs: [],
      // A node without a place is taken for one of configuration.
      x: 0,
      y: 0,
      wires: [wires]
    })
    const told = (out: string): string =>
      `const { payload, reply, error, topic, mark } = msg\nmsg.payload = { out: '${out}', payload, reply, error, topic, mark }\nreturn msg`
    const parts = Object.entries(subflows).flatMap(([name, properties]) => [
      { id: `in-${name}`, type: 'http in', z: 'tab', name, url: `/${name}`, method: 'post', x: 0, y: 0, wires: [[`unpack-${name}`]] },
      code(`unpack-${name}`, 'return Object.assign(msg, { payload: undefined }, msg.req.body)', [`ask-${name}`]),
      {
        id: `ask-${name}`,
        type: `subflow:${subflow.id}`,
        z: 'tab',
        name,
        x: 0,
        y: 0,
        env: Object.entries(properties).map(([key, value]) => ({
          name: key,
          value: String(value),
          type: typeof value === 'number' ? 'num' : 'str'
        })),
        wires: [['done'], ['failed']]
      }
    ])
    const answer = { id: 'answer', type: 'http response', z: 'tab', name: '', statusCode: '', headers: {}, x: 0, y: 0, wires: [] }
    return [
      tab,
      ...brokers,
      ...file.filter((node) => node !== server),
      ...parts,
      code('done', told('done'), ['answer']),
      code('failed', told('failed'), ['answer']),
      answer
    ]
  }

  async function ask(name: string, message: object): Promise<Outcome> {
    const response = await fetch(nodeRed.url(`/${name}`), {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(message)
    })
    return (await response.json()) as Outcome
  }

  /** Right after Deploy, and after a restart, the way to the gateway is not open yet. */
  async function connected(name: string): Promise<void> {
    for (;;) {
      const { error } = await ask(name, { device: 'furnace', codename: 'temperature', op: 'history', payload: { limit: 1 } })
      if (error === undefined) return
      assert.equal(error.class, 'Unreachable')
    }
  }

  const setpoint = (payload: unknown): object => ({ device: 'furnace', codename: 'setpoint', payload })
  const executed = (lab = labs[0] as Lab): unknown[] =>
    lab.scripted.commands.map(({ op, codename, value }) => [op, codename, toPlain(value)])
  const lab = (): Lab => labs[0] as Lab
  const withoutText = ({ error }: Outcome): unknown[] => [error?.class, error?.retryable, error?.maybeExecuted]

  it('gives the value and the whole reply, and leaves the rest of the message as it was', async () => {
    const outcome = await ask('first', { ...setpoint(300), topic: 'mine', mark: { deep: [1] } })
    assert.deepEqual([outcome.out, outcome.payload, outcome.topic, outcome.mark], ['done', 300, 'mine', { deep: [1] }])
    assert.deepEqual([outcome.reply?.phase, outcome.reply?.client, outcome.error], ['done', 'flows-0', undefined])
    const called = await ask('first', { device: 'furnace', codename: 'cool', op: 'call', payload: { rate: 2 } })
    assert.deepEqual([called.out, called.payload], ['done', { rate: 2 }])
    await lab().scripted.host('oven').publish({ device: 'furnace', codename: 'temperature', value: 20.5 })
    const got = await ask('first', { device: 'furnace', codename: 'temperature', op: 'history' })
    const { readings, count } = got.payload as { readings: { value: number }[]; count: number }
    assert.deepEqual([count, readings.map(({ value }) => value)], [1, [20.5]])
    assert.deepEqual(executed(), [
      ['set', 'setpoint', 300],
      ['call', 'cool', { rate: 2 }]
    ])
  })

  it('joins the pages of a history', async () => {
    const since = Date.now() / 1000 - 2000
    for (let at = 0; at < 1200; at++)
      await lab()
        .scripted.host('oven')
        .publish({ device: 'furnace', codename: 'temperature', value: at, time: since + at })
    const { payload } = await ask('first', {
      device: 'furnace',
      codename: 'temperature',
      op: 'history',
      payload: { to: -600, limit: 5000 }
    })
    const { readings } = payload as { readings: { value: number }[] }
    assert.deepEqual(
      readings.map(({ value }) => value),
      Array.from({ length: 1200 }, (_, at) => at)
    )
    const drawn = await ask('first', {
      device: 'furnace',
      codename: 'temperature',
      op: 'history',
      payload: { to: -600, from: -3600, points: 50 }
    })
    assert.ok((drawn.payload as { rollups: unknown[] }).rollups.length > 10)
  })

  it('keeps many at once apart, each with its own reply, whichever comes first', async () => {
    lab().scripted.execute = async ({ value }) => {
      await new Promise((resolve) => setTimeout(resolve, 20 - (Number(toPlain(value)) % 20)))
      return value
    }
    const many = Array.from({ length: 200 }, (_, at) => at)
    const outcomes = await Promise.all(
      many.map((at) => ask(at % 2 === 0 ? 'first' : 'north', { device: 'furnace', codename: `zone${at % 8}`, payload: at, mark: at }))
    )
    for (const [at, { out, payload, mark, error }] of outcomes.entries()) {
      assert.equal(mark, at)
      if (out === 'done') assert.equal(payload, at)
      else assert.match(String(error?.class), /^(Busy|RateLimited)$/)
    }
    const done = outcomes.filter(({ out }) => out === 'done')
    assert.ok(done.length >= 8, String(done.length))
    assert.equal(executed(labs[0]).length + executed(labs[1]).length, done.length)
    assert.equal(new Set(done.map(({ reply }) => reply?.id)).size, done.length)
  })

  it('says why a command was refused, by the device, the gateway or the subflow itself', async () => {
    assert.deepEqual((await ask('first', setpoint(5000))).error, {
      class: 'RangeError',
      message: 'value must be <= 1200 (got 5000)',
      retryable: false,
      maybeExecuted: false
    })
    lab().scripted.execute = () => Promise.reject(new GatewayError('Timeout', 'silence', { maybeExecuted: true }))
    const silent = await ask('first', setpoint(5))
    assert.deepEqual([silent.payload, silent.reply?.phase], [5, 'failed'])
    assert.deepEqual(withoutText(silent), ['Timeout', true, true])
    const wrong: [object, string][] = [
      [{ codename: 'setpoint', payload: 1 }, 'BadPayload'],
      [{ device: 'furnace', codename: '+', payload: 1 }, 'BadPayload'],
      [{ ...setpoint(1), op: 'reply' }, 'BadPayload'],
      [{ device: 'furnace', codename: 'setpoint' }, 'BadPayload'],
      [{ device: 'nothing', codename: 'setpoint', payload: 1 }, 'UnknownDevice']
    ]
    for (const [message, name] of wrong) {
      const outcome = await ask('first', message)
      assert.deepEqual([outcome.out, ...withoutText(outcome)], ['failed', name, false, false])
    }
    assert.equal(executed().length, 1)
  })

  it('gives up after its own time limit when the gateway is silent, and a reply that comes later is nobody else’s', async () => {
    lab().scripted.execute = held.execute
    const late = await ask('twin', { payload: 1 })
    assert.deepEqual([late.out, ...withoutText(late), late.reply], ['failed', 'Timeout', true, true, undefined])
    const next = ask('first', { device: 'furnace', codename: 'zone1', payload: 2 })
    await held.waits(2)
    held.answer('too late')
    held.answer(2n)
    assert.deepEqual([(await next).out, (await next).payload], ['done', 2])
  })

  it('two side by side do not take each other’s replies, whatever else the message holds', async () => {
    const both = await Promise.all([
      ask('first', { device: 'furnace', codename: 'zone2', payload: 1, status: { fill: 'red' }, topic: 'lab/furnace/zone2/reply' }),
      ask('twin', { device: 'elsewhere', codename: 'zone3', op: 'call', payload: 2 }),
      ask('north', setpoint(3))
    ])
    assert.deepEqual(
      both.map(({ out, payload }) => [out, payload]),
      [
        ['done', 1],
        ['done', 2],
        ['done', 3]
      ]
    )
    assert.deepEqual(executed().map(String).sort(), ['set,setpoint,2', 'set,zone2,1'])
    assert.deepEqual(executed(labs[1]), [['set', 'setpoint', 3]])
  })

  it('holds a bounded number of commands, and sends nothing beyond', async () => {
    const north = labs[1] as Lab
    north.scripted.execute = held.execute
    const waiting = [1, 2].map((at) => ask('north', { device: 'furnace', codename: `zone${at}`, payload: at }))
    await held.waits(2)
    assert.deepEqual(withoutText(await ask('north', setpoint(3))), ['RateLimited', true, false])
    held.answer(1n)
    held.answer(2n)
    assert.deepEqual(
      (await Promise.all(waiting)).map(({ payload }) => payload),
      [1, 2]
    )
    assert.deepEqual((await Promise.all([ask('north', setpoint(4)), held.waits(1).then(() => held.answer(4n))]))[0].payload, 4)
  })

  it('one that waits while the gateway restarts fails once, nothing is sent while it is away, and then it goes on', async () => {
    lab().scripted.execute = held.execute
    const waiting = ask('first', setpoint(1))
    await held.waits(1)
    const port = lab().mqttPort
    await lab().stop()
    const lost = await waiting
    assert.deepEqual([lost.out, ...withoutText(lost)], ['failed', 'Unreachable', true, true])
    assert.deepEqual(withoutText(await ask('first', setpoint(2))), ['Unreachable', true, false])
    labs[0] = await startLab({}, yaml('lab', data[0], port))
    await connected('first')
    assert.equal((await ask('first', setpoint(3))).payload, 3)
    assert.deepEqual(
      executed().filter((command) => String(command).startsWith('set')),
      [['set', 'setpoint', 3]]
    )
  })

  it('one whose reply is lost on the way fails with Timeout, and is not sent again', async () => {
    lab().scripted.execute = held.execute
    const waiting = ask('twin', { payload: 1 })
    await held.waits(1)
    relay.mute = true
    held.answer(1n)
    relay.cut()
    assert.deepEqual(withoutText(await waiting), ['Timeout', true, true])
    await connected('first')
    lab().scripted.execute = ({ value }) => Promise.resolve(value)
    assert.equal((await ask('twin', { payload: 2 })).out, 'done')
    assert.deepEqual(executed(), [
      ['set', 'setpoint', 1],
      ['set', 'setpoint', 2]
    ])
  })

  it('Node-RED takes the file as it is, and complains of nothing', () => {
    assert.doesNotMatch(nodeRed.log, /\[(error|warn)\] (?!Projects disabled|Using unencrypted)|missing types|headers/)
  })
})
