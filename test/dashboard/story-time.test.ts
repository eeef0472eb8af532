import assert from 'node:assert/strict'
import { axisLength, marks, ticks } from '../../gateway/dashboard/models/story-time.js'

describe('the time axis of a story', () => {
  it('reaches to the last moment, and is never of no length', () => {
    assert.equal(axisLength([0, 0.2, 0.1]), 0.2)
    assert.equal(axisLength([0]), 0.001)
    assert.equal(axisLength([]), 0.001)
  })

  it('has a mark for each moment, and one for those that cannot be told apart', () => {
    assert.deepEqual(marks([0, 0.001, 1, 0.5, 0.502]), [
      { position: 0, of: [0, 1] },
      { position: 0.5, of: [3, 4] },
      { position: 1, of: [2] }
    ])
    assert.deepEqual(marks([-1, 2], 2), [
      { position: 0, of: [0] },
      { position: 1, of: [1] }
    ])
    assert.deepEqual(marks([]), [])
  })

  it('has three to six round ticks at any length', () => {
    for (let length = 0.001; length < 4000; length *= 1.37) {
      const found = ticks(length)
      assert.ok(found.length >= 3 && found.length <= 6, `${length}: ${found.join(' ')}`)
      assert.ok(found[0] === 0 && (found.at(-1) as number) <= length * 1.000001)
    }
    assert.deepEqual(ticks(0.02), [0, 0.005, 0.01, 0.015, 0.02])
  })
})
