import assert from 'node:assert/strict'
import { ReloadLab, quiet } from '../support/reload-lab.js'
import { rest } from '../support/rest.js'
import { Scripted } from '../support/scripted.js'
import { UdpClient } from '../support/udp.js'
import { until } from '../support/until.js'

const finder = '  - { id: finder, type: scripted, finds: true }\n'
const text = (devices: string, adapters: string): string =>
  `${quiet}devices:\n${devices}\nadapters:${adapters === '' ? ' []' : `\n${adapters}`}`
const own = '  own: { codenames: { x: {} } }'
const other = '  - { id: other, type: scripted, feeds: [own] }\n'

describe('a reload, and what was met or found at run time', () => {
  let scripted: Scripted
  let lab: ReloadLab

  beforeEach(() => {
    scripted = new Scripted()
    lab = new ReloadLab([scripted.type])
  })

  afterEach(async () => await lab.stop())

  const topics = async (): Promise<string[]> => {
    const all = [...(await lab.retained('lab/+')), ...(await lab.retained('lab/#'))].map(([topic]) => topic)
    return [...new Set(all)].filter((topic) => !topic.startsWith('lab/gateway')).sort()
  }

  it('a device that an instance has found goes with the instance, and stays when another changes', async () => {
    await lab.begin(text(own, finder))
    const host = scripted.host('finder')
    host.claim('far', { executes: true })
    host.describe('far', 'knob', { settable: true })
    await host.publish({ device: 'far', codename: 'knob', value: 1 }, { device: 'far', codename: 'unasked', value: 2 })
    await lab.change(text(own, finder + other))
    assert.deepEqual(await topics(), [
      'lab/far',
      'lab/far/knob',
      'lab/far/knob/meta',
      'lab/far/unasked',
      'lab/far/unasked/meta',
      'lab/own',
      'lab/own/x/meta'
    ])
    const client = await lab.connect()
    await client.subscribe('lab/far/knob/reply')
    await client.publish('lab/far/knob/set', { id: 'a', value: 5 })
    assert.equal((await client.nextJson('lab/far/knob/reply'))['phase'], 'done')
    host.note('seen', 'far')
    await lab.change(text(own, other))
    assert.deepEqual(await topics(), ['lab/own', 'lab/own/x/meta'])
    const { json } = await rest(lab.httpPort, '/api/instances')
    assert.deepEqual(
      (json['instances'] as { id: string }[]).map(({ id }) => id),
      ['other']
    )
    await lab.change(text(own, finder + other))
    assert.deepEqual([...scripted.host('finder').notes()], [])
  })

  it('a device that was found is declared then: it is released, and who is declared for it feeds it', async () => {
    await lab.begin(text(own, finder))
    scripted.host('finder').claim('far')
    await scripted.host('finder').publish({ device: 'far', codename: 'x', value: 1 })
    await lab.change(
      text(
        `${own}\n  far: { codenames: { x: { schema: { type: number } } } }`,
        `${finder}  - { id: far-side, type: scripted, feeds: [far] }\n`
      )
    )
    assert.deepEqual(scripted.stops, ['finder'])
    await assert.rejects(scripted.host('finder').publish({ device: 'far', codename: 'x', value: 2 }), /does not feed/)
    assert.throws(() => scripted.host('finder').claim('far'), /is declared/)
    await scripted.host('far-side').publish({ device: 'far', codename: 'x', value: 3 })
    const client = await lab.connect()
    const [shown] = await client.retained('lab/far/x')
    assert.match(shown?.text ?? '', /"value":3/)
  })

  it('what a client has written undeclared stays, is declared with its reading, and is undeclared again', async () => {
    await lab.begin(text(own, ''))
    const client = await lab.connect()
    await client.publish('lab/own/y', '5', { retain: true })
    await client.publish('lab/new/z', '6', { retain: true })
    const metas = async (): Promise<string[]> =>
      [...(await lab.retained('lab/+/+/meta'))]
        .filter(([topic]) => !topic.startsWith('lab/gateway'))
        .map(([topic, payload]) => `${topic} ${String((JSON.parse(payload) as { declared: boolean }).declared)}`)
        .sort()
    await lab.change(text(`${own}\n  new: { codenames: { z: { unit: V } } }`, ''))
    assert.deepEqual(await metas(), ['lab/new/z/meta true', 'lab/own/x/meta true', 'lab/own/y/meta false'])
    assert.match((await lab.retained('lab/new/z')).get('lab/new/z') ?? '', /"value":6/)
    // Of `own` something undeclared is left, of `new` nothing.
    await lab.change(text('  third: { codenames: { a: {} } }', ''))
    assert.deepEqual(await metas(), ['lab/own/y/meta false', 'lab/third/a/meta true'])
    assert.deepEqual(await topics(), ['lab/own', 'lab/own/y', 'lab/own/y/meta', 'lab/third', 'lab/third/a/meta'])
    await client.publish('lab/new/z', '7', { retain: true })
    assert.ok((await metas()).includes('lab/new/z/meta false'))
  })

  it('what is undeclared goes where it is refused from then on', async () => {
    await lab.begin(text(own, ''))
    const client = await lab.connect()
    await client.publish('lab/own/y', '5', { retain: true })
    await lab.change(text(own.replace('{ codenames', '{ undeclared: refuse, codenames'), ''))
    assert.deepEqual(await topics(), ['lab/own', 'lab/own/x/meta'])
    await lab.change(text(own, ''))
    await client.publish('lab/own/y', '5', { retain: true })
    assert.ok((await topics()).includes('lab/own/y'))
  })

  it('a device gets an instance, and loses it', async () => {
    await lab.begin(text(own, ''))
    const client = await lab.connect()
    await client.publish('lab/own/x', '5', { retain: true })
    const state = async (): Promise<string> => (await lab.retained('lab/own')).get('lab/own') ?? ''
    assert.match(await state(), /"online"/)
    await lab.change(text(own, other))
    assert.match(await state(), /"state":"online","via":"other"/)
    await client.subscribe('lab-dead/#')
    await client.publish('lab/own/x', '6', { retain: true })
    assert.match((await client.next('lab-dead/lab/own/x')).text, /written by the instance other/)
    await scripted.host('other').publish({ device: 'own', codename: 'x', value: 7 })
    await lab.change(text(own, ''))
    assert.match(await state(), /nothing heard from it yet.*"offline"/)
    assert.match((await lab.retained('lab/own/x')).get('lab/own/x') ?? '', /"quality":"stale".*"value":7/)
    await client.publish('lab/own/x', '8', { retain: true })
    assert.match(await state(), /"online"/)
  })

  it('the client that alone writes a device is another', async () => {
    await lab.begin(text(own.replace('{ codenames', '{ client: one, codenames'), ''))
    const [one, two] = [await lab.connect({ clientId: 'one' }), await lab.connect({ clientId: 'two' })]
    await two.subscribe('lab-dead/#')
    await two.publish('lab/own/x', '1')
    await two.next('lab-dead/lab/own/x')
    await lab.change(text(own.replace('{ codenames', '{ client: two, codenames'), ''))
    await one.publish('lab/own/x', '1')
    await two.next('lab-dead/lab/own/x')
    await two.publish('lab/own/x', '2')
    assert.match((await lab.retained('lab/own/x')).get('lab/own/x') ?? '', /"value":2/)
    await two.close()
    await until(() => !lab.gateway.clientIds.includes('two'), 'it is still there')
    assert.match((await lab.retained('lab/own')).get('lab/own') ?? '', /its client two disconnected/)
  })

  it('a device whose client is another is as that one is: what nobody can write any more does not look fresh', async () => {
    const by = (client: string): string =>
      text(own.replace('{ codenames: { x: {}', `{ client: ${client}, codenames: { x: {}, set: { settable: true }`), '')
    const shown = async (topic = 'lab/own'): Promise<string> => (await lab.retained(topic)).get(topic) ?? ''
    await lab.begin(by('one'))
    const one = await lab.connect({ clientId: 'one' })
    await one.publish('lab/own/x', '1')
    await one.settled()
    await lab.change(by('two'))
    assert.match(await shown(), /its client two is not connected.*"offline".*"via":"two"/)
    assert.match(await shown('lab/own/x'), /"quality":"stale"/)
    const two = await lab.connect({ clientId: 'two' })
    await two.settled()
    assert.match(await shown(), /its client two is connected.*"online"/)
    await two.close()
    await until(() => !lab.gateway.clientIds.includes('two'), 'it is still there')
    await lab.change(by('one'))
    assert.match(await shown(), /its client one is connected.*"online"/)
    await one.subscribe('lab/own/set/set')
    const asker = await lab.connect()
    await asker.publish('lab/own/set/set', { id: 'a', value: 5 })
    assert.match((await one.next('lab/own/set/set')).text, /"value":5/)
    await one.close()
    await until(() => !lab.gateway.clientIds.includes('one'), 'it is still there')
    await lab.change(text(own, ''))
    assert.match(await shown(), /nothing heard from it yet.*"offline"/)
  })

  it('a mirror is retained from then on, and cleared again', async () => {
    await lab.begin(text(own, other))
    await scripted.host('other').publish({ device: 'own', codename: 'x', value: 4 })
    await lab.change(text(own.replace('x: {}', 'x: { retainMirror: true }'), other))
    assert.equal((await lab.retained('lab/own/x/value')).get('lab/own/x/value'), '4')
    await lab.change(text(own, other))
    assert.equal((await lab.retained('lab/own/x/value')).size, 0)
    assert.deepEqual(scripted.stops, [])
  })

  it('old clients see codenames in the new order', async () => {
    const page = '  - { id: page, type: data-pull-server, port: 0, device: own }\n'
    await lab.begin(text('  own: { codenames: { a: {}, b: {} } }', page))
    const udp = new UdpClient()
    const names = async (): Promise<string> => await udp.ask(lab.gateway.endpoint('page')?.port ?? 0, 'codenames_json')
    assert.equal(await names(), '["a", "b"]')
    await lab.change(text('  own: { codenames: { b: {}, c: {}, a: {} } }', page))
    assert.equal(await names(), '["b", "c", "a"]')
    await udp.close()
  })

  it('the history keeps what it was told to, from then on', async () => {
    await lab.begin(text(own, other))
    const count = async (): Promise<number> => {
      const { json } = await rest(lab.httpPort, '/api/devices/own/x/history')
      return (json['readings'] as unknown[]).length
    }
    const put = async (value: number): Promise<void> => await scripted.host('other').publish({ device: 'own', codename: 'x', value })
    await put(1)
    assert.equal(await count(), 1)
    await lab.change(text(own.replace('{ codenames', '{ history: off, codenames'), other))
    await put(2)
    await lab.change(text(own, other))
    await put(3)
    assert.equal(await count(), 2)
    assert.deepEqual(scripted.stops, [])
  })

  it('and that of what nothing declares, too', async () => {
    const kept = async (): Promise<unknown[]> => {
      const { json } = await rest(lab.httpPort, '/api/devices/own/met/history')
      return (json['readings'] as { value: unknown }[]).map(({ value }) => value)
    }
    await lab.begin(text(own, ''))
    const client = await lab.connect()
    const put = async (value: string): Promise<void> => {
      await client.publish('lab/own/met', value)
      await client.settled()
    }
    await put('1')
    await lab.change(text(own.replace('{ codenames', '{ history: off, codenames'), ''))
    await put('2')
    await lab.change(text('', '').replace('devices:\n', 'devices: {}\n'))
    await put('3')
    await lab.change(text(own, ''))
    assert.deepEqual(await kept(), [1, 3])
  })

  it('a command that a native device was given, and an instance carries out from now on, is answered at once', async () => {
    const settable = own.replace('x: {}', 'x: { settable: true }')
    await lab.begin(text(settable, ''))
    const [native, asker] = [await lab.connect(), await lab.connect()]
    await native.subscribe('lab/own/x/set')
    await asker.subscribe('lab/own/x/reply', 'lab-dead/#')
    await asker.publish('lab/own/x/set', { id: 'a', value: 5 })
    await native.next('lab/own/x/set')
    await lab.change(text(settable, '  - { id: other, type: scripted, executes: [own/x] }\n'))
    const reply = await asker.nextJson(({ topic, text: told }) => topic.endsWith('reply') && !told.includes('accepted'))
    const { class: kind, maybeExecuted } = reply['error'] as { class: string; maybeExecuted: boolean }
    assert.deepEqual([reply['id'], kind, maybeExecuted], ['a', 'Unreachable', true])
    await asker.publish('lab/own/x/set', { id: 'b', value: 6 })
    assert.equal((await asker.nextJson(({ text: told }) => told.includes('"b"') && !told.includes('accepted')))['phase'], 'done')
  })
})
