import assert from 'node:assert/strict'
import type { Host, Latest } from '../../gateway/adapter.js'
import { GatewayError } from '../../gateway/errors.js'
import { FakeClock, settle } from '../support/fake-clock.js'
import { startLab } from '../support/lab.js'
import type { Lab } from '../support/lab.js'
import type { TestClient } from '../support/mqtt.js'
import { Held } from '../support/scripted.js'
import { UdpClient } from '../support/udp.js'

const yaml = `
broker: { tcp: { port: 0 }, limits: { maxQueue: 8, maxUndeclared: 3 } }
devices:
  rig:
    codenames:
      number: { schema: { type: number, maximum: 100 } }
      integer: { schema: { type: integer } }
      list: { schema: { type: array, items: { type: number } } }
      foreign: {}
  other: { codenames: { x: { settable: true, schema: { type: number } } } }
adapters:
  - { id: one, type: scripted, feeds: [rig/number, rig/integer, rig/list, found] }
  - { id: two, type: scripted, feeds: [rig/foreign], executes: [other/x] }
  - { id: pull, type: data-pull-server, port: 0, device: rig }
`

describe('what an instance may do', () => {
  let clock: FakeClock
  let lab: Lab
  let one: Host
  let client: TestClient
  let udp: UdpClient

  beforeEach(async () => {
    clock = new FakeClock()
    lab = await startLab({ clock }, yaml)
    one = lab.scripted.host('one')
    client = await lab.connect()
    await client.subscribe('lab/#', 'lab-dead/#')
    await client.settled()
    client.drop()
    udp = new UdpClient()
  })

  afterEach(async () => {
    await udp.close()
    const stopped = lab.stop()
    await clock.pass(10)
    await stopped
  })

  const rejected =
    (wanted: string) =>
    (error: unknown): boolean =>
      error instanceof GatewayError && error.class === wanted
  const rig = (codename: string, value: bigint | number | string | null) => ({ device: 'rig', codename, value })

  it('publishes readings that everybody sees, and finds them in memory at once', async () => {
    await one.publish({ ...rig('number', 21.5), source: 'poll' })
    assert.equal(one.latest('rig', 'number')?.value, 21.5)
    const reading = await client.nextJson((message) => message.topic === 'lab/rig/number' && !message.retain)
    assert.deepEqual([reading['value'], reading['source']], [21.5, 'poll'])
    assert.equal((await client.next('lab/rig/number/value')).text, '21.5')
  })

  it('publishes all or nothing', async () => {
    await assert.rejects(one.publish(rig('number', 1), rig('number', 101)), rejected('RangeError'))
    await assert.rejects(one.publish(rig('number', 1), rig('integer', 'x')), rejected('WrongType'))
    assert.equal(one.latest('rig', 'number'), undefined)
    assert.match(String(one.check(rig('number', 1), rig('number', 101))), /must be <= 100/)
    assert.equal(one.check(rig('number', 1)), undefined)
  })

  it('publishes no more undeclared codenames than there is room for, all or nothing', async () => {
    const found = (codename: string) => ({ device: 'found', codename, value: 1 })
    await assert.rejects(one.publish(...['a', 'b', 'c', 'd'].map(found)), rejected('RateLimited'))
    assert.deepEqual(one.codenames('found').undeclared, [])
    await one.publish(...['a', 'b'].map(found))
    await one.publish(...['a', 'b'].map(found))
    await assert.rejects(one.publish(...['b', 'c', 'd'].map(found)), rejected('RateLimited'))
    await one.publish(...['a', 'b', 'c'].map(found).slice(1))
    assert.deepEqual(one.codenames('found').undeclared, ['a', 'b', 'c'])
  })

  it('is refused what it does not feed', async () => {
    await assert.rejects(one.publish(rig('foreign', 1)), rejected('Forbidden'))
    await assert.rejects(one.publish(rig('number', 1), { device: 'gateway', codename: 'uptime', value: 1 }), rejected('Forbidden'))
    assert.equal(one.latest('rig', 'number'), undefined)
    assert.throws(() => one.describe('rig', 'foreign', {}), rejected('Forbidden'))
  })

  it('is told RateLimited when the queue is full, and nothing is published', async () => {
    await assert.rejects(one.publish(...[1, 2, 3, 4, 5].map((value) => rig('number', value))), rejected('RateLimited'))
    assert.equal(one.latest('rig', 'number'), undefined)
    await one.publish(...[1, 2, 3, 4].map((value) => rig('number', value)))
    assert.equal(one.latest('rig', 'number')?.value, 4)
  })

  it('has its numbers written as the schema says: a pull socket shows 47.0 for a number and 47 for an integer', async () => {
    const port = lab.port('pull')
    await one.publish(rig('number', 47n), rig('integer', 47), { device: 'rig', codename: 'list', value: [1n, 2.5] })
    assert.match(await udp.ask(port, 'number#raw'), /,47\.0$/)
    assert.match(await udp.ask(port, 'integer#raw'), /,47$/)
    assert.match(await udp.ask(port, 'list#json'), /\[1\.0, 2\.5\]/)
  })

  it('may give NaN whatever the schema: null and bad for MQTT, NaN for a pull socket', async () => {
    await one.publish(rig('number', NaN))
    const { value, quality, error } = await client.nextJson('lab/rig/number')
    assert.deepEqual([value, quality, (error as { class: string }).class], [null, 'bad', 'NotFinite'])
    assert.match(await udp.ask(lab.port('pull'), 'number#json'), /NaN/)
  })

  it('keeps an array of which one element is NaN, whatever the schema of its elements: null there, and bad', async () => {
    await one.publish({ device: 'rig', codename: 'list', value: [1, NaN, 2] })
    const { value, quality } = await client.nextJson('lab/rig/list')
    assert.deepEqual([value, quality], [[1, null, 2], 'bad'])
    await assert.rejects(one.publish({ device: 'rig', codename: 'list', value: [1, NaN, 'x'] }), rejected('WrongType'))
    assert.equal(one.check({ device: 'rig', codename: 'list', value: [Infinity] }), undefined)
  })

  it('watches what others publish, over MQTT or in the process, and never what it feeds itself', async () => {
    const [seen, mine]: [Latest[], Latest[]] = [[], []]
    one.watch({ device: 'rig' }, (reading) => seen.push(reading))
    const watch = one.watch({ device: 'native', codename: 'x' }, (reading) => mine.push(reading))
    await one.publish(rig('number', 1))
    await lab.scripted.host('two').publish(rig('foreign', 2))
    await client.publish('lab/native/x', '3')
    await client.publish('lab/native/y', '4')
    watch.cancel()
    await client.publish('lab/native/x', '5')
    assert.deepEqual(
      [...seen, ...mine].map(({ codename, value }) => [codename, value]),
      [
        ['foreign', 2],
        ['x', 3n]
      ]
    )
  })

  it('that throws in a watch hurts nobody', async () => {
    one.watch({ device: 'rig' }, () => {
      throw new Error('bug of an adapter')
    })
    await lab.scripted.host('two').publish(rig('foreign', 2))
    assert.ok(lab.log.lines.some(({ level, message }) => level === 'error' && message.includes('watches')))
  })

  it('claims a device it found, describes it, and releases it', async () => {
    one.claim('dev-9')
    assert.equal((await client.nextJson('lab/dev-9'))['state'], 'online')
    one.describe('dev-9', 'x', { unit: 'V', settable: true })
    assert.deepEqual(await client.nextJson('lab/dev-9/x/meta'), { declared: true, found: true, name: 'x', settable: true, unit: 'V' })
    await one.publish({ device: 'dev-9', codename: 'x', value: 1 })
    await client.publish('lab/dev-9/x', '2')
    assert.equal((await client.nextJson('lab-dead/lab/dev-9/x'))['class'], 'Forbidden')
    assert.throws(() => lab.scripted.host('two').claim('dev-9'), rejected('Forbidden'))
    client.drop()
    one.release('dev-9')
    const { state, reason } = await client.nextJson('lab/dev-9')
    assert.deepEqual([state, reason], ['offline', 'released by the instance one'])
    await assert.rejects(one.publish({ device: 'dev-9', codename: 'x', value: 1 }), rejected('Forbidden'))
    lab.scripted.host('two').claim('dev-9')
  })

  it('claims no more devices than there is room for, also when it publishes nothing of them', () => {
    const claims = (): number => ['h1', 'h2', 'h3', 'h4', 'h5'].filter((device) => claimed(device)).length
    assert.equal(claims(), 3)
    one.release('h1')
    assert.equal(claims(), 3, 'a device that was let go is still known')

    function claimed(device: string): boolean {
      try {
        one.claim(device)
        return true
      } catch (error) {
        assert.match(String(error), /already 3 undeclared devices/)
        return false
      }
    }
  })

  it('cannot claim what another feeds in part, what is declared, nor the gateway itself', () => {
    for (const device of ['rig', 'other', 'gateway']) assert.throws(() => one.claim(device), rejected('Forbidden'), device)
  })

  it('asks other devices: with the reply’s value, with their error, with a limit to its patience', async () => {
    const ask = { device: 'other', codename: 'x', op: 'set', value: 47n } as const
    assert.equal(await one.request(ask), 47)
    assert.deepEqual(lab.scripted.commands[0]?.client, 'one')
    assert.equal((await client.nextJson('lab/other/x/reply'))['client'], 'one')
    await assert.rejects(one.request({ ...ask, value: 'x' }), rejected('WrongType'))
    assert.equal(one.checkRequest({ ...ask, value: 'x' }) instanceof GatewayError, true)
    assert.equal(one.checkRequest(ask), undefined)
    const held = new Held()
    lab.scripted.execute = held.execute
    const late = assert.rejects(one.request({ ...ask, within: 2 }), rejected('Timeout'))
    await clock.pass(2)
    await late
    held.answer(1)
    client.drop()
    assert.equal((await client.nextJson('lab/other/x/reply'))['phase'], 'done', 'the command goes on, and its reply is published')
  })

  it('may give what it asks an id, which the replies show', async () => {
    await one.request({ device: 'other', codename: 'x', op: 'set', value: 47, id: 'session/3' })
    assert.deepEqual([lab.scripted.commands[0]?.id, (await client.nextJson('lab/other/x/reply'))['id']], ['session/3', 'session/3'])
  })

  it('asks in secret: no reply is published, whatever comes of it and however long it takes', async () => {
    const secret = { device: 'other', codename: 'x', op: 'call', value: 'token', secret: true } as const
    const held = new Held()
    lab.scripted.execute = held.execute
    const asked = one.request({ ...secret, within: 5 })
    await clock.pass(1)
    held.answer('another token')
    assert.equal(await asked, 'another token')
    assert.deepEqual([lab.scripted.commands[0]?.secret, lab.scripted.commands[0]?.value], [true, 'token'])
    lab.scripted.execute = () => Promise.reject(new GatewayError('DeviceError', 'it does not want the token'))
    await assert.rejects(one.request(secret), rejected('DeviceError'))
    await assert.rejects(one.request({ ...secret, op: 'set', value: 1 }), rejected('ReadOnly'))
    await assert.rejects(one.request({ ...secret, device: 'rig', codename: 'foreign' }), rejected('Forbidden'))
    await client.settled()
    assert.deepEqual(
      client.left.filter(({ topic, text }) => /token/.test(text) || /(reply|call)$/.test(topic)),
      []
    )
  })

  it('that gives up asking is let go at once, also when it had given up before', async () => {
    lab.scripted.execute = new Held().execute
    const controller = new AbortController()
    const ask = { device: 'other', codename: 'x', op: 'set', value: 1, signal: controller.signal } as const
    const given = assert.rejects(one.request(ask), rejected('Timeout'))
    controller.abort()
    await given
    await clock.pass(60)
    await assert.rejects(one.request(ask), rejected('Timeout'))
  })

  it('waits for its turn, in order and as long as it is ready to; who has gone by then asks nothing any more', async () => {
    const done: unknown[] = []
    let finish: () => void = () => {}
    lab.scripted.execute = ({ value }) =>
      new Promise((resolve) => {
        done.push(value)
        finish = () => resolve(value)
      })
    const gone = new AbortController()
    const ask = (value: number, more: object = {}): Promise<unknown> =>
      one.request({ device: 'other', codename: 'x', op: 'set', value, patience: 5, ...more })
    const asked = [ask(1), ask(2), ask(3)]
    const left = assert.rejects(ask(4, { signal: gone.signal }), { class: 'Timeout', message: /nothing was done/ })
    const last = ask(5)
    const hasty = assert.rejects(ask(6, { patience: 1 }), rejected('Busy'))
    await clock.pass(1)
    await hasty
    gone.abort()
    await left
    for (const each of [...asked, last]) {
      finish()
      await each
      await settle()
    }
    assert.deepEqual(done, [1, 2, 3, 5])
  })

  it('knows the devices in their order, and which of them say that they are not there', async () => {
    await one.publish({ device: 'found', codename: 'a', value: 1 })
    assert.deepEqual(one.devices(), ['rig', 'other', 'found'])
    await client.publish('lab/native/a', '1')
    await client.publish('lab/native', { state: 'offline' }, { qos: 1 })
    await client.settled()
    assert.deepEqual(one.devices(), ['rig', 'other', 'found', 'native'])
    assert.deepEqual(
      one.devices().map((device) => one.isOffline(device)),
      [false, false, false, true]
    )
    lab.scripted.host('two').report('offline', 'cable cut')
    assert.equal(one.isOffline('other'), true)
  })

  it('that waits for its turn has no more time for it, and asks nothing when it gives up before', async () => {
    const held = new Held()
    lab.scripted.execute = held.execute
    const ask = { device: 'other', codename: 'x', op: 'set', value: 1, within: 3, patience: 10 } as const
    const first = one.request(ask)
    const late = assert.rejects(one.request(ask), rejected('Timeout'))
    const controller = new AbortController()
    const given = assert.rejects(one.request({ ...ask, signal: controller.signal }), { class: 'Timeout', maybeExecuted: false })
    await clock.pass(2)
    controller.abort()
    await given
    held.answer(1)
    assert.equal(await first, 1)
    await clock.pass(1)
    await late
    const busy = assert.rejects(one.request(ask), rejected('Busy'))
    await clock.pass(3)
    await busy
    await assert.rejects(one.request({ ...ask, signal: AbortSignal.abort() }), { class: 'Timeout', maybeExecuted: false })
    assert.equal(lab.scripted.commands.length, 2)
  })

  it('whose turn comes with hardly any time left asks nothing any more', async () => {
    const held = new Held()
    lab.scripted.execute = held.execute
    const ask = { device: 'other', codename: 'x', op: 'set', value: 1, patience: 10 } as const
    const first = one.request(ask)
    const asked = [0.5, 3].map((within) => one.request({ ...ask, within }))
    const [brief, late] = asked.map((each) =>
      each.then(String, ({ class: kind, message, maybeExecuted }) => [kind, message, maybeExecuted])
    )
    const tooLate = ['Timeout', 'its turn came too late; nothing was done', false]
    await clock.pass(0.46)
    held.answer(1)
    await first
    assert.deepEqual(await brief, tooLate)
    // The third has its turn, and time.
    await settle()
    const fourth = one.request({ ...ask, within: 1.5 }).catch((error: GatewayError) => [error.class, error.message, error.maybeExecuted])
    await clock.pass(1.45)
    held.answer(2)
    assert.deepEqual([await late, await fourth], ['2', tooLate])
    assert.equal(lab.scripted.commands.length, 2)
    await assert.rejects(one.request({ ...ask, within: 0 }), rejected('Timeout'))
    assert.equal(lab.scripted.commands.length, 2)
  })

  it('may withdraw what has not had its turn, and hear of what has', async () => {
    const held = new Held()
    lab.scripted.execute = held.execute
    const controller = new AbortController()
    const ask = { device: 'other', codename: 'x', op: 'set', value: 1, patience: 10, turnSignal: controller.signal } as const
    const first = one.request(ask)
    const second = assert.rejects(one.request(ask), { class: 'Timeout', maybeExecuted: false })
    await settle()
    controller.abort()
    await second
    held.answer(1)
    assert.equal(await first, 1)
    await assert.rejects(one.request(ask), { class: 'Timeout', maybeExecuted: false })
    assert.equal(lab.scripted.commands.length, 1)
  })

  it('sends what it could not take to the dead letters', async () => {
    one.dead({ device: 'rig', codename: 'number' }, 'number:twelve', new GatewayError('WrongType', 'no number', { rule: 'type' }))
    const { time: _, ...letter } = await client.nextJson('lab-dead/lab/rig/number')
    const expected = {
      class: 'WrongType',
      client: 'one',
      payload: 'number:twelve',
      reason: 'no number',
      rule: 'type',
      topic: 'lab/rig/number'
    }
    assert.deepEqual(letter, expected)
  })

  it('is started again after it said that it failed', async () => {
    const { starts } = lab.scripted
    const before = starts.length
    one.failed(new Error('cable cut'))
    const { state, reason, via } = await client.nextJson((message) => message.topic === 'lab/rig' && message.text.includes('cable'))
    assert.deepEqual([state, reason, via], ['offline', 'cable cut', 'one'])
    await clock.pass(2)
    assert.deepEqual(starts.slice(before), ['one'])
    await client.next((message) => message.topic === 'lab/rig' && message.text.includes('"online"'))
  })
})
