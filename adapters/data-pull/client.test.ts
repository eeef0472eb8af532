import assert from 'node:assert/strict'
import { FakeClock } from '../../test/support/fake-clock.js'
import { FarSocket } from '../../test/support/far-socket.js'
import type { TestClient } from '../../test/support/mqtt.js'
import { Scripted } from '../../test/support/scripted.js'
import { start } from '../../test/support/start.js'
import type { Running, StartOptions } from '../../test/support/start.js'
import { UdpClient } from '../../test/support/udp.js'

const now = 1_700_000_000

describe('data-pull client', () => {
  let clock: FakeClock
  let far: FarSocket
  let running: Running
  let mqtt: TestClient
  const scripted = new Scripted()

  /** One client of a device `d`; `more` are further keys of it, `others` further instances. */
  async function lab(codenames: string, more = '', { others = '', ...options }: StartOptions & { others?: string } = {}): Promise<void> {
    clock = new FakeClock(now)
    far = await FarSocket.open()
    const shown = /\b(channels|device):/.test(more) ? '' : ', device: d'
    running = await start(
      `devices: { d: ${codenames} }
adapters:
  - { id: pull, type: data-pull-client, target: { host: 127.0.0.1, port: ${far.port} }${shown}${more === '' ? '' : `, ${more}`} }
${others}`,
      { clock, types: [scripted.type], ...options }
    )
    mqtt = await running.connect()
    await mqtt.subscribe('lab/d', 'lab/d/+', 'lab/e/+', 'lab-dead/#')
    await state('offline')
  }

  afterEach(async () => {
    const stopped = running.stop()
    await clock.pass(10)
    await stopped
    await far.close()
    const wrong = running.log.lines.filter(({ level }) => level === 'error')
    assert.deepEqual(wrong, [])
  })

  /** The next question must be this one, and is answered so. */
  async function reply(question: string, said: string | Buffer | undefined): Promise<void> {
    const asked = await far.nextAfter(clock)
    assert.equal(asked.text, question)
    if (said !== undefined) await asked.answer(said)
  }

  /** So many rounds without an answer, to the end of their patience. */
  async function silence(rounds: number): Promise<void> {
    for (let round = 0; round < rounds; round += 1) {
      await reply('json_wn', undefined)
      await clock.pass(0.5)
    }
  }

  const reading = (codename = 'a'): Promise<Record<string, unknown>> => mqtt.nextJson(`lab/d/${codename}`)
  const state = async (is: string): Promise<string> =>
    String((await mqtt.nextJson(({ topic, text }) => topic === 'lab/d' && text.includes(`"state":"${is}"`)))['reason'])
  const letter = (): Promise<Record<string, unknown>> => mqtt.nextJson(({ topic }) => topic.startsWith('lab-dead/'))
  const warnings = (): string[] =>
    running.log.lines.filter(({ level }) => level === 'warn').map(({ message, fields }) => `${message}: ${String(fields['reason'])}`)

  /** What was published on a codename besides what the test has taken, once a further round is through. */
  async function more(codename = 'a'): Promise<string[]> {
    await mqtt.settled()
    return mqtt.left.filter(({ topic }) => topic === `lab/d/${codename}`).map(({ text }) => text)
  }

  const time = (seconds: number): string => new Date((now + seconds) * 1000).toISOString().replace('.000Z', 'Z')

  describe('a date socket', () => {
    it('gives readings with its own time', async () => {
      await lab('{ codenames: { a: { unit: W, schema: { type: number } }, b: {} } }')
      await reply('json_wn', `{"a": [${now - 5}.25, 47], "b": [${now - 1}.0, "on"]}`)
      const good = { quality: 'good', source: 'poll' }
      assert.deepEqual(await reading(), { ...good, time: '2023-11-14T22:13:15.25Z', unit: 'W', value: 47 })
      assert.deepEqual(await reading('b'), { ...good, time: time(-1), value: 'on' })
      assert.match(await state('online'), /^127\.0\.0\.1:\d+ answers$/)
      assert.deepEqual(warnings(), [])
    })

    it('is asked every period; a point that stays the same is no new reading, and grows old', async () => {
      await lab('{ codenames: { a: { maxAge: 3 } } }')
      await reply('json_wn', `{"a": [${now}.0, 47.0]}`)
      assert.equal((await reading())['quality'], 'good')
      for (let round = 0; round < 6; round += 1) await reply('json_wn', `{"a": [${now}.0, 47.0]}`)
      assert.deepEqual(await reading(), { quality: 'stale', source: 'poll', time: time(0), value: 47 })
      assert.deepEqual(await more(), [])
      await reply('json_wn', `{"a": [${now + 6}.0, 47.0]}`)
      assert.deepEqual(await reading(), { quality: 'good', source: 'poll', time: time(6), value: 47 })
      assert.ok(clock.now() - now < 9)
    })

    it('calls its data old: the last value stays, stale, with the time it had', async () => {
      await lab('{ codenames: { a: {} } }', '', { others: '  - { id: front, type: data-pull-server, port: 0, device: d }' })
      const udp = new UdpClient()
      await reply('json_wn', `{"a": [${now - 2}.5, 47.0]}`)
      assert.equal((await reading())['quality'], 'good')
      assert.equal(await udp.ask(running.port('front'), 'json_wn'), `{"a": [${now - 2}.5, 47.0]}`)
      await reply('json_wn', '{"a": "OLD_DATA"}')
      const error = { class: 'Stale', code: 'OLD_DATA', message: 'the source says that its value is old', retryable: true }
      assert.deepEqual(await reading(), { error, quality: 'stale', source: 'poll', time: '2023-11-14T22:13:18.5Z', value: 47 })
      assert.equal(await udp.ask(running.port('front'), 'json_wn'), '{"a": "OLD_DATA"}')
      await reply('json_wn', '{"a": "OLD_DATA"}')
      await reply('json_wn', `{"a": [${now}.0, 48.0]}`)
      assert.deepEqual(await reading(), { quality: 'good', source: 'poll', time: time(0), value: 48 })
      assert.deepEqual(await more(), [])
      assert.deepEqual(warnings(), [], 'the socket does what it should')
      await udp.close()
    })

    it('without a value from the start: no value is made up, and it is said why', async () => {
      await lab('{ codenames: { a: {}, b: {} } }')
      await reply('json_wn', '{"a": "OLD_DATA", "b": [0.0, 0.0]}')
      const [a, b] = [await reading(), await reading('b')]
      assert.deepEqual([a['value'], a['quality'], (a['error'] as { class: string }).class], [null, 'bad', 'Stale'])
      assert.deepEqual([b['value'], b['quality'], (b['error'] as { class: string }).class], [null, 'bad', 'Stale'])
      await reply('json_wn', '{"a": "OLD_DATA", "b": [0.0, 0.0]}')
      await reply('json_wn', `{"a": [0.0, 1.0], "b": [${now}.0, 0.0]}`)
      assert.deepEqual(await reading('b'), { quality: 'good', source: 'poll', time: time(0), value: 0 })
      assert.deepEqual(await reading(), { quality: 'good', source: 'poll', time: '1970-01-01T00:00:00Z', value: 1 })
      assert.deepEqual(await more(), [])
    })

    it('may say NaN, or nothing: bad, not fresh', async () => {
      await lab('{ codenames: { a: { schema: { type: number } }, b: {} } }')
      await reply('json_wn', `{"a": [${now}.0, NaN], "b": [${now}.0, null]}`)
      const [a, b] = [await reading(), await reading('b')]
      assert.deepEqual([a['value'], a['quality'], (a['error'] as { class: string }).class], [null, 'bad', 'NotFinite'])
      assert.deepEqual([b['value'], b['quality']], [null, 'bad'])
      assert.deepEqual(warnings(), [])
    })

    it('with times in milliseconds, or a clock that is ahead: uncertain, no fresher for it, and said once', async () => {
      await lab('{ codenames: { a: { maxAge: 3 }, b: { maxAge: 3 }, c: { maxAge: 3 } } }')
      const said = `{"a": [${now}000.0, 1.0], "b": [${now + 3600}.0, 2.0], "c": [${now + 59}.0, 3.0]}`
      await reply('json_wn', said)
      assert.equal((await reading())['quality'], 'uncertain')
      assert.deepEqual(await reading('b'), { quality: 'uncertain', source: 'poll', time: time(3600), value: 2 })
      assert.equal((await reading('c'))['quality'], 'good')
      assert.match(await state('degraded'), /^a: its times are in milliseconds.*; b: its times are more than 60 s ahead/)
      for (let round = 0; round < 5; round += 1) await reply('json_wn', said)
      for (const codename of ['a', 'b', 'c']) assert.equal((await reading(codename))['quality'], 'stale', codename)
      assert.equal(warnings().length, 1)
      await reply('json_wn', `{"a": [${now + 6}.0, 1.0], "b": [${now + 6}.0, 2.0], "c": [${now + 59}.0, 3.0]}`)
      assert.equal((await reading())['quality'], 'good')
      await state('online')
    })

    it('whose x is no time is not believed', async () => {
      await lab('{ codenames: { a: {} } }')
      await reply('json_wn', `{"a": [${now}.0, 1.0]}`)
      assert.equal((await reading())['quality'], 'good')
      await reply('json_wn', '{"a": ["R", "E", "S", "E", "T"]}')
      const { value, quality, time: at } = await reading()
      assert.deepEqual([value, quality, at], [1, 'stale', time(0)])
      assert.match(await state('degraded'), /a: its x is no time/)
      assert.match(String((await letter())['payload']), /RESET|"R", "E"/)
      await reply('json_wn', '{"a": [NaN, 1.0]}')
      await reply('json_wn', '{"a": [Infinity, 1.0]}')
      assert.deepEqual(await more(), [])
    })
  })

  describe('a data socket', () => {
    it('gives x with the value; the time is when a point was first seen, and the first may be of any age', async () => {
      await lab('{ codenames: { a: { maxAge: 3 } } }', 'kind: data')
      const begun = clock.now()
      await reply('json_wn', '{"a": [0.5, 12.25]}')
      const first = await reading()
      assert.deepEqual([first['x'], first['value'], first['quality']], [0.5, 12.25, 'uncertain'])
      await reply('json_wn', '{"a": [0.5, 12.25]}')
      await reply('json_wn', '{"a": [0.0, 0.0]}')
      const second = await reading()
      assert.deepEqual([second['x'], second['value'], second['quality']], [0, 0, 'good'], 'there, zeros are data')
      assert.ok(Date.parse(String(second['time'])) / 1000 - begun >= 2)
      for (let round = 0; round < 5; round += 1) await reply('json_wn', '{"a": [0.0, 0.0]}')
      assert.deepEqual([(await reading())['quality'], await more()], ['stale', []])
      await reply('json_wn', '{"a": "OLD_DATA"}')
      await reply('json_wn', '{"a": [0.0, 0.0]}')
      const again = await reading()
      assert.deepEqual([again['value'], again['quality']], [0, 'good'], 'the source has set it again')
      assert.ok(String(again['time']) > String(second['time']))
    })

    it('that comes back with the point it had: with the time it had', async () => {
      await lab('{ codenames: { a: {} } }', 'kind: data')
      await reply('json_wn', '{"a": ["left", 1.0]}')
      const { time: at } = await reading()
      await silence(3)
      assert.equal((await reading())['quality'], 'stale')
      await reply('json_wn', '{"a": ["left", 1.0]}')
      assert.deepEqual(await reading(), { quality: 'good', source: 'poll', time: at, value: 1, x: 'left' })
    })
  })

  describe('a socket that does not answer', () => {
    it('is offline after three rounds, and its readings are stale; one datagram lost is nothing', async () => {
      await lab('{ codenames: { a: {} } }')
      await reply('json_wn', `{"a": [${now}.0, 1.0]}`)
      await reading()
      await state('online')
      for (const lost of [1, 2]) {
        await silence(lost)
        await reply('json_wn', `{"a": [${now}.0, 1.0]}`)
      }
      assert.deepEqual([await more(), mqtt.left.filter(({ topic }) => topic === 'lab/d').length], [[], 0])
      await silence(3)
      assert.match(await state('offline'), /no answer from 127\.0\.0\.1:\d+: is the computer on, and its program running\?/)
      assert.deepEqual(await reading(), { quality: 'stale', source: 'poll', time: time(0), value: 1 })
      await silence(5)
      assert.equal(warnings().length, 1)
      await reply('json_wn', `{"a": [${now}.0, 1.0]}`)
      await state('online')
      assert.deepEqual(await reading(), { quality: 'good', source: 'poll', time: time(0), value: 1 }, 'it is what the source says still')
    })

    it('is offline at once when its computer says that no program has the port', async () => {
      await lab('{ codenames: { a: {} } }')
      await reply('json_wn', `{"a": [${now}.0, 1.0]}`)
      await state('online')
      const { port } = far
      await far.close()
      await clock.pass(1.1)
      assert.match(await state('offline'), /no program answers on 127\.0\.0\.1:\d+: start it there/)
      far = await FarSocket.open(port)
      await reply('json_wn', `{"a": [${now + 2}.0, 2.0]}`)
      await state('online')
    })

    it('is never answered for: what comes late is of no question', async () => {
      await lab('{ codenames: { a: {}, b: {} } }', 'ask: codename#raw')
      const late = await far.nextAfter(clock)
      assert.equal(late.text, 'a#raw')
      const next = await far.nextAfter(clock)
      assert.equal(next.text, 'b#raw')
      await late.answer(`${now}.0,1.0`)
      await next.answer(`${now}.0,2.0`)
      await next.answer(`${now}.0,3.0`)
      assert.equal((await reading('b'))['value'], 2)
      const again = await far.nextAfter(clock)
      await late.answer(`${now}.0,4.0`)
      await next.answer(`${now}.0,5.0`)
      await again.answer(`${now}.0,6.0`)
      assert.equal((await reading('a'))['value'], 6)
      assert.deepEqual([await more('a'), await more('b')], [[], []])
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
        await lab('{ codenames: { a: {} } }')
        await reply('json_wn', `{"a": [${now}.0, 1.0]}`)
        await reading()
        await state('online')
        for (let round = 0; round < 3; round += 1) await reply('json_wn', said)
        assert.match(await state('offline'), why)
        assert.match(String((await letter())['reason']), why)
        assert.equal((await reading())['quality'], 'stale')
        await reply('json_wn', said)
        await reply('json_wn', `{"a": [${now + 4}.0, 2.0]}`)
        await state('online')
        assert.deepEqual(
          mqtt.left.filter(({ topic }) => topic.startsWith('lab-dead/')),
          []
        )
        assert.equal(warnings().length, 1)
      })

    it('that does not know the question says so at once, and is told what to do', async () => {
      await lab('{ codenames: { a: {} } }')
      await reply('json_wn', 'UNKNOWN_COMMMAND')
      assert.match(await state('offline'), /does not know json_wn: set ask to codename#raw/)
    })

    it('in one channel alone: that one is stale, the others go on', async () => {
      await lab('{ codenames: { a: {}, b: {}, c: { schema: { type: number, maximum: 10 } } } }')
      await reply('json_wn', `{"a": [${now}.0, 1.0], "b": [${now}.0, 1.0], "c": [${now}.0, 1.0]}`)
      await state('online')
      for (const value of [20, 30]) await reply('json_wn', `{"a": [${now + value}.0, 2.0], "b": "RESET", "c": [${now + 1}.0, ${value}.0]}`)
      assert.match(
        await state('degraded'),
        /^b: no point of x and y; c: its value is refused \(RangeError, maximum\): see the dead letter$/
      )
      const letters = [await letter(), await letter()]
      assert.deepEqual(new Set(letters.map(({ topic }) => topic)), new Set(['lab/d/b', 'lab/d/c']))
      await mqtt.settled()
      const left = (codename: string): unknown[] =>
        mqtt.left
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
      assert.equal(warnings().length, 1)
    })
  })

  describe('a channel that is not there', () => {
    it('is reported once; the others go on; and it may come back', async () => {
      await lab('{ codenames: { a: {}, b: {} } }')
      for (const at of [0, 1, 2]) await reply('json_wn', `{"a": [${now + at}.0, 1.0]}`)
      assert.match(await state('degraded'), /^b: there is no such channel/)
      const { value, quality, error } = await reading('b')
      assert.deepEqual([value, quality], [null, 'bad'])
      assert.deepEqual((error as { class: string; code: string }).code, 'UNKNOWN_COMMMAND')
      await reply('json_wn', `{"a": [${now + 2}.0, 1.0], "b": [${now}.0, 2.0]}`)
      assert.equal((await reading('b'))['value'], 2)
      await state('online')
      assert.equal(warnings().length, 1)
      await reply('json_wn', `{"a": [${now + 2}.0, 1.0]}`)
      const gone = await reading('b')
      assert.deepEqual([gone['value'], gone['quality'], gone['time']], [2, 'stale', time(0)])
    })

    it('need not be there when it is set or called: that may be done on another socket', async () => {
      await lab('{ codenames: { a: {}, setpoint: { settable: true }, ramp: { callable: {} } } }', 'ask: codename#json')
      await reply('a#json', `[${now}.0, 1.0]`)
      await reply('setpoint#json', 'UNKNOWN_COMMMAND')
      await state('online')
      await reply('a#json', `[${now}.0, 1.0]`)
      await reply('setpoint#json', `[${now}.0, 300.0]`)
      assert.equal((await reading('setpoint'))['value'], 300)
      await reply('a#json', `[${now}.0, 1.0]`)
      await reply('setpoint#json', 'UNKNOWN_COMMMAND')
      assert.equal((await reading('setpoint'))['quality'], 'stale')
      assert.match(await state('degraded'), /^setpoint: there is no such channel/)
    })
  })

  describe('its channels', () => {
    it('may be renamed, and go to several devices; others are passed over', async () => {
      await lab('{ codenames: { n2: {} } }, e: { codenames: { p: {} } }', 'channels: { "21984878": d/n2, "p error": e/p }')
      await reply('json_wn', `{"p error": [${now}.0, 1.0], "n2": [${now}.0, 2.0], "21984878": [${now}.0, 3.0]}`)
      assert.equal((await reading('n2'))['value'], 3)
      assert.equal((await mqtt.nextJson('lab/e/p'))['value'], 1)
      await state('online')
      assert.deepEqual(await more('21984878'), [])
    })

    it('may be those of a device that nobody declares', async () => {
      await lab('{}', 'device: e', { others: '  - { id: front, type: data-pull-server, port: 0, channels: { x: e/x } }' })
      const udp = new UdpClient()
      await reply('json_wn', `{"x": [${now}.0, 1.0]}`)
      assert.equal((await mqtt.nextJson('lab/e/x'))['value'], 1)
      assert.equal(await udp.ask(running.port('front'), 'x#raw'), `${now}.0,1.0`)
      await udp.close()
    })

    it('that nobody declares are taken in, under names that a topic can have', async () => {
      await lab('{}')
      await reply('json_wn', `{"p error": [${now}.0, 1.0], "": [${now}.0, 2.0]}`)
      assert.equal((await reading('p%20error'))['value'], 1)
      assert.equal((await reading('%'))['value'], 2)
      await state('online')
    })

    it('that nobody declares are left out where the device refuses them; that is said once and no fault', async () => {
      await lab('{ undeclared: refuse, codenames: { a: {} } }')
      for (const at of [0, 1, 2]) await reply('json_wn', `{"b": [${now + at}.0, 1.0], "a": [${now + at}.0, 2.0]}`)
      await state('online')
      assert.equal((await reading('a'))['value'], 2)
      assert.deepEqual(await more('b'), [])
      assert.deepEqual(warnings(), [])
      const said = running.log.lines.filter(({ message }) => message === 'the socket has channels that are not taken in')
      assert.equal(said.length, 1)
    })

    it('are learned when none is known and they are asked one by one', async () => {
      await lab('{}', 'ask: codename#raw')
      await reply('codenames_json', '[]')
      await reply('codenames_json', '["a", "b"]')
      await reply('a#raw', `${now}.5,0.333333333333`)
      await reply('b#raw', 'OLD_DATA')
      assert.deepEqual(await reading(), { quality: 'good', source: 'poll', time: '2023-11-14T22:13:20.5Z', value: 0.333333333333 })
      assert.equal((await reading('b'))['quality'], 'bad')
      await reply('a#raw', `${now}.5,0.333333333333`)
    })

    it('are each asked in turn; one that is silent holds up no other, and is stale after three times', async () => {
      await lab('{ codenames: { a: {}, b: {}, c: {} } }', 'ask: codename#json')
      for (const at of [0, 1, 2]) {
        await reply('a#json', `[${now + at}.0, 1.0]`)
        if (at === 0) await reply('b#json', `[${now}.0, 2.0]`)
        else await reply('b#json', undefined)
        await reply('c#json', `[${now + at}.0, 3.0]`)
      }
      assert.equal((await reading('b'))['quality'], 'good')
      await reply('a#json', `[${now + 3}.0, 1.0]`)
      await reply('b#json', undefined)
      await reply('c#json', `[${now + 3}.0, 3.0]`)
      assert.equal((await reading('b'))['quality'], 'stale')
      assert.match(await state('degraded'), /^b: no answer when it is asked$/)
    })

    it('are all asked in the end, though two that are silent end a round', async () => {
      await lab('{ codenames: { a: {}, b: {}, c: {}, e: {} } }', 'ask: codename#json')
      await reply('a#json', undefined)
      await reply('b#json', undefined)
      await reply('c#json', `[${now}.0, 3.0]`)
      await reply('e#json', `[${now}.0, 4.0]`)
      assert.equal((await reading('e'))['value'], 4)
      await reply('a#json', undefined)
      await reply('b#json', undefined)
      await reply('c#json', `[${now + 1}.0, 3.0]`)
    })
  })

  describe('the name', () => {
    it('is asked before anything is believed, after a silence, and once a minute', async () => {
      await lab('{ codenames: { a: {} } }', 'name: moon laser')
      await reply('name', 'moon laser')
      await reply('json_wn', `{"a": [${now}.0, 1.0]}`)
      await reply('json_wn', `{"a": [${now}.0, 1.0]}`)
      await reply('json_wn', undefined)
      await reply('name', 'moon laser')
      let rounds = 0
      for (let asked = await far.nextAfter(clock); asked.text === 'json_wn'; asked = await far.nextAfter(clock)) {
        rounds += 1
        await asked.answer(`{"a": [${now}.0, 1.0]}`)
      }
      assert.ok(rounds >= 59 && rounds <= 61, String(rounds))
    }).timeout(20_000)

    it('that is another makes the device offline, and says which it is', async () => {
      await lab('{ codenames: { a: {} } }', 'name: moon laser')
      await reply('name', 'sun laser')
      assert.match(await state('offline'), /calls itself "sun laser", not "moon laser": correct name or target/)
      await reply('name', 'RET#moon laser')
      assert.match(await state('offline'), /calls itself "RET#moon laser"/)
      await reply('name', 'moon laser')
      await reply('json_wn', `{"a": [${now}.0, 1.0]}`)
      await state('online')
      assert.equal((await reading())['value'], 1)
    })
  })

  it('says again what the gateway made stale only because another instance of the device was offline', async () => {
    await lab('{ codenames: { a: {}, b: { maxAge: 100 }, c: {} } }', 'channels: { a: d/a, b: d/b }', {
      others: '  - { id: other, type: scripted, feeds: [d/c] }'
    })
    const said = `{"a": [${now}.0, 1.0], "b": [${now}.0, 2.0]}`
    await reply('json_wn', said)
    assert.deepEqual([(await reading())['quality'], (await reading('b'))['quality']], ['good', 'good'])
    scripted.host('other').report('offline', 'cable cut')
    assert.deepEqual([(await reading())['quality'], (await reading('b'))['quality']], ['stale', 'stale'])
    scripted.host('other').report('online')
    await reply('json_wn', said)
    assert.deepEqual(await reading(), { quality: 'good', source: 'poll', time: time(0), value: 1 })
    assert.equal((await reading('b'))['quality'], 'good')
    await reply('json_wn', said)
    assert.deepEqual([await more('a'), await more('b')], [[], []])
  })

  it('tells what the queue to the broker had no room for in the next round', async () => {
    await lab('{ codenames: { a: {}, b: {} } }', '', { others: 'broker: { tcp: { port: 0 }, limits: { maxQueue: 3 } }' })
    const said = `{"a": [${now}.0, 1.0], "b": [${now}.0, 2.0]}`
    await reply('json_wn', said)
    await reply('json_wn', said)
    assert.deepEqual([(await reading())['value'], (await reading('b'))['value']], [1, 2])
    assert.deepEqual([await more('a'), await more('b')], [[], []])
  })

  it('leaves out rounds while one lasts, and counts them', async () => {
    await lab('{ codenames: { a: {} } }', 'period: 0.2, timeout: 1')
    await mqtt.subscribe('lab/gateway/counters')
    await reply('json_wn', undefined)
    await reply('json_wn', `{"a": [${now}.0, 1.0]}`)
    await clock.pass(10)
    const { value } = await mqtt.nextJson(({ topic, text }) => topic === 'lab/gateway/counters' && text.includes('"dropped"'))
    const { pull } = value as { pull: Record<string, number> }
    assert.ok((pull['dropped'] ?? 0) >= 4, JSON.stringify(pull))
    assert.equal(pull['received'], 1)
  })
})
