import assert from 'node:assert/strict'
import { createServer } from 'node:net'
import type { AddressInfo, Server } from 'node:net'
import { Access } from '../access/access.js'
import type { Identity } from '../access/identity.js'
import { systemClock } from '../clock.js'
import { checkConfig } from '../config.js'
import { RawClient, packets } from '../../test/support/raw-mqtt.js'
import type { ConnectOptions } from '../../test/support/raw-mqtt.js'
import { TestLog } from '../../test/support/start.js'
import { UsersFile, passwordOf } from '../../test/support/users.js'
import { Broker } from './broker.js'
import type { Contract } from './contract.js'
import type { Entrance } from './entrance.js'

/** A broker of its own, whose connections come in as the test says. */
describe('who comes in', () => {
  let users: UsersFile
  let access: Access
  let broker: Broker
  let server: Server
  let port: number
  let entrance: Partial<Entrance>
  let judged: () => void

  const open = async (withUsers: boolean): Promise<void> => {
    const log = new TestLog()
    const text = withUsers ? `access: { users: ${users.path} }\n` : ''
    const { config } = checkConfig(`broker: { tcp: { port: 0 } }\n${text}`, { file: 'test.yaml', types: [], env: {} })
    access = new Access({ clock: systemClock, log, config: config.access, root: 'lab' })
    await access.start()
    broker = new Broker({ log, access, clock: systemClock, limits: config.broker.limits, shed: () => {} })
    await broker.start({ apply: () => judged(), refuse: () => {} } as unknown as Contract, () => {})
    server = createServer((socket) => broker.handle(socket, { address: '127.0.0.1', listener: 'broker.tls', open: false, ...entrance }))
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    port = (server.address() as AddressInfo).port
  }

  const knock = async (from: Partial<Entrance>, options: ConnectOptions = {}): Promise<number | undefined> => {
    entrance = from
    const client = RawClient.open(port, 'x', options)
    await client.next('connack')
    client.close()
    await client.closed()
    return client.code
  }

  beforeEach(() => {
    judged = () => {}
    users = new UsersFile({ ann: 'operator', bob: 'operator', eve: 'observer' })
  })

  afterEach(async () => {
    await broker.stop(1)
    access.stop()
    await new Promise((resolve) => server.close(resolve))
  })

  const ann = { user: 'ann', password: passwordOf('ann') }
  const bob = { user: 'bob', password: passwordOf('bob') }

  it('by a certificate: as the user whose name it bears; a name and password beside it must not say otherwise', async () => {
    await open(true)
    const certificate = 'ann'
    assert.equal(await knock({ certificate }), 0)
    assert.equal(await knock({ certificate }, ann), 0)
    assert.equal(await knock({ certificate }, { user: 'ann' }), 0)
    assert.equal(await knock({ certificate }, bob), 5)
    assert.equal(await knock({ certificate }, { user: 'bob' }), 5)
    assert.equal(await knock({ certificate }, { user: 'ann', password: 'guess' }), 4)
    assert.equal(access.refusals.get('contradiction'), 2n)
  })

  it('by a certificate that names no user: by a password beside it, or not at all, also where anybody may come in', async () => {
    await open(true)
    assert.equal(await knock({ certificate: 'machine-7', open: true }), 5)
    assert.equal(await knock({ certificate: 'machine-7' }, bob), 0)
    assert.deepEqual([access.refusals.get('certificate'), access.refusals.get('contradiction')], [1n, undefined])
  })

  it('by a WebSocket of somebody who has logged in: as he, and as nobody else', async () => {
    await open(true)
    const found = await access.login('ann', passwordOf('ann'), '127.0.0.1')
    assert.ok(found.ok)
    const identity: Identity = { ...found.identity, via: 'session' }
    assert.equal(await knock({ identity }), 0)
    assert.equal(await knock({ identity }, ann), 0)
    assert.equal(await knock({ identity }, bob), 5)
    // Nobody in particular may still say who he is.
    assert.equal(await knock({ identity: { user: undefined, role: 'operator', via: 'anonymous' } }, bob), 0)
    assert.equal(await knock({ identity: { ...identity, serial: 99 } }), 5, 'who has changed meanwhile')
  })

  it('without a word: only where the listener is open', async () => {
    await open(true)
    assert.equal(await knock({}), 5)
    assert.equal(await knock({ open: true }), 0)
    assert.equal(await knock({}, ann), 0)
  })

  describe('who does not come in', () => {
    /** Published twice would be carried out twice. */
    const twice = packets.publish('lamp', 'on', { qos: 2, id: 7 })
    let published: number

    beforeEach(async () => {
      await open(true)
      published = 0
      judged = () => (published += 1)
    })

    const victim = async (clean: boolean): Promise<RawClient> => {
      entrance = {}
      return await RawClient.connect(port, 'x', { ...bob, clean })
    }

    const everyRefusal = async (): Promise<void> => {
      assert.equal(await knock({}, { ...ann, password: 'guess' }), 4)
      assert.equal(await knock({}, { user: 'nobody', password: 'guess' }), 4)
      assert.equal(await knock({}), 5)
      assert.equal(await knock({ certificate: 'machine-7' }), 5)
      assert.equal(await knock({ certificate: 'ann' }, bob), 5)
      assert.equal(await knock({}, ann), 2)
      assert.equal(await knock({ readOnly: true }, bob), 2)
      assert.equal(await knock({}, { user: 'eve', password: passwordOf('eve'), will: { topic: 'lab/a/b/set', payload: '1' } }), 5)
    }

    for (const clean of [true, false])
      it(`does nothing to who has the client id (${clean ? 'clean' : 'with a session'}): no message of QoS 2 comes twice`, async () => {
        const client = await victim(clean)
        client.send(twice)
        await client.next('pubrec')
        await everyRefusal()
        client.send(twice)
        await client.next('pubrec')
        assert.equal(published, 1)
        client.close()
      })

    it('does nothing to a session that waits for its client, either', async () => {
      const first = await victim(false)
      first.send(twice, packets.subscribe(1, ['a', 1]))
      await first.next('pubrec')
      await first.next('suback')
      first.close()
      await first.closed()
      await everyRefusal()
      const again = await victim(false)
      assert.equal(again.sessionPresent, true)
      again.send(twice)
      await again.next('pubrec')
      assert.equal(published, 1)
      again.close()
    })
  })

  it('without users: a name and a password are passed over, as nobody can check them', async () => {
    await open(false)
    assert.equal(await knock({ open: true }, ann), 0)
    assert.equal(await knock({ open: true }, { user: 'anybody' }), 0)
    assert.equal(await knock({}, ann), 5)
  })
})
