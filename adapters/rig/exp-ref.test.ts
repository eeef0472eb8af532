import assert from 'node:assert/strict'
import fc from 'fast-check'
import { dumps } from '../common/python-text.js'
import { isRef, isSameRef, refToSend } from './exp-ref.js'
import { exact, rows } from './test-support/recorded.js'
import type { Exact } from '../common/exact-json.js'

/** A date of Python, which JSON has no word for, stands in the table as it is printed. */
function datesAsText(value: Exact): Exact {
  if (value instanceof Map) return new Map(Array.from(value, ([name, item]) => [name, datesAsText(item)]))
  const [, year, month, day] = (typeof value === 'string' && /^date\((\d+), (\d+), (\d+)\)$/.exec(value)) || []
  return year === undefined ? value : [year, month?.padStart(2, '0'), day?.padStart(2, '0')].join('-')
}

describe('experiment references', () => {
  const toSend = rows('ref-to-send')
  const checked = rows('exp-ref-check-ONE')

  it('has the recorded rows', () => assert.deepEqual([toSend.length >= 8, checked.length >= 13], [true, true]))

  for (const { input, result, error, message } of toSend)
    it(`sends ${dumps(input)} as the original does`, () => {
      const sent = refToSend(datesAsText(input))
      if (sent.ok) assert.deepEqual(sent.value, result)
      else assert.deepEqual([sent.error, sent.message], [error, message])
    })

  for (const { input, result } of checked)
    it(`${result === true ? 'takes' : 'refuses'} ${dumps(input)}`, () => assert.equal(isRef(input), result))

  it('sends nothing for an empty object or text, and any other value as it is', () => {
    for (const nothing of ['', new Map(), null]) assert.deepEqual(refToSend(nothing), { ok: true, value: null })
    for (const value of [[], [null], 0n, false, 1.5, ' ']) assert.deepEqual(refToSend(value), { ok: true, value })
  })

  it('reads the number of an object as int() does', () => {
    const sequence = (value: unknown): unknown => {
      const sent = refToSend(exact({ date: '2020-01-01', sequence: value, subject: 'a' }))
      return sent.ok ? sent.value : sent.error
    }
    assert.deepEqual(
      [1.9, -0.5, true, ' 1_0 ', 2 ** 60, null, [1], {}, 'x', '1.0', NaN, Infinity].map(sequence),
      ['1', '0', '1', '10', '1152921504606846976']
        .map((n) => `2020-01-01_${n}_a`)
        .concat('TypeError', 'TypeError', 'TypeError', ...Array<string>(4).fill('ValueError'))
    )
  })

  it('names the first key that is not there', () => {
    assert.deepEqual(refToSend(exact({ subject: 'a', extra: 1 })), { ok: false, error: 'KeyError', message: "'date'" })
    assert.deepEqual(refToSend(exact({ subject: 'a', date: 'd' })), { ok: false, error: 'KeyError', message: "'sequence'" })
  })

  it('checks an object as the text that it becomes', () => {
    assert.equal(isRef(exact({ date: '2023-03-14', sequence: '001', subject: 'a', extra: null })), true)
    assert.equal(isRef(exact({ date: '14.3.2023', sequence: 1, subject: 'a' })), false)
    assert.equal(isRef(exact({ date: '2023-03-14', sequence: 1234, subject: 'a' })), false)
    for (const other of [[], ['2023-03-14_1_a'], 7n, 1.5, true, '']) assert.equal(isRef(other), false)
  })

  it('knows one session by its date, number and subject', () => {
    const same = ['2023-03-14_1_a_b', '2023-03-14_01_a_b', '2023-03-14_001_a_b']
    for (const a of same) for (const b of same) assert.ok(isSameRef(a, b))
    for (const other of ['2023-03-14_1_a', '2023-03-14_1_A_b', '2023-03-14_10_a_b', '2023-03-15_1_a_b', '2023-03-14_1_a_b ', '', 'a_b'])
      assert.ok(!isSameRef(same[0] as string, other), other)
    assert.ok(isSameRef('whatever', 'whatever'))
    assert.ok(!isSameRef('x_1_a', 'x_01_a'))
  })

  it('never throws', () => {
    fc.assert(
      fc.property(fc.jsonValue(), fc.string(), fc.string(), (value, a, b) => {
        refToSend(exact(value))
        isRef(exact(value))
        assert.equal(isSameRef(a, b), isSameRef(b, a))
      })
    )
  })
})
