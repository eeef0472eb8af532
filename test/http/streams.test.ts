import assert from 'node:assert/strict'
import { connect } from 'node:net'
import type { Socket } from 'node:net'
import { Events } from '../support/events.js'
import { FakeClock, settle } from '../support/fake-clock.js'
import { startLab } from '../support/lab.js'
import type { Lab } from '../support/lab.js'
import { rest } from '../support/rest.js'
import { until } from '../support/until.js'

describe('readings over REST, as Server-Sent Events', () => {
  let clock: FakeClock
  let lab: Lab
  const open: Events[] = []
  const sockets: Socket[] = []

  beforeEach(async () => {
    clock = new FakeClock()
    lab = await startLab({ clock })
  })

  afterEach(async () => {
    for (const events of open.splice(0)) events.close()
    for (const socket of sockets.splice(0)) socket.destroy()
    const stopped = lab.stop()
    await clock.pass(10)
    await stopped
  })

  async function stream(query = ''): Promise<Events> {
    const events = await Events.open(lab.httpPort, `/api/readings${query}`)
    open.push(events)
    return events
  }

  const publish = (codename: string, value: number | string): void => {
    void lab.scripted.host('oven').publish({ device: 'furnace', codename, value })
  }

  it('begin with what is known, and go on with what comes', async () => {
    publish('temperature', 21.5)
    const events = await stream('?device=furnace')
    const state = await events.next()
    assert.deepEqual([state.event, state.data['device'], state.data['state']], ['state', 'furnace', 'online'])
    const { event, data } = await events.next()
    const { time, ...reading } = data
    assert.deepEqual([event, reading], ['reading', { device: 'furnace', codename: 'temperature', quality: 'good', unit: 'C', value: 21.5 }])
    assert.equal(typeof time, 'string')
    for (let i = 0; i < 100; i += 1) publish('temperature', i)
    for (let i = 0; i < 100; i += 1) assert.equal((await events.next()).data['value'], i)
  })

  it('tell when a reading has become stale, and when a device goes', async () => {
    publish('temperature', 21.5)
    const events = await stream('?device=furnace')
    await events.next(({ event }) => event === 'reading')
    await clock.pass(11)
    assert.deepEqual((await events.next(({ event }) => event === 'reading')).data['quality'], 'stale')
    lab.scripted.host('oven').report('offline', 'cable out')
    const gone = await events.next(({ data }) => data['state'] === 'offline')
    assert.deepEqual([gone.event, gone.data['reason']], ['state', 'cable out'])
  })

  it('are of one device or one codename when that is wanted, also of native ones', async () => {
    const [all, weather, wind] = [await stream(), await stream('?device=weather'), await stream('?device=weather&codename=wind')]
    const client = await lab.connect()
    await client.publish('lab/weather/rain', '1')
    publish('temperature', 5)
    await client.publish('lab/weather/wind', '7')
    const reading = (event: { event: string }): boolean => event.event === 'reading'
    const isWind = ({ event, data }: { event: string; data: Record<string, unknown> }): boolean =>
      event === 'reading' && data['codename'] === 'wind'
    for (const events of [all, weather, wind]) assert.equal((await events.next(isWind)).data['value'], 7)
    assert.deepEqual(
      weather.left.filter(reading).map(({ data }) => data['codename']),
      ['rain']
    )
    assert.deepEqual(wind.left.filter(reading), [])
    assert.ok(all.left.some(({ data }) => data['codename'] === 'temperature'))
  })

  it('are refused with the reason', async () => {
    for (const [path, status] of [
      ['/api/readings?device=furnac', 404],
      ['/api/readings?device=furnace&codename=x', 404],
      ['/api/readings?codename=temperature', 400],
      ['/api/readings?devise=furnace', 400],
      ['/api/readings?device=furnace&device=weather', 400]
    ] as const) {
      const answer = await rest(lab.httpPort, path)
      assert.deepEqual([answer.status, answer.headers['content-type']], [status, 'application/problem+json; charset=utf-8'], path)
    }
    assert.equal((await rest(lab.httpPort, '/api/readings', { headers: { accept: 'application/json' } })).status, 406)
    assert.equal((await rest(lab.httpPort, '/api/readings', { method: 'HEAD' })).status, 405)
    // All of one address, which has half of them.
    for (let i = 0; i < 16; i += 1) await stream('?device=strict')
    const { status, json, headers } = await rest(lab.httpPort, '/api/readings')
    assert.deepEqual([status, json['class'], json['rule'], headers['retry-after']], [429, 'RateLimited', 'maxStreams', '1'])
    open.pop()?.close()
    await until(() => lab.gateway.openConnections === 15, 'it keeps its place')
    await stream()
  })

  it('say from time to time that they are still there', async () => {
    const events = await stream('?device=strict')
    await events.next()
    await clock.pass(16)
    assert.match(await events.comment(), /still here/)
    await clock.pass(15)
    assert.match(await events.comment(), /still here/)
  })

  it('cut off who does not read; others miss nothing', async () => {
    const other = await stream('?device=furnace')
    const slow = connect(lab.httpPort, '127.0.0.1')
    sockets.push(slow)
    slow.on('error', () => {})
    slow.write('GET /api/readings HTTP/1.1\r\nhost: localhost\r\n\r\n')
    await until(() => lab.gateway.openConnections === 2, 'it is not there')
    await other.next()
    slow.pause()
    const text = 'x'.repeat(100_000)
    let sent = 0
    while (lab.gateway.openConnections === 2 && sent < 1000) {
      publish('note', `${sent} ${text}`)
      sent += 1
      assert.equal(String((await other.next()).data['value']).split(' ')[0], String(sent - 1))
    }
    assert.equal(lab.gateway.openConnections, 1)
    assert.ok(sent < 1000, `${sent}`)
    const told = lab.log.lines.filter(({ message }) => message.includes('stream of readings was cut off'))
    assert.equal(told.length, 1)
    await clock.pass(20)
    const { json } = await rest(lab.httpPort, '/api/devices/gateway/limits')
    assert.equal((json['reading'] as { value: { slowStreams?: number } }).value.slowStreams, 1)
  })

  it('come whole to who reads, however large one is, and however many come at once', async () => {
    const large = 'x'.repeat(1_500_000)
    const events = await stream('?device=furnace')
    await events.next()
    publish('note', large)
    assert.equal(String((await events.next()).data['value']).length, large.length)
    const anew = await stream('?device=furnace&codename=note')
    assert.equal(String((await anew.next(({ event }) => event === 'reading')).data['value']).length, large.length)
    // As when a device with thousands of codenames goes.
    for (let i = 0; i < 1600; i += 1) publish('note', `${i} ${large.slice(0, 1000)}`)
    for (let i = 0; i < 1600; i += 1) assert.equal(String((await events.next()).data['value']).split(' ')[0], String(i))
    assert.equal(lab.gateway.openConnections, 2)
  })

  it('cut off who is behind for long, though little comes', async () => {
    const other = await stream('?device=furnace')
    const slow = connect(lab.httpPort, '127.0.0.1')
    sockets.push(slow)
    slow.on('error', () => {})
    slow.write('GET /api/readings HTTP/1.1\r\nhost: localhost\r\n\r\n')
    await until(() => lab.gateway.openConnections === 2, 'it is not there')
    await other.next()
    slow.pause()
    // What the system takes, and more than may wait for long.
    publish('note', 'x'.repeat(12_000_000))
    await other.next()
    for (let i = 0; i < 4; i += 1) {
      assert.equal(lab.gateway.openConnections, 2, `${i}`)
      publish('note', `${i}`)
      await other.next()
      await clock.pass(2)
    }
    await until(() => lab.gateway.openConnections === 1, 'it keeps its place')
  })

  it('of many codenames come as they are taken, however slowly', async () => {
    const client = await lab.connect()
    const text = `"${'x'.repeat(40_000)}"`
    await Promise.all(Array.from({ length: 400 }, (_, i) => client.publish(`lab/many/c${i}`, text, { qos: 0 })))
    await client.settled()
    const events = await stream('?device=many')
    // 16 MB are more than all buffers on the way hold.
    events.pause()
    for (let i = 0; i < 600; i += 1) await settle()
    events.resume()
    for (let i = 0; i < 400; i += 1) assert.equal((await events.next(({ event }) => event === 'reading')).data['codename'], `c${i}`)
  })

  it('end when the gateway stops, with its last word', async () => {
    const events = await stream()
    await events.next()
    const stopped = lab.gateway.stop()
    await events.next(({ data }) => data['device'] === 'gateway' && data['state'] === 'offline')
    await events.over()
    await clock.pass(10)
    await stopped
  })
})
