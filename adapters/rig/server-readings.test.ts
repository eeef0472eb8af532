import assert from 'node:assert/strict'
import type { Exact } from '../../gateway/adapter.js'
import { ServerLab } from './test-support/server-lab.js'

const ref = '2024-03-14_001_subject'

describe('the readings and calls of a rig-server', () => {
  let lab = new ServerLab()
  beforeEach(() => (lab = new ServerLab()))
  afterEach(async () => await lab.close())

  async function command(codename: string, op: string, payload: object): Promise<Record<string, unknown>> {
    await lab.mqtt.publish(`lab/stage/${codename}/${op}`, { id: `${codename}-1`, ...payload })
    return await lab.mqtt.nextJson(({ topic, text }) => topic === `lab/stage/${codename}/reply` && !text.includes('accepted'))
  }

  it('lets a device say what it does, and which experiment it is', async () => {
    await lab.start('info: { main_sync: true, rack: 3 }')
    assert.equal((await command('status', 'set', { value: 'RUNNING' }))['phase'], 'done')
    assert.equal((await command('exp_ref', 'set', { value: ref }))['phase'], 'done')
    assert.deepEqual([await lab.value('status'), await lab.value('exp_ref')], ['RUNNING', ref])
    const controller = await lab.controller()
    await lab.exchange(controller, '[32, 0]', '[32, 20]')
    await lab.exchange(
      controller,
      '[64, 0, null]',
      `[64, 20, {"exp_ref": "${ref}", "main_sync": true, "experiment_description": {}, "master": false, "rig_version": "labgate", "spec_version": "1.0.0", "rack": 3}]`
    )
    assert.equal((await command('status', 'set', { id: 'x', value: 'BUSY' }))['phase'], 'failed')
    const refused = await command('exp_ref', 'set', { id: 'y', value: 'mouse 7' })
    assert.match(JSON.stringify(refused['error']), /RangeError.*yyyy-mm-dd_n_subject/)
    assert.equal((await command('exp_ref', 'get', { id: 'z' }))['value'], ref)
    assert.equal((await command('exp_ref', 'set', { id: 'w', value: '' }))['phase'], 'done')
    await controller.echoed('[64, 1, null]')
    await lab.gap()
    assert.match(await controller.next(), /^\[64, 20, \{"exp_ref": null,/)
  })

  it('takes status and reference from readings of others, and believes no old one', async () => {
    await lab.start('status: furnace/state, expRef: furnace/note')
    const maker = lab.scripted.host('maker')
    const tell = async (state: Exact, note: Exact): Promise<void> => {
      await maker.publish({ device: 'furnace', codename: 'state', value: state }, { device: 'furnace', codename: 'note', value: note })
    }
    const controller = await lab.controller()
    await controller.echoed('[32, 0]')
    await lab.gap()
    await controller.expect('[0, "Stale: the status of the rig is not known, as furnace/state has no fresh reading", 32]')
    await tell(20n, ref)
    assert.deepEqual([await lab.value('status'), await lab.value('exp_ref')], ['RUNNING', ref])
    await lab.exchange(controller, '[32, 1]', '[32, 20]')
    await lab.exchange(
      controller,
      '[2, "2020-01-01_1_other", null]',
      `[2, "${ref}", {"exp_ref": "${ref}", "main_sync": false, "experiment_description": {}, "master": false, "rig_version": "labgate", "spec_version": "1.0.0", "status": 20}]`
    )
    assert.deepEqual([await lab.values('status'), await lab.values('exp_ref')], [[], []])
    await lab.clock.pass(11)
    const stale = await lab.reading('status')
    assert.deepEqual([stale['value'], stale['quality']], ['RUNNING', 'stale'])
    await controller.echoed('[4, null]')
    await lab.gap()
    assert.match(await controller.next(), /^\[4, \{"exp_ref": null, .*"status": null\}\]$/)
    await tell('on fire', 7n)
    const bad = await lab.reading('status')
    assert.deepEqual([bad['value'], bad['quality']], [null, 'bad'])
    assert.match(JSON.stringify(await command('status', 'set', { value: 'RUNNING' })), /ReadOnly|UnknownCodename/)
  })

  it('shows each message, with what is odd about its reference', async () => {
    await lab.start()
    const controller = await lab.controller('tcp')
    const events: [string, unknown][] = [
      ['[1,{"exp_ref":"2023-13-99_1_a"}]', ['EXPINIT', '2023-13-99_1_a', true]],
      ['[2, "mouse 7", NaN]', ['EXPSTART', 'mouse 7', false]],
      [
        '[2, {"date": "2024-01-01", "sequence": "003", "subject": "m"}, null]',
        ['EXPSTART', { date: '2024-01-01', sequence: '003', subject: 'm' }, true]
      ],
      ['["expstart", null, null]', ['EXPSTART', undefined, undefined]],
      ['[64, "CONNECTED", {"exp_ref": "x"}]', ['EXPINFO', 'x', false]],
      ['[32]', ['EXPSTATUS', undefined, undefined]],
      ['[0, "ValueError: x", 4]', ['REPORT', undefined, undefined]]
    ]
    for (const [message, shown] of events) {
      if (message.startsWith('[0')) controller.send(message)
      else await controller.echoed(message)
      const event = (await lab.value('event')) as Record<string, unknown>
      assert.deepEqual([event['event'], event['exp_ref'], event['refValid']], shown)
      await lab.gap()
      await controller.taken()
      await lab.clock.pass(1.1)
    }
    assert.deepEqual(await lab.values('exp_ref'), ['2023-13-99_1_a', 'mouse 7', '2024-01-01_3_m'])
  })

  it('gives what belongs to one experiment one id, and the next another', async () => {
    await lab.start('answers: { others: echo }')
    const controller = await lab.controller()
    const said = [
      '[32, 0]',
      '[64, 0, null]',
      `[1, {"exp_ref": "${ref}"}]`,
      '[2, "2024-03-14_1_subject", null]',
      '[32, 20]',
      '[4, []]',
      '[8, null]',
      '[32, 1]',
      '[1, null]',
      `[2, "2024-03-15_001_subject", null]`,
      '[2, "2024-03-15_002_subject", null]',
      '[16, null]',
      '[4, null]'
    ]
    for (const message of said) await controller.echoed(message)
    const events = (await lab.values('event')) as { id: string; session: string | null }[]
    const sessions = events.map(({ session }) => (session === null ? null : Number(/-(\d+)$/.exec(session)?.[1])))
    assert.deepEqual(sessions, [null, 1, 1, 1, 1, 1, 1, null, 2, 2, 3, 3, 3])
    assert.equal(new Set(events.map(({ id }) => id)).size, said.length)
    for (const { id, session } of events) assert.ok(session === null || id.startsWith(`${session}/`))
  })

  it('names peers of before 1.11', async () => {
    await lab.start()
    const controller = await lab.controller()
    for (const old of ['[20, "2020-01-01_1_a", null]', '[10, null]']) await controller.echoed(old)
    const events = (await lab.values('event')) as Record<string, unknown>[]
    assert.deepEqual(
      events.map(({ older, event }) => [older, event]),
      [
        [true, null],
        [true, null]
      ]
    )
    assert.deepEqual(lab.warnings, [
      'a controller speaks as iblutil before 1.11: it is echoed, but not understood. Update iblutil there to 1.11 or newer'
    ])
    assert.deepEqual(await lab.values('status'), [])
  })

  it('serves controllers that write compact JSON, and read little', async () => {
    await lab.start('maxEchoBytes: 64')
    const controller = await lab.controller()
    await controller.echoed('[1,{"exp_ref":"2024-03-14_001_subject"}]')
    await lab.gap()
    const answer = await controller.next()
    assert.match(answer, /^\[1, 10, \{"exp_ref": "2024-03-14_001_subject", /)
    controller.send(answer.slice(0, 64))
    await controller.assertQuiet()
    assert.equal(((await lab.value('answer')) as Record<string, unknown>)['confirmed'], true)
  })

  it('pushes to all controllers that echo', async () => {
    await lab.start()
    assert.match(JSON.stringify(await command('push', 'call', { arguments: { event: 'EXPEND' } })), /Unreachable.*offline/)
    const [udp, tcp, gone] = [await lab.controller('udp'), await lab.controller('tcp'), await lab.controller('udp')]
    for (const controller of [udp, tcp, gone]) await lab.exchange(controller, '[32, 0]', '[32, 0]')
    const reply = command('push', 'call', { id: 'a', arguments: { event: 'EXPSTATUS', data: [20] } })
    await lab.mqtt.nextJson('lab/stage/push/call').catch(() => undefined)
    await lab.gap()
    await udp.echoes('[32, 20]')
    await tcp.echoes('[32, 20]')
    await udp.assertQuiet()
    await tcp.assertQuiet()
    await lab.clock.pass(1.1)
    const { controllers } = (await reply)['value'] as { controllers: Record<string, Record<string, unknown>> }
    assert.deepEqual(
      [udp, tcp, gone].map(({ name }) => controllers[name]?.['confirmed']),
      [true, true, false]
    )
    // Who did not echo is left alone until it is heard again.
    const second = command('push', 'call', { id: 'b', arguments: { event: 'EXPEND', data: { a: 1 } } })
    await lab.mqtt.nextJson('lab/stage/push/call').catch(() => undefined)
    await lab.gap()
    await udp.echoes('[4, {"a": 1}]')
    await tcp.echoes('[4, {"a": 1}]')
    assert.equal((await second)['phase'], 'done')
    const login = await command('push', 'call', { id: 'c', arguments: { event: 'ALYX' } })
    assert.equal(login['phase'], 'failed')
  })

  it('tells when a controller was heard, once a second', async () => {
    await lab.start('answers: { others: echo }')
    const controller = await lab.controller()
    for (let i = 0; i < 5; i += 1) await controller.echoed(`[32, ${i}]`)
    const before = new Date(lab.clock.now() * 1000).toISOString()
    assert.deepEqual(await lab.values('last_seen'), [before])
    await lab.clock.pass(0.5)
    await controller.echoed('[32, 9]')
    const heard = new Date(lab.clock.now() * 1000).toISOString()
    await lab.clock.pass(0.6)
    assert.deepEqual(await lab.values('last_seen'), [heard])
  })

  it('describes what it has where the device is declared without it', async () => {
    await lab.start('', '', 'platform', 'platform: { codenames: { lamp: {} } }')
    await lab.mqtt.publish('lab/platform/status/set', { id: 's', value: 'RUNNING' })
    assert.equal((await lab.mqtt.nextJson('lab/platform/status/reply'))['phase'], 'done')
  })
})
