import assert from 'node:assert/strict'
import { UdpClient } from '../../test/support/udp.js'
import { PullLab, now, time } from './test-support/pull-lab.js'

describe('data-pull client, channel by channel', () => {
  let lab: PullLab

  afterEach(() => lab.close())

  describe('a channel that is not there', () => {
    it('is reported once; the others go on; and it may come back', async () => {
      lab = await PullLab.open('{ codenames: { a: {}, b: {} } }')
      for (const at of [0, 1, 2]) await lab.reply('json_wn', `{"a": [${now + at}.0, 1.0]}`)
      assert.match(await lab.state('degraded'), /^b: there is no such channel/)
      const { value, quality, error } = await lab.reading('b')
      assert.deepEqual([value, quality], [null, 'bad'])
      assert.deepEqual((error as { class: string; code: string }).code, 'UNKNOWN_COMMMAND')
      await lab.reply('json_wn', `{"a": [${now + 2}.0, 1.0], "b": [${now}.0, 2.0]}`)
      assert.equal((await lab.reading('b'))['value'], 2)
      await lab.state('online')
      assert.equal(lab.warnings().length, 1)
      await lab.reply('json_wn', `{"a": [${now + 2}.0, 1.0]}`)
      const gone = await lab.reading('b')
      assert.deepEqual([gone['value'], gone['quality'], gone['time']], [2, 'stale', time(0)])
    })

    it('need not be there when it is set or called: that may be done on another socket', async () => {
      lab = await PullLab.open('{ codenames: { a: {}, setpoint: { settable: true }, ramp: { callable: {} } } }', 'ask: codename#json')
      await lab.reply('a#json', `[${now}.0, 1.0]`)
      await lab.reply('setpoint#json', 'UNKNOWN_COMMMAND')
      await lab.state('online')
      await lab.reply('a#json', `[${now}.0, 1.0]`)
      await lab.reply('setpoint#json', `[${now}.0, 300.0]`)
      assert.equal((await lab.reading('setpoint'))['value'], 300)
      await lab.reply('a#json', `[${now}.0, 1.0]`)
      await lab.reply('setpoint#json', 'UNKNOWN_COMMMAND')
      assert.equal((await lab.reading('setpoint'))['quality'], 'stale')
      assert.match(await lab.state('degraded'), /^setpoint: there is no such channel/)
    })
  })

  describe('its channels', () => {
    it('may be renamed, and go to several devices; others are passed over', async () => {
      lab = await PullLab.open('{ codenames: { n2: {} } }, e: { codenames: { p: {} } }', 'channels: { "21984878": d/n2, "p error": e/p }')
      await lab.reply('json_wn', `{"p error": [${now}.0, 1.0], "n2": [${now}.0, 2.0], "21984878": [${now}.0, 3.0]}`)
      assert.equal((await lab.reading('n2'))['value'], 3)
      assert.equal((await lab.mqtt.nextJson('lab/e/p'))['value'], 1)
      await lab.state('online')
      assert.deepEqual(await lab.more('21984878'), [])
    })

    it('may be those of a device that nobody declares', async () => {
      lab = await PullLab.open('{}', 'device: e', { others: '  - { id: front, type: data-pull-server, port: 0, channels: { x: e/x } }' })
      const udp = new UdpClient()
      await lab.reply('json_wn', `{"x": [${now}.0, 1.0]}`)
      assert.equal((await lab.mqtt.nextJson('lab/e/x'))['value'], 1)
      assert.equal(await udp.ask(lab.running.port('front'), 'x#raw'), `${now}.0,1.0`)
      await udp.close()
    })

    it('that nobody declares are taken in, under names that a topic can have', async () => {
      lab = await PullLab.open('{}')
      await lab.reply('json_wn', `{"p error": [${now}.0, 1.0], "": [${now}.0, 2.0]}`)
      assert.equal((await lab.reading('p%20error'))['value'], 1)
      assert.equal((await lab.reading('%'))['value'], 2)
      await lab.state('online')
    })

    it('that nobody declares are left out where the device refuses them; that is said once and no fault', async () => {
      lab = await PullLab.open('{ undeclared: refuse, codenames: { a: {} } }')
      for (const at of [0, 1, 2]) await lab.reply('json_wn', `{"b": [${now + at}.0, 1.0], "a": [${now + at}.0, 2.0]}`)
      await lab.state('online')
      assert.equal((await lab.reading('a'))['value'], 2)
      assert.deepEqual(await lab.more('b'), [])
      assert.deepEqual(lab.warnings(), [])
      const said = lab.running.log.lines.filter(({ message }) => message === 'the socket has channels that are not taken in')
      assert.equal(said.length, 1)
    })

    it('are learned when none is known and they are asked one by one', async () => {
      lab = await PullLab.open('{}', 'ask: codename#raw')
      await lab.reply('codenames_json', '[]')
      const begun = lab.clock.now()
      await lab.reply('codenames_json', '["a", "b"]')
      assert.ok(lab.clock.now() - begun < 2, 'nothing was learned, so it was asked again')
      await lab.reply('a#raw', `${now}.5,0.333333333333`)
      await lab.reply('b#raw', 'OLD_DATA')
      assert.deepEqual(await lab.reading(), { quality: 'good', source: 'poll', time: '2023-11-14T22:13:20.5Z', value: 0.333333333333 })
      assert.equal((await lab.reading('b'))['quality'], 'bad')
      await lab.reply('a#raw', `${now}.5,0.333333333333`)
    })

    it('are a bounded number: what a socket names beyond is counted, and told once', async () => {
      lab = await PullLab.open('{}', 'ask: codename#raw')
      const names = Array.from({ length: 1500 }, (_, i) => `c${i}`)
      await lab.reply('codenames_json', JSON.stringify(names))
      await lab.reply('c0#raw', `${now}.5,1.0`)
      const said = lab.running.log.lines.filter(({ message }) => message === 'the socket has channels that are not taken in')
      assert.deepEqual(
        said.map(({ fields }) => fields['reason']),
        ['it has more than 1000: name those you need']
      )
      await lab.mqtt.subscribe('lab/gateway/counters')
      await lab.pass(11)
      const { value } = await lab.mqtt.nextJson(({ text }) => text.includes('"refused":500'))
      assert.equal((value as { pull: { refused: number } }).pull.refused, 500)
    })

    it('are learned again once a minute: new ones are taken in, those that are gone are reported and stale', async () => {
      lab = await PullLab.open('{}', 'ask: codename#json, period: 10')
      let names = ['a', 'b']
      lab.far.respond = (question) => {
        if (question === 'codenames_json') return JSON.stringify(names)
        return names.includes(question.replace('#json', '')) ? `[${now}.0, 1.0]` : 'UNKNOWN_COMMMAND'
      }
      await lab.pass(25)
      await lab.state('online')
      assert.equal((await lab.reading('b'))['quality'], 'good')
      names = ['a', 'c']
      await lab.pass(70)
      assert.match(await lab.state('degraded'), /^b: there is no such channel/)
      assert.equal((await lab.reading('c'))['quality'], 'good')
      assert.equal((await lab.reading('b'))['quality'], 'stale')
      assert.ok(lab.far.texts.filter((text) => text === 'codenames_json').length <= 3)
    }).timeout(20_000)

    it('are each asked in turn; one that is silent holds up no other, and is stale after three times', async () => {
      lab = await PullLab.open('{ codenames: { a: {}, b: {}, c: {} } }', 'ask: codename#json')
      for (const at of [0, 1, 2]) {
        await lab.reply('a#json', `[${now + at}.0, 1.0]`)
        if (at === 0) await lab.reply('b#json', `[${now}.0, 2.0]`)
        else await lab.reply('b#json', undefined)
        await lab.reply('c#json', `[${now + at}.0, 3.0]`)
      }
      assert.equal((await lab.reading('b'))['quality'], 'good')
      await lab.reply('a#json', `[${now + 3}.0, 1.0]`)
      await lab.reply('b#json', undefined)
      await lab.reply('c#json', `[${now + 3}.0, 3.0]`)
      assert.equal((await lab.reading('b'))['quality'], 'stale')
      assert.match(await lab.state('degraded'), /^b: no answer when it is asked$/)
    })

    it('are heard of again in time, though one or two rounds brought no answer for them', async () => {
      lab = await PullLab.open('{ codenames: { a: {}, b: {} } }', 'ask: codename#json')
      const said = `[${now}.0, 1.0]`
      for (const answer of [said, undefined, undefined, said, undefined, undefined, said]) {
        await lab.reply('a#json', answer)
        await lab.reply('b#json', said)
      }
      assert.equal((await lab.reading())['quality'], 'good')
      assert.deepEqual(await lab.more(), [])
    })

    it('are all asked in the end: one that is silent does not end a round, two in a row do', async () => {
      lab = await PullLab.open('{ codenames: { a: {}, b: {}, c: {}, e: {} } }', 'ask: codename#json, period: 10, timeout: 1')
      const times: number[] = []
      await lab.reply('a#json', undefined)
      times.push(lab.clock.now())
      await lab.reply('b#json', undefined)
      times.push(lab.clock.now())
      await lab.reply('c#json', `[${now}.0, 3.0]`)
      times.push(lab.clock.now())
      const [first = 0, second = 0, third = 0] = times
      assert.ok(second - first < 2, 'the second in the same round')
      assert.ok(third - second > 5, 'the third in the next')
      await lab.reply('e#json', `[${now}.0, 4.0]`)
      assert.equal((await lab.reading('e'))['value'], 4)
      await lab.reply('a#json', undefined)
      await lab.reply('b#json', undefined)
      await lab.reply('c#json', `[${now + 1}.0, 3.0]`)
    })

    for (const count of [4, 6])
      it(`are reported, and only they, when ${count} in a row are silent; the others are asked every period still`, async () => {
        const all = ['a', 'b', 'c', 'e', 'f', 'g', 'h', 'i']
        const dead = all.slice(0, count)
        const healthy = all.slice(count)
        const codenames = all.map((codename) => `${codename}: {}`).join(', ')
        lab = await PullLab.open(`{ codenames: { ${codenames} } }`, 'ask: codename#json')
        const asked = new Map<string, number>()
        let isDead = false
        lab.far.respond = (question) => {
          const codename = question.replace('#json', '')
          asked.set(codename, (asked.get(codename) ?? 0) + 1)
          return isDead && dead.includes(codename) ? undefined : `[${lab.clock.now()}, 1.0]`
        }
        await lab.pass(3)
        await lab.state('online')
        isDead = true
        await lab.pass(30)
        await lab.mqtt.settled()
        const said = (topic: string): string[] => lab.mqtt.left.filter((message) => message.topic === topic).map(({ text }) => text)
        assert.ok(!said('lab/d').some((text) => text.includes('offline')), said('lab/d').join(' '))
        const qualities = all.map((codename) => (JSON.parse(said(`lab/d/${codename}`).at(-1) ?? '{}') as { quality: string }).quality)
        assert.deepEqual(qualities, [...dead.map(() => 'stale'), ...healthy.map(() => 'good')])
        asked.clear()
        await lab.pass(12)
        for (const codename of healthy) assert.ok((asked.get(codename) ?? 0) >= 10, `${codename}: ${asked.get(codename)} times in 12 s`)
        for (const codename of dead) assert.ok((asked.get(codename) ?? 0) >= 1, `${codename} is not tried again`)
        isDead = false
        await lab.pass(3)
        await lab.state('online')
        for (const codename of dead) assert.match((await lab.more(codename)).at(-1) ?? '', /"good"/)
      }).timeout(20_000)

    it('all silent: the socket is, after three rounds, though it is asked for only two in each', async () => {
      lab = await PullLab.open('{ codenames: { a: {}, b: {}, c: {}, e: {}, f: {}, g: {} } }', 'ask: codename#json, period: 2, timeout: 0.5')
      lab.far.respond = () => `[${lab.clock.now()}, 1.0]`
      await lab.pass(4)
      await lab.state('online')
      lab.far.respond = undefined
      const before = lab.far.texts.length
      await lab.pass(8)
      assert.match(await lab.state('offline'), /no answer from/)
      assert.ok(lab.far.texts.length - before <= 8)
    }).timeout(20_000)
  })
})
