import assert from 'node:assert/strict'
import { gunzipSync } from 'node:zlib'
import { get, request } from 'node:http'
import type { ClientRequest } from 'node:http'
import { FakeClock } from '../support/fake-clock.js'
import { labYaml, startLab } from '../support/lab.js'
import type { Lab } from '../support/lab.js'
import { Mosquitto } from '../support/mosquitto.js'
import { needs } from '../support/peers.js'
import { UsersFile, basic, passwordOf } from '../support/users.js'
import { parseMetrics, valuesOf } from '../support/prometheus.js'
import type { Family } from '../support/prometheus.js'
import { rest } from '../support/rest.js'
import type { RestOptions } from '../support/rest.js'
import { start } from '../support/start.js'

const openMetrics = 'application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5'

async function scrape(lab: Lab, options: RestOptions = {}): Promise<Family[]> {
  const { status, headers, text } = await rest(lab.httpPort, '/metrics', options)
  assert.equal(status, 200)
  assert.equal(headers['content-type'], 'text/plain; version=0.0.4; charset=utf-8')
  return parseMetrics(text)
}

describe('/metrics', () => {
  let lab: Lab
  const clock = new FakeClock()

  before(async function () {
    needs(this, 'python3', 'python3-prometheus-client')
    lab = await startLab({ clock })
  })

  after(() => lab?.stop())

  const value = (families: Family[], name: string, key: string): number | string | undefined =>
    valuesOf(families, name, 'device', 'codename').get(key)
  const quality = (families: Family[], key: string): string[] =>
    [...valuesOf(families, 'labgate_quality', 'device', 'codename', 'quality')]
      .filter(([name, is]) => name.startsWith(`${key} `) && is === 1)
      .map(([name]) => name.slice(key.length + 1))

  it('tells the value, age and quality of each codename, until it is stale: then it has no value', async () => {
    const client = await lab.connect()
    await client.publish('lab/weather/rain', '0.5', { qos: 1 })
    await clock.pass(4)
    const fresh = await scrape(lab)
    assert.equal(value(fresh, 'labgate_value', 'weather rain'), 0.5)
    assert.equal(value(fresh, 'labgate_age_seconds', 'weather rain'), 4)
    assert.deepEqual(quality(fresh, 'weather rain'), ['good'])
    assert.equal(valuesOf(fresh, 'labgate_quality', 'codename', 'quality').get('rain stale'), 0)
    await clock.pass(7)
    const stale = await scrape(lab)
    assert.equal(value(stale, 'labgate_value', 'weather rain'), undefined)
    assert.equal(value(stale, 'labgate_age_seconds', 'weather rain'), 11)
    assert.deepEqual(quality(stale, 'weather rain'), ['stale'])
    await client.publish('lab/weather/rain', '{"value": null}', { qos: 1 })
    const bad = await scrape(lab)
    assert.equal(value(bad, 'labgate_value', 'weather rain'), undefined)
    assert.deepEqual(quality(bad, 'weather rain'), ['bad'])
    await client.publish('lab/weather/rain', '{"value": 1, "quality": "uncertain"}', { qos: 1 })
    assert.equal(value(await scrape(lab), 'labgate_value', 'weather rain'), 1)
  })

  it('has numbers and booleans, with their unit, and nothing of texts and objects', async () => {
    const client = await lab.connect()
    const written = { wind: '3.25', drops: '9007199254740993', sky: '"grey"', free: '{"a": 1}', dry: 'true', wet: 'false' }
    for (const [codename, text] of Object.entries(written)) await client.publish(`lab/weather/${codename}`, text, { qos: 1 })
    const families = await scrape(lab)
    const values = valuesOf(families, 'labgate_value', 'device', 'codename', 'unit')
    const ofWeather = [...values].filter(([name]) => /^weather (?!rain)/.test(name))
    assert.deepEqual(
      ofWeather.sort(([a], [b]) => (a < b ? -1 : 1)),
      [
        ['weather drops ', 9007199254740992],
        ['weather dry ', 1],
        ['weather wet ', 0],
        ['weather wind m/s', 3.25]
      ]
    )
    assert.deepEqual(quality(families, 'weather sky'), ['good'])
  })

  it('loses what a device said when it goes offline, and what was forgotten', async () => {
    const oven = lab.scripted.host('oven')
    await oven.publish({ device: 'furnace', codename: 'temperature', value: 47 })
    const client = await lab.connect()
    await client.publish('lab/attic/mouse', '7', { qos: 1 })
    const before = await scrape(lab)
    assert.equal(value(before, 'labgate_value', 'furnace temperature'), 47)
    assert.equal(value(before, 'labgate_value', 'attic mouse'), 7)
    assert.equal(valuesOf(before, 'labgate_device_up', 'device').get('furnace'), 1)
    oven.report('offline', 'the cable is out')
    await client.publish('lab/attic/mouse', '', { qos: 1, retain: true })
    const after = await scrape(lab)
    assert.equal(value(after, 'labgate_value', 'furnace temperature'), undefined)
    assert.equal(value(after, 'labgate_age_seconds', 'attic mouse'), undefined)
    assert.equal(valuesOf(after, 'labgate_device_up', 'device').get('furnace'), 0)
    assert.equal(valuesOf(after, 'labgate_instance_state', 'instance', 'state').get('oven offline'), 1)
    assert.equal(valuesOf(after, 'labgate_instance_state', 'instance', 'state').get('oven online'), 0)
    oven.report('online')
  })

  it('writes names and units that are none of a label so that they are read as they were', async () => {
    const client = await lab.connect()
    const unit = 'a "b"\\c\nd é µ 单位'
    const codename = 'x "y"\\z\nw'
    const topic = `lab/attic/${Array.from(Buffer.from(codename), (byte) => (/[A-Za-z0-9]/.test(String.fromCharCode(byte)) ? String.fromCharCode(byte) : `%${byte.toString(16).toUpperCase().padStart(2, '0')}`)).join('')}`
    await client.publish(topic, JSON.stringify({ value: 5, unit }), { qos: 1 })
    const values = valuesOf(await scrape(lab), 'labgate_value', 'device', 'codename', 'unit')
    assert.equal(values.get(`attic ${codename} ${unit}`), 5)
    await client.publish(topic, JSON.stringify({ value: 6, unit: 'u'.repeat(500) }), { qos: 1 })
    assert.equal(valuesOf(await scrape(lab), 'labgate_value', 'codename', 'unit').get(`${codename} ${'u'.repeat(64)}`), 6)
  })

  it('counts messages, commands by their end, and how long they took', async () => {
    const before = await scrape(lab)
    const client = await lab.connect()
    await client.subscribe('lab/furnace/+/reply')
    await client.publish('lab/furnace/setpoint/set', '{"id":"one","value":300}', { qos: 1 })
    await client.next(({ text }) => text.includes('"one"') && text.includes('done'))
    for (const id of ['two', 'two']) await client.publish('lab/furnace/setpoint/set', `{"id":"${id}","value":3000}`, { qos: 1 })
    await client.next(({ text }) => text.includes('"two"') && text.includes('RangeError'))
    const after = await scrape(lab)
    const more = (name: string, key: string, ...labels: string[]): number =>
      Number(valuesOf(after, name, ...labels).get(key) ?? 0) - Number(valuesOf(before, name, ...labels).get(key) ?? 0)
    assert.equal(more('labgate_commands_total', 'set done ', 'op', 'result', 'class'), 1)
    assert.equal(more('labgate_commands_total', 'set refused RangeError', 'op', 'result', 'class'), 1)
    assert.equal(more('labgate_command_seconds_count', 'set', 'op'), 2)
    assert.equal(more('labgate_command_seconds_bucket', 'set +Inf', 'op', 'le'), 2)
    assert.equal(more('labgate_broker_messages_received_total', '1', 'qos'), 3)
    assert.ok(more('labgate_broker_messages_sent_total', '1', 'qos') + more('labgate_broker_messages_sent_total', '0', 'qos') >= 3)
    assert.ok(more('labgate_dead_letters_total', '') >= 1)
    assert.ok(Number(valuesOf(after, 'labgate_publish_seconds_count').get('')) > 0)
    assert.ok(Number(valuesOf(after, 'process_resident_memory_bytes').get('')) > 1e7)
    assert.equal(valuesOf(after, 'labgate_limits_total', 'limit').get('maxPacket'), 0)
  })

  it('is OpenMetrics for who likes that best, by its own strict reader, and the same', async () => {
    const { headers, text } = await rest(lab.httpPort, '/metrics', { headers: { accept: openMetrics } })
    assert.equal(headers['content-type'], 'application/openmetrics-text; version=1.0.0; charset=utf-8')
    const strict = parseMetrics(text, 'openmetrics')
    const names = (families: Family[]): string[] => families.flatMap(({ samples }) => samples.map(({ name }) => name))
    assert.deepEqual(names(strict), names(await scrape(lab)))
    assert.equal(strict.find(({ name }) => name === 'labgate_commands')?.type, 'counter')
    for (const accept of ['text/html, */*;q=0.1', 'text/plain', '*/*'])
      assert.match((await rest(lab.httpPort, '/metrics', { headers: { accept } })).headers['content-type'] ?? '', /^text\/plain/)
    assert.equal((await rest(lab.httpPort, '/metrics', { headers: { accept: 'image/png' } })).status, 406)
  })

  it('comes packed where that is taken, and out of no cache', async () => {
    const answer = await new Promise<{ encoding: unknown; cache: unknown; body: Buffer }>((resolve, reject) => {
      const asked = request({ port: lab.httpPort, path: '/metrics', headers: { 'accept-encoding': 'gzip' } }, (got) => {
        const chunks: Buffer[] = []
        got.on('data', (chunk: Buffer) => chunks.push(chunk))
        got.on('end', () =>
          resolve({ encoding: got.headers['content-encoding'], cache: got.headers['cache-control'], body: Buffer.concat(chunks) })
        )
      })
      asked.on('error', reject).end()
    })
    assert.deepEqual([answer.encoding, answer.cache], ['gzip', 'no-store'])
    assert.ok(parseMetrics(gunzipSync(answer.body).toString()).length > 20)
  })
})

