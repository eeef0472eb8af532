import assert from 'node:assert/strict'
import { FakeClock } from '../support/fake-clock.js'
import { labYaml, startLab } from '../support/lab.js'
import type { Lab } from '../support/lab.js'
import type { TestClient } from '../support/mqtt.js'
import { Scripted } from '../support/scripted.js'

type Told = Record<string, unknown>

async function told({ httpPort }: Lab, path: string, status = 200): Promise<Told> {
  const answer = await fetch(`http://127.0.0.1:${httpPort}${path}`)
  assert.equal(answer.status, status)
  return (await answer.json()) as Told
}

describe('what the gateway tells of itself over HTTP', () => {
  let clock: FakeClock
  let lab: Lab
  let client: TestClient
  const scripted = new Scripted()

  before(async () => {
    clock = new FakeClock(1_792_486_800)
    const more = '  - { id: broken, type: scripted, feeds: [strict] }\n  - { id: finder, type: scripted, finds: true }\n'
    scripted.start = (id) => (id === 'broken' ? Promise.reject(new Error('no such port')) : Promise.resolve())
    lab = await startLab({ clock, schedule: { first: 4, factor: 2, longest: 60, jitter: 0 } }, labYaml + more, scripted)
    client = await lab.connect({ clientId: 'nb7' })
  })

  after(async () => {
    const stopped = lab.stop()
    await clock.pass(40)
    await stopped
  })

  const instance = async (id: string): Promise<Told | undefined> =>
    ((await told(lab, '/api/instances'))['instances'] as Told[]).find((one) => one['id'] === id)

  it('dead letters come with what to do, the last first', async () => {
    await client.subscribe('lab-dead/#')
    await client.publish('lab/weather/wind', '101')
    await client.publish('lab/furnace/setpoint', '300')
    await client.publish('lab/furnace/setpoint/set', { id: 'hot', value: 2000 })
    const published = [await client.nextJson('lab-dead/lab/weather/wind'), await client.nextJson('lab-dead/lab/furnace/setpoint')]
    await client.next('lab-dead/lab/furnace/setpoint/set')
    lab.scripted.host('oven').dead({ device: 'furnace' }, 'rubbish', new Error('not understood'))
    const { letters, total } = (await told(lab, '/api/dead')) as { letters: Told[]; total: number }
    assert.equal(total, 4)
    const helps = letters.map(({ help }) => help)
    assert.deepEqual(helps.slice(1), [
      'Send to lab/furnace/setpoint/set a number from 0 to 1200 C.',
      'furnace/setpoint is fed by the instance oven. To set it, publish to lab/furnace/setpoint/set.',
      'Send to lab/weather/wind a number from 0 to 100 m/s.'
    ])
    assert.deepEqual([letters[0]?.['client'], letters[0]?.['payload'], letters[1]?.['id']], ['oven', 'rubbish', 'hot'])
    const { n, help: _, ...letter } = letters[3] as Told
    assert.deepEqual([n, letter], [1, published[0]])
    assert.equal(((await told(lab, '/api/dead?limit=1'))['letters'] as Told[]).length, 1)
  })

  it('log lines come from a number on, and from a level on', async () => {
    const { last } = (await told(lab, '/api/log')) as { last: number }
    lab.scripted.host('oven').log.warn({ port: 9000 }, 'a first')
    lab.scripted.host('oven').log.info({}, 'a second')
    assert.deepEqual(await told(lab, `/api/log?after=${last}`), {
      lines: [
        { n: last + 1, time: '2026-10-20T09:00:00Z', level: 'warn', message: 'a first', instance: 'oven', fields: { port: 9000 } },
        { n: last + 2, time: '2026-10-20T09:00:00Z', level: 'info', message: 'a second', instance: 'oven', fields: {} }
      ],
      last: last + 2
    })
    assert.deepEqual(((await told(lab, `/api/log?after=${last}&level=warn`))['lines'] as Told[]).length, 1)
    await told(lab, '/api/log?level=loud', 400)
  })

  it('instances tell their rights, sockets and counters, and never their configuration', async () => {
    lab.scripted.host('oven').count('received', 7)
    lab.scripted.host('oven').count('dropped')
    const { since, ...oven } = (await instance('oven')) ?? {}
    assert.ok(since !== undefined)
    assert.deepEqual(oven, {
      id: 'oven',
      type: 'scripted',
      state: 'online',
      reason: 'started',
      attempts: 1,
      retryIn: null,
      lastError: null,
      lastErrorAt: null,
      counters: { received: 7, answered: 0, refused: 0, dropped: 1 },
      devices: ['furnace'],
      listens: [],
      feeds: true,
      executes: true
    })
    const pull = await instance('pull-furnace')
    assert.deepEqual(
      [pull?.['listens'], pull?.['devices'], pull?.['feeds'], pull?.['executes']],
      [[{ protocol: 'udp', host: '127.0.0.1', port: lab.port('pull-furnace') }], [], false, false]
    )
    assert.ok(lab.port('pull-furnace') > 0)
  })

  it('an instance that fails tells why, when, how often and when it is tried again', async () => {
    const of = async (): Promise<unknown[]> => {
      const { state, attempts, retryIn, lastError, lastErrorAt } = (await instance('broken')) ?? {}
      return [state, attempts, retryIn, lastError, lastErrorAt]
    }
    assert.deepEqual(await of(), ['offline', 1, 4, 'no such port', '2026-10-20T09:00:00Z'])
    await clock.pass(1.5)
    assert.deepEqual(await of(), ['offline', 1, 2.5, 'no such port', '2026-10-20T09:00:00Z'])
    await clock.pass(2.5)
    assert.deepEqual(await of(), ['offline', 2, 8, 'no such port', '2026-10-20T09:00:00Z'])
    scripted.start = () => Promise.resolve()
    await clock.pass(8)
    assert.deepEqual(await of(), ['online', 3, null, 'no such port', '2026-10-20T09:00:00Z'])
    lab.scripted.host('broken').report('offline', 'cable out')
    lab.scripted.host('broken').report('offline', 'cable out')
    assert.deepEqual(await of(), ['offline', 3, null, 'cable out', '2026-10-20T09:00:12Z'])
    lab.scripted.host('broken').report('online')
    await clock.pass(1)
    lab.scripted.host('broken').report('degraded', 'cable out')
    assert.deepEqual(await of(), ['degraded', 3, null, 'cable out', '2026-10-20T09:00:13Z'])
  })

  it('an instance that found a device feeds it', async () => {
    assert.deepEqual([(await instance('finder'))?.['feeds'], (await instance('finder'))?.['executes']], [false, true])
    lab.scripted.host('finder').claim('found', { executes: true })
    assert.deepEqual([(await instance('finder'))?.['devices'], (await instance('finder'))?.['feeds']], [['found'], true])
  })
})
