import assert from 'node:assert/strict'
import { CounterRate, Rate } from '../../gateway/dashboard/models/rate.js'

describe('a rate', () => {
  it('of what comes evenly is how often it comes, early on too', () => {
    const rate = new Rate()
    for (let i = 0; i <= 20; i += 1) rate.add(i / 10)
    const early = rate.at(2) ?? 0
    assert.ok(early > 9 && early < 12, String(early))
    for (let i = 21; i <= 600; i += 1) rate.add(i / 10)
    const late = rate.at(60) ?? 0
    assert.ok(Math.abs(late - 10) < 0.6, String(late))
  })

  it('is not known from one', () => {
    const rate = new Rate()
    assert.equal(rate.at(0), undefined)
    rate.add(5)
    assert.equal(rate.at(6), undefined)
  })

  it('of a counter is its growth, unknown before the second look and after a restart', () => {
    const rate = new CounterRate()
    assert.equal(rate.look(10, 100), undefined)
    assert.equal(rate.look(12, 130), 15)
    assert.equal(rate.look(12, 130), 15, 'the same look again')
    assert.equal(rate.look(14, 2), undefined)
    assert.equal(rate.look(15, 2), 0)
  })
})
