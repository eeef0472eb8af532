import assert from 'node:assert/strict'
import { inTime } from '../../gateway/patience.js'
import { FakeClock } from '../support/fake-clock.js'

describe('the patience of who asks', () => {
  it('is told in milliseconds at the most', async () => {
    const clock = new FakeClock()
    const asked = inTime(new Promise(() => {}), { clock, left: 1, within: 8.499946901000044, signal: undefined })
    const failed = assert.rejects(asked, /^GatewayError: no answer within 8\.5 s; it may have been carried out$/)
    await clock.pass(1)
    await failed
  })
})
