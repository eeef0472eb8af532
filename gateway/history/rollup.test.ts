import assert from 'node:assert/strict'
import fc from 'fast-check'
import { assertAlike, bucketOf } from '../../test/support/buckets.js'
import type { Exact, Quality } from '../adapter.js'
import { Sum, addSums, decodeSums, encodeSums, sumAt } from './rollup.js'
import type { Sums } from './rollup.js'

interface Taken {
  readonly index: number
  readonly quality: Quality
  readonly value: Exact
}

const taken: fc.Arbitrary<Taken> = fc.record({
  index: fc.nat(70),
  quality: fc.constantFrom<Quality>('good', 'good', 'good', 'uncertain', 'stale', 'bad'),
  value: fc.oneof<fc.Arbitrary<Exact>[]>(
    fc.double({ min: -1e6, max: 1e6, noNaN: true }),
    fc.integer({ min: -9, max: 9 }),
    fc.bigInt({ min: -(2n ** 40n), max: 2n ** 40n }),
    fc.boolean(),
    fc.constantFrom<Exact>('text', null)
  )
})

describe('roll-ups', () => {
  it('are what the readings give at once, however they come together', () => {
    fc.assert(
      fc.property(fc.array(fc.array(taken, { maxLength: 30 }), { maxLength: 6 }), fc.constantFrom(1, 30, 360), (parts, ratio) => {
        let row: Buffer | undefined
        for (const part of parts) {
          const sums: Sums = new Map()
          for (const { index, quality, value } of part) sumAt(sums, index).take(quality, value)
          const all: Sums = new Map()
          if (row !== undefined) decodeSums(row, all)
          addSums(all, sums, ratio)
          row = encodeSums(all)
        }
        const stored: Sums = new Map()
        decodeSums(row ?? Buffer.alloc(0), stored)
        const groups = new Map<number, Taken[]>()
        for (const each of parts.flat()) {
          const index = Math.floor(each.index / ratio)
          groups.set(index, [...(groups.get(index) ?? []), each])
        }
        assertAlike(
          [...stored].map(([index, sum]) => sum.bucket(index)),
          [...groups].sort(([a], [b]) => a - b).map(([index, all]) => bucketOf(index, all))
        )
      }),
      { numRuns: 300 }
    )
  })

  it('have a mean that is not outside of what it is the mean of', () => {
    const sum = new Sum()
    for (let i = 0; i < 1000; i++) sum.take('good', 0.1)
    assert.deepEqual(sum.bucket(5), { time: 5, count: 1000, min: 0.1, max: 0.1, mean: 0.1, isGap: false })
    const huge = new Sum()
    for (const value of [1.7e308, -1.7e308, 1.7e308]) huge.take('good', value)
    assert.ok(Number.isFinite(huge.bucket(0).mean))
  })
})
