import assert from 'node:assert/strict'
import fc from 'fast-check'
import { formatTime, isWritable, parseTime } from '../../gateway/time.js'

describe('times', () => {
  it('are written in UTC with up to six decimals and no zeros at the end', () => {
    assert.equal(formatTime(0), '1970-01-01T00:00:00Z')
    assert.equal(formatTime(1414150015.697648), '2014-10-24T11:26:55.697648Z')
    assert.equal(formatTime(1.5), '1970-01-01T00:00:01.5Z')
    assert.equal(formatTime(-0.25), '1969-12-31T23:59:59.75Z')
    assert.equal(formatTime(0.9999999), '1970-01-01T00:00:01Z')
  })

  it('of today come back to the microsecond', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 4_000_000_000 }), fc.integer({ min: 0, max: 999_999 }), (seconds, micro) => {
        const time = seconds + micro / 1e6
        const text = formatTime(time)
        assert.match(text, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{0,5}[1-9])?Z$/)
        assert.equal(Math.round(((parseTime(text) as number) - seconds) * 1e6), micro)
        assert.equal(formatTime(parseTime(text) as number), text)
      })
    )
  })

  it('are read with offsets and any number of decimals', () => {
    assert.equal(parseTime('2014-10-24T13:26:55.500000000001+02:00'), 1414150015.5)
    assert.equal(parseTime('2014-10-24t11:26:55z'), 1414150015)
    assert.equal(parseTime('2014-10-24 11:26:55-00:30'), 1414151815)
  })

  it('that no calendar knows are no times', () => {
    for (const text of [
      '2026-02-30T00:00:00Z',
      '2026-13-01T00:00:00Z',
      '2026-01-01T24:00:00Z',
      '2026-01-01T00:60:00Z',
      '2026-01-01T00:00:60Z'
    ])
      assert.equal(parseTime(text), undefined, text)
    for (const text of [
      '',
      'now',
      '2026-01-01',
      '2026-01-01T00:00:00',
      '2026-01-01T00:00Z',
      '1700000000',
      '2026-01-01T00:00:00+0200',
      '2026-01-01T00:00:00+99:00'
    ])
      assert.equal(parseTime(text), undefined, text)
  })

  it('beyond the years 1 to 9999 cannot be written', () => {
    for (const time of [NaN, Infinity, -Infinity, 1.7e12, -1e300]) assert.equal(isWritable(time), false, String(time))
    assert.equal(formatTime(253_402_300_799), '9999-12-31T23:59:59Z')
    assert.ok(isWritable(253_402_300_799) && isWritable(-62_135_596_800))
  })
})
