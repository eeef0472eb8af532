import assert from 'node:assert/strict'
import { Shares } from './shares.js'

describe('shares', () => {
  it('are half for one, and all for two; a place given back twice is one', () => {
    const shares = new Shares(4)
    const [first, second] = [shares.take('anna'), shares.take('anna')]
    assert.ok(first && second)
    assert.equal(shares.take('anna'), undefined)
    assert.ok(shares.take('ben') && shares.take('ben'))
    assert.equal(shares.take('cleo'), undefined)
    first()
    first()
    assert.ok(shares.take('cleo'))
    assert.equal(shares.take('dora'), undefined)
    second()
    assert.ok(shares.take('anna'))
    assert.equal(shares.take('anna'), undefined)
  })
})
