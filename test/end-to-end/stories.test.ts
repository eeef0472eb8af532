import assert from 'node:assert/strict'
import { GatewayError } from '../../gateway/errors.js'
import type { StoryView } from '../../gateway/story.js'
import { FakeClock } from '../support/fake-clock.js'
import { labYaml, startLab } from '../support/lab.js'
import type { Lab } from '../support/lab.js'
import { MemoryDisk } from '../support/memory-disk.js'
import type { TestClient } from '../support/mqtt.js'
import { Held, Scripted, hang } from '../support/scripted.js'
import { start } from '../support/start.js'
import type { Running } from '../support/start.js'
import { UdpClient } from '../support/udp.js'

async function stories({ httpPort }: Running, question = ''): Promise<StoryView[]> {
  const answer = await fetch(`http://127.0.0.1:${httpPort}/api/stories${question}`)
  assert.equal(answer.status, 200)
  return ((await answer.json()) as { stories: StoryView[] }).stories
}

const steps = (story: StoryView | undefined): string[] => (story?.steps ?? []).map(({ what }) => what)
const texts = (story: StoryView | undefined): string[] => (story?.steps ?? []).map(({ text }) => text)

describe('the story of a command', () => {
  let clock: FakeClock
  let lab: Lab
  let client: TestClient
  let driver: TestClient

  before(async () => {
    clock = new FakeClock(1_792_486_800)
    lab = await startLab({ clock })
    client = await lab.connect({ clientId: 'node-red' })
    await client.subscribe('lab/+/+/reply', 'lab-dead/#')
    driver = await lab.connect({ clientId: 'driver' })
    await driver.subscribe('lab/stage/+/set')
  })

  after(async () => {
    const stopped = lab.stop()
    await clock.pass(10)
    await stopped
  })

  async function told(id: string): Promise<StoryView> {
    const found = await stories(lab, `?id=${id}`)
    assert.equal(found.length, 1)
    return found[0] as StoryView
  }

  async function set(codename: string, payload: object): Promise<Record<string, unknown>> {
    await client.publish(`lab/furnace/${codename}/set`, payload)
    return await client.nextJson(`lab/furnace/${codename}/reply`)
  }

  it('goes from who asked to what the device said and the reading that came after it', async () => {
    lab.scripted.execute = async () => {
      await clock.pass(0.012)
      return 300
    }
    await set('setpoint', { id: 'whole', value: 300 })
    clock.jump(86_400)
    await clock.pass(0.028)
    await lab.scripted.host('oven').publish({ device: 'furnace', codename: 'setpoint', value: 300, source: 'poll' })
    const story = await told('whole')
    clock.jump(-86_400)
    assert.deepEqual(story, {
      id: 'whole',
      device: 'furnace',
      codename: 'setpoint',
      op: 'set',
      client: 'node-red',
      instance: 'oven',
      phase: 'done',
      started: '2026-10-20T09:00:00Z',
      ended: '2026-10-20T09:00:00.012Z',
      duration: 0.012,
      asked: 300,
      value: 300,
      steps: [
        { at: '2026-10-20T09:00:00Z', after: 0, what: 'asked', text: 'asked by node-red: 300' },
        { at: '2026-10-20T09:00:00Z', after: 0, what: 'checked', text: 'checked against the schema' },
        { at: '2026-10-20T09:00:00Z', after: 0, what: 'begun', instance: 'oven', text: 'handed to oven' },
        { at: '2026-10-20T09:00:00.012Z', after: 0.012, what: 'done', text: 'oven answered 300 after 12 ms' },
        { at: '2026-10-21T09:00:00.04Z', after: 0.04, what: 'reading', text: 'reading 300 C, came 40 ms later' }
      ],
      reading: { value: 300, quality: 'good', time: '2026-10-21T09:00:00.04Z', unit: 'C', source: 'poll', after: 0.04 }
    })
    lab.scripted.execute = ({ value }) => Promise.resolve(value)
  })

  it('takes no reading from before it, and says of one that was measured before that it was', async () => {
    const host = lab.scripted.host('oven')
    await host.publish({ device: 'furnace', codename: 'count', value: 1n })
    await clock.pass(1)
    await set('count', { id: 'earlier', value: 5 })
    assert.equal((await told('earlier')).reading, undefined)
    await clock.pass(1)
    await host.publish({ device: 'furnace', codename: 'count', value: 1n, time: clock.now() - 1.5 })
    assert.match(texts(await told('earlier')).at(-1) ?? '', /^reading 1, measured 500 ms before the command was begun$/)
    await clock.pass(1)
    await host.publish({ device: 'furnace', codename: 'count', value: 5n, time: clock.now() - 0.5 })
    assert.match(texts(await told('earlier')).at(-1) ?? '', /^reading 5, measured 1.5 s later$/)
    await host.publish({ device: 'furnace', codename: 'count', value: 6n })
    assert.equal((await told('earlier')).reading?.value, 5)
  })

  it('says so when other commands may have caused the reading too, and when it is what was set', async () => {
    await set('mode', { id: 'm1', value: 'heat' })
    await set('mode', { id: 'm2', value: 'cool' })
    await lab.scripted.host('oven').publish({ device: 'furnace', codename: 'mode', value: 'cool', source: 'set' })
    for (const id of ['m1', 'm2'])
      assert.equal(texts(await told(id)).at(-1), 'reading "cool", as it was set, not measured; another command may have caused it')
  })

  it('of a refused one tells by what, and its id stands in the dead letter', async () => {
    await set('setpoint', { id: 'hot', value: 3000 })
    assert.equal((await client.nextJson('lab-dead/lab/furnace/setpoint/set'))['id'], 'hot')
    const story = await told('hot')
    assert.deepEqual([story.phase, story.asked, story.error?.class, steps(story)], ['refused', 3000, 'RangeError', ['asked', 'refused']])
    assert.equal(texts(story)[1], 'refused: RangeError: value must be <= 1200 (got 3000)')

    await client.publish('lab/furnace/nothing/set', { id: 'none', value: 1 })
    await client.nextJson('lab-dead/lab/furnace/nothing/set')
    assert.deepEqual([(await told('none')).codename, (await told('none')).error?.class], ['nothing', 'UnknownCodename'])

    await client.publish('lab/furnace/setpoint/set', '{"id": "broken", "value": ')
    const { id } = await client.nextJson('lab-dead/lab/furnace/setpoint/set')
    assert.deepEqual(steps(await told(String(id))), ['asked', 'refused'])
  })

  it('of a mere check, of a repetition and of a get from memory says that nothing was done', async () => {
    const before = lab.scripted.commands.length
    await set('setpoint', { id: 'dry', value: 20, check: true })
    const dry = await told('dry')
    assert.deepEqual([dry.check, dry.phase, steps(dry)], [true, 'done', ['asked', 'checked', 'done']])
    assert.deepEqual([texts(dry)[0], texts(dry)[2]], ['asked by node-red: 20 (as a mere check)', 'it would be accepted; nothing was done'])
    assert.equal(lab.scripted.commands.length, before)

    for (let i = 0; i < 3; i++) await set('setpoint', { id: 'thrice', value: 20 })
    const thrice = await told('thrice')
    assert.deepEqual(steps(thrice), ['asked', 'checked', 'begun', 'done', 'asked'])
    assert.equal(texts(thrice)[4], 'asked again by node-red with the same id, 2 times: the same answer, nothing was done again')
    assert.equal(lab.scripted.commands.length, before + 1)

    await client.publish('lab/weather/wind', '21.5')
    await client.publish('lab/weather/wind/get', { id: 'memory' })
    await client.nextJson('lab/weather/wind/reply')
    assert.deepEqual(
      [texts(await told('memory')), (await told('memory')).value],
      [['asked by node-red for its value', 'allowed: it can be asked for', 'answered from memory: 21.5'], 21.5]
    )
  })

  it('of one without an answer in time tells that, and the answer that came too late', async () => {
    const held = new Held()
    lab.scripted.execute = held.execute
    await client.publish('lab/furnace/count/set', { id: 'slow', value: 7 })
    await client.settled()
    await clock.pass(0.6)
    assert.equal((await told('slow')).phase, 'accepted')
    await clock.pass(3)
    held.answer(7n)
    await clock.pass(0.1)
    const story = await told('slow')
    assert.deepEqual(
      [story.phase, story.error?.class, story.error?.maybeExecuted, story.duration, steps(story)],
      ['failed', 'Timeout', true, 3, ['asked', 'checked', 'begun', 'accepted', 'failed', 'late']]
    )
    assert.equal(texts(story)[5], 'an answer came after the time limit and was dropped: 7')
    lab.scripted.execute = () => Promise.reject(new GatewayError('DeviceError', 'door open', { code: 'E7' }))
    await set('count', { id: 'refusing', value: 8 })
    const { error, steps: of } = await told('refusing')
    assert.deepEqual(error, { class: 'DeviceError', message: 'door open', retryable: true, code: 'E7' })
    assert.match(of.at(-1)?.text ?? '', /^failed after .*: DeviceError: door open$/)
    lab.scripted.execute = ({ value }) => Promise.resolve(value)
  })

  it('of a native device ends with its reply, late ones too', async () => {
    await client.publish('lab/stage/position/set', { id: 'go', value: 12.5 })
    await driver.nextJson('lab/stage/position/set')
    await driver.publish('lab/stage/position/reply', { id: 'go', value: 12.5 })
    assert.deepEqual(steps(await told('go')), ['asked', 'checked', 'begun', 'done'])
    assert.deepEqual(texts(await told('go')).slice(2, 3), ['passed to the native device stage'])
    assert.equal((await told('go')).instance, undefined)

    await client.publish('lab/stage/position/set', { id: 'stuck', value: 1 })
    await driver.nextJson('lab/stage/position/set')
    await clock.pass(2)
    await driver.publish('lab/stage/position/reply', { id: 'stuck', value: 1 })
    await driver.publish('lab/stage/position/reply', { id: 'unknown', value: 1 })
    const story = await told('stuck')
    assert.deepEqual([story.phase, steps(story).slice(-2)], ['failed', ['failed', 'late']])
    assert.deepEqual(await stories(lab, '?id=unknown'), [])
  })

  it('asked by an instance tells how long it waited for its turn, and when the asker did not wait for the end', async () => {
    const held = new Held()
    lab.scripted.execute = held.execute
    const host = lab.scripted.host('oven')
    const ref = { device: 'furnace', codename: 'count', op: 'set' } as const
    const first = host.request({ ...ref, value: 1n, id: 'first', within: 1 })
    const second = host.request({ ...ref, value: 2n, id: 'second', patience: 2 })
    const refused = assert.rejects(first, /no answer within 1 s/)
    await clock.pass(1.5)
    await refused
    held.answer(1n)
    await clock.pass(0)
    held.answer(2n)
    assert.equal(await second, 2n)
    assert.match(texts(await told('first')).at(-1) ?? '', /answered 1 after 1.5 s; whoever asked had given up waiting$/)
    const story = await told('second')
    assert.equal(texts(story)[0], 'asked by oven: 2 (after waiting 1.5 s for its turn)')
    assert.deepEqual([story.steps[1]?.after, story.duration, story.client], [1.5, 1.5, 'oven'])
    await assert.rejects(host.request({ ...ref, value: 1.5, id: 'wrong' }))
    assert.equal((await told('wrong')).phase, 'refused')
    lab.scripted.execute = ({ value }) => Promise.resolve(value)
  })

  it('is found by device and codename, the last first, and not by a question that nobody understands', async () => {
    await set('note', { id: 'n1', value: 'a' })
    await set('note', { id: 'n2', value: 'b' })
    assert.deepEqual(
      (await stories(lab, '?device=furnace&codename=note')).map(({ id }) => id),
      ['n2', 'n1']
    )
    assert.deepEqual(
      (await stories(lab, '?device=furnace&limit=1')).map(({ id }) => id),
      ['n2']
    )
    assert.deepEqual(await stories(lab, '?device=nothing'), [])
    assert.equal((await fetch(`http://127.0.0.1:${lab.httpPort}/api/stories?limit=0`)).status, 400)
  })

  it('is a line of the log when something was done, for a flood only now and then', async () => {
    await clock.pass(120)
    const from = lab.log.lines.length
    await set('note', { id: 'logged', value: 'x'.repeat(1000) })
    const line = lab.log.lines.slice(from).find(({ fields }) => fields['id'] === 'logged')
    const { value, asked, seconds, ...fields } = line?.fields ?? {}
    assert.deepEqual(
      [line?.level, line?.message, fields],
      [
        'info',
        'a command was carried out',
        { id: 'logged', device: 'furnace', codename: 'note', op: 'set', client: 'node-red', phase: 'done', via: 'oven' }
      ]
    )
    assert.ok([value, asked].every((text) => String(text).length <= 201) && seconds === 0)
    const host = lab.scripted.host('oven')
    const ref = { device: 'furnace', codename: 'note', op: 'set' } as const
    for (let i = 0; i < 100; i++) await host.request({ ...ref, value: `flood ${i}` })
    await client.publish('lab/weather/wind/get', '')
    await client.settled()
    const told = lab.log.lines.slice(from).filter(({ message }) => message.startsWith('a command'))
    assert.equal(told.filter(({ level, fields: { client: who } }) => level === 'info' && who === 'oven').length, 5)
    assert.equal(told.at(-1)?.level, 'debug')
    await clock.pass(11)
    await host.request({ ...ref, id: 'after', value: 'x' })
    assert.equal(lab.log.lines.findLast(({ fields: { id } }) => id === 'after')?.fields['heldBack'], 95)
  })
})

