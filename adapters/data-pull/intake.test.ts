import assert from 'node:assert/strict'
import type { Reading } from '../../gateway/adapter.js'
import { GatewayError } from '../../gateway/errors.js'
import { FakeHost } from '../../test/support/fake-host.js'
import { Intake } from './intake.js'
import type { DataPullClientConfig } from './types.js'

/** A host whose queue to the broker is full now and then. */
class FullHost extends FakeHost {
  isFull = false
  readonly counted: string[] = []

  override async publish(...readings: readonly Reading[]): Promise<void> {
    if (this.isFull) throw new GatewayError('RateLimited', 'the queue to the broker is full', { rule: 'maxQueue' })
    await super.publish(...readings)
  }

  override count(counter = ''): void {
    this.counted.push(counter)
  }
}

describe('the intake of a data-pull-client', () => {
  it('tells what the queue to the broker had no room for in the next round', async () => {
    const site = { devices: new Map([['d', { codenames: new Map([['a', {}]]) }]]) }
    const host = new FullHost(site)
    const config = { device: 'd', kind: 'date' } as DataPullClientConfig
    const intake = new Intake(config, host)
    intake.start()
    const said = new Map([['a', { kind: 'point', x: host.clock.now(), y: 47 }]] as const)
    host.isFull = true
    await intake.all(said, Buffer.from(''))
    assert.deepEqual([host.published.length, host.counted, intake.troubles()], [0, ['dropped'], []])
    host.isFull = false
    await intake.all(said, Buffer.from(''))
    await intake.all(said, Buffer.from(''))
    assert.deepEqual(
      host.published.map(({ value }) => value),
      [47]
    )
    assert.deepEqual(host.counted, ['dropped'])
  })
})
