import assert from 'node:assert/strict'
import { maxUpdated, mergePush } from './updated.js'

describe('the merged pushes', () => {
  it('hold the last value of each key, in its first place', () => {
    const { values, forgotten } = mergePush(
      new Map([
        ['a', 1n],
        ['b', 2n]
      ]),
      new Map([['a', 3n]])
    )
    assert.deepEqual(
      [[...values], forgotten],
      [
        [
          ['a', 3n],
          ['b', 2n]
        ],
        0
      ]
    )
  })

  it('forget the oldest keys beyond their bound, and say how many', () => {
    const big = 'x'.repeat(maxUpdated / 4)
    const before = new Map(['a', 'b', 'c'].map((key) => [key, big]))
    const { values, forgotten } = mergePush(before, new Map([['d', big]]))
    assert.deepEqual([[...values.keys()], forgotten], [['b', 'c', 'd'], 1])
  })
})
