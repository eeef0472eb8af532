import assert from 'node:assert/strict'
import { momentOf, spanOf } from '../../gateway/history/moments.js'

const now = 1_700_000_000

describe('a moment of a question', () => {
  const right: [given: string | number, time: number][] = [
    ['2023-11-14T22:13:20Z', now],
    ['2023-11-14T23:13:20.5+01:00', now + 0.5],
    // What is left of it in an address.
    ['2023-11-14T23:13:20.5 01:00', now + 0.5],
    [1_600_000_000.25, 1_600_000_000.25],
    ['1600000000.25', 1_600_000_000.25],
    [-3600, now - 3600],
    ['-0.5', now - 0.5],
    [0, 0]
  ]
  for (const [given, time] of right) it(`${JSON.stringify(given)} is understood`, () => assert.equal(momentOf(given, now, 'from'), time))

  const wrong: [given: string | number, says: RegExp][] = [
    ['yesterday', /: from must be RFC 3339/],
    ['', /: from must be/],
    ['2023-11-14T22:13:20', /time zone/],
    ['1e9', /: from must be/],
    [1_700_000_000_000, /looks like milliseconds/],
    ['1700000000000', /looks like milliseconds/],
    [-1e12, /years 1 to 9999/]
  ]
  for (const [given, says] of wrong)
    it(`${JSON.stringify(given)} is refused`, () => assert.throws(() => momentOf(given, now, 'from'), says))
})

describe('the time of a question', () => {
  it('is the last hour and what came since, unless told', () => {
    const { from, to, isOpen } = spanOf({}, now, 'oldest')
    assert.deepEqual([from, to > 2e11, isOpen], [now - 3600, true, true])
  })

  it('of a plot ends now', () => assert.deepEqual(spanOf({ from: -60 }, now, 'plot'), { from: now - 60, to: now, isOpen: false }))

  it('of the newest has no beginning', () => assert.equal(spanOf({}, now, 'newest').from, 0))

  it('goes back an hour from its end', () =>
    assert.deepEqual(spanOf({ to: 10_000 }, now, 'oldest'), { from: 6400, to: 10_000, isOpen: false }))

  it('may be empty, but not backwards', () => {
    assert.deepEqual(spanOf({ from: 5, to: 5 }, now, 'oldest'), { from: 5, to: 5, isOpen: false })
    assert.throws(() => spanOf({ from: -1, to: -2 }, now, 'oldest'), /^GatewayError: from \(.*:19Z\) is after to \(.*:18Z\)$/)
  })
})
