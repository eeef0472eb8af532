import assert from 'node:assert/strict'
import type { AdapterType } from '../../gateway/adapter.js'
import { GatewayError } from '../../gateway/errors.js'
import type { TestClient } from '../support/mqtt.js'
import { ReloadLab, quiet } from '../support/reload-lab.js'
import { Held, Scripted, hang } from '../support/scripted.js'
import { UdpClient } from '../support/udp.js'

const oven = (codenames: string): string => `
devices:
  oven:
    codenames:
${codenames
  .split('\n')
  .map((line) => `      ${line}`)
  .join('\n')}
  weather: { codenames: { wind: { schema: { type: number } } } }
`
const instance = (id: string, more: string): string => `  - { id: ${id}, type: scripted, ${more} }\n`
const first =
  quiet +
  oven('t: { unit: C, schema: { type: number } }\nsetpoint: { settable: true, schema: { type: number } }') +
  'adapters:\n' +
  instance('ovens', 'feeds: [oven], executes: [oven/setpoint]') +
  instance('other', 'feeds: []')

describe('a reload', function () {
  let scripted: Scripted
  let lab: ReloadLab

  beforeEach(() => {
    scripted = new Scripted()
    lab = new ReloadLab([scripted.type])
  })

  afterEach(async () => await lab.stop())

  /** A set of the setpoint that has not been answered yet, and who has asked. */
  async function underWay(): Promise<{ held: Held; client: TestClient }> {
    const held = new Held()
    scripted.execute = held.execute
    await lab.begin(first)
    const client = await lab.connect()
    await client.subscribe('lab/oven/setpoint/reply')
    await client.publish('lab/oven/setpoint/set', { id: 'a', value: 40 })
    await client.settled()
    return { held, client }
  }

  it('of the same file changes nothing, and of one with another comment neither', async () => {
    await lab.begin(first)
    const before = await lab.retained('lab/+/+')
    assert.deepEqual((await lab.gateway.reload('call')).result, 'unchanged')
    lab.write(`# a comment\n${first}`)
    const report = await lab.gateway.reload('call')
    assert.deepEqual([report.result, report.applied, scripted.starts, scripted.stops], ['unchanged', [], ['ovens', 'other'], []])
    const after = await lab.retained('lab/+/+')
    for (const [topic, text] of before) if (!topic.startsWith('lab/gateway/')) assert.equal(after.get(topic), text)
  })

  it('stops and starts what it changes, and nothing else', async () => {
    await lab.begin(first)
    const applied = await lab.change(first.replace('feeds: []', 'feeds: [weather/wind]'))
    assert.deepEqual(applied, ['instances that start anew: other (its configuration is another)'])
    assert.deepEqual([scripted.starts, scripted.stops], [['ovens', 'other', 'other'], ['other']])
    await scripted.host('other').publish({ device: 'weather', codename: 'wind', value: 3 })
  })

  it('clears what vanishes for a new subscriber, and tells those that are there', async () => {
    await lab.begin(first)
    await scripted.host('ovens').publish({ device: 'oven', codename: 't', value: 20.5 })
    const there = await lab.connect()
    await there.subscribe('lab/oven/#')
    await there.next('lab/oven/t')
    await there.next('lab/oven/t/meta')
    const applied = await lab.change(first.replace('t: { unit: C, schema: { type: number } }', 'pressure: { unit: bar }'))
    assert.deepEqual(applied, [
      'instances that start anew: ovens (oven is another)',
      'devices that change: oven',
      'codenames that come: oven/pressure',
      'topics that vanish: lab/oven/t'
    ])
    assert.equal((await there.next(({ topic, text }) => topic === 'lab/oven/t' && text === '')).text, '')
    assert.equal((await there.next('lab/oven/t/meta')).text, '')
    assert.match((await there.next('lab/oven/pressure/meta')).text, /"unit":"bar"/)
    const left = await lab.retained('lab/oven/#')
    assert.deepEqual([...left.keys()].sort(), ['lab/oven', 'lab/oven/pressure/meta', 'lab/oven/setpoint/meta'])
    await scripted.host('ovens').publish({ device: 'oven', codename: 'pressure', value: 1 })
  })

  it('forgets a device that goes, with its state, and takes in one that comes', async () => {
    await lab.begin(first)
    const client = await lab.connect()
    await client.publish('lab/weather/wind', '4.5', { retain: true })
    assert.ok((await lab.retained('lab/weather/#')).has('lab/weather/wind'))
    const applied = await lab.change(first.replace('weather: { codenames: { wind', 'climate: { codenames: { rain'))
    assert.deepEqual(applied, ['devices that come: climate', 'devices that go: weather', 'topics that vanish: lab/weather/wind'])
    const left = await lab.retained()
    assert.deepEqual(
      [...left.keys()].filter((topic) => topic.startsWith('lab/weather')),
      []
    )
    assert.equal((await lab.retained('lab/+')).has('lab/weather'), false)
    assert.match((await lab.retained('lab/+')).get('lab/climate') ?? '', /"offline"/)
    assert.match(left.get('lab/climate/rain/meta') ?? '', /"declared":true/)
  })

  it('keeps a value that the new schema allows, and clears one that it does not', async () => {
    await lab.begin(first)
    const client = await lab.connect()
    await client.publish('lab/weather/wind', '4.5', { retain: true })
    await lab.change(first.replace('wind: { schema: { type: number } }', 'wind: { unit: m/s, schema: { type: number, maximum: 5 } }'))
    const kept = await lab.retained('lab/weather/#')
    assert.match(kept.get('lab/weather/wind') ?? '', /"value":4\.5/)
    assert.match(kept.get('lab/weather/wind/meta') ?? '', /"maximum":5/)
    await lab.change(first.replace('wind: { schema: { type: number } }', 'wind: { schema: { type: number, maximum: 4 } }'))
    const cleared = await lab.retained('lab/weather/#')
    assert.deepEqual([...cleared.keys()].sort(), ['lab/weather', 'lab/weather/wind/meta'])
  })

  it('makes a reading old by its new maxAge, without an instance being stopped', async () => {
    await lab.begin(first)
    await scripted.host('ovens').publish({ device: 'oven', codename: 't', value: 20.5 })
    const there = await lab.connect()
    await there.subscribe('lab/oven/t')
    await there.next('lab/oven/t')
    assert.deepEqual(await lab.change(first.replace('t: { unit: C,', 't: { unit: C, maxAge: 0.05,')), [
      'devices that change: oven',
      'codenames that change: oven/t'
    ])
    assert.equal((await there.nextJson('lab/oven/t'))['quality'], 'stale')
    assert.deepEqual(scripted.stops, [])
  })

  it('answers a command that is under way where it stops the instance', async () => {
    const { client } = await underWay()
    await lab.change(first.replace('setpoint: { settable', 'setpoint: { callable: {}, settable'))
    const reply = await client.nextJson(({ topic, text }) => topic.endsWith('reply') && !text.includes('accepted'))
    const { class: kind, maybeExecuted } = reply['error'] as { class: string; maybeExecuted: boolean }
    assert.deepEqual([reply['id'], reply['phase'], kind, maybeExecuted], ['a', 'failed', 'Unreachable', true])
    scripted.execute = ({ value }) => Promise.resolve(value)
    await client.publish('lab/oven/setpoint/set', { id: 'b', value: 41 })
    assert.equal((await client.nextJson('lab/oven/setpoint/reply'))['phase'], 'done')
  })

  it('lets a command go on that has nothing to do with it', async () => {
    const { held, client } = await underWay()
    await lab.change(first.replace('feeds: []', 'feeds: [weather]'))
    held.answer(40)
    const reply = await client.nextJson(({ topic, text }) => topic.endsWith('reply') && !text.includes('accepted'))
    assert.deepEqual([reply['id'], reply['phase'], reply['value']], ['a', 'done', 40])
  })

  it('goes on without an instance that does not stop, which can do nothing any more', async () => {
    await lab.begin(first)
    const zombie = scripted.host('ovens')
    scripted.stop = (id) => (id === 'ovens' ? hang() : Promise.resolve())
    const began = performance.now()
    await lab.change(first.replace('unit: C, schema', 'schema').replace('executes: [oven/setpoint]', 'executes: [oven]'))
    assert.ok(performance.now() - began > 1900)
    assert.equal(scripted.starts.at(-1), 'ovens')
    await assert.rejects(zombie.publish({ device: 'oven', codename: 't', value: 1 }), /not running/)
    await assert.rejects(zombie.request({ device: 'oven', codename: 'setpoint', op: 'set', value: 1 }), /was stopped/)
    zombie.failed(new Error('I am still here'))
    zombie.report('offline', 'I am still here')
    await scripted.host('ovens').publish({ device: 'oven', codename: 't', value: 2 })
    const states = await lab.retained('lab/+')
    assert.match(states.get('lab/oven') ?? '', /"online"/)
    scripted.stop = () => Promise.resolve()
  })

  it('starts an instance again and again that cannot start, as always', async () => {
    await lab.begin(first)
    let tries = 0
    scripted.start = (id) => {
      if (id !== 'new') return Promise.resolve()
      tries += 1
      return tries < 3 ? Promise.reject(new GatewayError('Unreachable', 'not yet')) : Promise.resolve()
    }
    await lab.change(first + instance('new', 'feeds: [weather]'))
    const client = await lab.connect()
    await client.subscribe('lab/weather')
    await client.next(({ text }) => text.includes('online'))
    assert.equal(tries, 3)
  })

  it('moves a port from one instance to another', async () => {
    await lab.begin(first)
    const pull = (id: string, port: number): string =>
      `  - { id: ${id}, type: data-pull-server, port: ${port}, name: ${id}, device: oven }\n`
    await lab.change(first + pull('a', 0))
    const port = lab.gateway.endpoint('a')?.port ?? 0
    const udp = new UdpClient()
    assert.equal(await udp.ask(port, 'name'), 'a')
    await lab.change(first + pull('b', port))
    assert.equal(await udp.ask(port, 'name'), 'b')
    await udp.close()
  })

  it('takes variables as they are', async () => {
    lab.env = { PORT: 'one' }
    const text = `${first}  - { id: page, type: data-pull-server, port: 0, name: '\${PORT}', device: oven }\n`
    await lab.begin(text)
    assert.equal((await lab.gateway.reload('call')).result, 'unchanged')
    lab.env = { PORT: 'two' }
    assert.deepEqual((await lab.gateway.reload('call')).applied, ['instances that start anew: page (its configuration is another)'])
  })

  it('names what needs a restart, and applies nothing of such a file', async () => {
    await lab.begin(first)
    lab.write(
      first.replace('http: { port: 0 }', 'http: { port: 0, names: [lab] }\nhistory: { keep: 5 }').replace('feeds: []', 'feeds: [weather]')
    )
    await assert.rejects(lab.gateway.reload('call'), {
      class: 'BadPayload',
      message: 'restart the gateway to apply this: http.names, history.keep cannot change while it runs, so nothing of the file was applied'
    })
    assert.deepEqual(scripted.stops, [])
  })

  it('changes nothing when an adapter cannot be made of the new file', async () => {
    await lab.begin(first)
    const type = scripted.type as { create: AdapterType['create'] }
    const create = type.create.bind(scripted.type)
    type.create = () => {
      throw new Error('a fault of the adapter')
    }
    await assert.rejects(lab.change(first.replace('feeds: []', 'feeds: [weather]')), GatewayError)
    assert.deepEqual(scripted.stops, [])
    type.create = create
    await lab.change(first.replace('feeds: []', 'feeds: [weather]'))
  })

  it('is done once more, and not twice, when it is asked for meanwhile', async () => {
    await lab.begin(first)
    scripted.stop = (id) => new Promise((resolve) => setTimeout(resolve, id === 'other' ? 50 : 0))
    lab.write(first.replace('feeds: []', 'feeds: [weather]'))
    const one = lab.gateway.reload('call')
    const two = lab.gateway.reload('call')
    const three = lab.gateway.reload('call')
    const results = await Promise.all([one, two, three])
    assert.deepEqual(
      results.map(({ result }) => result),
      ['applied', 'unchanged', 'unchanged']
    )
    assert.equal(results[1], results[2])
    assert.deepEqual(scripted.stops, ['other'])
  })

  it('that is asked for while the gateway starts is done afterwards: nothing starts twice', async () => {
    lab.write(first)
    let reloading: Promise<unknown> | undefined
    await lab.start((gateway) => {
      lab.write(first + instance('new', 'feeds: [weather]'))
      reloading = gateway.reload('signal')
    })
    await reloading
    assert.deepEqual([scripted.starts, scripted.stops], [['ovens', 'other', 'new'], []])
  })

  it('ends soon when the gateway stops meanwhile', async () => {
    await lab.begin(first)
    const held: (() => void)[] = []
    scripted.stop = () => new Promise((resolve) => held.push(resolve))
    lab.write(first.replace('feeds: []', 'feeds: [weather]'))
    const reloading = assert.rejects(lab.gateway.reload('call'), /stopping/)
    while (held.length === 0) await new Promise((resolve) => setImmediate(resolve))
    const stopped = lab.gateway.stop()
    while (held.length < 2) await new Promise((resolve) => setImmediate(resolve))
    scripted.stop = () => Promise.resolve()
    for (const go of held) go()
    await Promise.all([reloading, stopped])
    assert.deepEqual(scripted.starts, ['ovens', 'other'])
  })
})
