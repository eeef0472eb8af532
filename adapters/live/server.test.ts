import assert from 'node:assert/strict'
import type { Adapter, AdapterType } from '../../gateway/adapter.js'
import { MemoryDisk } from '../../test/support/memory-disk.js'
import { start } from '../../test/support/start.js'
import { UdpClient } from '../../test/support/udp.js'
import { liveServer } from './server.js'
import { LiveLab } from './test-support/lab.js'

describe('live-server', () => {
  let live: LiveLab

  beforeEach(() => {
    live = new LiveLab()
  })

  afterEach(() => live.close())

  describe('towards MQTT', () => {
    it('publishes each codename of a batch, with its time, its x, as it was written', async () => {
      await live.start()
      await live.send(
        '{"host": "rasppi71", "data": {"sine1": [1500000099.5, 0.36], "n": [1500000099, 47], "xy": [0.5, 12.0], "state": [1, "running"]}}'
      )
      const common = { quality: 'good', source: 'push' }
      const now = '2017-07-14T02:41:40Z'
      assert.deepEqual(await live.reading('rasppi71/sine1'), { ...common, time: '2017-07-14T02:41:39.5Z', value: 0.36 })
      assert.deepEqual(await live.reading('rasppi71/n'), { ...common, time: '2017-07-14T02:41:39Z', value: 47 })
      assert.deepEqual(await live.reading('rasppi71/xy'), { ...common, time: now, value: 12, x: 0.5 })
      assert.deepEqual(await live.reading('rasppi71/state'), { ...common, time: now, value: 'running', x: 1 })
      assert.equal((await live.reading('rasppi71'))['state'], 'online')
      assert.deepEqual(await live.reading('rasppi71/sine1/meta'), { declared: false, name: 'sine1', settable: false })
    })

    it('encodes names that topics cannot hold', async () => {
      await live.start()
      await live.batch({ 'p error/1': [1, 2], '': [1, 3] }, 'host one')
      assert.equal((await live.reading('host%20one/p%20error%2F1'))['value'], 2)
      assert.equal((await live.reading('host%20one/%'))['value'], 3)
    })

    it('flags a time in milliseconds, and one in the future, as uncertain', async () => {
      await live.start()
      await live.batch({ ms: [1500000099500, 1], future: [1500009999, 2] })
      const ms = await live.reading('rasppi71/ms')
      assert.deepEqual([ms['quality'], ms['time'], ms['x']], ['uncertain', '2017-07-14T02:41:40Z', 1500000099500])
      assert.equal((await live.reading('rasppi71/future'))['quality'], 'uncertain')
    })

    it('takes every x for a time, or none, where the configuration says so', async () => {
      await live.start('x: time')
      await live.batch({ old: [1000, 1] })
      assert.equal((await live.reading('rasppi71/old'))['time'], '1970-01-01T00:16:40Z')
      await live.batch({ bad: ['x', 1] })
      assert.match(String((await live.mqtt.nextJson('lab-dead/lab/rasppi71/bad'))['reason']), /no time in Unix seconds/)
      await live.running.stop()
      await live.start('x: value')
      await live.batch({ hertz: [1500000099.5, 1] })
      const { x, time } = await live.reading('rasppi71/hertz')
      assert.deepEqual([x, time], [1500000099.5, '2017-07-14T02:41:40Z'])
    })

    it('makes a reset a reading without a value, which pull sockets answer with OLD_DATA', async () => {
      await live.start(
        'channels: { rasppi71: sine }',
        'devices: { sine: { codenames: { sine1: {} } } }\nadapters:\n  - { id: pull, type: data-pull-server, port: 0, device: sine }'
      )
      await live.batch({ sine1: [1500000099, 5] })
      await live.reading('sine/sine1')
      assert.equal(await live.host.ask(live.running.port('pull'), 'sine1#raw'), '1500000099.0,5')
      await live.batch({ sine1: 'RESET' })
      const { value, quality, error } = await live.reading('sine/sine1')
      assert.deepEqual([value, quality, (error as { code: string }).code], [null, 'bad', 'RESET'])
      assert.equal(await live.host.ask(live.running.port('pull'), 'sine1#raw'), 'OLD_DATA')
    })

    it('shows NaN as null and bad', async () => {
      await live.start()
      await live.send('{"host": "h", "data": {"a": [1500000099, NaN]}}')
      const { value, quality, error } = await live.reading('h/a')
      assert.deepEqual([value, quality, (error as { class: string }).class], [null, 'bad', 'NotFinite'])
    })

    it('maps hosts, and codenames of hosts', async () => {
      await live.start(
        "channels: { rasppi71: furnace, 'rasppi71:temp': furnace/temperature, 'rasppi25:p': gauge/pressure }",
        'devices: { furnace: { codenames: { temperature: {}, power: {} } }, gauge: { codenames: { pressure: {} } } }'
      )
      await live.batch({ temp: [1, 2], power: [1, 3], other: [1, 4] })
      for (const [topic, value] of [
        ['furnace/temperature', 2],
        ['furnace/power', 3],
        ['furnace/other', 4]
      ] as const)
        assert.equal((await live.reading(topic))['value'], value)
      await live.batch({ p: [1, 1e-9], q: [1, 5] }, 'rasppi25')
      assert.equal((await live.reading('gauge/pressure'))['value'], 1e-9)
      assert.equal((await live.reading('rasppi25/q'))['value'], 5)
    })

    it('lets nobody else write the readings of its hosts', async () => {
      await live.start()
      await live.batch({ a: [1, 2] })
      await live.reading('rasppi71/a')
      await live.mqtt.publish('lab/rasppi71/a', '3')
      assert.equal((await live.mqtt.nextJson('lab-dead/lab/rasppi71/a'))['class'], 'Forbidden')
    })

    it('takes no device for a host that is declared, or that somebody else writes', async () => {
      await live.start('', 'devices: { cryostat: { codenames: { temperature: {} } }, bare: {} }')
      await live.mqtt.publish('lab/esp-7/x', '1')
      for (const name of ['cryostat', 'bare', 'esp-7', 'gateway']) {
        await live.batch({ x: [1, 666] }, name)
        const letter = await live.mqtt.nextJson('lab-dead/lab/live')
        assert.equal(letter['class'], 'Forbidden', name)
      }
      await live.mqtt.publish('lab/esp-7/x', '2')
      await live.mqtt.publish('lab/cryostat/temperature', '4')
      assert.equal((await live.reading('cryostat/temperature'))['value'], 4)
    })

    it('lets go of its hosts when it stops, and takes them up again when it starts', async () => {
      let adapter: Adapter | undefined
      const type = {
        ...liveServer,
        type: 'live-noted',
        create: (...made: Parameters<typeof liveServer.create>) => (adapter = liveServer.create(...made))
      }
      await live.start('maxAge: 5', undefined, { type: 'live-noted', types: [type as unknown as AdapterType] })
      await live.batch({ a: [1, 2] })
      assert.equal((await live.reading('rasppi71/a'))['value'], 2)
      await adapter?.stop()
      assert.match(
        String((await live.mqtt.nextJson(({ topic, text }) => topic === 'lab/rasppi71' && text.includes('offline')))['reason']),
        /released/
      )
      await adapter?.start(new AbortController().signal)
      await live.batch({ a: [1, 3] })
      assert.equal(
        (await live.mqtt.nextJson(({ topic, text }) => topic === 'lab/rasppi71/a' && text.includes('"value":3')))['quality'],
        'good'
      )
    })

    it('lets readings of other hosts grow old where it is told to', async () => {
      await live.start('maxAge: 5')
      await live.batch({ a: [1500000099, 2] })
      assert.equal((await live.reading('rasppi71/a'))['quality'], 'good')
      assert.equal((await live.reading('rasppi71/a/meta'))['maxAge'], 5)
      await live.clock.pass(6)
      assert.equal((await live.reading('rasppi71/a'))['quality'], 'stale')
    })

    it('has the readings of its hosts again after a restart, stale, also those that grow old', async () => {
      const disk = new MemoryDisk()
      const more = 'gateway: { data: ./nowhere }\ndevices: {}'
      await live.start('maxAge: 5', more, { openDisk: disk.open })
      await live.batch({ a: [1500000099, 2] })
      await live.reading('rasppi71/a')
      await live.running.stop()
      await live.start('maxAge: 5', more, { openDisk: disk.open })
      const looker = await live.running.connect()
      const restored = (await looker.retained('lab/rasppi71/a')).map(({ text }) => JSON.parse(text) as unknown)
      assert.deepEqual(restored, [{ quality: 'stale', source: 'restored', time: '2017-07-14T02:41:39Z', value: 2 }])
      await live.batch({ a: [1500000100, 3] })
      // What is retained may come as well.
      const { text } = await live.mqtt.next((message) => message.topic === 'lab/rasppi71/a' && message.text.includes('"value":3'))
      assert.match(text, /"quality":"good"/)
      await live.clock.pass(6)
      assert.equal((await live.reading('rasppi71/a'))['quality'], 'stale')
    })

    it('takes up a host of which a crash left the description and no reading', async () => {
      const disk = new MemoryDisk()
      const more = 'gateway: { data: ./nowhere }\ndevices: {}'
      await live.start('', more, { openDisk: disk.open })
      await live.batch({ a: [1500000099, 2] })
      await live.reading('rasppi71/a')
      await live.running.stop()
      assert.ok(disk.rows.delete('rlab/rasppi71/a'))
      await live.start('', more, { openDisk: disk.open })
      await live.batch({ a: [1500000100, 3] })
      assert.equal((await live.reading('rasppi71/a'))['value'], 3)
    })

    it('publishes no reading of other hosts that would never grow old, however many codenames they make up', async () => {
      // One is the host's that tells when a page has subscribed.
      await live.start('maxAge: 5, maxChannels: 3')
      const page = await live.looking('rasppi71:c')
      await live.batch({ a: [1500000099, 1], b: [1500000099, 2], c: [1500000099, 3] })
      await live.batch({ c: [1500000099, 3] }, 'rasppi72')
      assert.deepEqual(await page.batch(), { host: 'rasppi71', data: { a: [1500000099, 1], b: [1500000099, 2], c: [1500000099, 3] } })
      for (const topic of ['lab-dead/lab/rasppi71/c', 'lab-dead/lab/live']) {
        const letter = await live.mqtt.nextJson(topic)
        assert.deepEqual([letter['class'], /raise maxChannels/.test(String(letter['reason']))], ['RateLimited', true])
      }
      await live.clock.pass(6)
      await live.batch({ b: [1500000105, 4] })
      await live.mqtt.nextJson(({ topic, text }) => topic === 'lab/rasppi71/b' && text.includes('"value":4'))
      const kept = await live.mqtt.retained('lab/rasppi71/+', 'lab/rasppi72/#')
      const held = kept.filter(({ topic, retain }) => retain && /rasppi\d+\/.$/.test(topic))
      const said = held.map(({ topic, text }) => `${topic} ${(JSON.parse(text) as { quality: string }).quality}`)
      assert.deepEqual(said.toSorted(), ['lab/rasppi71/a stale', 'lab/rasppi71/b good'])
      assert.equal((await live.counters())['refused'], 2)
    })

    it('keeps others to itself where it is told to; pages see them', async () => {
      await live.start('others: refuse')
      const page = await live.looking('rasppi71:a')
      await live.batch({ a: [1, 2] })
      assert.deepEqual(await page.batch(), { host: 'rasppi71', data: { a: [1, 2] } })
      await live.mqtt.settled()
      assert.deepEqual(
        live.mqtt.left.filter(({ topic }) => topic.includes('rasppi71')),
        []
      )
    })

    it('refuses one codename and takes the others; pages see what the host sent', async () => {
      await live.start(
        'channels: { rasppi71: furnace }',
        'devices: { furnace: { codenames: { power: { schema: { type: number, maximum: 100 } }, t: {} } } }'
      )
      const page = await live.looking('rasppi71:t')
      await live.batch({ power: [1, 101], t: [1, 5], odd: 3 })
      assert.deepEqual(await page.batch(), { host: 'rasppi71', data: { power: [1, 101], t: [1, 5], odd: 3 } })
      assert.equal((await live.reading('furnace/t'))['value'], 5)
      const letter = await live.mqtt.nextJson('lab-dead/lab/furnace/power')
      assert.deepEqual([letter['class'], letter['payload']], ['RangeError', '{"host": "rasppi71", "data": {"power": [1, 101]}}'])
      assert.match(String((await live.mqtt.nextJson('lab-dead/lab/furnace/odd'))['reason']), /a point is \[x, y\] or "RESET"/)
    })

    it('takes in no device for a host of which no point is one', async () => {
      await live.start('', 'broker: { tcp: { port: 0 }, limits: { maxUndeclared: 2 } }')
      for (const name of ['h1', 'h2', 'h3', 'h4']) await live.batch({ a: 5, b: [1] }, name)
      await live.batch({ a: 5, b: [1, 2] }, 'h5')
      assert.equal((await live.reading('h5/b'))['value'], 2)
      await live.mqtt.settled()
      const states = (await live.mqtt.retained('lab/+')).map(({ topic }) => topic)
      assert.deepEqual(
        states.filter((topic) => /^lab\/(?!gateway)[^/]+$/.test(topic)),
        ['lab/h5']
      )
      assert.equal((await live.counters())['refused'], 9)
    })

    it('takes in no more devices than the gateway allows, and none where it refuses', async () => {
      await live.start('', 'broker: { tcp: { port: 0 }, limits: { maxUndeclared: 2 } }')
      for (const name of ['h1', 'h2', 'h3']) await live.batch({ a: [1, 2] }, name)
      assert.equal((await live.mqtt.nextJson('lab-dead/lab/live'))['class'], 'RateLimited')
      await live.running.stop()
      await live.start('', 'broker: { tcp: { port: 0 }, undeclared: refuse }')
      await live.batch({ a: [1, 2] })
      assert.equal((await live.mqtt.nextJson('lab-dead/lab/live'))['class'], 'UnknownDevice')
      await live.mqtt.settled()
      assert.deepEqual(
        live.mqtt.left.filter(({ topic }) => topic.startsWith('lab/rasppi71')),
        [],
        'not even a state'
      )
    })
  })

  describe('towards hosts', () => {
    it('survives and counts what is no batch, and tells it as dead letters, as long as there are few', async () => {
      await live.start()
      const page = await live.looking('h:a')
      const bad = ['not json', '', '{}', '[1]', '12', '"STOP"', '{"host": 5, "data": {}}', '{"host": "h", "data": [1]}', 'null']
      for (const datagram of bad) await live.send(datagram)
      await live.send(Buffer.from([0xff, 0xfe]))
      await live.send('x'.repeat(20_000))
      await live.batch({ a: [1, 2] }, 'h')
      assert.deepEqual(await page.batch(), { host: 'h', data: { a: [1, 2] } })
      const reasons = new Set<string>()
      for (let i = 0; i < bad.length + 2; i += 1) reasons.add(String((await live.mqtt.nextJson('lab-dead/lab/live'))['reason']))
      assert.ok(reasons.size >= 6, [...reasons].join('\n'))
      for (let i = 0; i < 100; i += 1) await live.send('again')
      await live.fence.frames(page)
      await live.mqtt.settled()
      const letters = live.mqtt.left.filter(({ topic }) => topic.startsWith('lab-dead'))
      assert.ok(letters.length > 0 && letters.length < 20, `${letters.length} dead letters`)
      const counted = await live.counters()
      assert.equal(counted['refused'], bad.length + 2 + 100)
      const told = live.running.log.lines.filter(({ message }) => message === 'what a host sent was refused')
      assert.equal(told.length, 1)
    })

    it('drops what one sender sends too much of, and nobody else’s', async () => {
      await live.start('maxRate: 10')
      const page = await live.looking('good:a', 'bad:a')
      const other = new UdpClient()
      try {
        for (let i = 0; i < 60; i += 1) await other.send(live.running.port('live'), '{"host": "bad", "data": {"a": [1, 2]}}')
        await live.batch({ a: [1, 2] }, 'good')
        const frames = await live.fence.frames(page)
        assert.equal(frames.filter((frame) => frame.includes('good')).length, 1)
        assert.equal(frames.filter((frame) => frame.includes('bad')).length, 20)
        assert.equal((await live.counters())['dropped'], 40)
        await other.send(live.running.port('live'), '{"host": "bad", "data": {"a": [1, 3]}}')
        assert.equal((await live.fence.frames(page)).length, 1, 'it may again')
      } finally {
        await other.close()
      }
      assert.match(live.running.log.lines.find(({ level }) => level === 'warn')?.message ?? '', /more than maxRate \(10 values\/s\)/)
    })

    it('keeps the last values of so many channels; of others pages get what comes', async () => {
      await live.start('maxChannels: 1')
      await live.batch({ a: [1, 2], b: [1, 2] })
      const page = await live.open('rasppi71:a', 'rasppi71:b')
      assert.deepEqual(await page.batch(), { host: 'rasppi71', data: { a: [1, 2] } })
      await live.batch({ b: [2, 3] })
      assert.deepEqual(await page.batch(), { host: 'rasppi71', data: { b: [2, 3] } })
      assert.match(live.running.log.lines.find(({ level }) => level === 'warn')?.message ?? '', /raise maxChannels/)
    })
  })

  it('is checked: what goes with what, loops, origins', async () => {
    await live.start()
    const wrong: [string, RegExp][] = [
      ['channels: { rasppi71: furnace/t }', /a whole host goes with a whole device/],
      ["channels: { 'rasppi71:a': furnace }", /one codename of a host goes with device\/codename/],
      ["show: { 'a:b:c': furnace }", /host:codename with one colon/],
      ['channels: { rasppi71: furnce }', /there is no device .*furnce.*furnace/],
      ["channels: { 'rasppi71:a': furnace/x }", /device furnace has no codename .?x/],
      ['channels: { rasppi71: furnace }, show: { oven: furnace }', /furnace comes from a LiveSocket host already/],
      ['channels: { oven: furnace }, show: { oven: gauge }', /oven is a host under channels, whose points would be refused/],
      ["channels: { 'oven:t': furnace/t }, show: { oven: gauge }", /oven is a host under channels/],
      ["channels: { 'oven:t': furnace/t }, show: { 'oven:t': gauge/p }", /oven:t is a host's codename under channels/],
      ['show: { cinf-wsserver: furnace }', /shows its own load/],
      ['web: { port: 0, host: 0.0.0.0 }', /can be reached from other computers/],
      ['web: { port: 0, tls: { cert: x } }', /the key key is missing/]
    ]
    for (const [options, message] of wrong)
      await assert.rejects(
        start(
          `devices: { furnace: { codenames: { t: {} } }, gauge: { codenames: { p: {} } } }\nadapters:\n  - { id: live, type: live-server, port: 0, ${options} }`
        ),
        message,
        options
      )
  })
})
