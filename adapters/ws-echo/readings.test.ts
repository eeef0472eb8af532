import assert from 'node:assert/strict'
import { settle } from '../../test/support/fake-clock.js'
import { FakeHost } from '../../test/support/fake-host.js'
import { GatewayError } from '../../gateway/errors.js'
import type { Reading } from '../../gateway/adapter.js'
import { Readings } from './readings.js'

const a = { name: '1', address: '127.0.0.1' }
const b = { name: '2', address: '127.0.0.1' }

class Counting extends FakeHost {
  dropped = 0
  readonly letters: string[] = []
  refusal: Error | undefined

  override count(counter?: string): void {
    if (counter === 'dropped') this.dropped += 1
  }

  override dead(_ref?: unknown, detail = ''): void {
    this.letters.push(detail)
  }

  override async publish(...readings: readonly Reading[]): Promise<void> {
    if (this.refusal !== undefined) throw this.refusal
    await super.publish(...readings)
  }
}

describe('the readings of clients', () => {
  let host = new Counting({ devices: new Map() })
  beforeEach(() => (host = new Counting({ devices: new Map() })))
  const make = (maxRate: number): Readings => new Readings({ host, device: 'd', maxRate, readOnly: false })

  it('are so many of one client, and others have their own', async () => {
    const readings = make(10)
    for (let i = 0; i < 25; i += 1) readings.message(a, 1n, '1', true)
    readings.message(b, 1n, '1', true)
    assert.deepEqual([host.published.length, host.dropped], [21, 5])
    await host.clock.pass(1)
    for (let i = 0; i < 25; i += 1) readings.message(a, 1n, '1', true)
    assert.equal(host.published.length, 31)
  })

  it('are so many bytes of all together', async () => {
    const readings = make(1000)
    const long = 'x'.repeat(2 ** 22)
    for (let i = 0; i < 10; i += 1) readings.message(i % 2 === 0 ? a : b, long, long, true)
    assert.deepEqual([host.published.length, host.dropped], [8, 2])
    await host.clock.pass(0.5)
    for (let i = 0; i < 10; i += 1) readings.message(a, long, long, true)
    assert.equal(host.published.length, 10)
  })

  it('are dead letters when they are refused, but no storm of them', async () => {
    host.refusal = new GatewayError('RateLimited', 'full')
    const readings = make(1000)
    for (let i = 0; i < 100; i += 1) readings.message(a, 1n, 'y'.repeat(5000), true)
    readings.presence(a, 'leave', 0)
    await settle()
    assert.equal(host.dropped, 101)
    assert.deepEqual([host.letters.length, host.letters[0]?.length], [20, 1000])
  })
})
