import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { connect } from 'mqtt'
import { labYaml, startLab } from '../support/lab.js'
import type { Lab } from '../support/lab.js'
import { MemoryDisk } from '../support/memory-disk.js'
import type { TestClient } from '../support/mqtt.js'
import { needs } from '../support/peers.js'
import { RawClient, packets } from '../support/raw-mqtt.js'
import type { ConnectOptions } from '../support/raw-mqtt.js'
import { UsersFile, loginOf, passwordOf } from '../support/users.js'

const run = promisify(execFile)

const people = { olga: 'observer', oscar: 'operator', weather: 'device', ada: 'admin', vera: 'visitor', ben: 'operator' }

const yaml = (file: UsersFile, more = ''): string => `access:
  users: ${file.path}
  roles:
    visitor: { read: ['lab/#', '!lab/furnace/#'], write: ['free/%u/#', 'by/%c', '!free/%u/not'] }
${more}${labYaml}`

describe('rights over MQTT', () => {
  let users: UsersFile
  let lab: Lab

  const as = async (name: string, more: object = {}): Promise<TestClient> => await lab.connect({ ...loginOf(name), ...more })

  /** The return code of a CONNACK. */
  const knock = async (id: string, options: ConnectOptions): Promise<number | undefined> => {
    const client = RawClient.open(lab.mqttPort, id, options)
    await client.next('connack')
    client.close()
    return client.code
  }

  const credentials = (name: string): { user: string; password: string } => ({ user: name, password: passwordOf(name) })

  const restart = async (options: { disk?: MemoryDisk; more?: string } = {}): Promise<void> => {
    await lab.stop()
    lab = await startLab(options.disk === undefined ? {} : { openDisk: options.disk.open }, yaml(users, options.more))
  }

  beforeEach(async () => {
    users = new UsersFile(people)
    lab = await startLab({}, yaml(users))
  })

  afterEach(async () => {
    await lab.stop()
  })

  it('a login: right, wrong, unknown, without a password; nobody at all is the operator of this computer', async () => {
    assert.equal(await knock('a', credentials('olga')), 0)
    assert.equal(await knock('b', { user: 'olga', password: 'guess' }), 4)
    assert.equal(await knock('c', { user: 'nobody', password: 'guess' }), 4)
    assert.equal(await knock('d', { user: 'olga' }), 4)
    assert.equal(await knock('e', {}), 0)
    const anonymous = await lab.connect()
    await anonymous.subscribe('lab-dead/#', 'lab/furnace/setpoint/reply')
    await anonymous.publish('lab/furnace/setpoint/set', '20')
    assert.equal((await anonymous.nextJson('lab/furnace/setpoint/reply'))['phase'], 'done')
    await anonymous.publish('lab/weather/wind', '3')
    const letter = await anonymous.nextJson('lab-dead/lab/weather/wind')
    assert.deepEqual([letter['class'], letter['rule']], ['Forbidden', 'rights'])
    const told = lab.log.lines.filter(({ fields }) => fields['why'] === 'password')
    assert.deepEqual(
      [told[0]?.fields['listener'], told[0]?.fields['address'], told[0]?.fields['user']],
      ['broker.tcp', '127.0.0.1', 'olga']
    )
    assert.ok(!JSON.stringify(lab.log.lines).includes('guess'))
  })

  it('nobody at all, where that is not allowed, gets 5; who guesses too often has to wait: 3', async () => {
    await restart({ more: '  anonymous: none\n' })
    assert.equal(await knock('a', {}), 5)
    for (let i = 0; i < 5; i += 1) assert.equal(await knock(`b${i}`, { user: 'olga', password: `guess ${i}` }), 4)
    assert.equal(await knock('c', { user: 'olga', password: 'another' }), 3)
  })

  it('an observer sees all, and what he publishes is a dead letter; he stays connected', async () => {
    const [olga, ada] = [await as('olga', { clientId: 'eyes' }), await as('ada')]
    await olga.subscribe('lab/#', 'free/#')
    await ada.subscribe('lab-dead/#')
    for (const topic of ['lab/furnace/setpoint/set', 'lab/weather/wind', 'free/x', 'lab/weather']) {
      await olga.publish(topic, '20', { retain: topic === 'free/x' })
      const letter = await ada.nextJson(`lab-dead/${topic}`)
      assert.deepEqual([letter['class'], letter['rule'], letter['client'], letter['payload']], ['Forbidden', 'rights', 'eyes', '20'])
      assert.equal(letter['reason'], `olga (role observer) has no right to publish to ${topic}`)
    }
    await ada.publish('free/x', 'seen')
    assert.equal((await olga.next('free/x')).text, 'seen')
    assert.deepEqual(lab.scripted.commands, [])
    assert.deepEqual(await (await as('ada')).retained('free/#'), [])
  })

  it('only an admin hears what the broker says of itself, and nobody writes there', async () => {
    const codes: number[] = []
    for (const name of ['olga', 'oscar', 'weather', 'vera', 'ada']) {
      const client = await RawClient.connect(lab.mqttPort, `sys-${name}`, credentials(name))
      client.send(packets.subscribe(1, ['$SYS/#', 0]))
      await client.next('suback')
      codes.push(client.granted[0] ?? -1)
      client.close()
    }
    assert.deepEqual(codes, [0x80, 0x80, 0x80, 0x80, 0])
    assert.equal(lab.log.lines.filter(({ fields }) => fields['why'] === 'subscribe' && fields['topic'] === '$SYS/#').length, 1)
    const ada = await as('ada')
    await ada.subscribe('lab-dead/#', '$SYS/+/new/clients')
    await ada.publish('$SYS/x', 'x')
    assert.equal((await ada.nextJson('lab-dead/$SYS/x'))['rule'], 'reserved')
    await as('olga', { clientId: 'newcomer' })
    assert.equal((await ada.next(({ text }) => text === 'newcomer')).topic, '$SYS/labgate/new/clients')
  })

  it('a device sees and writes its own topics: live, retained, and by any filter', async () => {
    const [ada, device] = [await as('ada'), await as('weather')]
    await ada.publish('lab/weather/rain', '1')
    await ada.publish('lab/a/b', '2')
    await device.subscribe('#')
    await device.next(({ topic, retain }) => topic === 'lab/weather/rain' && retain)
    await device.subscribe('lab/#')
    await ada.publish('lab/weather/sky', 'blue')
    await ada.publish('lab/a/b', '3')
    await ada.publish('other', 'x')
    await device.publish('lab/weather/wind', '7')
    await device.publish('lab/weather', 'online')
    await device.publish('lab/a/b', '4')
    await device.next('lab/weather/wind')
    await device.next(({ topic, text }) => topic === 'lab/weather' && text.includes('it says so'))
    await device.client.subscribeAsync('lab/weather/drops', { qos: 1 })
    await ada.publish('lab/weather/drops', '5')
    await device.next('lab/weather/drops')
    assert.deepEqual(
      [...new Set(device.left.map(({ topic }) => topic))].filter((topic) => !/^lab\/weather(\/|$)/.test(topic)),
      []
    )
    assert.equal((JSON.parse((await (await as('ada')).retained('lab/a/b'))[0]?.text ?? '{}') as { value: number }).value, 3)
    const raw = await RawClient.connect(lab.mqttPort, 'raw', credentials('weather'))
    raw.send(packets.subscribe(1, ['lab/furnace/#', 1], ['lab/weather/+', 1], ['free', 0]))
    await raw.next('suback')
    assert.deepEqual(raw.granted, [0x80, 1, 0x80])
    raw.close()
  })

  it('a role of the configuration: %u, %c, and the last entry that fits', async () => {
    const [ada, vera] = [await as('ada'), await as('vera', { clientId: 'pad' })]
    await ada.subscribe('lab-dead/#', 'free/#', 'by/#')
    for (const topic of ['free/vera/x', 'free/ada/x', 'free/vera/not', 'by/pad', 'by/other']) await vera.publish(topic, 'x')
    await ada.settled()
    assert.deepEqual(
      ada.left.map(({ topic }) => topic),
      ['free/vera/x', 'lab-dead/free/ada/x', 'lab-dead/free/vera/not', 'by/pad', 'lab-dead/by/other']
    )
  })

  it('what waits in a session was allowed when it came, and is when it is sent', async () => {
    const disk = new MemoryDisk()
    await restart({ disk })
    const vera = await as('vera', { clientId: 'pad', clean: false })
    await vera.client.subscribeAsync(['lab/#', 'lab/weather/wind'], { qos: 1 })
    await vera.close()
    const ada = await as('ada')
    await ada.publish('lab/furnace/setpoint/set', '20')
    await ada.publish('lab/weather/wind', '1')
    await ada.publish('lab/weather/sky', 'blue')
    const queued = (): string[] => [...disk.rows].filter(([key]) => key.startsWith('q')).map(([, value]) => value.toString('latin1'))
    await ada.settled()
    await lab.stop()
    assert.ok(queued().some((row) => row.includes('lab/weather/wind')))
    assert.ok(!queued().some((row) => row.includes('lab/furnace')), 'what it may not see is not kept for it')
    // Meanwhile it has become a device.
    users.change({ set: [['vera', 'device']] })
    await restart({ disk })
    await (await as('ada')).publish('lab/weather/sky', 'grey')
    const back = await as('vera', { clientId: 'pad', clean: false })
    await back.settled().catch(() => {})
    assert.deepEqual(back.left, [])
    await lab.stop()
    assert.deepEqual(queued(), [], 'and it is gone from the disk')
    assert.ok(![...disk.rows.keys()].some((key) => key.startsWith('f') && key.includes('lab/weather/wind')), 'the filter too')
  })

  it('a client id is its user’s while he is there, and so is his session when he is not', async () => {
    const disk = new MemoryDisk()
    await restart({ disk })
    const oscar = await as('oscar', { clientId: 'desk' })
    for (const other of [credentials('ben'), credentials('olga'), {}]) assert.equal(await knock('desk', other), 2)
    await oscar.settled()
    const again = await as('oscar', { clientId: 'desk' })
    await again.close()
    assert.equal(await knock('desk', credentials('ben')), 0, 'a clean session leaves nothing')
    const lasting = await as('oscar', { clientId: 'desk', clean: false })
    await lasting.subscribe('free/#')
    await lasting.close()
    for (const more of [{ clean: true }, { clean: false }]) {
      assert.equal(await knock('desk', { ...credentials('ben'), ...more }), 2)
      assert.equal(await knock('desk', more), 2)
    }
    await (await as('ada')).publish('free/x', 'kept')
    await restart({ disk })
    assert.equal(await knock('desk', { ...credentials('ben'), clean: false }), 2, 'also after a restart')
    assert.equal(await knock('desk', { ...credentials('ada'), clean: false }), 0, 'an admin may')
    const back = await as('oscar', { clientId: 'desk', clean: false })
    assert.equal((await back.next('free/x')).text, 'kept')
  })

  it('a session of before there were users is whose who comes first', async () => {
    const disk = new MemoryDisk()
    await restart({ disk })
    const anonymous = await lab.connect({ clientId: 'old', clean: false })
    await anonymous.subscribe('free/#')
    await anonymous.close()
    await lab.stop()
    assert.deepEqual(
      [...disk.rows].filter(([key]) => key.startsWith('s')).map(([, value]) => value.length),
      [0]
    )
    await restart({ disk })
    const ben = await RawClient.connect(lab.mqttPort, 'old', { ...credentials('ben'), clean: false })
    assert.equal(ben.sessionPresent, true)
    await ben.settled()
    assert.equal(await knock('old', { ...credentials('oscar'), clean: false }), 2)
    ben.close()
    await ben.closed()
    assert.equal(await knock('old', { ...credentials('oscar'), clean: false }), 2)
    assert.equal(await knock('old', { clean: false }), 2)
  })

  it('two that come at once with one client id: one of them gets it', async () => {
    const both = ['oscar', 'ben'].map((name) => RawClient.open(lab.mqttPort, 'race', { ...credentials(name), clean: false }))
    await Promise.all(both.map((client) => client.next('connack')))
    assert.deepEqual(
      both.map(({ code }) => code).toSorted((a, b) => Number(a) - Number(b)),
      [0, 2]
    )
    for (const client of both) client.close()
  })

  it('who is gone, or has another role or password, is cut off; the others stay', async () => {
    const [oscar, olga, ben, ada] = [await as('oscar'), await as('olga'), await as('ben'), await as('ada')]
    const closed = [oscar, olga, ben].map(({ client }) => new Promise<void>((resolve) => client.once('close', () => resolve())))
    const began = performance.now()
    users.change({
      set: [
        ['olga', 'operator'],
        ['ben', 'operator', 'another']
      ],
      remove: ['oscar']
    })
    await Promise.all(closed)
    console.log(`      cut ${((performance.now() - began) / 1000).toFixed(1)} s after the file was written`)
    assert.ok(performance.now() - began < 3500)
    assert.equal(await knock('x', credentials('oscar')), 4)
    assert.equal(await knock('x', credentials('ben')), 4)
    assert.equal(await knock('x', credentials('olga')), 0)
    await ada.settled()
  }).timeout(8000)

  it('a will that its client may not publish: CONNACK 5', async () => {
    assert.equal(await knock('a', { ...credentials('olga'), will: { topic: 'free/x', payload: 'x' } }), 5)
    assert.equal(await knock('b', { ...credentials('oscar'), will: { topic: 'lab/weather', payload: 'offline' } }), 5)
    assert.equal(await knock('c', { ...credentials('weather'), will: { topic: 'lab/weather', payload: 'offline' } }), 0)
    assert.equal(await knock('d', { ...credentials('ada'), will: { topic: '$SYS/x', payload: 'x' } }), 5)
  })

  it('a will left by somebody who has lost the right since is a dead letter, also after a crash', async () => {
    const disk = new MemoryDisk()
    await restart({ disk })
    const ada = await as('ada')
    await ada.subscribe('lab-dead/#', 'free/#')
    const wills = ['oscar', 'ben'].map((name) => ({ ...credentials(name), will: { topic: `free/${name}`, payload: 'x', qos: 1 } }))
    const mortals = await Promise.all(wills.map(async (options, i) => await RawClient.connect(lab.mqttPort, `mortal${i}`, options)))
    await ada.settled()
    const crashed = disk.copy()
    users.change({ remove: ['oscar'] })
    await mortals[0]?.closed()
    assert.equal((await ada.nextJson('lab-dead/free/oscar'))['rule'], 'rights')
    await lab.stop()
    for (const mortal of mortals) mortal.close()
    lab = await startLab({ openDisk: crashed.open }, yaml(users))
    await (await as('ada', { clientId: 'later' })).settled()
    const refused = lab.log.lines.filter(
      ({ message, fields }) => message === 'a message was refused' && String(fields['topic']).startsWith('free/')
    )
    assert.deepEqual(
      refused.map(({ fields }) => fields['topic']),
      ['free/oscar']
    )
  }).timeout(8000)

  it('a device is there by its client id only when its user may speak for it', async () => {
    const ada = await as('ada')
    await ada.subscribe('lab/stage')
    const isTold = (reason: string) => async (): Promise<unknown> => await ada.next(({ text }) => text.includes(reason))
    const driver = await as('ada', { clientId: 'driver' })
    await driver.publish('lab/stage/position', '1')
    await isTold('it gives readings')()
    await driver.close()
    await isTold('its client driver disconnected')()
    const oscar = await as('oscar', { clientId: 'driver' })
    await oscar.settled()
    await oscar.close()
    await ada.settled()
    assert.deepEqual(
      ada.left.filter(({ topic, text }) => topic === 'lab/stage' && !text.includes('nothing heard')),
      []
    )
    await as('ada', { clientId: 'driver' })
    await isTold('its client driver is connected')()
  })

  it('over WebSocket the same names and passwords count', async () => {
    const url = `ws://127.0.0.1:${lab.httpPort}/mqtt`
    const code = async (options: object): Promise<string> => {
      const client = connect(url, { reconnectPeriod: 0, ...options })
      return await new Promise<string>((resolve) => {
        client.once('connect', () => resolve('in'))
        client.once('error', (error) => resolve(`${(error as { code?: number }).code}`))
      }).finally(() => client.end(true))
    }
    assert.equal(await code(loginOf('olga')), 'in')
    assert.equal(await code({ username: 'olga', password: 'guess' }), '4')
  })

  it('mosquitto_pub and mosquitto_sub', async function () {
    needs(this, 'mosquitto_pub', 'mosquitto_sub')
    this.timeout(15_000)
    const with_ = (name: string, password = passwordOf(name)): string[] => ['-p', String(lab.mqttPort), '-u', name, '-P', password]
    await run('mosquitto_pub', [...with_('oscar'), '-t', 'free/kept', '-m', 'hello', '-r', '-q', '1'])
    const { stdout } = await run('mosquitto_sub', [...with_('olga'), '-t', 'free/kept', '-C', '1', '-W', '5'])
    assert.equal(stdout.trim(), 'hello')
    await assert.rejects(run('mosquitto_pub', [...with_('oscar', 'wrong'), '-t', 'x', '-m', 'x']), /bad user name or password/i)
    const { stderr } = await run('mosquitto_sub', [...with_('olga'), '-t', '$SYS/#', '-C', '1', '-W', '5'])
    assert.match(stderr, /denied/)
  })
})
