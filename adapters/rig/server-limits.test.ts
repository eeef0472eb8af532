import assert from 'node:assert/strict'
import { connect } from 'node:net'
import { settle } from '../../test/support/fake-clock.js'
import { ServerLab } from './test-support/server-lab.js'
import { TestController } from './test-support/test-controller.js'

describe('the limits of a rig-server', () => {
  let lab = new ServerLab()
  beforeEach(() => (lab = new ServerLab()))
  afterEach(async () => await lab.close())

  it('echoes everything of a controller that babbles, and shows and carries out only so much', async () => {
    await lab.start('maxRate: 20')
    const [babbler, other] = [await lab.controller(), await lab.controller()]
    for (let i = 0; i < 300; i += 1) await babbler.echoed(`[32, ${i}]`)
    await lab.exchange(other, '[32, 0]', '[32, 0]')
    await babbler.expect('[32, 0]')
    const events = (await lab.values('event')) as Record<string, unknown>[]
    assert.equal(events.filter(({ controller }) => controller === babbler.name).length, 40)
    assert.equal(events.filter(({ controller }) => controller === other.name).length, 1)
    assert.match(lab.warnings.join('\n'), /maxRate/)
    assert.match(lab.warnings.join('\n'), /more than can be answered/)
    // Sixteen are answered, one after another; for the others there is one report.
    await lab.clock.pass(0.01)
    const heard: string[] = []
    for (let i = 0; i < 17; i += 1) {
      await lab.clock.pass(1.01)
      heard.push(...(await babbler.taken()))
    }
    // What cannot be sent in time is not sent late.
    assert.equal(heard.filter((text) => text === '[32, 0]').length, 8)
    assert.equal(heard.filter((text) => /^\[0, "TimeoutError: it was carried out, but .*", 32\]$/.test(text)).length, 7)
    assert.equal(heard.filter((text) => /^\[0, "RateLimited: .*", 32\]$/.test(text)).length, 1)
  })

  it('stops storms', async () => {
    await lab.start('answers: { others: echo }')
    const controller = await lab.controller()
    for (let i = 0; i < 9; i += 1) await controller.echoed('[4, null]')
    for (let i = 0; i < 5; i += 1) controller.send('[4, null]')
    await controller.assertQuiet()
    assert.match(lab.warnings.join(), /again and again/)
    assert.equal((await lab.counters())['dropped'], 5)
    await controller.echoed('[4, null]')
  })

  it('survives what is no message, echoes what a real rig echoes, and serves on', async () => {
    await lab.start()
    const controller = await lab.controller()
    for (const odd of [
      'foo',
      '"foo"',
      '{"event": 1}',
      '[]',
      '[1]',
      '[1, {"a":',
      '[1, null]\0',
      '[3, null]',
      '["EXPSTOP", 1]',
      '[1.0, 2]',
      '[[1], 2]'
    ])
      await controller.echoed(odd)
    for (const odd of ['', 'x', '10', Buffer.from([0x5b, 0xff, 0x5d]), Buffer.from('\ufeff[1, null]', 'utf16le')]) controller.send(odd)
    await controller.assertQuiet()
    await lab.exchange(controller, '[32, 0]', '[32, 0]')
    assert.equal((await lab.values('event')).length, 1)
    const dead = await lab.deadLetters()
    assert.ok(dead.length > 5, String(dead.length))
    assert.ok(dead.every((text) => text.includes('BadPayload')))
    assert.deepEqual(lab.warnings, [])
  })

  it('knows a bounded number of controllers over UDP, and no stranger takes the place of one that echoes', async () => {
    await lab.start('maxControllers: 3')
    const controller = await lab.controller()
    await lab.exchange(controller, '[32, 0]', '[32, 0]')
    for (let i = 0; i < 10; i += 1) await (await lab.controller()).echoed('[32, 0]')
    await lab.clock.pass(2)
    const mqtt = await lab.running.connect()
    await mqtt.publish('lab/stage/push/call', { id: 'p', arguments: { event: 'EXPSTATUS' } })
    await controller.echoes('[32, 0]')
    const reply = await lab.mqtt.nextJson(({ topic, text }) => topic === 'lab/stage/push/reply' && !text.includes('accepted'))
    assert.deepEqual(Object.keys((reply['value'] as Record<string, object>)['controllers'] ?? {}), [controller.name])
  })

  it('forgets controllers over UDP that are silent for long, but not in a session', async () => {
    await lab.start()
    const controller = await lab.controller()
    await lab.exchange(controller, '[32, 0]', '[32, 0]')
    assert.equal(await lab.value('link'), 'online')
    await lab.clock.pass(961)
    assert.equal(await lab.value('link'), 'silent')
    await controller.echoed('[64, 0, null]')
    assert.equal(await lab.value('link'), 'online')
    await lab.gap()
    controller.send(await controller.next())
    await controller.assertQuiet()
    await lab.clock.pass(3600)
    assert.deepEqual(await lab.values('link'), [])
    await controller.echoed('[4, null]')
    await lab.gap()
    await controller.next()
    await lab.clock.pass(1900)
    assert.deepEqual(await lab.values('link'), ['silent'])
  })

  it('forgets nobody whose message is being carried out, however many strangers come', async () => {
    await lab.start('maxControllers: 3, answers: { EXPSTART: { call: spectrometer/acquire } }')
    lab.hold()
    const controller = await lab.controller()
    await controller.echoed('[2, null, null]')
    for (let i = 0; i < 10; i += 1) await (await lab.controller()).echoed('[64, 0, null]')
    await lab.gap()
    assert.match(lab.warnings.join(), /is forgotten for another one/)
    lab.held.answer('done')
    await lab.gap()
    await controller.echoes('[2, "done"]')
  })

  describe('over tcp', () => {
    it('sends browsers away before they can say anything', async () => {
      await lab.start()
      for (const parts of [
        ['POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 13\r\n\r\n[2, "x", null]'],
        ['PO', 'ST', ' ', '/ HTTP/1.1\r\n\r\n[2, "x", null]'],
        ['GET /[2,1] HTTP/1.1\r\n\r\n[2, "x", null]']
      ]) {
        const controller = await lab.controller('tcp')
        for (const part of parts) {
          controller.send(part)
          await settle()
        }
        await controller.closed()
      }
      assert.deepEqual(await lab.values('event'), [])
      assert.match(lab.warnings.join(), /it speaks HTTP/)
      const controller = await lab.controller('tcp')
      controller.send('FOO')
      await lab.exchange(await lab.controller('tcp'), '[32, 0]', '[32, 0]')
    })

    it('takes messages out of the stream however it is cut', async () => {
      await lab.start('answers: { others: same }')
      const controller = await lab.controller('tcp')
      await controller.echoed('[1, {"a": "]["}][4, null]')
      await lab.gap()
      await controller.expect('[4, null]')
      // The echo of the answer and the next message at once.
      await controller.echoedAs('[4, null][32, 5]', '[32, 5]')
      await lab.gap()
      await controller.echoes('[1, {"a": "]["}]')
      await controller.assertQuiet()
      await lab.gap()
      await controller.echoes('[32, 30]')
      for (const byte of '[8, ["ü"]]') {
        controller.send(byte)
        await settle()
      }
      await controller.expect('[8, ["ü"]]')
      await lab.gap()
      await controller.echoes('[8, ["\\u00fc"]]')
      await controller.assertQuiet()
      assert.deepEqual(
        ((await lab.values('answer')) as Record<string, unknown>[]).map(({ event, confirmed }) => [event, confirmed]),
        [
          ['EXPEND', true],
          ['EXPINIT', true],
          ['EXPSTATUS', true],
          ['EXPCLEANUP', true]
        ]
      )
    })

    it('takes what does not complete within a second as one payload', async () => {
      await lab.start()
      const controller = await lab.controller('tcp')
      const before = lab.clock.timers
      controller.send('[1, {"a": ')
      await until(() => lab.clock.timers > before)
      await lab.clock.pass(0.99)
      assert.equal(lab.clock.timers, before + 1)
      await lab.clock.pass(0.02)
      await controller.expect('[1, {"a": ')
      await lab.exchange(controller, '[32, 0]', '[32, 0]')
    })

    it('cuts off who sends something without end', async () => {
      await lab.start()
      const [controller, other] = [await lab.controller('tcp'), await lab.controller('tcp')]
      controller.send(`[1, "${'x'.repeat(300_000)}`)
      await controller.closed()
      assert.match(lab.warnings.join(), /has no end/)
      await lab.exchange(other, '[32, 0]', '[32, 0]')
    })

    it('cuts off who does not read', async () => {
      await lab.start()
      const other = await lab.controller('tcp')
      const socket = connect({ port: lab.port, host: '127.0.0.1' })
      const closed = new Promise((resolve) => socket.once('close', resolve))
      socket.on('error', () => {})
      socket.pause()
      await new Promise((resolve) => socket.once('connect', resolve))
      for (let i = 0; i < 400; i += 1) socket.write(`[1, ["${i}", "${'x'.repeat(60_000)}"]]`)
      await lab.logged(/does not read/)
      await lab.exchange(other, '[32, 0]', '[32, 10]')
      socket.resume()
      await closed
    })

    it('has a bounded number of connections: the least certain one makes room', async () => {
      await lab.start('maxControllers: 2')
      const [first, second] = [await lab.controller('tcp'), await lab.controller('tcp')]
      await lab.exchange(first, '[32, 0]', '[32, 0]')
      const third = await lab.controller('tcp')
      await second.closed()
      await lab.exchange(third, '[32, 0]', '[32, 0]')
      await lab.exchange(first, '[32, 0]', '[32, 0]')
      // Both wait for an answer, and have echoed one before.
      await lab.clock.pass(0.1)
      lab.hold()
      await first.echoed('[32, 1]')
      await third.echoed('[32, 1]')
      const fourth = await TestController.tcp(lab.port)
      await fourth.closed()
      assert.match(lab.warnings.join(), /no place for one more controller/)
      await first.assertQuiet()
    })

    it('serves the next connection after one was closed or reset', async () => {
      await lab.start()
      for (let i = 0; i < 3; i += 1) {
        const controller = await lab.controller('tcp')
        await controller.echoed('[1, "a"]')
        await lab.gap()
        await controller.next()
        await controller.close()
      }
      await lab.exchange(await lab.controller('tcp'), '[32, 0]', '[32, 10]')
      assert.deepEqual(await lab.values('link'), ['online', 'silent', 'online', 'silent', 'online', 'silent', 'online'])
    })
  })
})

async function until(is: () => boolean): Promise<void> {
  for (let i = 0; i < 3000 && !is(); i += 1) await new Promise((resolve) => setTimeout(resolve, 1))
  assert.ok(is())
}
