import assert from 'node:assert/strict'
import { FakeClock } from '../support/fake-clock.js'
import { RawClient, packets } from '../support/raw-mqtt.js'
import { MemoryDisk } from '../support/memory-disk.js'
import { start } from '../support/start.js'
import type { Running } from '../support/start.js'
import { UsersFile, passwordOf } from '../support/users.js'

const limits = (text: string): string => `broker: { tcp: { port: 0 }, limits: { ${text} } }\n`

describe('what many small things add up to', () => {
  let lab: Running
  const raw: RawClient[] = []

  afterEach(async () => {
    for (const client of raw.splice(0)) client.close()
    await lab.stop()
  })

  const persistent = { clean: false } as const

  it('sessions: beyond maxSessions nobody gets another one, which is counted; whoever has one, or wants none, is let in', async () => {
    const clock = new FakeClock()
    lab = await start(limits('maxSessions: 2'), { clock })
    for (const clientId of ['a', 'b']) await (await lab.connect({ clientId, ...persistent })).close()
    await assert.rejects(lab.connect({ clientId: 'c', ...persistent }), /Server unavailable|unavailable/i)
    await (await lab.connect({ clientId: 'a', ...persistent })).close()
    const clean = await lab.connect({ clientId: 'c' })
    await clean.subscribe('lab/gateway/limits')
    await clock.pass(11)
    const told = await clean.nextJson(({ text }) => text.includes('"maxSessions":1'))
    assert.equal(told['quality'], 'good')
    const line = lab.log.lines.find(({ fields }) => String(fields['reason']).includes('broker.limits.maxSessions'))
    assert.equal(line?.fields['client'], 'c')
    await (await lab.connect({ clientId: 'a', clean: true })).close()
    await (await lab.connect({ clientId: 'd', ...persistent })).close()
  })

  it('messages for all absent sessions together keep to eight times maxQueuedBytes; the rest is counted', async () => {
    lab = await start(limits('maxQueuedBytes: 10000'))
    const ids = Array.from({ length: 12 }, (_, i) => `absent-${i}`)
    for (const clientId of ids) {
      const client = await lab.connect({ clientId, ...persistent })
      await client.subscribe('x')
      await client.close()
    }
    const sender = await lab.connect()
    // Alone each session has room for nine.
    for (let i = 0; i < 9; i += 1) await sender.publish('x', 'z'.repeat(1000))
    let kept = 0
    for (const clientId of ids) {
      const client = await lab.connect({ clientId, ...persistent })
      await client.settled()
      kept += client.left.length
    }
    assert.ok(kept * 1001 <= 80_000 && kept > 60, `${kept} messages were kept`)
  })

  it('messages of QoS 2 without PUBREL are bounded for a client, however often it connects', async () => {
    lab = await start('')
    const first = await RawClient.connect(lab.mqttPort, 'half', persistent)
    raw.push(first)
    const some = (from: number, to: number): Buffer[] =>
      Array.from({ length: to - from }, (_, i) => packets.publish('x', 'y', { qos: 2, id: from + i }))
    first.send(...some(1, 900))
    await first.settled()
    first.close()
    const second = await RawClient.connect(lab.mqttPort, 'half', persistent)
    raw.push(second)
    second.send(...some(900, 1100))
    await second.closed()
    const line = lab.log.lines.find(({ fields }) => /without PUBREL/.test(String(fields['reason'])))
    assert.equal(line?.fields['client'], 'half')
    // It can go on where it was.
    const third = await RawClient.connect(lab.mqttPort, 'half', persistent)
    raw.push(third)
    third.send(packets.pubrel(1))
    await third.next('pubcomp')
  })

  it('readings that nothing declares count as retained, although their client does not retain them', async () => {
    lab = await start('')
    const before = lab.gateway.retainedCount
    await lab.stop()
    lab = await start(`devices: { known: { codenames: { x: {} } } }\n${limits(`maxRetained: ${before + 3}`)}`)
    const client = await lab.connect()
    await client.subscribe('lab-dead/#')
    // Each brings its description along, which counts as well.
    for (const codename of ['a', 'b', 'c', 'd', 'e', 'f']) await client.publish(`lab/known/${codename}`, '1')
    const letter = await client.nextJson('lab-dead/lab/known/f')
    assert.deepEqual([letter['class'], letter['rule']], ['RateLimited', 'retained'])
    await client.publish('lab/known/x', '1')
    await client.settled()
    assert.ok(!client.left.some(({ topic }) => topic.endsWith('/x')), 'what is declared has its place')
  })

  it('a state of many kilobytes counts as retained', async () => {
    lab = await start(limits('maxRetainedBytes: 100000'))
    const client = await lab.connect()
    await client.subscribe('lab-dead/#')
    await client.publish('lab/new', { state: 'online', reason: 'x'.repeat(100_000) })
    assert.equal((await client.nextJson('lab-dead/lab/new'))['class'], 'RateLimited')
  })

  it('undeclared codenames of all devices together are ten times those of one at most, and leave room again', async () => {
    const names = Array.from({ length: 12 }, (_, i) => `d${i}`)
    lab = await start(`devices: { ${names.map((name) => `${name}: { codenames: { x: {} } }`).join(', ')} }\n${limits('maxUndeclared: 1')}`)
    const client = await lab.connect()
    await client.subscribe('lab-dead/#')
    for (const name of names) await client.publish(`lab/${name}/y`, '1')
    for (const name of ['d10', 'd11']) assert.equal((await client.nextJson(`lab-dead/lab/${name}/y`))['rule'], 'maxUndeclared')
    await client.publish('lab/d0/y', '', { retain: true })
    await client.publish('lab/d11/y', '1')
    await client.settled()
    assert.deepEqual(client.left, [])
  })
})

