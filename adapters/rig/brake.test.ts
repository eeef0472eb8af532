import assert from 'node:assert/strict'
import { Brake } from './brake.js'

describe('the brake of a rig peer', () => {
  const storm = Buffer.from('[32, 20]')
  const talk = Buffer.from('[64, 0, null]')

  it('forgives what was wanted, and nothing else', () => {
    const brake = new Brake(true)
    for (let n = 0; n < 9; n += 1) assert.equal(brake.stops(storm, 0, 1), false)
    // Talk about something else goes on, and says nothing of the storm.
    for (let n = 0; n < 100; n += 1) {
      assert.equal(brake.stops(talk, 0, 1), false)
      brake.forgive(talk)
    }
    assert.equal(brake.stops(storm, 0, 1), true)
    brake.forgive(storm)
    assert.equal(brake.stops(storm, 0, 1), false)
    assert.equal(brake.stops(storm, 0, 1), true)
  })
})
