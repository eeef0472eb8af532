import assert from 'node:assert/strict'
import type { Adapter, AdapterType } from '../../gateway/adapter.js'
import type { TestClient } from '../../test/support/mqtt.js'
import { Fence, TestPage, pagesPort } from '../../test/support/page.js'
import { start } from '../../test/support/start.js'
import type { Running, StartOptions } from '../../test/support/start.js'
import { UdpClient } from '../../test/support/udp.js'
import { FakeClock } from '../../test/support/fake-clock.js'
import { liveServer } from './server.js'

describe('live-server', () => {
  let running: Running
  let mqtt: TestClient
  let host: UdpClient
  let pages: TestPage[]
  let fence: Fence
  let clock: FakeClock

  beforeEach(() => {
    pages = []
    host = new UdpClient()
    clock = new FakeClock(1_500_000_100)
    fence = new Fence(async (datagram) => await send(datagram))
  })

  afterEach(async () => {
    for (const page of pages) await page.close()
    await host.close()
    await running.stop()
    assert.deepEqual(
      running.log.lines.filter(({ level }) => level === 'error'),
      []
    )
  })

  async function lab(options = '', more = 'devices: {}', startOptions: StartOptions = { clock }): Promise<void> {
    const entry = `{ id: live, type: live-server, port: 0, ${options.includes('web:') ? '' : 'web: { port: 0 }, '}${options} }`
    running = await start(`${more}\n${more.includes('adapters:') ? '' : 'adapters:'}\n  - ${entry}`, startOptions)
    mqtt = await running.connect()
    await mqtt.subscribe('lab/#', 'lab-dead/#')
    await mqtt.settled()
    mqtt.drop()
  }

  const send = async (datagram: string | Buffer): Promise<void> => await host.send(running.port('live'), datagram)
  const batch = async (data: object, from = 'rasppi71'): Promise<void> => await send(JSON.stringify({ host: from, data }))

  async function open(...subscriptions: string[]): Promise<TestPage> {
    const page = await TestPage.open(pagesPort(running, 'live'))
    pages.push(page)
    if (subscriptions.length > 0) page.subscribe(...subscriptions)
    return page
  }

  /** A page that is known to have subscribed. */
  async function looking(...subscriptions: string[]): Promise<TestPage> {
    const page = await open(...subscriptions)
    await fence.frames(page)
    return page
  }

  async function reading(topic: string): Promise<Record<string, unknown>> {
    return await mqtt.nextJson(`lab/${topic}`)
  }

  async function counters(): Promise<Record<string, number>> {
    mqtt.drop()
    await clock.pass(10)
    const { value } = await mqtt.nextJson('lab/gateway/counters')
    return (value as Record<string, Record<string, number>>)['live'] ?? {}
  }

  describe('towards MQTT', () => {
    it('publishes each codename of a batch, with its time, its x, as it was written', async () => {
      await lab()
      await send(
        '{"host": "rasppi71", "data": {"sine1": [1500000099.5, 0.36], "n": [1500000099, 47], "xy": [0.5, 12.0], "state": [1, "running"]}}'
      )
      const common = { quality: 'good', source: 'push' }
      const now = '2017-07-14T02:41:40Z'
      assert.deepEqual(await reading('rasppi71/sine1'), { ...common, time: '2017-07-14T02:41:39.5Z', value: 0.36 })
      assert.deepEqual(await reading('rasppi71/n'), { ...common, time: '2017-07-14T02:41:39Z', value: 47 })
      assert.deepEqual(await reading('rasppi71/xy'), { ...common, time: now, value: 12, x: 0.5 })
      assert.deepEqual(await reading('rasppi71/state'), { ...common, time: now, value: 'running', x: 1 })
      assert.equal((await reading('rasppi71'))['state'], 'online')
      assert.deepEqual(await reading('rasppi71/sine1/meta'), { declared: false, name: 'sine1', settable: false })
    })

    it('encodes names that topics cannot hold', async () => {
      await lab()
      await batch({ 'p error/1': [1, 2], '': [1, 3] }, 'host one')
      assert.equal((await reading('host%20one/p%20error%2F1'))['value'], 2)
      assert.equal((await reading('host%20one/%'))['value'], 3)
    })

    it('flags a time in milliseconds, and one in the future, as uncertain', async () => {
      await lab()
      await batch({ ms: [1500000099500, 1], future: [1500009999, 2] })
      const ms = await reading('rasppi71/ms')
      assert.deepEqual([ms['quality'], ms['time'], ms['x']], ['uncertain', '2017-07-14T02:41:40Z', 1500000099500])
      assert.equal((await reading('rasppi71/future'))['quality'], 'uncertain')
    })

    it('takes every x for a time, or none, where the configuration says so', async () => {
      await lab('x: time')
      await batch({ old: [1000, 1] })
      assert.equal((await reading('rasppi71/old'))['time'], '1970-01-01T00:16:40Z')
      await batch({ bad: ['x', 1] })
      assert.match(String((await mqtt.nextJson('lab-dead/lab/rasppi71/bad'))['reason']), /no time in Unix seconds/)
      await running.stop()
      await lab('x: value')
      await batch({ hertz: [1500000099.5, 1] })
      const { x, time } = await reading('rasppi71/hertz')
      assert.deepEqual([x, time], [1500000099.5, '2017-07-14T02:41:40Z'])
    })

    it('makes a reset a reading without a value, which pull sockets answer with OLD_DATA', async () => {
      await lab(
        'channels: { rasppi71: sine }',
        'devices: { sine: { codenames: { sine1: {} } } }\nadapters:\n  - { id: pull, type: data-pull-server, port: 0, device: sine }'
      )
      await batch({ sine1: [1500000099, 5] })
      await reading('sine/sine1')
      assert.equal(await host.ask(running.port('pull'), 'sine1#raw'), '1500000099.0,5')
      await batch({ sine1: 'RESET' })
      const { value, quality, error } = await reading('sine/sine1')
      assert.deepEqual([value, quality, (error as { code: string }).code], [null, 'bad', 'RESET'])
      assert.equal(await host.ask(running.port('pull'), 'sine1#raw'), 'OLD_DATA')
    })

    it('shows NaN as null and bad', async () => {
      await lab()
      await send('{"host": "h", "data": {"a": [1500000099, NaN]}}')
      const { value, quality, error } = await reading('h/a')
      assert.deepEqual([value, quality, (error as { class: string }).class], [null, 'bad', 'NotFinite'])
    })

    it('maps hosts, and codenames of hosts', async () => {
      await lab(
        "channels: { rasppi71: furnace, 'rasppi71:temp': furnace/temperature, 'rasppi25:p': gauge/pressure }",
        'devices: { furnace: { codenames: { temperature: {}, power: {} } }, gauge: { codenames: { pressure: {} } } }'
      )
      await batch({ temp: [1, 2], power: [1, 3], other: [1, 4] })
      for (const [topic, value] of [
        ['furnace/temperature', 2],
        ['furnace/power', 3],
        ['furnace/other', 4]
      ] as const)
        assert.equal((await reading(topic))['value'], value)
      await batch({ p: [1, 1e-9], q: [1, 5] }, 'rasppi25')
      assert.equal((await reading('gauge/pressure'))['value'], 1e-9)
      assert.equal((await reading('rasppi25/q'))['value'], 5)
    })

    it('lets nobody else write the readings of its hosts', async () => {
      await lab()
      await batch({ a: [1, 2] })
      await reading('rasppi71/a')
      await mqtt.publish('lab/rasppi71/a', '3')
      assert.equal((await mqtt.nextJson('lab-dead/lab/rasppi71/a'))['class'], 'Forbidden')
    })

    it('takes no device for a host that is declared, or that somebody else writes', async () => {
      await lab('', 'devices: { cryostat: { codenames: { temperature: {} } } }')
      await mqtt.publish('lab/esp-7/x', '1')
      for (const name of ['cryostat', 'esp-7', 'gateway']) {
        await batch({ x: [1, 666] }, name)
        const letter = await mqtt.nextJson('lab-dead/lab/live')
        assert.equal(letter['class'], 'Forbidden', name)
      }
      await mqtt.publish('lab/esp-7/x', '2')
      await mqtt.publish('lab/cryostat/temperature', '4')
      assert.equal((await reading('cryostat/temperature'))['value'], 4)
    })

    it('lets go of its hosts when it stops, and takes them up again when it starts', async () => {
      let adapter: Adapter | undefined
      const type = {
        ...liveServer,
        type: 'live-noted',
        create: (...made: Parameters<typeof liveServer.create>) => (adapter = liveServer.create(...made))
      }
      running = await start('adapters: [{ id: live, type: live-noted, port: 0, web: { port: 0 }, maxAge: 5 }]', {
        clock,
        types: [type as unknown as AdapterType]
      })
      mqtt = await running.connect()
      await mqtt.subscribe('lab/#', 'lab-dead/#')
      await batch({ a: [1, 2] })
      assert.equal((await reading('rasppi71/a'))['value'], 2)
      await adapter?.stop()
      assert.match(
        String((await mqtt.nextJson(({ topic, text }) => topic === 'lab/rasppi71' && text.includes('offline')))['reason']),
        /released/
      )
      await adapter?.start(new AbortController().signal)
      await batch({ a: [1, 3] })
      assert.equal((await mqtt.nextJson(({ topic, text }) => topic === 'lab/rasppi71/a' && text.includes('"value":3')))['quality'], 'good')
    })

    it('lets readings of other hosts grow old where it is told to', async () => {
      await lab('maxAge: 5')
      await batch({ a: [1500000099, 2] })
      assert.equal((await reading('rasppi71/a'))['quality'], 'good')
      assert.equal((await reading('rasppi71/a/meta'))['maxAge'], 5)
      await clock.pass(6)
      assert.equal((await reading('rasppi71/a'))['quality'], 'stale')
    })

    it('keeps others to itself where it is told to; pages see them', async () => {
      await lab('others: refuse')
      const page = await looking('rasppi71:a')
      await batch({ a: [1, 2] })
      assert.deepEqual(await page.batch(), { host: 'rasppi71', data: { a: [1, 2] } })
      await mqtt.settled()
      assert.deepEqual(
        mqtt.left.filter(({ topic }) => topic.includes('rasppi71')),
        []
      )
    })

    it('refuses one codename and takes the others; pages see what the host sent', async () => {
      await lab(
        'channels: { rasppi71: furnace }',
        'devices: { furnace: { codenames: { power: { schema: { type: number, maximum: 100 } }, t: {} } } }'
      )
      const page = await looking('rasppi71:t')
      await batch({ power: [1, 101], t: [1, 5], odd: 3 })
      assert.deepEqual(await page.batch(), { host: 'rasppi71', data: { power: [1, 101], t: [1, 5], odd: 3 } })
      assert.equal((await reading('furnace/t'))['value'], 5)
      const letter = await mqtt.nextJson('lab-dead/lab/furnace/power')
      assert.deepEqual([letter['class'], letter['payload']], ['RangeError', '{"host": "rasppi71", "data": {"power": [1, 101]}}'])
      assert.match(String((await mqtt.nextJson('lab-dead/lab/furnace/odd'))['reason']), /a point is \[x, y\] or "RESET"/)
    })

    it('takes in no more devices than the gateway allows, and none where it refuses', async () => {
      await lab('', 'broker: { tcp: { port: 0 }, limits: { maxUndeclared: 2 } }')
      for (const name of ['h1', 'h2', 'h3']) await batch({ a: [1, 2] }, name)
      assert.equal((await mqtt.nextJson('lab-dead/lab/live'))['class'], 'RateLimited')
      await running.stop()
      await lab('', 'broker: { tcp: { port: 0 }, undeclared: refuse }')
      await batch({ a: [1, 2] })
      assert.equal((await mqtt.nextJson('lab-dead/lab/live'))['class'], 'UnknownDevice')
      await mqtt.settled()
      assert.deepEqual(
        mqtt.left.filter(({ topic }) => topic.startsWith('lab/rasppi71')),
        [],
        'not even a state'
      )
    })
  })

  describe('towards hosts', () => {
    it('survives and counts what is no batch, and tells it as dead letters, as long as there are few', async () => {
      await lab()
      const page = await looking('h:a')
      const bad = ['not json', '', '{}', '[1]', '12', '"STOP"', '{"host": 5, "data": {}}', '{"host": "h", "data": [1]}', 'null']
      for (const datagram of bad) await send(datagram)
      await send(Buffer.from([0xff, 0xfe]))
      await send('x'.repeat(20_000))
      await batch({ a: [1, 2] }, 'h')
      assert.deepEqual(await page.batch(), { host: 'h', data: { a: [1, 2] } })
      const reasons = new Set<string>()
      for (let i = 0; i < bad.length + 2; i += 1) reasons.add(String((await mqtt.nextJson('lab-dead/lab/live'))['reason']))
      assert.ok(reasons.size >= 6, [...reasons].join('\n'))
      for (let i = 0; i < 100; i += 1) await send('again')
      await fence.frames(page)
      const counted = await counters()
      assert.equal(counted['refused'], bad.length + 2 + 100)
      assert.ok(mqtt.left.filter(({ topic }) => topic.startsWith('lab-dead')).length < 20)
      const told = running.log.lines.filter(({ message }) => message === 'what a host sent was refused')
      assert.equal(told.length, 1)
    })

    it('drops what one sender sends too much of, and nobody else’s', async () => {
      await lab('maxRate: 10')
      const page = await looking('good:a', 'bad:a')
      const other = new UdpClient()
      try {
        for (let i = 0; i < 60; i += 1) await other.send(running.port('live'), '{"host": "bad", "data": {"a": [1, 2]}}')
        await batch({ a: [1, 2] }, 'good')
        const frames = await fence.frames(page)
        assert.equal(frames.filter((frame) => frame.includes('good')).length, 1)
        assert.equal(frames.filter((frame) => frame.includes('bad')).length, 20)
        assert.equal((await counters())['dropped'], 40)
        await other.send(running.port('live'), '{"host": "bad", "data": {"a": [1, 3]}}')
        assert.equal((await fence.frames(page)).length, 1, 'it may again')
      } finally {
        await other.close()
      }
      assert.match(running.log.lines.find(({ level }) => level === 'warn')?.message ?? '', /more than maxRate \(10 values\/s\)/)
    })

    it('keeps the last values of so many channels; of others pages get what comes', async () => {
      await lab('maxChannels: 1')
      await batch({ a: [1, 2], b: [1, 2] })
      const page = await open('rasppi71:a', 'rasppi71:b')
      assert.deepEqual(await page.batch(), { host: 'rasppi71', data: { a: [1, 2] } })
      await batch({ b: [2, 3] })
      assert.deepEqual(await page.batch(), { host: 'rasppi71', data: { b: [2, 3] } })
      assert.match(running.log.lines.find(({ level }) => level === 'warn')?.message ?? '', /raise maxChannels/)
    })
  })

  describe('towards web pages', () => {
    it('drops the connection of a page that says something else, with 1006, and nobody else’s', async () => {
      await lab()
      const good = await looking('h:a')
      for (const frame of ['subscribe#host:8000;a,b', '[]', '{"action": "subscribe"}', '{"action": "subscribe", "subscriptions": ["h"]}']) {
        const page = await open()
        page.send(frame)
        assert.equal(await page.closed, 1006, frame)
      }
      await batch({ a: [1, 2] }, 'h')
      assert.deepEqual(await good.batch(), { host: 'h', data: { a: [1, 2] } })
      const told = running.log.lines.filter(({ message }) => message === 'a web page was disconnected')
      assert.deepEqual([told.length, /no JSON/.test(String(told[0]?.fields['reason']))], [1, true])
    })

    it('bounds what a page may subscribe to and send', async () => {
      await lab('web: { port: 0, maxSubscriptions: 3 }')
      const many = await open('h:a', 'h:b', 'h:c')
      many.subscribe('h:d')
      assert.equal(await many.closed, 1006)
      const long = await open(`h:${'x'.repeat(70_000)}`)
      assert.equal(await long.closed, 1006)
      const huge = await open(`h:${'x'.repeat(200_000)}`)
      assert.ok([1006, 1009].includes(await huge.closed))
      const often = await open()
      for (let i = 0; i < 1001; i += 1) often.send('{}')
      assert.equal(await often.closed, 1006)
    })

    it('lets in so many pages, and one more when one has gone', async () => {
      await lab('web: { port: 0, maxPages: 2 }')
      const [first] = [await open(), await open()]
      await assert.rejects(open())
      await first.close()
      await batch({ a: [1, 2] }, 'h')
      await clock.pass(0)
      const late = await open('h:a')
      assert.deepEqual(await late.batch(), { host: 'h', data: { a: [1, 2] } })
      assert.match(running.log.lines.find(({ level }) => level === 'warn')?.message ?? '', /2 are connected \(web\.maxPages\)/)
    })

    it('cuts a page that does not read, says so, and the others get everything in time', async function () {
      this.timeout(20_000)
      await lab('maxRate: 1000000')
      const [slow, good] = [await looking('h:a'), await looking('h:a')]
      slow.socket.pause()
      const value = 'x'.repeat(8000)
      let got = 0
      for (let round = 0; round < 60 && !cut(); round += 1) {
        for (let i = 0; i < 40; i += 1) await batch({ a: [1, value] }, 'h')
        got += (await fence.frames(good)).length
      }
      assert.ok(cut(), 'the page that does not read is still connected')
      assert.equal(got % 40, 0)
      slow.socket.resume()
      await slow.closed

      function cut(): boolean {
        return running.log.lines.some(({ fields }) => /does not read: \d+ bytes wait/.test(String(fields['reason'])))
      }
    })

    it('finds out that a page is gone without a word', async () => {
      await lab()
      const gone = await looking('h:a')
      gone.socket.pause()
      for (let i = 0; i < 3; i += 1) await clock.pass(20)
      assert.match(String(running.log.lines.find(({ level }) => level === 'warn')?.fields['reason']), /does not answer a ping/)
      gone.socket.resume()
      assert.equal(await gone.closed, 1006)
    })

    it('leaves a page alone that answers its pings', async () => {
      await lab()
      const page = await looking('h:a')
      for (let i = 0; i < 4; i += 1) {
        const ping = new Promise((resolve) => page.socket.once('ping', resolve))
        await clock.pass(20)
        await ping
        await fence.frames(page)
      }
      await batch({ a: [1, 2] }, 'h')
      assert.deepEqual(await page.batch(), { host: 'h', data: { a: [1, 2] } })
    })

    it('shows its load once a second, while somebody looks on and not a timer longer', async () => {
      await lab()
      const page = await looking('h:a')
      const idle = clock.timers
      page.subscribe('cinf-wsserver:websocket_count', 'cinf-wsserver:sent_n')
      await fence.frames(page)
      assert.equal(clock.timers, idle + 1)
      await clock.pass(1)
      await page.batch()
      await send('not json')
      await batch({ a: [1, 2] }, 'h')
      await page.batch()
      await clock.pass(1)
      const { host: name, data } = (await page.batch()) as { host: string; data: Record<string, [number, number]> }
      assert.equal(name, 'cinf-wsserver')
      assert.deepEqual(Object.keys(data), [
        'max_internal_handle_time',
        'websocket_count',
        'received_n',
        'sent_n',
        'json_decode_error',
        'received_kb',
        'sent_kb'
      ])
      const { websocket_count: count, received_n: received, json_decode_error: errors } = data
      assert.deepEqual(
        [count, received, errors],
        [
          [1_500_000_102, 1],
          [1_500_000_102, 2],
          [1_500_000_102, 1]
        ]
      )
      await page.close()
      const other = await looking('h:a')
      await fence.frames(other)
      assert.equal(clock.timers, idle)
    })

    it('forgets a page that has gone: its subscriptions, and its pings', async () => {
      await lab()
      const before = clock.timers
      const page = await looking('h:a')
      await page.close()
      await batch({ a: [1, 2] }, 'h')
      await reading('h/a')
      await clock.pass(40)
      assert.equal(clock.timers, before)
    })

    it('lets in pages of this computer and those that are listed, and no others', async () => {
      await lab("web: { port: 0, origins: ['https://pages.invalid'] }")
      const port = pagesPort(running, 'live')
      const knock = async (origin: string | undefined): Promise<boolean> => {
        try {
          pages.push(await TestPage.open(port, origin === undefined ? {} : { origin }))
          return true
        } catch {
          return false
        }
      }
      const tried = [
        undefined,
        'http://127.0.0.1:8000',
        'http://localhost',
        'https://pages.invalid',
        'http://pages.invalid',
        'https://evil.invalid',
        'null'
      ]
      const let_in: boolean[] = []
      for (const origin of tried) let_in.push(await knock(origin))
      assert.deepEqual(let_in, [true, true, true, true, false, false, false])
      assert.match(running.log.lines.find(({ level }) => level === 'warn')?.message ?? '', /web\.origins/)
    })

    it('tells a browser that comes by plain HTTP what is here, on any path; pages too come on any path', async () => {
      await lab()
      const port = pagesPort(running, 'live')
      const answer = await fetch(`http://127.0.0.1:${port}/any/path`)
      assert.deepEqual([answer.status, /subscribe/.test(await answer.text())], [426, true])
      const page = await TestPage.open(port, {}, `ws://127.0.0.1:${port}/any/path?x=1`)
      pages.push(page)
      page.subscribe('h:a')
      await fence.frames(page)
    })
  })

  describe('showing other devices', () => {
    const devices = `devices:
  furnace: { codenames: { temperature: { maxAge: 5 }, power: {} } }
  gauge: { codenames: { pressure: {} } }`

    it('sends their readings as batches of a host, and the last ones to who comes later', async () => {
      await lab("show: { oven: furnace, 'rasppi25:p': gauge/pressure, 'rasppi25:t': furnace/temperature }", devices)
      const page = await looking('oven:temperature', 'rasppi25:p')
      await mqtt.publish('lab/furnace/temperature', '21.5')
      assert.equal(await page.frame(), '{"host": "oven", "data": {"temperature": [1500000100.0, 21.5]}}')
      await mqtt.publish('lab/gauge/pressure', { value: 1e-9, time: '2017-07-14T02:41:39.5Z' })
      assert.equal(await page.frame(), '{"host": "rasppi25", "data": {"p": [1500000099.5, 1e-09]}}')
      const late = await open('rasppi25:p', 'oven:temperature', 'rasppi25:t')
      assert.deepEqual(
        [await late.batch(), await late.batch()],
        [
          { host: 'rasppi25', data: { p: [1500000099.5, 1e-9], t: [1500000100, 21.5] } },
          { host: 'oven', data: { temperature: [1500000100, 21.5] } }
        ]
      )
    })

    it('shows nothing that is stale as the last value, and no number that is bad', async () => {
      await lab('show: { oven: furnace }', devices)
      const page = await looking('oven:temperature', 'oven:power')
      await mqtt.publish('lab/furnace/temperature', '21.5')
      await page.batch()
      await clock.pass(6)
      assert.deepEqual(await fence.frames(page), [])
      const late = await open('oven:temperature')
      assert.deepEqual(await fence.frames(late), [])
      await mqtt.publish('lab/furnace/power', {
        value: null,
        quality: 'bad',
        error: { class: 'DeviceError', message: 'x', retryable: true }
      })
      assert.deepEqual(await page.batch(), { host: 'oven', data: { power: [1500000106, null] } })
    })

    it('sends what came together together', async () => {
      await lab('show: { oven: furnace }', `${devices}\nadapters:\n  - { id: push, type: data-push-server, port: 0, device: furnace }`)
      const page = await looking('oven:power')
      await host.ask(running.port('push'), 'raw_wn#temperature:float:1;power:int:2')
      assert.equal(await page.frame(), '{"host": "oven", "data": {"temperature": [1500000100.0, 1.0], "power": [1500000100.0, 2]}}')
    })
  })

  it('is checked: what goes with what, loops, origins', async () => {
    await lab()
    const wrong: [string, RegExp][] = [
      ['channels: { rasppi71: furnace/t }', /a whole host goes with a whole device/],
      ["channels: { 'rasppi71:a': furnace }", /one codename of a host goes with device\/codename/],
      ["show: { 'a:b:c': furnace }", /host:codename with one colon/],
      ['channels: { rasppi71: furnce }', /there is no device .*furnce.*furnace/],
      ["channels: { 'rasppi71:a': furnace/x }", /device furnace has no codename .?x/],
      ['channels: { rasppi71: furnace }, show: { oven: furnace }', /furnace comes from a LiveSocket host already/],
      ['show: { cinf-wsserver: furnace }', /shows its own load/],
      ['web: { port: 0, host: 0.0.0.0 }', /can be reached from other computers/],
      ['web: { port: 0, tls: { cert: x } }', /the key key is missing/]
    ]
    for (const [options, message] of wrong)
      await assert.rejects(
        start(`devices: { furnace: { codenames: { t: {} } } }\nadapters:\n  - { id: live, type: live-server, port: 0, ${options} }`),
        message,
        options
      )
  })
})
