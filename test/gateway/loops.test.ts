import assert from 'node:assert/strict'
import type { Dial, Plan } from '../../gateway/adapter.js'
import { checkLoops } from '../../gateway/config/loops.js'

const at = (host: string, port = 9000): Dial => ({ protocol: 'udp', host, port })
const said = (...plans: Plan[]): string[] =>
  checkLoops(plans.map((plan, i) => ({ id: `i${i}`, path: ['adapters', i], plan }))).map(
    ({ path, rule, warning, message }) => `${path.join()} ${rule} ${warning === true ? 'warning' : 'error'} ${message}`
  )
const forwards = [{ device: 'oven', codename: 'temperature' }]

describe('the check of loops', () => {
  it('warns of a reading that is pushed back to the host that it comes from', () => {
    const source: Plan = { feeds: [{ device: 'oven' }], dials: [at('Rasppi71')] }
    const [warning, ...more] = said(source, { forwards, dials: [at('rasppi71', 8500)] })
    assert.match(warning ?? '', /^adapters,1 loop warning oven\/temperature comes from rasppi71 \(i0\) and is pushed back to it/)
    assert.deepEqual(more, [])
    assert.deepEqual(said(source, { forwards, dials: [at('rasppi72', 8500)] }), [])
    const other: Plan = { feeds: [{ device: 'oven', codename: 'power' }], dials: [at('rasppi71')] }
    assert.deepEqual(said(other, { forwards, dials: [at('rasppi71', 8500)] }), [])
  })

  it('cannot tell the programs of this computer apart by its address, only by their ports', () => {
    const source: Plan = { feeds: [{ device: 'oven' }], dials: [at('127.0.0.1')] }
    assert.deepEqual(said(source, { forwards, dials: [at('127.0.0.1', 8500)] }), [])
    const steers: Plan = { executes: [{ device: 'oven', codename: 'setpoint' }], dials: [at('localhost', 8500)] }
    assert.match(said(steers, { forwards, dials: [at('127.0.0.1', 8500)] })[0] ?? '', /^adapters,1 loop error .* i0 steers oven/)
  })

  it('warns of a reading that our own listener asks of the device again', () => {
    const listens = [{ protocol: 'udp' as const, host: '127.0.0.1', port: 8500, path: ['port'] }]
    const dials = [at('localhost', 8500)]
    for (const right of [{ device: 'oven' }, ...forwards]) {
      const [warning, ...more] = said({ listens, asks: [right] }, { forwards, dials })
      assert.match(warning ?? '', /^adapters,1 loop warning oven\/temperature may go round for ever: it is forwarded to i0, which/)
      assert.deepEqual(more, [])
    }
    assert.deepEqual(said({ listens, asks: [{ device: 'oven', codename: 'power' }] }, { forwards, dials }), [])
    // Over another device.
    const room: Plan = { forwards: [{ device: 'room', codename: 'light' }], dials }
    const hall = [{ protocol: 'udp' as const, host: '127.0.0.1', port: 8501, path: ['port'] }]
    const plans = [
      { listens, asks: forwards },
      { listens: hall, asks: room.forwards ?? [] },
      { forwards, dials: [at('localhost', 8501)] },
      room
    ]
    assert.equal(said(...plans).length, 2)
  })
})