describe('/metrics, of bridges', () => {
  it('tell whether each is connected, what waits, and what went up', async function () {
    needs(this, 'mosquitto', 'python3', 'python3-prometheus-client')
    const there = await Mosquitto.start()
    await there.kill()
    const bridge = `{ id: far, servers: [{ host: 127.0.0.1, port: ${there.port} }], topic: site, up: ["meter/+"] }`
    const lab = await start(`http: { port: 0 }\nupstream: [${bridge}]\n`)
    try {
      const told = async (name: string): Promise<unknown> =>
        valuesOf(parseMetrics((await rest(lab.httpPort, '/metrics')).text), `labgate_upstream_${name}`, 'bridge').get('far')
      const client = await lab.connect()
      await client.publish('lab/meter/count', '5')
      assert.deepEqual([await told('connected'), await told('waiting'), await told('forwarded_total')], [0, 1, 0])
      await there.start()
      for (let tries = 0; tries < 200 && (await told('waiting')) !== 0; tries++) await new Promise((resolve) => setTimeout(resolve, 20))
      assert.deepEqual([await told('connected'), await told('waiting')], [1, 0])
      assert.ok(Number(await told('forwarded_total')) >= 1)
    } finally {
      await lab.stop()
      await there.gone()
    }
  })
})

describe('/metrics, of many codenames', () => {
  it('is asked by so many at once and no more, and who takes nothing is cut off', async () => {
    const clock = new FakeClock()
    const names = Array.from({ length: 8000 }, (_, i) => `codename-${i}-`.padEnd(60, 'x'))
    const lab = await start(`devices: { attic: { codenames: { ${names.map((name) => `${name}: {}`).join(', ')} } } }\n`, { clock })
    const sockets: ClientRequest[] = []
    try {
      const client = await lab.connect()
      for (const name of names) await client.publish(`lab/attic/${name}`, '21.5', { qos: 0 })
      await client.publish('lab/attic/last', '1', { qos: 1 })
      const ask = async (): Promise<number | undefined> =>
        await new Promise((resolve, reject) => {
          // Nobody reads the answer, and it is more than the system holds for a connection.
          const asked = get({ port: lab.httpPort, path: '/metrics', agent: false }, ({ statusCode }) => resolve(statusCode))
          sockets.push(asked)
          asked.on('error', reject)
        })
      assert.deepEqual([await ask(), await ask(), await ask(), await ask(), await ask()], [200, 200, 200, 200, 429])
      await clock.pass(29)
      assert.equal(await ask(), 429)
      // What the system has taken of an answer counts as taken, until it takes no more.
      let again = await ask()
      for (let tries = 0; again !== 200 && tries < 20; tries++) {
        await clock.pass(31)
        again = await ask()
      }
      assert.equal(again, 200)
      for (const socket of sockets) socket.destroy()
      let answer = await rest(lab.httpPort, '/metrics')
      for (let tries = 0; answer.status !== 200 && tries < 100; tries++) answer = await rest(lab.httpPort, '/metrics')
      assert.equal(answer.text.split('\nlabgate_value{device="attic"').length, names.length + 2)
    } finally {
      for (const socket of sockets) socket.destroy()
      await lab.stop()
    }
  })
})

