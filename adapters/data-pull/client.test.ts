import assert from 'node:assert/strict'
import { UdpClient } from '../../test/support/udp.js'
import { PullLab, now, time } from './test-support/pull-lab.js'

describe('data-pull client', () => {
  let lab: PullLab

  afterEach(() => lab.close())

  describe('a date socket', () => {
    it('gives readings with its own time', async () => {
      lab = await PullLab.open('{ codenames: { a: { unit: W, schema: { type: number } }, b: {} } }')
      await lab.reply('json_wn', `{"a": [${now - 5}.25, 47], "b": [${now - 1}.0, "on"]}`)
      const good = { quality: 'good', source: 'poll' }
      assert.deepEqual(await lab.reading(), { ...good, time: '2023-11-14T22:13:15.25Z', unit: 'W', value: 47 })
      assert.deepEqual(await lab.reading('b'), { ...good, time: time(-1), value: 'on' })
      assert.match(await lab.state('online'), /^127\.0\.0\.1:\d+ answers$/)
      assert.deepEqual(lab.warnings(), [])
    })

    it('is asked every period; a point that stays the same is no new reading, and grows old', async () => {
      lab = await PullLab.open('{ codenames: { a: { maxAge: 3 } } }')
      await lab.reply('json_wn', `{"a": [${now}.0, 47.0]}`)
      assert.equal((await lab.reading())['quality'], 'good')
      for (let round = 0; round < 6; round += 1) await lab.reply('json_wn', `{"a": [${now}.0, 47.0]}`)
      assert.deepEqual(await lab.reading(), { quality: 'stale', source: 'poll', time: time(0), value: 47 })
      assert.deepEqual(await lab.more(), [])
      await lab.reply('json_wn', `{"a": [${now + 6}.0, 47.0]}`)
      assert.deepEqual(await lab.reading(), { quality: 'good', source: 'poll', time: time(6), value: 47 })
      assert.ok(lab.clock.now() - now < 9)
    })

    it('calls its data old: the last value stays, stale, with the time it had', async () => {
      lab = await PullLab.open('{ codenames: { a: {} } }', '', { others: '  - { id: front, type: data-pull-server, port: 0, device: d }' })
      const udp = new UdpClient()
      await lab.reply('json_wn', `{"a": [${now - 2}.5, 47.0]}`)
      assert.equal((await lab.reading())['quality'], 'good')
      assert.equal(await udp.ask(lab.running.port('front'), 'json_wn'), `{"a": [${now - 2}.5, 47.0]}`)
      await lab.reply('json_wn', '{"a": "OLD_DATA"}')
      const error = { class: 'Stale', code: 'OLD_DATA', message: 'the source says that its value is old', retryable: true }
      assert.deepEqual(await lab.reading(), { error, quality: 'stale', source: 'poll', time: '2023-11-14T22:13:18.5Z', value: 47 })
      assert.equal(await udp.ask(lab.running.port('front'), 'json_wn'), '{"a": "OLD_DATA"}')
      await lab.reply('json_wn', '{"a": "OLD_DATA"}')
      await lab.reply('json_wn', `{"a": [${now}.0, 48.0]}`)
      assert.deepEqual(await lab.reading(), { quality: 'good', source: 'poll', time: time(0), value: 48 })
      assert.deepEqual(await lab.more(), [])
      assert.deepEqual(lab.warnings(), [], 'the socket does what it should')
      await udp.close()
    })

    it('without a value from the start: no value is made up, and it is said why', async () => {
      lab = await PullLab.open('{ codenames: { a: {}, b: {} } }')
      await lab.reply('json_wn', '{"a": "OLD_DATA", "b": [0.0, 0.0]}')
      const [a, b] = [await lab.reading(), await lab.reading('b')]
      assert.deepEqual([a['value'], a['quality'], (a['error'] as { class: string }).class], [null, 'bad', 'Stale'])
      assert.deepEqual([b['value'], b['quality'], (b['error'] as { class: string }).class], [null, 'bad', 'Stale'])
      await lab.reply('json_wn', '{"a": "OLD_DATA", "b": [0.0, 0.0]}')
      await lab.reply('json_wn', `{"a": [${now - 9}.0, 0.0], "b": [${now}.0, 0.0]}`)
      assert.deepEqual(await lab.reading('b'), { quality: 'good', source: 'poll', time: time(0), value: 0 })
      assert.deepEqual(await lab.reading(), { quality: 'good', source: 'poll', time: time(-9), value: 0 })
      assert.deepEqual(await lab.more(), [])
    })

    it('may say NaN, or nothing: bad, not fresh', async () => {
      lab = await PullLab.open('{ codenames: { a: { schema: { type: number } }, b: {} } }')
      await lab.reply('json_wn', `{"a": [${now}.0, NaN], "b": [${now}.0, null]}`)
      const [a, b] = [await lab.reading(), await lab.reading('b')]
      assert.deepEqual([a['value'], a['quality'], (a['error'] as { class: string }).class], [null, 'bad', 'NotFinite'])
      assert.deepEqual([b['value'], b['quality']], [null, 'bad'])
      assert.deepEqual(lab.warnings(), [])
    })

    it('may say NaN, and then that it is old, or be set to nothing: fronts serve the NaN no more', async () => {
      lab = await PullLab.open('{ codenames: { a: {}, b: {}, c: {} } }', '', {
        others: '  - { id: front, type: data-pull-server, port: 0, device: d }'
      })
      const udp = new UdpClient()
      await lab.reply('json_wn', `{"a": [${now}.0, NaN], "b": [${now}.0, Infinity], "c": [${now}.0, null]}`)
      for (const codename of ['a', 'b', 'c']) assert.equal((await lab.reading(codename))['quality'], 'bad')
      assert.equal(await udp.ask(lab.running.port('front'), 'raw'), `${now}.0,nan;${now}.0,inf;${now}.0,None`)
      for (let round = 0; round < 3; round += 1) await lab.reply('json_wn', '{"a": "OLD_DATA", "b": [0.0, 0.0]}')
      const told = [await lab.reading('a'), await lab.reading('b'), await lab.reading('c')]
      assert.deepEqual(
        told.map(({ value, quality, time: at, error }) => [value, quality, at, (error as { class: string }).class]),
        [
          [null, 'bad', time(0), 'Stale'],
          [null, 'bad', time(0), 'Stale'],
          [null, 'bad', time(0), 'UnknownCodename']
        ]
      )
      assert.equal(await udp.ask(lab.running.port('front'), 'raw'), 'OLD_DATA;OLD_DATA;OLD_DATA')
      assert.deepEqual([await lab.more('a'), await lab.more('b'), await lab.more('c')], [[], [], []])
      await udp.close()
    })

    it('with times in milliseconds, or a clock that is ahead: uncertain, no fresher for it, and said once', async () => {
      lab = await PullLab.open('{ codenames: { a: { maxAge: 3 }, b: { maxAge: 3 }, c: { maxAge: 3 } } }')
      const said = `{"a": [${now}000.0, 1.0], "b": [${now + 3600}.0, 2.0], "c": [${now + 59}.0, 3.0]}`
      await lab.reply('json_wn', said)
      assert.equal((await lab.reading())['quality'], 'uncertain')
      assert.deepEqual(await lab.reading('b'), { quality: 'uncertain', source: 'poll', time: time(3600), value: 2 })
      assert.equal((await lab.reading('c'))['quality'], 'good')
      assert.match(await lab.state('degraded'), /^a: its times are in milliseconds.*; b: its times are more than 60 s ahead/)
      for (let round = 0; round < 5; round += 1) await lab.reply('json_wn', said)
      for (const codename of ['a', 'b', 'c']) assert.equal((await lab.reading(codename))['quality'], 'stale', codename)
      assert.equal(lab.warnings().length, 1)
      await lab.reply('json_wn', `{"a": [${now + 6}.0, 1.0], "b": [${now + 6}.0, 2.0], "c": [${now + 59}.0, 3.0]}`)
      assert.equal((await lab.reading())['quality'], 'good')
      await lab.state('online')
    })

    it('with a doubtful time: the same point after a silence is stale, as nobody knows how old it is; another is not', async () => {
      lab = await PullLab.open('{ codenames: { a: {}, b: {} } }')
      const said = `{"a": [${now + 3600}.0, 1.0], "b": [${now}.0, 2.0]}`
      await lab.reply('json_wn', said)
      assert.equal((await lab.reading())['quality'], 'uncertain')
      await lab.silence(3)
      assert.equal((await lab.reading())['quality'], 'stale')
      for (let round = 0; round < 3; round += 1) await lab.reply('json_wn', said)
      assert.match(await lab.state('degraded'), /more than 60 s ahead/)
      assert.deepEqual(await lab.more(), [])
      await lab.reply('json_wn', `{"a": [${now + 3601}.0, 1.0], "b": [${now}.0, 2.0]}`)
      assert.equal((await lab.reading())['quality'], 'uncertain')
    })

    it('a little ahead, and frozen, is not fresh again when it was too old', async () => {
      lab = await PullLab.open('{ codenames: { a: { maxAge: 3 } } }')
      for (let round = 0; round < 9; round += 1) await lab.reply('json_wn', `{"a": [${now + 50}.0, 1.0]}`)
      assert.equal((await lab.reading())['quality'], 'good')
      assert.equal((await lab.reading())['quality'], 'stale')
      assert.deepEqual(await lab.more(), [])
    })

    it('whose times are before the year 2000: uncertain, and it is said what to do', async () => {
      lab = await PullLab.open('{ codenames: { a: {}, b: {} } }')
      await lab.reply('json_wn', '{"a": [0.0, 1.0], "b": [12.5, 47.0]}')
      assert.deepEqual(await lab.reading(), { quality: 'uncertain', source: 'poll', time: '1970-01-01T00:00:00Z', value: 1 })
      assert.equal((await lab.reading('b'))['quality'], 'uncertain')
      assert.match(await lab.state('degraded'), /^a: its times are before the year 2000: for a data socket, set kind: data/)
    })

    it('whose x is no time is not believed', async () => {
      lab = await PullLab.open('{ codenames: { a: {} } }')
      await lab.reply('json_wn', `{"a": [${now}.0, 1.0]}`)
      assert.equal((await lab.reading())['quality'], 'good')
      await lab.reply('json_wn', '{"a": ["R", "E", "S", "E", "T"]}')
      const { value, quality, time: at } = await lab.reading()
      assert.deepEqual([value, quality, at], [1, 'stale', time(0)])
      assert.match(await lab.state('degraded'), /a: its x is no time/)
      assert.match(String((await lab.letter())['payload']), /RESET|"R", "E"/)
      await lab.reply('json_wn', '{"a": [NaN, 1.0]}')
      await lab.reply('json_wn', '{"a": [Infinity, 1.0]}')
      assert.deepEqual(await lab.more(), [])
    })
  })

  describe('a data socket', () => {
    it('gives x with the value; the time is when a point was first seen, and the first may be of any age', async () => {
      lab = await PullLab.open('{ codenames: { a: { maxAge: 3 } } }', 'kind: data')
      const begun = lab.clock.now()
      await lab.reply('json_wn', '{"a": [0.5, 12.25]}')
      const first = await lab.reading()
      assert.deepEqual([first['x'], first['value'], first['quality']], [0.5, 12.25, 'uncertain'])
      await lab.reply('json_wn', '{"a": [0.5, 12.25]}')
      await lab.reply('json_wn', '{"a": [0.0, 3.5]}')
      const second = await lab.reading()
      assert.deepEqual([second['x'], second['value'], second['quality']], [0, 3.5, 'good'], 'there, zero is an x')
      assert.ok(Date.parse(String(second['time'])) / 1000 - begun >= 2)
      for (let round = 0; round < 5; round += 1) await lab.reply('json_wn', '{"a": [0.0, 3.5]}')
      assert.deepEqual([(await lab.reading())['quality'], await lab.more()], ['stale', []])
      await lab.reply('json_wn', '{"a": "OLD_DATA"}')
      await lab.reply('json_wn', '{"a": [0.0, 3.5]}')
      const again = await lab.reading()
      assert.deepEqual([again['value'], again['quality']], [3.5, 'good'], 'the source has set it again')
      assert.ok(String(again['time']) > String(second['time']))
    })

    it('that starts again serves 0,0 until its first point: no measurement, also for a front', async () => {
      lab = await PullLab.open('{ codenames: { a: {}, b: {} } }', 'kind: data', {
        others: '  - { id: front, type: data-pull-server, kind: data, port: 0, device: d }'
      })
      const udp = new UdpClient()
      await lab.reply('json_wn', '{"a": [3.5, 47.0], "b": [3.5, 1.0]}')
      await lab.reply('json_wn', '{"a": [4.5, 48.0], "b": [3.5, 1.0]}')
      assert.deepEqual([(await lab.reading())['quality'], (await lab.reading())['quality']], ['uncertain', 'good'])
      await lab.reply('json_wn', '{"a": [0.0, 0.0], "b": [0, 0]}')
      await lab.reading('b')
      const [a, b] = [await lab.reading(), await lab.reading('b')]
      assert.deepEqual([a['x'], a['value'], a['quality'], (a['error'] as { class: string }).class], [4.5, 48, 'stale', 'Stale'])
      assert.deepEqual([b['value'], b['quality']], [1, 'stale'])
      assert.equal(await udp.ask(lab.running.port('front'), 'raw'), 'OLD_DATA;OLD_DATA')
      await lab.reply('json_wn', '{"a": [0.5, 49.0], "b": [0.0, 0.0]}')
      assert.equal((await lab.reading())['quality'], 'good')
      await udp.close()
    })

    it('that comes back with another point: nobody knows since when', async () => {
      lab = await PullLab.open('{ codenames: { a: {} } }', 'kind: data')
      await lab.reply('json_wn', '{"a": [1.0, 1.0]}')
      await lab.reply('json_wn', '{"a": [2.0, 2.0]}')
      assert.deepEqual([(await lab.reading())['quality'], (await lab.reading())['quality']], ['uncertain', 'good'])
      await lab.silence(3)
      assert.equal((await lab.reading())['quality'], 'stale')
      await lab.reply('json_wn', '{"a": [3.0, 3.0]}')
      assert.equal((await lab.reading())['quality'], 'uncertain')
    })

    it('that comes back with the point it had: with the time it had', async () => {
      lab = await PullLab.open('{ codenames: { a: {} } }', 'kind: data')
      await lab.reply('json_wn', '{"a": ["left", 1.0]}')
      const { time: at } = await lab.reading()
      await lab.silence(3)
      assert.equal((await lab.reading())['quality'], 'stale')
      await lab.reply('json_wn', '{"a": ["left", 1.0]}')
      assert.deepEqual(await lab.reading(), { quality: 'uncertain', source: 'poll', time: at, value: 1, x: 'left' })
    })
  })

  it('says again what the gateway made stale only because another instance of the device was offline', async () => {
    lab = await PullLab.open('{ codenames: { a: {}, b: { maxAge: 100 }, c: {} } }', 'channels: { a: d/a, b: d/b }', {
      others: '  - { id: other, type: scripted, feeds: [d/c] }'
    })
    const said = `{"a": [${now}.0, 1.0], "b": [${now}.0, 2.0]}`
    await lab.reply('json_wn', said)
    assert.deepEqual([(await lab.reading())['quality'], (await lab.reading('b'))['quality']], ['good', 'good'])
    lab.scripted.host('other').report('offline', 'cable cut')
    assert.deepEqual([(await lab.reading())['quality'], (await lab.reading('b'))['quality']], ['stale', 'stale'])
    lab.scripted.host('other').report('online')
    await lab.reply('json_wn', said)
    assert.deepEqual(await lab.reading(), { quality: 'good', source: 'poll', time: time(0), value: 1 })
    assert.equal((await lab.reading('b'))['quality'], 'good')
    await lab.reply('json_wn', said)
    assert.deepEqual([await lab.more('a'), await lab.more('b')], [[], []])
  })
})