describe('the story of a command with a disk', () => {
  it('tells when it was noted, and after a crash that it may have been carried out', async () => {
    const clock = new FakeClock()
    const disk = new MemoryDisk()
    const scripted = new Scripted()
    scripted.execute = hang
    const first = await start(labYaml, { types: [scripted.type], clock, openDisk: disk.open })
    const client = await first.connect({ clientId: 'nb7' })
    await client.publish('lab/furnace/setpoint/set', { id: 'cut', value: 300 })
    await (await first.connect()).publish('written', 'x', { retain: true })
    assert.deepEqual(steps((await stories(first))[0]), ['asked', 'checked', 'written', 'begun'])
    const crashed = disk.copy()
    const stopped = first.stop()
    await clock.pass(10)
    await stopped

    await clock.pass(100)
    const second = await start(labYaml, { types: [new Scripted().type], clock, openDisk: crashed.open })
    const [story] = await stories(second, '?id=cut')
    assert.deepEqual([story?.phase, story?.error?.maybeExecuted, story?.asked, story?.client], ['failed', true, 300, 'nb7'])
    assert.ok(Date.parse(story?.ended ?? '') - Date.parse(story?.started ?? '') >= 100_000)
    assert.deepEqual(texts(story), [
      'asked by nb7: 300 (in an earlier run of the gateway)',
      'Unreachable: the gateway ended while the command was under way; it may have been carried out'
    ])
    const again = await second.connect({ clientId: 'nb7' })
    await again.publish('lab/furnace/setpoint/set', { id: 'cut', value: 300 })
    assert.match(texts((await stories(second, '?id=cut'))[0]).at(-1) ?? '', /^asked again by nb7/)
    const ended = second.stop()
    await clock.pass(10)
    await ended
  })
})

