import assert from 'node:assert/strict'
import { toPlain } from '../../adapters/common/exact-json.js'
import { adapterTypes } from '../../adapters/index.js'
import type { Exact } from '../../gateway/adapter.js'
import { checkConfig } from '../../gateway/config.js'
import { describedOf } from '../../gateway/describe/described.js'
import { nodeRedFlow } from '../../gateway/describe/node-red.js'
import { GatewayError } from '../../gateway/errors.js'
import { withFreePorts } from '../process/program.js'
import { startLab } from '../support/lab.js'
import type { Lab } from '../support/lab.js'
import { Scripted } from '../support/scripted.js'
import { start } from '../support/start.js'
import type { Running } from '../support/start.js'
import { NodeRed, needsNodeRed } from './node-red.js'
import type { FlowNode } from './node-red.js'
import { Page } from './page.js'
import type { Datapoint, Widget } from './page.js'
import { Relay } from './relay.js'

/** Every kind of schema that a codename may have. */
const kinds = `
gateway: { name: kinds }
broker: { root: site/kinds, tcp: { port: 0 } }
devices:
  all-kinds:
    description: One of each
    codenames:
      bounded: { unit: °C, digits: 1, settable: true, maxAge: 60, schema: { type: number, minimum: 0, maximum: 1200 } }
      open: { unit: °C, settable: true, schema: { type: [number, 'null'] } }
      whole: { unit: V, settable: true, schema: { type: integer, exclusiveMinimum: 0, exclusiveMaximum: 5 } }
      step: { settable: true, schema: { enum: [1, 2, 4] } }
      mode: { settable: true, schema: { type: string, enum: [heat, cool] } }
      on: { settable: true, schema: { type: boolean } }
      note: { settable: true, history: off, schema: { type: string } }
      parts: { settable: true, schema: { type: object } }
      free: { settable: true }
      brief: { maxAge: 0.3, schema: { type: string } }
      loss: { maxAge: 0.3, history: off, schema: { type: number, minimum: -1, maximum: 1 } }
      cool: { callable: {} }
      fire:
        callable:
          arguments: { type: object, required: [shots], properties: { shots: { type: integer }, mode: { enum: [one, all] }, hard: { type: boolean }, more: {} } }
          timeout: 60
  empty: { codenames: {} }
adapters:
  - { id: lab, type: scripted, feeds: [all-kinds], executes: [all-kinds] }
`

function flowOf(text: string, port: number): FlowNode[] {
  const checked = checkConfig(text, { file: 'test.yaml', types: [...adapterTypes, new Scripted().type], env: {} })
  return nodeRedFlow(describedOf(checked, { version: 'test', reach: '127.0.0.1', addresses: { tcp: { host: '127.0.0.1', port } } }))
}

