import assert from 'node:assert/strict'
import { FarSocket } from '../../test/support/far-socket.js'
import { PullLab, now, time } from './test-support/pull-lab.js'

describe('data-pull client, with a socket that does not do as it should', () => {
  let lab: PullLab

  afterEach(() => lab.close())

  describe('a socket that does not answer', () => {
    it('is offline after three rounds, and its readings are stale; one datagram lost is nothing', async () => {
      lab = await PullLab.open('{ codenames: { a: {} } }')
      await lab.reply('json_wn', `{"a": [${now}.0, 1.0]}`)
      await lab.reading()
      await lab.state('online')
      for (const lost of [1, 2]) {
        await lab.silence(lost)
        await lab.reply('json_wn', `{"a": [${now}.0, 1.0]}`)
      }
      assert.deepEqual([await lab.more(), lab.mqtt.left.filter(({ topic }) => topic === 'lab/d').length], [[], 0])
      await lab.silence(3)
      assert.match(await lab.state('offline'), /no answer from 127\.0\.0\.1:\d+: is the computer on, and its program running\?/)
      assert.deepEqual(await lab.reading(), { quality: 'stale', source: 'poll', time: time(0), value: 1 })
      await lab.silence(5)
      assert.equal(lab.warnings().length, 1)
      await lab.reply('json_wn', `{"a": [${now}.0, 1.0]}`)
      await lab.state('online')
      assert.deepEqual(
        await lab.reading(),
        { quality: 'good', source: 'poll', time: time(0), value: 1 },
        'it is what the source says still'
      )
    })

    it('is offline at once when its computer says that no program has the port', async () => {
      lab = await PullLab.open('{ codenames: { a: {} } }')
      await lab.reply('json_wn', `{"a": [${now}.0, 1.0]}`)
      await lab.state('online')
      const { port } = lab.far
      await lab.far.close()
      await lab.clock.pass(1.1)
      assert.match(await lab.state('offline'), /no program answers on 127\.0\.0\.1:\d+: start it there/)
      const back = await FarSocket.open(port)
      await (await back.nextAfter(lab.clock)).answer(`{"a": [${now + 2}.0, 2.0]}`)
      await lab.state('online')
      await back.close()
    })

    it('is never answered for: what comes late is of no question', async () => {
      lab = await PullLab.open('{ codenames: { a: {}, b: {} } }', 'ask: codename#raw')
      const late = await lab.far.nextAfter(lab.clock)
      assert.equal(late.text, 'a#raw')
      const next = await lab.far.nextAfter(lab.clock)
      assert.equal(next.text, 'b#raw')
      await late.answer(`${now}.0,1.0`)
      await next.answer(`${now}.0,2.0`)
      await next.answer(`${now}.0,3.0`)
      assert.equal((await lab.reading('b'))['value'], 2)
      const again = await lab.far.nextAfter(lab.clock)
      await late.answer(`${now}.0,4.0`)
      await next.answer(`${now}.0,5.0`)
      await again.answer(`${now}.0,6.0`)
      assert.equal((await lab.reading('a'))['value'], 6)
      assert.deepEqual([await lab.more('a'), await lab.more('b')], [[], []])
    })
  })

  describe('a socket that talks nonsense', () => {
    const nonsense: [what: string, said: string | Buffer, why: RegExp][] = [
      ['text', 'hello', /not understood \(no JSON\): is it a pull socket\?/],
      ['nothing', '', /no JSON/],
      ['a cut answer', `{"a": [${now}.0, 1`, /no JSON/],
      ['an answer cut at 1024 bytes', `{"${'a'.repeat(1022)}`, /1024 bytes, where it was probably cut/],
      ['bytes beyond ASCII', Buffer.from([0xc3, 0xa9]), /bytes beyond ASCII/],
      ['a list', `[[${now}.0, 1.0]]`, /no object/],
      ['the word of a push socket', 'ERROR#UNKNOWN_COMMMAND', /no JSON/]
    ]
    for (const [what, said, why] of nonsense)
      it(`${what}: one dead letter, and offline after three rounds`, async () => {
        lab = await PullLab.open('{ codenames: { a: {} } }')
        await lab.reply('json_wn', `{"a": [${now}.0, 1.0]}`)
        await lab.reading()
        await lab.state('online')
        for (let round = 0; round < 3; round += 1) await lab.reply('json_wn', said)
        assert.match(await lab.state('offline'), why)
        assert.match(String((await lab.letter())['reason']), why)
        assert.equal((await lab.reading())['quality'], 'stale')
        await lab.reply('json_wn', said)
        await lab.reply('json_wn', `{"a": [${now + 4}.0, 2.0]}`)
        await lab.state('online')
        assert.deepEqual(
          lab.mqtt.left.filter(({ topic }) => topic.startsWith('lab-dead/')),
          []
        )
        assert.equal(lab.warnings().length, 1)
        await lab.reply('json_wn', said)
        assert.match(String((await lab.letter())['reason']), why, 'it is news again')
      })

    it('of ever new kinds fills no log', async () => {
      lab = await PullLab.open('{ codenames: { a: {} } }')
      for (let round = 0; round < 3; round += 1) {
        await lab.reply('json_wn', 'hello')
        await lab.reply('json_wn', '[]')
        await lab.reply('json_wn', 'UNKNOWN_COMMMAND')
        await lab.reply('json_wn', 'x'.repeat([1024, 2048, 4096][round] as number))
      }
      await lab.silence(1)
      assert.equal(lab.warnings().length, 5)
    })

    it('that does not know the question says so at once, and is told what to do', async () => {
      lab = await PullLab.open('{ codenames: { a: {} } }')
      await lab.reply('json_wn', 'UNKNOWN_COMMMAND')
      assert.match(await lab.state('offline'), /does not know json_wn: set ask to codename#raw/)
    })

    it('in one channel alone: that one is stale, the others go on', async () => {
      lab = await PullLab.open('{ codenames: { a: {}, b: {}, c: { schema: { type: number, maximum: 10 } } } }')
      await lab.reply('json_wn', `{"a": [${now}.0, 1.0], "b": [${now}.0, 1.0], "c": [${now}.0, 1.0]}`)
      await lab.state('online')
      for (const value of [20, 30])
        await lab.reply('json_wn', `{"a": [${now + value}.0, 2.0], "b": "RESET", "c": [${now + 1}.0, ${value}.0]}`)
      assert.match(
        await lab.state('degraded'),
        /^b: no point of x and y; c: its value is refused \(RangeError, maximum\): see the dead letter$/
      )
      const letters = [await lab.letter(), await lab.letter()]
      assert.deepEqual(new Set(letters.map(({ topic }) => topic)), new Set(['lab/d/b', 'lab/d/c']))
      await lab.mqtt.settled()
      const left = (codename: string): unknown[] =>
        lab.mqtt.left
          .filter(({ topic }) => topic === `lab/d/${codename}`)
          .map(({ text }) => JSON.parse(text) as { value: number; quality: string })
          .map(({ value, quality }) => [value, quality])
      assert.deepEqual(left('a'), [
        [1, 'good'],
        [2, 'good'],
        [2, 'good']
      ])
      for (const codename of ['b', 'c'])
        assert.deepEqual(left(codename), [
          [1, 'good'],
          [1, 'stale']
        ])
      assert.equal(lab.warnings().length, 1)
      assert.deepEqual(
        lab.mqtt.left.filter(({ topic }) => topic.startsWith('lab-dead/')),
        []
      )
    })
  })

  describe('the name', () => {
    it('is asked before anything is believed, after a silence, and once a minute', async () => {
      lab = await PullLab.open('{ codenames: { a: {} } }', 'name: moon laser')
      await lab.reply('name', 'moon laser')
      await lab.reply('json_wn', `{"a": [${now}.0, 1.0]}`)
      await lab.reply('json_wn', `{"a": [${now}.0, 1.0]}`)
      await lab.reply('json_wn', undefined)
      await lab.reply('name', 'moon laser')
      let rounds = 0
      for (let asked = await lab.far.nextAfter(lab.clock); asked.text === 'json_wn'; asked = await lab.far.nextAfter(lab.clock)) {
        rounds += 1
        await asked.answer(`{"a": [${now}.0, 1.0]}`)
      }
      assert.ok(rounds >= 59 && rounds <= 61, String(rounds))
    }).timeout(20_000)

    it('that is another makes the device offline, and says which it is', async () => {
      lab = await PullLab.open('{ codenames: { a: {} } }', 'name: moon laser')
      await lab.reply('name', 'sun laser')
      assert.match(await lab.state('offline'), /calls itself "sun laser", not "moon laser": correct name or target/)
      await lab.reply('name', 'RET#moon laser')
      assert.match(await lab.state('offline'), /calls itself "RET#moon laser"/)
      await lab.reply('name', 'moon laser')
      await lab.reply('json_wn', `{"a": [${now}.0, 1.0]}`)
      await lab.state('online')
      assert.equal((await lab.reading())['value'], 1)
    })
  })

  it('leaves out rounds while one lasts, and counts them', async () => {
    lab = await PullLab.open('{ codenames: { a: {} } }', 'period: 0.2, timeout: 1')
    await lab.mqtt.subscribe('lab/gateway/counters')
    await lab.reply('json_wn', undefined)
    await lab.reply('json_wn', `{"a": [${now}.0, 1.0]}`)
    await lab.clock.pass(10)
    const { value } = await lab.mqtt.nextJson(({ topic, text }) => topic === 'lab/gateway/counters' && text.includes('"dropped"'))
    const { pull } = value as { pull: Record<string, number> }
    assert.ok((pull['dropped'] ?? 0) >= 4, JSON.stringify(pull))
    assert.equal(pull['received'], 1)
  })
})
