import assert from 'node:assert/strict'
import { CounterRate, Rate } from '../../gateway/dashboard/models/rate.js'

describe('a rate', () => {
  it('of what comes evenly is how often it comes, early on too', () => {
    const rate = new Rate()
    for (let i = 0; i <= 40; i += 1) rate.add(i / 10)
    const early = rate.at(4) ?? 0
    assert.ok(early > 9.5 && early < 11, String(early))
    for (let i = 41; i <= 600; i += 1) rate.add(i / 10)
    const late = rate.at(60) ?? 0
    assert.ok(Math.abs(late - 10) < 0.6, String(late))
  })

  it('is not known from one', () => {
    const rate = new Rate()
    assert.equal(rate.at(0), undefined)
    rate.add(5)
    assert.equal(rate.at(60), undefined)
  })

  it('is not known from a moment', () => {
    const rate = new Rate()
    for (let i = 0; i < 100; i += 1) rate.add(i / 100)
    assert.equal(rate.at(1), undefined)
    assert.ok((rate.at(3) ?? 0) > 20)
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
