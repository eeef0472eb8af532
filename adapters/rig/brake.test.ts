import assert from 'node:assert/strict'
import { Brake } from './brake.js'

describe('the brake of a rig peer', () => {
  const storm = Buffer.from('[32, 20]')
  const talk = Buffer.from('[64, 0, null]')

  it('lets a confirmation forgive only what came since the one before', () => {
    const brake = new Brake(true)
    for (let n = 0; n < 9; n += 1) assert.equal(brake.stops(storm, 0, 1), false)
    brake.forgive()
    // Talk about something else goes on, and says nothing of the storm.
    for (let n = 0; n < 5; n += 1) {
      assert.equal(brake.stops(talk, 0, 1), false)
      brake.forgive()
    }
    assert.equal(brake.stops(storm, 0, 1), false)
    assert.equal(brake.stops(storm, 0, 1), true)
  })

  it('never stops who asks the same again and again, and is answered', () => {
    const brake = new Brake(true)
    for (let n = 0; n < 100; n += 1) {
      assert.equal(brake.stops(talk, 0, 1), false)
      brake.forgive()
    }
  })
})
