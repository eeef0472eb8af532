import assert from 'node:assert/strict'
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { toPlain } from '../../adapters/common/exact-json.js'
import { GatewayError } from '../../gateway/errors.js'
import type { Exact } from '../../gateway/adapter.js'
import { Program, folder, main, withFreePorts, write } from '../process/program.js'
import { startLab } from '../support/lab.js'
import type { Lab } from '../support/lab.js'
import { Held } from '../support/scripted.js'
import { NodeRed, flowFile, needsNodeRed } from './node-red.js'
import type { FlowNode } from './node-red.js'
import { Page } from './page.js'
import type { Widget } from './page.js'
import { Relay } from './relay.js'

const yaml = (port: number, data: string): string => `
gateway: { data: ${data} }
broker: { tcp: { port: ${port} } }
devices:
  furnace:
    codenames:
      temperature: { unit: °C, schema: { type: number } }
      power: { unit: '%', maxAge: 1, schema: { type: number } }
      setpoint: { unit: °C, settable: true, schema: { type: number, minimum: 0, maximum: 1200 } }
      cool: { callable: {} }
adapters:
  - { id: oven, type: scripted, feeds: [furnace], executes: [furnace/setpoint, furnace/cool] }
`

const twenty = Array.from({ length: 20 }, (_, at) => at + 1)

