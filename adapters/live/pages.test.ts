import assert from 'node:assert/strict'
import { knock } from '../../test/support/knock.js'
import { TestPage, pagesPort } from '../../test/support/page.js'
import { LiveLab } from './test-support/lab.js'

describe('live-server towards web pages', () => {
  let live: LiveLab

  beforeEach(() => {
    live = new LiveLab()
  })

  afterEach(() => live.close())

  it('drops the connection of a page that says something else, with 1006, and nobody else’s', async () => {
    await live.start()
    const good = await live.looking('h:a')
    for (const frame of ['subscribe#host:8000;a,b', '[]', '{"action": "subscribe"}', '{"action": "subscribe", "subscriptions": ["h"]}']) {
      const page = await live.open()
      page.send(frame)
      assert.equal(await page.closed, 1006, frame)
    }
    await live.batch({ a: [1, 2] }, 'h')
    assert.deepEqual(await good.batch(), { host: 'h', data: { a: [1, 2] } })
    const told = live.running.log.lines.filter(({ message }) => message === 'a web page was disconnected')
    assert.deepEqual([told.length, /no JSON/.test(String(told[0]?.fields['reason']))], [1, true])
  })

  it('bounds what a page may subscribe to and send', async () => {
    await live.start('web: { port: 0, maxSubscriptions: 3 }')
    const many = await live.open('h:a', 'h:b', 'h:c')
    many.subscribe('h:d')
    assert.equal(await many.closed, 1006)
    const long = await live.open(`h:${'x'.repeat(70_000)}`)
    assert.equal(await long.closed, 1006)
    const huge = await live.open(`h:${'x'.repeat(200_000)}`)
    assert.ok([1006, 1009].includes(await huge.closed))
    const often = await live.open()
    for (let i = 0; i < 1001; i += 1) often.send('{}')
    assert.equal(await often.closed, 1006)
  })

  it('lets in so many pages, and one more when one has gone', async () => {
    await live.start('web: { port: 0, maxPages: 2 }')
    const [first] = [await live.open(), await live.open()]
    await assert.rejects(live.open())
    await first.close()
    await live.batch({ a: [1, 2] }, 'h')
    await live.clock.pass(0)
    const late = await live.open('h:a')
    assert.deepEqual(await late.batch(), { host: 'h', data: { a: [1, 2] } })
    assert.match(live.running.log.lines.find(({ level }) => level === 'warn')?.message ?? '', /2 are connected \(web\.maxPages\)/)
  })

  it('cuts a page that does not read, says so, and the others get everything in time', async function () {
    this.timeout(20_000)
    await live.start('maxRate: 1000000')
    const [slow, good] = [await live.looking('h:a'), await live.looking('h:a')]
    slow.socket.pause()
    const value = 'x'.repeat(8000)
    let got = 0
    for (let round = 0; round < 60 && !cut(); round += 1) {
      for (let i = 0; i < 40; i += 1) await live.batch({ a: [1, value] }, 'h')
      got += (await live.fence.frames(good)).length
    }
    assert.ok(cut(), 'the page that does not read is still connected')
    assert.equal(got % 40, 0)
    slow.socket.resume()
    await slow.closed

    function cut(): boolean {
      return live.running.log.lines.some(({ fields }) => /does not read: \d+ bytes wait/.test(String(fields['reason'])))
    }
  })

  it('finds out that a page is gone without a word', async () => {
    await live.start()
    const gone = await live.looking('h:a')
    gone.socket.pause()
    for (let i = 0; i < 3; i += 1) await live.clock.pass(20)
    assert.match(String(live.running.log.lines.find(({ level }) => level === 'warn')?.fields['reason']), /does not answer a ping/)
    gone.socket.resume()
    assert.equal(await gone.closed, 1006)
  })

  it('leaves a page alone that answers its pings', async () => {
    await live.start()
    const page = await live.looking('h:a')
    for (let i = 0; i < 4; i += 1) {
      const ping = new Promise((resolve) => page.socket.once('ping', resolve))
      await live.clock.pass(20)
      await ping
      await live.fence.frames(page)
    }
    await live.batch({ a: [1, 2] }, 'h')
    assert.deepEqual(await page.batch(), { host: 'h', data: { a: [1, 2] } })
  })

  it('shows its load once a second, while somebody looks on and not a timer longer', async () => {
    await live.start()
    const page = await live.looking('h:a')
    const idle = live.clock.timers
    page.subscribe('cinf-wsserver:websocket_count', 'cinf-wsserver:sent_n')
    await live.fence.frames(page)
    assert.equal(live.clock.timers, idle + 1)
    await live.clock.pass(1)
    await page.batch()
    await live.send('not json')
    await live.batch({ a: [1, 2] }, 'h')
    await page.batch()
    await live.clock.pass(1)
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
    const other = await live.looking('h:a')
    await live.fence.frames(other)
    assert.equal(live.clock.timers, idle)
  })

  it('forgets a page that has gone: its subscriptions, and its pings', async () => {
    await live.start()
    const before = live.clock.timers
    for (let i = 0; i < 5; i++) await (await live.looking('h:a')).close()
    await live.batch({ a: [1, 2] }, 'h')
    await live.reading('h/a')
    await live.clock.pass(40)
    // The gateway has a timer more for its own event_loop_delay, or not, as real time has passed.
    const left = live.clock.timers
    assert.ok(left <= before + 1, `${left} timers, ${before} before`)
  })

  it('lets in pages of this computer and those that are listed, and no others', async () => {
    await live.start("web: { port: 0, origins: ['https://pages.invalid'] }")
    const port = pagesPort(live.running, 'live')
    const knock = async (origin: string | undefined): Promise<boolean> => {
      try {
        live.pages.push(await TestPage.open(port, origin === undefined ? {} : { origin }))
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
    assert.match(live.running.log.lines.find(({ level }) => level === 'warn')?.message ?? '', /web\.origins/)
  })

  it('gives the place of a page that was sent away to the next, whether it closes or not', async () => {
    await live.start('web: { port: 0, maxPages: 1 }')
    const port = pagesPort(live.running, 'live')
    const { socket, answer } = await knock(port, '/', 'https://evil.invalid')
    try {
      assert.match(answer, /^HTTP\/1\.1 403 /)
      // The place is free as soon as the system says so.
      const end = performance.now() + 3000
      while (!(await isLetIn())) assert.ok(performance.now() < end, 'it keeps its place')
    } finally {
      socket.destroy()
    }

    async function isLetIn(): Promise<boolean> {
      return await live.open().then(
        () => true,
        () => false
      )
    }
  })

  it('tells a browser that comes by plain HTTP what is here, on any path; pages too come on any path', async () => {
    await live.start()
    const port = pagesPort(live.running, 'live')
    const answer = await fetch(`http://127.0.0.1:${port}/any/path`)
    assert.deepEqual([answer.status, /subscribe/.test(await answer.text())], [426, true])
    const page = await TestPage.open(port, {}, `ws://127.0.0.1:${port}/any/path?x=1`)
    live.pages.push(page)
    page.subscribe('h:a')
    await live.fence.frames(page)
  })

  describe('showing other devices', () => {
    const devices = `devices:
  furnace: { codenames: { temperature: { maxAge: 5 }, power: {} } }
  gauge: { codenames: { pressure: {} } }`

    it('sends their readings as batches of a host, and the last ones to who comes later', async () => {
      await live.start("show: { oven: furnace, 'rasppi25:p': gauge/pressure, 'rasppi25:t': furnace/temperature }", devices)
      const page = await live.looking('oven:temperature', 'rasppi25:p')
      await live.mqtt.publish('lab/furnace/temperature', '21.5')
      assert.equal(await page.frame(), '{"host": "oven", "data": {"temperature": [1500000100.0, 21.5]}}')
      await live.mqtt.publish('lab/gauge/pressure', { value: 1e-9, time: '2017-07-14T02:41:39.5Z' })
      assert.equal(await page.frame(), '{"host": "rasppi25", "data": {"p": [1500000099.5, 1e-09]}}')
      const late = await live.open('rasppi25:p', 'oven:temperature', 'rasppi25:t')
      assert.deepEqual(
        [await late.batch(), await late.batch()],
        [
          { host: 'rasppi25', data: { p: [1500000099.5, 1e-9], t: [1500000100, 21.5] } },
          { host: 'oven', data: { temperature: [1500000100, 21.5] } }
        ]
      )
    })

    it('shows nothing that is stale as the last value, and no number that is bad', async () => {
      await live.start('show: { oven: furnace }', devices)
      const page = await live.looking('oven:temperature', 'oven:power')
      await live.mqtt.publish('lab/furnace/temperature', '21.5')
      await page.batch()
      await live.clock.pass(6)
      assert.deepEqual(await live.fence.frames(page), [])
      const late = await live.open('oven:temperature')
      assert.deepEqual(await live.fence.frames(late), [])
      await live.mqtt.publish('lab/furnace/power', {
        value: null,
        quality: 'bad',
        error: { class: 'DeviceError', message: 'x', retryable: true }
      })
      assert.deepEqual(await page.batch(), { host: 'oven', data: { power: [1500000106, null] } })
    })

    it('lets no host send under a name that is shown, and shows nothing of it later', async () => {
      await live.start("show: { oven: furnace, 'rasppi25:p': gauge/pressure }", devices)
      const page = await live.looking('oven:temperature', 'rasppi25:p', 'cinf-wsserver:sent_n')
      await live.mqtt.publish('lab/furnace/temperature', '21.5')
      assert.deepEqual(await page.batch(), { host: 'oven', data: { temperature: [1500000100, 21.5] } })
      await live.batch({ temperature: [1, 999], other: [1, 999] }, 'oven')
      await live.batch({ sent_n: [1, 999] }, 'cinf-wsserver')
      await live.batch({ p: [1, 999], q: [1, 5] }, 'rasppi25')
      assert.deepEqual(await live.fence.frames(page), [])
      assert.equal((await live.reading('rasppi25/q'))['value'], 5)
      for (let i = 0; i < 4; i += 1) {
        const letter = await live.mqtt.nextJson('lab-dead/lab/live')
        assert.deepEqual([letter['class'], /itself shows it/.test(String(letter['reason']))], ['Forbidden', true])
      }
      await live.clock.pass(6)
      const late = await live.open('oven:temperature', 'oven:other', 'rasppi25:p', 'rasppi25:q')
      assert.deepEqual(await late.batch(), { host: 'rasppi25', data: { q: [1, 5] } })
      assert.deepEqual(await live.fence.frames(late), [])
      assert.equal((await live.counters())['refused'], 4)
    })

    it('sends what came together together', async () => {
      await live.start(
        'show: { oven: furnace }',
        `${devices}\nadapters:\n  - { id: push, type: data-push-server, port: 0, device: furnace }`
      )
      const page = await live.looking('oven:power')
      await live.host.ask(live.running.port('push'), 'raw_wn#temperature:float:1;power:int:2')
      assert.equal(await page.frame(), '{"host": "oven", "data": {"temperature": [1500000100.0, 1.0], "power": [1500000100.0, 2]}}')
    })
  })
})
