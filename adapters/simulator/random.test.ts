import assert from 'node:assert/strict'
import fc from 'fast-check'
import { createRandom, seedFor } from './random.js'

const seed = fc.integer({ min: 0, max: 2 ** 32 - 1 })

describe('random numbers of the simulator', () => {
  it('are the same for the same seed', () => {
    const draw = (from: number): number[] => {
      const random = createRandom(from)
      return [random.uniform(), random.normal(), random.uniform()]
    }
    fc.assert(fc.property(seed, (from) => assert.deepEqual(draw(from), draw(from))))
  })

  it('lie from 0 to 1, and the normal ones are finite', () => {
    fc.assert(
      fc.property(seed, (from) => {
        const random = createRandom(from)
        for (let i = 0; i < 100; i += 1) {
          const uniform = random.uniform()
          assert.ok(uniform >= 0 && uniform < 1)
          assert.ok(Number.isFinite(random.normal()))
        }
      })
    )
  })

  it('have the mean and the deviation of a normal distribution', () => {
    const random = createRandom(1)
    const draws = Array.from({ length: 100_000 }, () => random.normal())
    const mean = draws.reduce((sum, draw) => sum + draw, 0) / draws.length
    const variance = draws.reduce((sum, draw) => sum + (draw - mean) ** 2, 0) / draws.length
    assert.ok(Math.abs(mean) < 0.02 && Math.abs(variance - 1) < 0.02, `${mean} ${variance}`)
  })

  it('start elsewhere for another device', () => {
    assert.notEqual(seedFor('one', 1), seedFor('two', 1))
  })
})