describe('what one user may take of what all sessions share', () => {
  let users: UsersFile
  let lab: Running
  let disk: MemoryDisk

  const open = async (limits: string): Promise<void> => {
    disk = new MemoryDisk()
    const yaml = `access: { users: ${users.path} }\nbroker: { tcp: { port: 0 }, limits: { ${limits} } }\n`
    lab = await start(yaml, { openDisk: disk.open })
  }

  const clients: RawClient[] = []

  const connect = async (user: string, id: string, clean = false): Promise<RawClient> => {
    const client = await RawClient.connect(lab.mqttPort, id, { user, password: passwordOf(user), clean })
    clients.push(client)
    return client
  }

  const leave = async (user: string, id: string, topic: string): Promise<void> => {
    const client = await connect(user, id)
    client.send(packets.subscribe(1, [topic, 1]))
    await client.next('suback')
    client.close()
    await client.closed()
  }

  const publish = async (topic: string, count: number, bytes: number): Promise<void> => {
    const client = await connect('bob', `sender-${clients.length}`, true)
    for (let id = 1; id <= count; id += 1) client.send(packets.publish(topic, 'z'.repeat(bytes), { qos: 1, id }))
    for (let id = 1; id <= count; id += 1) await client.next('puback')
    client.close()
  }

  beforeEach(() => {
    users = new UsersFile({ anna: 'admin', bob: 'operator', cam: 'operator' })
  })

  afterEach(async () => {
    for (const client of clients.splice(0)) client.close()
    await lab.stop()
  })

  it('messages that wait: not all, however many sessions one has; those of others and of admins are kept, also after a restart', async () => {
    await open('maxQueuedBytes: 20000, maxSessions: 100')
    for (let at = 0; at < 12; at += 1) await leave('cam', `cam-${at}`, 'junk')
    await leave('bob', 'bobs', 'alarm')
    await leave('anna', 'annas', 'alarm')
    await publish('junk', 30, 1000)
    await publish('junk', 400, 1)
    await publish('alarm', 5, 1000)
    await lab.stop()
    lab = await start(
      `access: { users: ${users.path} }\nbroker: { tcp: { port: 0 }, limits: { maxQueuedBytes: 20000, maxSessions: 100 } }\n`,
      {
        openDisk: disk.open
      }
    )
    await publish('junk', 100, 1)
    await publish('alarm', 5, 1000)
    for (const [user, id] of [
      ['bob', 'bobs'],
      ['anna', 'annas']
    ] as const) {
      const client = await connect(user, id)
      await client.has(10)
    }
  })

  it('places: not all; another user finds one, and an admin any that is left', async () => {
    await open('maxSessions: 16')
    const got: Record<string, number> = { cam: 0, bob: 0, anna: 0 }
    for (const user of ['cam', 'bob', 'anna'])
      for (let at = 0; at < 16; at += 1) {
        const client = await connect(user, `${user}-${at}`)
        if (client.code === 0) got[user] = (got[user] ?? 0) + 1
        else assert.equal(client.code, 3)
      }
    assert.deepEqual(got, { cam: 7, bob: 3, anna: 6 })
    // Who has one keeps it.
    assert.equal((await connect('cam', 'cam-0')).code, 0)
  })
})