describe('config/examples/node-red/laboratory.json in Node-RED', function () {
  // Node-RED takes two seconds to start.
  this.timeout(60_000)
  const nodeRed = new NodeRed()
  let lab: Lab
  const files = folder()
  let data: string
  let tests = 0
  let page: Page
  let nodes: FlowNode[]
  const relays: Relay[] = []
  const programs: Program[] = []

  before(async function () {
    needsNodeRed(this)
    await nodeRed.start()
  })

  beforeEach(async () => {
    data = join(files, String((tests += 1)))
    mkdirSync(data)
    lab = await startLab({}, yaml(0, data))
    await show(lab.mqttPort)
    await publish('temperature', 20)
    await page.until(id('furnace/temperature'), fresh)
  })

  afterEach(async () => {
    await page.close()
    // Else Node-RED would keep what the flow has seen.
    await nodeRed.deploy([])
    await lab.stop()
    await Promise.all(relays.splice(0).map((relay) => relay.close()))
    await Promise.all(programs.splice(0).map((program) => program.gone()))
  })

  after(() => nodeRed.gone())

  /** Imports the flow, deploys it and opens its page. */
  async function show(port: number, change: (node: FlowNode) => FlowNode = (node) => node): Promise<void> {
    nodes = flowFile('laboratory.json', port).map(change)
    await nodeRed.deploy(nodes)
    page = await Page.open(nodeRed.port)
  }

  async function relayed(): Promise<Relay> {
    const relay = await Relay.to(lab.mqttPort)
    relays.push(relay)
    return relay
  }

  /** Of a widget or an inject node, by its name. */
  function id(name: string): string {
    const found = nodes.filter((node) => node['name'] === name && /^(ui-|inject)/.test(node.type))
    assert.equal(found.length, 1, name)
    return (found[0] as FlowNode).id
  }

  const publish = (codename: string, value: Exact, more: object = {}): Promise<void> =>
    lab.scripted.host('oven').publish({ device: 'furnace', codename, value, ...more })

  const fresh = (widget: Widget): boolean => widget.class === 'fresh'
  const says = (text: string | RegExp) => (widget: Widget) => new RegExp(text).test(String(widget.payload))
  const marked = (shade: string, units: string) => (widget: Widget) => widget.class === shade && widget.units === units

  const set = (setpoint: number): void => page.act(id('setpoint'), { setpoint })
  const executed = (): unknown[] => lab.scripted.commands.map(({ op, codename, value }) => [op, codename, toPlain(value)])

  it('is taken as it is: Node-RED knows every node, changes none and complains of nothing', async () => {
    assert.deepEqual(await nodeRed.flows(), nodes)
    assert.doesNotMatch(nodeRed.log, /\[(error|warn)\] (?!Projects disabled|Using unencrypted)|missing types/)
  })

  it('shows 20 readings: each moves the gauge and becomes a point at the time when it was measured', async () => {
    const since = Date.now() / 1000 - 30
    for (const at of twenty) await publish('temperature', 100 + at / 2, { time: since + at })
    const numbers = twenty.map((at) => 100 + at / 2)
    const bare = ({ told }: Widget): unknown[] => told.filter(({ class: shade }) => shade === undefined).map(({ payload }) => payload)
    const gauge = await page.until(id('furnace/temperature'), (widget) => bare(widget).at(-1) === 110)
    assert.deepEqual(bare(gauge).slice(-20), numbers)
    assert.deepEqual([gauge.class, gauge.label], ['fresh', 'furnace/temperature'])
    const chart = await page.until(id('furnace'), ({ told }) => told.at(-1)?._datapoint?.y === 110)
    const points = chart.told.slice(-20).map(({ _datapoint }) => _datapoint)
    assert.deepEqual(
      points.map((point) => [point?.category, point?.y]),
      numbers.map((value) => ['furnace/temperature', value])
    )
    for (const at of twenty) assert.ok(Math.abs((points[at - 1]?.x ?? 0) - (since + at) * 1000) <= 1)
  })

  it('sends 20 commands, each with an id of its own, and shows what came of each', async () => {
    for (const at of twenty) {
      page.forget()
      set(at * 10)
      const { told } = await page.until(id('reply'), says(`^furnace/setpoint done: ${at * 10}$`))
      assert.deepEqual(
        told.map(({ payload }) => payload),
        ['furnace/setpoint sent', `furnace/setpoint done: ${at * 10}`]
      )
    }
    assert.deepEqual(
      executed(),
      twenty.map((at) => ['set', 'setpoint', at * 10])
    )
    assert.equal(new Set(lab.scripted.commands.map((command) => command.id)).size, 20)
    assert.deepEqual(new Set(lab.scripted.commands.map(({ client }) => client)), new Set(['node-red']))
  })

  it('shows why a command failed, whoever refused it', async () => {
    set(5000)
    const refused = await page.until(id('reply'), says('FAILED'))
    assert.deepEqual([refused.payload, refused.class], ['furnace/setpoint FAILED: value must be <= 1200 (got 5000) (RangeError)', 'failed'])
    lab.scripted.execute = () => Promise.reject(new GatewayError('DeviceError', 'thermocouple open'))
    set(500)
    await page.until(id('reply'), says(/^furnace\/setpoint FAILED: thermocouple open \(DeviceError\)$/))
    lab.scripted.execute = () => Promise.reject(new GatewayError('Timeout', 'silence', { maybeExecuted: true }))
    set(500)
    await page.until(id('reply'), says(/silence \(Timeout\) It may have been carried out\.$/))
  })

  it('shows that a command takes longer, then what came of it; calls and the inject node go the same way', async () => {
    const held = new Held()
    lab.scripted.execute = held.execute
    page.act(id('cool'))
    await page.until(id('reply'), says(/^furnace\/cool accepted$/))
    held.answer('heater off')
    await page.until(id('reply'), says(/^furnace\/cool done: "heater off"$/))
    lab.scripted.execute = ({ value }) => Promise.resolve(value)
    await nodeRed.inject(id('furnace to 100 °C'))
    await page.until(id('reply'), says(/^furnace\/setpoint done: 100$/))
    assert.deepEqual(executed(), [
      ['call', 'cool', {}],
      ['set', 'setpoint', 100]
    ])
  })

  it('takes no reply for its own that somebody else asked for', async () => {
    page.forget()
    const other = await lab.connect({ clientId: 'other' })
    await other.subscribe('lab/furnace/setpoint/reply')
    await other.publish('lab/furnace/setpoint/set', { id: 'theirs', value: 1 })
    await other.next('lab/furnace/setpoint/reply')
    set(2)
    const { told } = await page.until(id('reply'), says('done: 2'))
    assert.equal(told.length, 2)
  })

  it('sends a command that nobody carries out when it comes late, and that is sent once', async () => {
    const other = await lab.connect({ clientId: 'other' })
    await other.subscribe('lab/furnace/setpoint/set')
    set(2)
    const { text, qos, retain } = await other.next('lab/furnace/setpoint/set')
    const { expires, value } = JSON.parse(text) as { expires: string; value: number }
    assert.deepEqual([value, qos, retain], [2, 0, false])
    const left = new Date(expires).getTime() - Date.now()
    assert.ok(left > 0 && left <= 10_000, `${left} ms are left`)
  })

  it('shows a stale, uncertain or bad value as such, and leaves a gap in the line', async () => {
    const power = id('furnace/power')
    await publish('power', 55)
    const good = await page.until(power, fresh)
    assert.deepEqual([good.payload, good.label, good.units], [55, 'furnace/power', '%'])
    const stale = await page.until(power, marked('stale', 'STALE'))
    assert.equal(stale.payload, 55)
    assert.match(stale.label ?? '', /^furnace\/power, measured .*\d/)
    await publish('power', 56)
    await page.until(power, (widget) => fresh(widget) && widget.payload === 56 && widget.label === 'furnace/power')
    await publish('power', 57, { quality: 'uncertain' })
    await page.until(power, (widget) => marked('uncertain', 'UNCERTAIN')(widget) && widget.payload === 57)
    await publish('power', Number.NaN)
    await page.until(power, marked('bad', 'NO VALUE'))
    page.forget()
    await publish('temperature', 21, { quality: 'uncertain' })
    const { told } = await page.until(id('furnace'), (chart) => chart.told.length > 0)
    assert.equal(told[0]?._datapoint?.y, null)
  })

  it('has grey gauges after Deploy until the gateway is there, whatever they showed before', async () => {
    const relay = await relayed()
    relay.deaf = relay.mute = true
    await nodeRed.deploy(flowFile('laboratory.json', relay.port))
    await page.until(id('furnace/temperature'), marked('away', 'NO CONNECTION'))
    relay.cut()
    await page.until(id('furnace/temperature'), fresh)
  })

  it('lives through the end of Node-RED: values come back as old as they are, and nothing is commanded again', async () => {
    await publish('temperature', 21)
    await publish('power', 55)
    await page.until(id('furnace/power'), marked('stale', 'STALE'))
    set(300)
    await page.until(id('reply'), says('done: 300'))
    await page.close()
    await nodeRed.end()
    await nodeRed.start()
    page = await Page.open(nodeRed.port)
    const temperature = await page.until(id('furnace/temperature'), fresh)
    assert.equal(temperature.payload, 21)
    const power = await page.until(id('furnace/power'), marked('stale', 'STALE'))
    assert.equal(power.payload, 55)
    set(301)
    await page.until(id('reply'), says('done: 301'))
    assert.deepEqual(executed(), [
      ['set', 'setpoint', 300],
      ['set', 'setpoint', 301]
    ])
  })

  it('lives through the end of the gateway: grey at once, stale until it is measured again, no command twice', async () => {
    lab.scripted.execute = new Held().execute
    set(300)
    await page.until(id('reply'), says('accepted'))
    page.forget()
    await lab.stop()
    await page.until(id('reply'), says(/FAILED: the gateway is stopping \(Unreachable\) It may have been carried out\.$/))
    await page.until(id('furnace/temperature'), marked('away', 'NO CONNECTION'))
    const { told } = await page.until(id('furnace'), (chart) => chart.told.length >= 2)
    assert.equal(told.at(-1)?._datapoint?.y, null)
    set(301)
    await page.until(id('reply'), says(/no connection to the gateway; nothing was sent \(NoReply\)$/))

    page.forget()
    lab = await startLab({}, yaml(lab.mqttPort, data))
    const back = await page.until(id('furnace/temperature'), marked('stale', 'STALE'))
    assert.equal(back.payload, 20)
    assert.ok(back.told.every(({ class: shade }) => shade !== 'fresh'))
    set(302)
    await page.until(id('reply'), says('done: 302'))
    assert.deepEqual(executed(), [['set', 'setpoint', 302]])
    await publish('temperature', 22)
    await page.until(id('furnace/temperature'), (widget) => fresh(widget) && widget.payload === 22)
  })

  describe('through a bad network', () => {
    let relay: Relay

    /** With little patience for replies. */
    beforeEach(async () => {
      relay = await relayed()
      await page.close()
      await nodeRed.deploy([])
      await show(relay.port, (node) => {
        if (typeof node['func'] !== 'string') return node
        return { ...node, func: node['func'].replace('const patience = 15', 'const patience = 2') }
      })
      await page.until(id('furnace/temperature'), fresh)
    })

    const nobodyKnows = says(/no reply within 2 s; it may have been carried out: look at the reading \(NoReply\)$/)

    it('turns grey when the gateway falls silent without a word', async () => {
      relay.deaf = relay.mute = true
      await page.until(id('furnace/temperature'), marked('away', 'NO CONNECTION'))
    })

    it('a command whose reply is lost is carried out once, and fails on the page', async () => {
      const asked = new Promise<void>((resolve) => {
        lab.scripted.execute = ({ value }) => {
          resolve()
          return Promise.resolve(value)
        }
      })
      relay.mute = true
      set(300)
      await asked
      relay.cut()
      await page.until(id('reply'), nobodyKnows)
      set(301)
      await page.until(id('reply'), says('done: 301'))
      assert.deepEqual(executed(), [
        ['set', 'setpoint', 300],
        ['set', 'setpoint', 301]
      ])
    })

    it('a command that is lost itself is not carried out later, and fails on the page', async () => {
      relay.deaf = true
      set(300)
      await page.until(id('reply'), nobodyKnows)
      relay.cut()
      await page.until(id('furnace/temperature'), marked('away', 'NO CONNECTION'))
      await page.until(id('furnace/temperature'), fresh)
      set(301)
      await page.until(id('reply'), says('done: 301'))
      assert.deepEqual(executed(), [['set', 'setpoint', 301]])
    })
  })

  describe('with the demo', () => {
    /** The real program with config/gateway.yaml; resolves with its MQTT port. */
    async function demo(file: string): Promise<number> {
      const program = new Program(process.execPath, [main, 'start', '--config', file])
      programs.push(program)
      const [, port] = await program.says(/"listener":"mqtt"[^\n]*"port":(\d+)/)
      await program.says(/"msg":"ready"/)
      return Number(port)
    }

    it('shows every gauge and steers the furnace, also after kill -9 of the gateway', async () => {
      await page.close()
      const file = join(data, 'demo.yaml')
      const port = await demo(write(file, withFreePorts('gateway.yaml')))
      await show(port)
      const gauges = nodes.filter(({ type }) => type === 'ui-gauge').map((node) => node.id)
      assert.equal(gauges.length, 4)
      for (const gauge of gauges) await page.until(gauge, (widget) => fresh(widget) && typeof widget.payload === 'number')
      set(250)
      await page.until(id('reply'), says('furnace/setpoint done: 250'))

      programs[0]?.kill('SIGKILL')
      for (const gauge of gauges) await page.until(gauge, marked('away', 'NO CONNECTION'))
      await demo(write(file, withFreePorts('gateway.yaml').replace('port: 0', `port: ${port}`)))
      for (const gauge of gauges) await page.until(gauge, fresh)
      page.act(id('cool'))
      await page.until(id('reply'), says('furnace/cool done'))
    })
  })
})
