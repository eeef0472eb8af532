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
})
