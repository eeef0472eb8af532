import assert from 'node:assert/strict'
import type { Socket } from 'node:net'
import { Duplex } from 'node:stream'
import { FakeClock } from '../../test/support/fake-clock.js'
import { packets } from '../../test/support/raw-mqtt.js'
import type { Entrance } from './entrance.js'
import { Connections } from './connections.js'

const limits = {
  maxPacket: 1000,
  maxConnect: 1000,
  maxSubscribe: 10,
  shedOutput: 10_000,
  maxOutput: 100_000,
  maxConnections: 10,
  maxConnectionsPerAddress: 10,
  maxConnectRate: 10,
  maxWait: 5
}

/** The socket of somebody who takes nothing. */
function frozen(): Duplex {
  return new Duplex({ read: () => {}, write: () => {} })
}

const from = (address: string): Entrance => ({ address, listener: 'broker.tcp', open: true })

describe('connections that are watched', () => {
  const clock = new FakeClock()
  let connections: Connections

  beforeEach(() => {
    connections = new Connections({ clock, limits, refused: () => {} })
    connections.start()
  })

  afterEach(() => connections.stop())

  it('are cut when a message of QoS 1 has waited for maxWait, and not for QoS 0', async () => {
    const [zero, one] = [connections.guard(frozen(), from('zero')), connections.guard(frozen(), from('one'))]
    let reason = ''
    one.on('error', (error) => (reason = error.message))
    for (const guard of [zero, one]) guard.write(Buffer.alloc(100))
    one.output.promise(clock.monotonic())
    one.write(Buffer.alloc(100))
    await clock.pass(5)
    assert.equal(one.destroyed, false)
    await clock.pass(1.5)
    await new Promise((resolve) => setImmediate(resolve))
    assert.deepEqual([one.destroyed, zero.destroyed], [true, false])
    assert.match(reason, /^it does not read: a message waits for 6 s \(broker\.limits\.maxWait\)$/)
    zero.destroy()
  })

  it('are excused for the time in which the process stood still, but not when it is late for ever', async () => {
    const guard = connections.guard(frozen(), from('slow'))
    guard.output.promise(clock.monotonic())
    guard.write(Buffer.alloc(100))
    clock.skip(1000)
    await clock.pass(3)
    assert.ok(!guard.destroyed, 'it had three seconds to read')
    await clock.pass(3)
    assert.ok(guard.destroyed)
    const other = connections.guard(frozen(), from('other'))
    await clock.pass(1)
    other.output.promise(clock.monotonic())
    other.write(Buffer.alloc(100))
    for (let i = 0; i < 6 && !other.destroyed; i += 1) {
      clock.skip(3)
      await clock.pass(0)
    }
    assert.ok(other.destroyed, 'nobody is cut under load that lasts')
  })

  it('are counted as clients from CONNECT until they close', async () => {
    const socket = frozen()
    const guard = connections.guard(socket, from('a'))
    assert.equal(connections.clients, 0)
    socket.push(packets.connect('somebody'))
    await new Promise((resolve) => setImmediate(resolve))
    assert.equal(connections.clients, 1)
    guard.destroy()
    await new Promise((resolve) => setImmediate(resolve))
    assert.equal(connections.clients, 0)
  })

  it('come from a bounded number of addresses; one that is new is turned away, and may come when others were quiet', async () => {
    const turnedAway: string[] = []
    const many = new Connections({ clock, limits, refused: (rule, address) => turnedAway.push(`${rule} ${address}`) })
    many.start()
    const from = (n: number): boolean => {
      const socket = Object.assign(new Duplex(), { remoteAddress: `10.0.${Math.floor(n / 256)}.${n % 256}` })
      const isIn = many.admit(socket as unknown as Socket)
      socket.emit('close')
      return isIn
    }
    for (let n = 0; n < 10_000; n++) assert.ok(from(n))
    assert.equal(from(10_000), false)
    assert.deepEqual(turnedAway, ['maxConnectRate 10.0.39.16'])
    assert.ok(from(7), 'one that is known')
    await clock.pass(12)
    assert.ok(from(10_000))
    many.stop()
  })
})