describe('the stories of old clients', () => {
  const yaml = `
devices:
  furnace:
    codenames:
      setpoint: { settable: true, schema: { type: number, maximum: 1200 } }
      fan: { settable: true, schema: { type: integer } }
      cool: { callable: {} }
adapters:
  - { id: oven, type: scripted, feeds: [furnace], executes: [furnace] }
  - { id: push, type: data-push-server, port: 0, accept: commands, as: set, action: callback_direct, device: furnace }
  - { id: page, type: http-routes-server, port: 0, device: furnace, routes: { "/set/<float:value>": { set: setpoint } } }
  - id: stage
    type: rig-server
    port: 0
    transports: [udp]
    device: stage
    answers: { EXPEND: [{ set: furnace/setpoint, value: 20 }, { set: furnace/fan, value: 1 }] }
`
  let running: Running
  const scripted = new Scripted()
  const udp = new UdpClient()

  before(async () => {
    running = await start(yaml, { types: [scripted.type] })
  })

  after(async () => {
    await running.stop()
    await udp.close()
  })

  it('name the instance that they asked, by push and by HTTP', async () => {
    await udp.ask(running.port('push'), 'json_wn#{"setpoint": 250.0}')
    await udp.ask(running.port('push'), 'json_wn#{"fan": 1, "setpoint": 7777.0}')
    await fetch(`http://127.0.0.1:${running.port('page')}/set/260.0`)
    await fetch(`http://127.0.0.1:${running.port('page')}/set/9999.0`)
    const told = await stories(running, '?device=furnace&codename=setpoint')
    assert.deepEqual(
      told.map(({ client, instance, phase, asked }) => [client, instance, phase, asked]),
      [
        ['page', undefined, 'refused', 9999],
        ['page', 'oven', 'done', 260],
        ['push', undefined, 'refused', 7777],
        ['push', 'oven', 'done', 250]
      ]
    )
  })

  it('share one id when one message of a rig caused several commands', async () => {
    const mqtt = await running.connect()
    await mqtt.subscribe('lab/stage/event', 'lab/furnace/fan/reply')
    await udp.send(running.port('stage'), '[4, null]')
    const { value } = await mqtt.nextJson('lab/stage/event')
    await mqtt.nextJson('lab/furnace/fan/reply')
    const { id } = value as { id: string }
    const told = await stories(running, `?id=${encodeURIComponent(id)}`)
    assert.deepEqual(
      told.map(({ codename, client, phase, value: set }) => [codename, client, phase, set]),
      [
        ['fan', 'stage', 'done', 1],
        ['setpoint', 'stage', 'done', 20]
      ]
    )
  })
})