describe('the flow of a configuration in Node-RED', function () {
  // Node-RED takes two seconds to start.
  this.timeout(60_000)
  const nodeRed = new NodeRed()
  let demo: Running
  let lab: Lab
  let relay: Relay
  let page: Page
  let nodes: FlowNode[]

  before(async function () {
    needsNodeRed(this)
    demo = await start(withFreePorts('gateway.yaml'))
    lab = await startLab({}, kinds)
    relay = await Relay.to(lab.mqttPort)
    const since = Date.now() / 1000 - 1800
    for (const value of [20, 21]) await publish('open', value, { time: since + value })
    for (let at = 0; at < 1500; at++) await publish('bounded', at % 100, { time: since + at })
    await nodeRed.start()
    const both = [...flowOf(withFreePorts('gateway.yaml'), demo.mqttPort), ...flowOf(kinds, relay.port)]
    // The subflow and the dashboard are the same for all gateways.
    nodes = [...new Map(both.map((node) => [node.id, node])).values()]
    await nodeRed.deploy(nodes)
    page = await Page.open(nodeRed.port)
  })

  after(async () => {
    await page?.close()
    await nodeRed.gone()
    await relay?.close()
    await lab?.stop()
    await demo?.stop()
  })

  const publish = (codename: string, value: Exact, more: object = {}): Promise<void> =>
    lab.scripted.host('lab').publish({ device: 'all-kinds', codename, value, ...more })

  /** Of a widget on the page of a device. */
  function id(device: string, type: string, name: string): string {
    const tab = nodes.find((node) => node.type === 'tab' && node['label'] === device)
    const found = nodes.filter((node) => node['z'] === tab?.id && node.type === type && (node['name'] === name || node['label'] === name))
    assert.equal(found.length, 1, `${device} ${type} ${name}`)
    return (found[0] as FlowNode).id
  }
  const of = (type: string, name: string): string => id('all-kinds', type, name)
  const shows =
    (payload: unknown, shade = 'fresh') =>
    (widget: Widget) =>
      widget.payload === payload && widget.class === shade
  const points = ({ told }: Widget): Datapoint[] => told.flatMap(({ _datapoint }) => (_datapoint === undefined ? [] : [_datapoint].flat()))
  const drawn = (widget: Widget, codename = 'open'): unknown[] =>
    points(widget)
      .filter(({ category }) => category === codename)
      .map(({ y }) => y)
  const replied = (text: string): Promise<Widget> => page.until(of('ui-text', 'reply'), ({ payload }) => payload === text)
  const executed = (): unknown => {
    const { op, codename, value } = lab.scripted.commands.at(-1) ?? { op: undefined, codename: undefined, value: null }
    return [op, codename, toPlain(value)]
  }

  it('is taken as it is: Node-RED knows every node, changes none and complains of nothing', async () => {
    assert.deepEqual(await nodeRed.flows(), nodes)
    assert.doesNotMatch(nodeRed.log, /\[(error|warn)\] (?!Projects disabled|Using unencrypted)|missing types/)
  })

  it('is the same whenever it is made, so that it takes the place of the one before, and nothing in it is there twice or leads nowhere', () => {
    const flow = flowOf(kinds, 1883)
    assert.deepEqual(flow, flowOf(kinds, 1883))
    const ids = flow.map((node) => node.id)
    assert.equal(new Set(ids).size, ids.length)
    for (const { wires, scope, group, page: on, z } of flow)
      for (const target of [wires, scope, group, on, z].flat(3))
        if (typeof target === 'string' && target !== '') assert.ok(ids.includes(target))
    assert.ok(!flow.some(({ type, label }) => type === 'tab' && (label === 'empty' || label === 'gateway')))
    const others = flowOf(kinds.replace('name: kinds', 'name: twin'), 1883).filter(({ type }) => type === 'tab')
    assert.ok(others.every((node) => !ids.includes(node.id)))
  })

  it('chooses the inputs by the schemas', () => {
    const inputs = nodes.filter(
      ({ z, type }) => z === nodes.find((node) => node['label'] === 'all-kinds')?.id && /^ui-(?!text|gauge|chart|template)/.test(type)
    )
    assert.deepEqual(
      inputs.map(({ type, name, min, max, step, options }) => [
        name,
        type,
        ...(min === undefined ? [] : [min, max, step]),
        ...(Array.isArray(options) ? [options.map((one: { value?: string; type: string }) => one.value ?? one.type).join(' ')] : [])
      ]),
      [
        ['bounded', 'ui-slider', 0, 1200, 1],
        ['open', 'ui-form', 'number'],
        ['whole', 'ui-slider', 1, 4, 1],
        ['step', 'ui-dropdown', '1 2 4'],
        ['mode', 'ui-dropdown', 'heat cool'],
        ['on', 'ui-switch'],
        ['note', 'ui-form', 'text'],
        ['parts', 'ui-form', 'multiline'],
        ['free', 'ui-form', 'multiline'],
        ['cool', 'ui-button'],
        ['fire', 'ui-form', 'number text checkbox multiline']
      ]
    )
  })

  it('begins with the last hour, of which it asks no more points than can be seen', async () => {
    const chart = await page.until(of('ui-chart', '°C'), (widget) => drawn(widget, 'bounded').length > 100)
    const count = drawn(chart, 'bounded').length
    assert.ok(count <= 700, String(count))
  })

  it('shows the demo: gauges move, texts and states are there, lines are drawn', async () => {
    await page.until(
      id('furnace', 'ui-gauge', 'temperature'),
      ({ payload, class: shade, units }) => typeof payload === 'number' && shade === 'fresh' && units === '°C'
    )
    await page.until(id('furnace', 'ui-text', 'state'), shows('online', 'online'))
    await page.until(id('laser', 'ui-text', 'interlock'), ({ payload, class: shade }) => typeof payload === 'string' && shade === 'fresh')
    await page.until(id('furnace', 'ui-chart', '°C'), (chart) => new Set(points(chart).map(({ category }) => category)).size === 2)
    page.change(id('furnace', 'ui-slider', 'setpoint'), 250)
    await page.until(id('furnace', 'ui-text', 'reply'), shows('setpoint done: 250', 'done'))
  })

  it('shows a value with its quality: stale, uncertain and bad as such', async () => {
    await publish('loss', 0.5)
    await page.until(of('ui-gauge', 'loss'), (widget) => shows(0.5)(widget) && widget.units === '')
    const stale = await page.until(of('ui-gauge', 'loss'), (widget) => shows(0.5, 'stale')(widget) && widget.units === 'STALE')
    assert.match(String(stale.label), /^loss, measured .*\d/)
    await publish('brief', '<b>')
    await page.until(of('ui-text', 'brief'), shows('&lt;b>'))
    await page.until(of('ui-text', 'brief'), ({ payload }) => /^&lt;b> \(STALE, measured .*\d.*\)$/.test(String(payload)))
    await publish('bounded', 20.26, { quality: 'uncertain' })
    await page.until(of('ui-gauge', 'bounded'), (widget) => shows(20.3, 'uncertain')(widget) && widget.units === 'UNCERTAIN')
    await publish('bounded', Number.NaN)
    await page.until(of('ui-gauge', 'bounded'), ({ class: shade, units }) => shade === 'bad' && units === 'NO VALUE')
    await publish('parts', new Map<string, Exact>([['a', 1n]]))
    await page.until(of('ui-text', 'parts'), shows('{"a":1}'))
    await publish('open', -30)
    await page.until(of('ui-gauge', 'open'), ({ told }) => JSON.stringify(told.at(-1) ?? {}).includes('"min":-50,"max":50'))
  })

  it('sends what each input gives, as its schema wants it, and shows the reply', async () => {
    const sent: [type: string, name: string, given: unknown, command: unknown[], reply: string][] = [
      ['ui-slider', 'bounded', 300, ['set', 'bounded', 300], 'bounded done: 300'],
      ['ui-form', 'open', { value: '12.5' }, ['set', 'open', 12.5], 'open done: 12.5'],
      ['ui-dropdown', 'step', '4', ['set', 'step', 4], 'step done: 4'],
      ['ui-dropdown', 'mode', 'cool', ['set', 'mode', 'cool'], 'mode done: "cool"'],
      ['ui-switch', 'on', true, ['set', 'on', true], 'on done: true'],
      ['ui-form', 'note', { value: '300' }, ['set', 'note', '300'], 'note done: "300"'],
      ['ui-form', 'parts', { value: '{"b":[2]}' }, ['set', 'parts', { b: [2] }], 'parts done: {"b":[2]}'],
      ['ui-button', 'cool', undefined, ['call', 'cool', {}], 'cool done: {}'],
      [
        'ui-form',
        'fire',
        { shots: '3', mode: '', hard: true, more: '[1]' },
        ['call', 'fire', { shots: 3, hard: true, more: [1] }],
        'fire done: {"hard":true,"more":[1],"shots":3}'
      ]
    ]
    for (const [type, name, given, command, reply] of sent) {
      if (type === 'ui-form' || type === 'ui-button') page.act(of(type, name), given)
      else page.change(of(type, name), given)
      await replied(reply)
      assert.deepEqual(executed(), command)
    }
    page.act(of('ui-form', 'parts'), { value: '{' })
    await page.until(
      of('ui-text', 'reply'),
      ({ payload, class: shade }) => shade === 'failed' && /^parts FAILED: .*JSON.*\(BadPayload\)$/.test(String(payload))
    )
  })

  it('an input follows the device, and goes back to it when a command fails', async () => {
    await publish('bounded', 100)
    await page.until(of('ui-slider', 'bounded'), shows(100))
    lab.scripted.execute = () => Promise.reject(new GatewayError('DeviceError', 'too <hot>'))
    page.forget()
    page.change(of('ui-slider', 'bounded'), 900)
    await replied('bounded FAILED: too &lt;hot> (DeviceError)')
    await page.until(of('ui-slider', 'bounded'), ({ told }) => told.at(-1)?.payload === 100)
    await publish('mode', 'heat')
    await publish('step', 2)
    await publish('on', false)
    await page.until(of('ui-dropdown', 'mode'), shows('heat'))
    await page.until(of('ui-dropdown', 'step'), shows('2'))
    await page.until(of('ui-switch', 'on'), shows(false))
  })

  it('after a restart of Node-RED the lines have what was measured before, once and in order', async () => {
    const now = Date.now() / 1000
    for (const value of [22, 23]) await publish('open', value, { time: now + value / 1e5 })
    const chart = of('ui-chart', '°C')
    await page.until(chart, (widget) => drawn(widget).at(-1) === 23)
    await page.close()
    await nodeRed.end()
    await publish('open', 24)
    await nodeRed.start()
    page = await Page.open(nodeRed.port)
    await page.until(chart, (widget) => drawn(widget).at(-1) === 24)
    await publish('open', 25)
    const after = await page.until(chart, (widget) => drawn(widget).at(-1) === 25)
    assert.deepEqual(drawn(after), [20, 21, -30, 22, 23, 24, 25])
    const times = points(after)
      .filter(({ category }) => category === 'open')
      .map(({ x }) => x)
    assert.deepEqual(
      times,
      [...times].sort((a, b) => a - b)
    )
  })

  it('after a time without a connection a line has a gap, and then what was measured meanwhile', async () => {
    page.forget()
    relay.cut()
    const now = Date.now() / 1000
    for (const value of [26, 27]) await publish('open', value, { time: now + value / 1e5 })
    const chart = await page.until(of('ui-chart', '°C'), (widget) => drawn(widget).at(-1) === 27)
    assert.deepEqual(drawn(chart), [null, 26, 27])
  })

  it('turns grey when the gateway is away', async () => {
    await lab.stop()
    await page.until(of('ui-gauge', 'open'), ({ class: shade, units }) => shade === 'away' && units === 'NO CONNECTION')
    await page.until(of('ui-text', 'state'), shows('NO CONNECTION', 'away'))
    await page.until(of('ui-text', 'note'), shows('NO CONNECTION', 'away'))
    page.act(of('ui-button', 'cool'))
    await replied('cool FAILED: no connection to the gateway; nothing was sent (Unreachable)')
  })
})
