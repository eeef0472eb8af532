import assert from 'node:assert/strict'
import type { Endpoint } from '../../gateway/adapter.js'
import type { ExactMap } from './exact-json.js'
import { MachineStatus, statusAnswer } from './machine-status.js'
import { dumps } from './python-text.js'

const endpoint = (port: number, more: Partial<Endpoint> = {}): Endpoint => ({
  protocol: 'udp',
  host: '127.0.0.1',
  port,
  name: `socket ${port}`,
  type: 'date',
  lastActivity: 1000,
  ...more
})

const lengthOf = (status: ExactMap): number => dumps(status).length

function sockets(
  endpoints: Endpoint[],
  asked: Endpoint,
  now = 1000,
  machine: ExactMap = new Map()
): { ports: string[]; members: Map<string, ExactMap>; left: number } {
  const { status, left } = statusAnswer(machine, endpoints, asked, now, lengthOf)
  assert.deepEqual([...status.keys()], ['system_status', 'socket_server_status'])
  const members = status.get('socket_server_status') as Map<string, ExactMap>
  return { ports: [...members.keys()], members, left }
}

describe('machine status', () => {
  it('holds what the original tells of a computer', async () => {
    const machine = new MachineStatus()
    assert.equal(machine.known.size, 0)
    await machine.look(0)
    const { known } = machine
    for (const name of ['machine_name', 'mac_address', 'python_version']) assert.equal(typeof known.get(name), 'string', name)
    for (const name of ['last_apt_cache_change_unixtime']) assert.equal(typeof known.get(name), 'number', name)
    assert.deepEqual([...(known.get('load_average') as ExactMap).keys()], ['1m', '5m', '15m'])
    assert.ok(((known.get('filesystem_usage') as ExactMap).get('total_bytes') as bigint) > 0n)
    assert.ok(((known.get('uptime') as ExactMap).get('uptime_sec') as number) > 0)
  })

  it('looks again after five seconds only, and once for all who ask at one time', async () => {
    const machine = new MachineStatus()
    await Promise.all([machine.look(10), machine.look(10)])
    const first = machine.known
    await machine.look(14.9)
    assert.equal(machine.known, first)
    await machine.look(15)
    assert.notEqual(machine.known, first)
  })
})

describe('status answer', () => {
  it('lists the UDP sockets of the asked address by port, the asked one also when it is not among them', () => {
    const asked = endpoint(9001)
    const all = [
      endpoint(9002),
      endpoint(9000),
      endpoint(9003, { host: '127.0.0.2' }),
      endpoint(9004, { protocol: 'tcp' }),
      endpoint(9005, { type: 'live' }),
      endpoint(500)
    ]
    assert.deepEqual(sockets(all, asked).ports, ['500', '9000', '9001', '9002'])
    assert.deepEqual(sockets([...all, asked], asked).ports, ['500', '9000', '9001', '9002'])
  })

  it('calls a socket inactive when the time-out is reached, and disabled when nobody checks', () => {
    const status = (now: number, more: Partial<Endpoint>): [unknown, unknown] => {
      const member = sockets([], endpoint(1, more), now).members.get('1')
      return [member?.get('status'), member?.get('since_last_activity')]
    }
    assert.deepEqual(status(1009.5, { activityTimeout: 10 }), ['OK', 9.5])
    assert.deepEqual(status(1010, { activityTimeout: 10 }), ['INACTIVE', 10])
    assert.deepEqual(status(9999, {}), ['DISABLED', null])
  })

  it('leaves out the highest ports when all are too much, never the asked one', () => {
    const all = Array.from({ length: 60 }, (_, i) => endpoint(9000 + i))
    const asked = all[59] as Endpoint
    const { status, left } = statusAnswer(new Map(), all, asked, 1000, lengthOf)
    const ports = [...(status.get('socket_server_status') as ExactMap).keys()]
    assert.ok(lengthOf(status) <= 4000 && left > 0)
    assert.deepEqual([ports.length + left, ports.at(0), ports.at(-1)], [60, '9000', '9059'])
    assert.ok(sockets(all.slice(0, 20), all[0] as Endpoint).left === 0)
  })
})