describe('/metrics, of who may not see all', () => {
  it('has what he may read, and of the gateway nothing', async function () {
    needs(this, 'python3', 'python3-prometheus-client')
    const people = new UsersFile({ root: 'admin', eve: 'observer', ann: 'guest', bob: 'nothing' })
    const roles = ', anonymous: none, roles: { guest: { read: [lab/weather/wind, lab/weather] }, nothing: {} }'
    const lab = await startLab({}, `http: { port: 0 }\n${people.yaml(roles)}${labYaml}`)
    try {
      const client = await lab.connect({ username: 'root', password: passwordOf('root') })
      for (const codename of ['wind', 'rain']) await client.publish(`lab/weather/${codename}`, '1', { qos: 1 })
      assert.equal((await rest(lab.httpPort, '/metrics')).status, 401)
      const of = async (user: string): Promise<[string[], string[], boolean]> => {
        const families = await scrape(lab, { headers: basic(user) })
        const seen = valuesOf(families, 'labgate_quality', 'device', 'codename', 'quality')
        const names = new Set(
          [...seen.keys()].map((key) => key.split(' ').slice(0, 2).join(' ')).filter((name) => !name.startsWith('gateway'))
        )
        const up = [...valuesOf(families, 'labgate_device_up', 'device').keys()]
        return [[...names], up, families.some(({ name }) => name.startsWith('labgate_broker'))]
      }
      assert.deepEqual(await of('eve'), [['weather wind', 'weather rain'], ['gateway', 'furnace', 'weather', 'stage', 'strict'], true])
      assert.deepEqual(await of('ann'), [['weather wind'], ['weather'], false])
      assert.deepEqual(await of('bob'), [[], [], false])
    } finally {
      await lab.stop()
    }
  })
})
