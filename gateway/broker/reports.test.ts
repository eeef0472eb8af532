import assert from 'node:assert/strict'
import type { Client } from 'aedes'
import { TestLog } from '../../test/support/start.js'
import { Throttle } from '../log.js'
import { Cut } from './guard.js'
import { Reports } from './reports.js'

describe('what the broker tells of clients that were cut', () => {
  const client = (): Client => ({ conn: { address: '10.0.0.9', shed: 0 } }) as unknown as Client

  it('is one line for each rule and address, whatever figures the client puts into it; each is counted', () => {
    const log = new TestLog()
    const reports = new Reports(log, () => 0)
    for (let i = 0; i < 3000; i += 1) {
      reports.cut(client(), new Cut('maxPacket', `a packet of ${100_000 + i} bytes`), {}, 'cut')
      reports.cut(client(), new Cut('maxOutput', `${i} bytes wait`), {}, 'cut')
      reports.cut(client(), new Error(`parser: ${i}`), {}, 'cut')
    }
    assert.equal(log.lines.length, 3)
    assert.deepEqual([reports.hits.all.get('maxPacket'), reports.hits.all.get('maxOutput')], [3000n, 3000n])
  })

  it('is not more because somebody makes up keys, and nothing is left out in silence', () => {
    let now = 0
    const throttle = new Throttle(10, () => now)
    assert.equal(throttle.pass('decent'), 0)
    let lines = 0
    for (let i = 0; i < 900; i += 1) if (throttle.pass(`made up ${i}`) !== undefined) lines += 1
    assert.equal(lines, 49)
    assert.equal(throttle.pass('decent'), undefined)
    now = 10
    assert.equal(throttle.pass('decent'), 1)
    // All others of these keys are forgotten before the one that is in use.
    for (let i = 0; i < 999; i += 1) throttle.pass(`another ${i}`)
    assert.equal(throttle.pass('decent'), undefined)
    assert.equal(throttle.pass('made up 899'), undefined)
    now = 20
    assert.equal(throttle.pass('made up 899'), 1)
  })
})
