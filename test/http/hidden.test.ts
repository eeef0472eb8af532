import assert from 'node:assert/strict'
import { join } from 'node:path'
import type { Run } from '../../gateway/runs/types.js'
import { folder } from '../process/program.js'
import { labYaml, startLab } from '../support/lab.js'
import type { Lab } from '../support/lab.js'
import type { TestClient } from '../support/mqtt.js'
import { UsersFile, basic, passwordOf } from '../support/users.js'
import { post, rest } from '../support/rest.js'
import type { RestAnswer } from '../support/rest.js'

/** Who sees one device, and may begin and end runs and send commands to any. */
const roles =
  'roles: { shift: { read: ["lab/stage/#", "lab/gateway/+", "lab-dead/#"], write: ["lab/gateway/+/call", "lab/+/+/set"] }, half: { read: ["#", "!lab/furnace/#"], write: [] } }'

describe('of what one may not see', function () {
  this.timeout(20_000)
  let lab: Lab
  let run: Run
  const clients: TestClient[] = []

  const as = async (user: string, path: string): Promise<RestAnswer> => await rest(lab.httpPort, path, { headers: basic(user) })
  const tell = async (user: string, path: string, body: object = {}): Promise<RestAnswer> =>
    await post(lab.httpPort, path, body, { headers: basic(user) })

  async function mqtt(username: string): Promise<TestClient> {
    const client = await lab.connect({ username, password: passwordOf(username) })
    clients.push(client)
    return client
  }

  beforeEach(async () => {
    const people = new UsersFile({ root: 'admin', sam: 'shift', hal: 'half' })
    const data = `runs: { folder: ${join(folder(), 'runs')} }\n`
    lab = await startLab({}, `http: { port: 0 }\n${data}${people.yaml(`, anonymous: none, ${roles}`)}${labYaml}`)
    const begun = await tell('root', '/api/runs', { name: 'secret run', devices: ['furnace'] })
    assert.equal(begun.status, 201, begun.text)
    run = begun.json as unknown as Run
  })

  afterEach(async () => {
    await Promise.all(clients.splice(0).map((client) => client.vanish()))
    await lab.stop()
  })

  it('a run is in no list, and has no file, no sum and no end', async () => {
    await tell('root', `/api/runs/${run.id}/stop`)
    let ready = false
    while (!ready) ready = (await as('root', `/api/runs/${run.id}`)).json['ready'] === true
    assert.deepEqual((await as('sam', '/api/runs')).json, { runs: [] })
    for (const path of [run.id, `${run.id}/files/readings.ndjson`, `${run.id}/zip`]) {
      assert.equal((await as('root', `/api/runs/${path}`)).status, 200, path)
      const [there, none] = [await as('sam', `/api/runs/${path}`), await as('sam', `/api/runs/${path.replace(run.id, 'none')}`)]
      assert.deepEqual([there.status, there.text], [404, none.text], path)
    }
    for (const what of ['verify', 'stop']) assert.equal((await tell('sam', `/api/runs/${run.id}/${what}`)).status, 404, what)
  })

  it('no run is ended by a call, nor its name told', async () => {
    const call = async (told: object): Promise<string> =>
      (await tell('sam', '/api/devices/gateway/run_stop/call', { arguments: told })).text
    for (const told of [{ name: run.name }, { id: run.id }, {}]) {
      const text = await call(told)
      assert.match(text, /"class":"RangeError"/)
      assert.doesNotMatch(text, /root|furnace/)
    }
    const sam = await mqtt('sam')
    await sam.subscribe('lab/gateway/#')
    const root = await mqtt('root')
    await root.subscribe('lab/gateway/run_stop/reply')
    await sam.publish('lab/gateway/run_stop/call', JSON.stringify({ id: 'x', arguments: { id: run.id } }))
    const { phase, error } = (await root.nextJson('lab/gateway/run_stop/reply')) as { phase: string; error: { class: string } }
    assert.deepEqual([phase, error.class], ['failed', 'RangeError'])
    assert.equal((await as('root', `/api/runs/${run.id}`)).json['state'], 'running')
    const taken = await tell('sam', '/api/runs', { name: run.name, devices: ['stage'] })
    assert.deepEqual([taken.json['class'], taken.text.includes('root')], ['Busy', false])
    const own = await tell('sam', '/api/runs', { name: 'own', devices: ['stage'] })
    assert.equal(own.status, 201)
    assert.match(await call({}), /"name":"own"/)
  })

  it('no run is begun, and no name guessed', async () => {
    const [hidden, none] = [
      await tell('sam', '/api/runs', { devices: ['furnace'] }),
      await tell('sam', '/api/runs', { devices: ['furnac'] })
    ]
    assert.deepEqual([hidden.status, hidden.json['detail']], [404, none.json['detail']])
    assert.equal(hidden.json['class'], 'UnknownDevice')
    const all = await tell('sam', '/api/runs', { name: 'all' })
    assert.deepEqual([all.status, all.json['class']], [403, 'Forbidden'])
    assert.match((await tell('root', '/api/runs', { devices: ['furnac'] })).text, /did you mean/)
  })

  it('stories and dead letters are in no list and no stream', async () => {
    assert.equal((await tell('root', '/api/devices/furnace/setpoint/set', { value: 7 })).status, 200)
    const [hal, root] = [await mqtt('hal'), await mqtt('root')]
    await hal.subscribe('lab-dead/#')
    await root.subscribe('lab-dead/#')
    await root.publish('lab/furnace/temperature', '{"value":"hush"}')
    await root.publish('lab/weather/wind', '{"value":"loud"}')
    await root.nextJson('lab-dead/lab/furnace/temperature')
    const { topic } = await hal.nextJson('lab-dead/lab/weather/wind')
    assert.equal(topic, 'lab/weather/wind')
    assert.deepEqual(
      hal.left.map((message) => message.topic),
      []
    )
    const topics = (answer: RestAnswer): unknown[] =>
      (answer.json as { letters: { topic: string }[] }).letters.map((letter) => letter.topic)
    assert.deepEqual(topics(await as('root', '/api/dead')), ['lab/weather/wind', 'lab/furnace/temperature'])
    assert.deepEqual(topics(await as('hal', '/api/dead')), ['lab/weather/wind'])
    assert.equal((await as('sam', '/api/dead')).text.includes('hush'), false)
    const stories = (answer: RestAnswer): unknown[] =>
      (answer.json as { stories: { device: string }[] }).stories.map(({ device }) => device)
    assert.deepEqual(stories(await as('root', '/api/stories')), ['furnace', 'gateway'])
    assert.deepEqual(stories(await as('hal', '/api/stories')), ['gateway'])
  })
})
