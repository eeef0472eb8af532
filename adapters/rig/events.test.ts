import assert from 'node:assert/strict'
import { dumps } from '../common/python-text.js'
import { readPayload } from './codec.js'
import { classify, eventNames, numberOf, readStatus, statusNumberOf, statusToSend } from './events.js'
import type { StatusName } from './events.js'
import { rows } from './test-support/recorded.js'

describe('events of rig messages', () => {
  const events = rows('event')

  it('has the recorded rows', () => assert.ok(events.length >= 20))

  for (const { input, result, error, message } of events)
    it(`reads ${dumps(input)} as the original does`, () => {
      const read = classify(input)
      if (read.ok) assert.deepEqual([BigInt(read.number), read.name], result)
      else assert.deepEqual([read.error, read.message], [error, message])
    })

  it('takes everything that is false in Python for a report, and nothing else', () => {
    for (const falsy of [0n, 0, -0, null, false, '', [], new Map()]) assert.deepEqual(classify(falsy), { ok: true, number: 0, name: null })
    for (const other of [NaN, 0.5, -1n, ' ', '0', [0n], new Map([['a', 1n]]), 2n ** 64n, 2n ** 64n + 1n, 1.0])
      assert.equal(classify(other).ok, false, dumps(other))
  })

  it('knows every event by number and by name, in any case and between blanks of any kind', () => {
    for (const name of eventNames)
      for (const written of [name, name.toLowerCase(), `\u2003\x1c\x85${name}\xa0\n`, BigInt(numberOf[name])])
        assert.deepEqual(classify(written), { ok: true, number: numberOf[name], name })
    // str.strip() leaves a byte order mark, and upper() makes no letter of a digit.
    for (const written of [`\ufeffEXPINIT`, 'EXP INIT', 'toString', '__proto__', 'constructor']) assert.equal(classify(written).ok, false)
  })

  // At 20,000 blanks a pattern that ends in `+$` took 0.4 s, at ten times as many a hundred times as long.
  it('is through a long text at once, wherever its blanks stand', () => {
    const blanks = ' '.repeat(200_000)
    for (const text of [
      `x${blanks}x`,
      `${blanks}x`,
      `x${blanks}`,
      `${blanks}x${blanks}x${blanks}`,
      '\u2003'.repeat(200_000),
      'x'.repeat(200_000)
    ]) {
      assert.equal(classify(text).ok, false)
      assert.equal(readStatus(text), undefined)
      const named = readPayload(Buffer.from(dumps([text, 1n])))
      assert.ok(named.kind === 'odd' && named.reason.length <= 300)
      const report = readPayload(Buffer.from(dumps([0n, text, text])))
      assert.ok(report.kind === 'report' && report.event === undefined)
    }
    assert.deepEqual(classify(`${blanks}expinit${blanks}`), { ok: true, number: 1, name: 'EXPINIT' })
    assert.equal(readStatus(`${blanks}running${blanks}`), 'RUNNING')
  })

  it('quotes an unknown name as it came', () => {
    assert.deepEqual(classify(' expstop'), { ok: false, error: 'ValueError', message: 'Unrecognized event " expstop".' })
  })
})

describe('states of rig messages', () => {
  const recorded = rows('status-to-send')

  it('has the recorded rows', () => assert.ok(recorded.length >= 11))

  for (const { input, result, error, message } of recorded)
    it(`sends ${dumps(input)} as the original does`, () => {
      const sent = statusToSend(input)
      if (sent.ok) assert.deepEqual([BigInt(sent.number), sent.name], result)
      else assert.deepEqual([sent.error, sent.message], [error, message])
    })

  it('takes bools for the ints that they are in Python, and neither floats nor lists', () => {
    assert.deepEqual(statusToSend(false), { ok: true, number: 0, name: 'CONNECTED' })
    assert.deepEqual(statusToSend(true), { ok: false, error: 'ValueError', message: 'True is not a valid ExpStatus' })
    assert.deepEqual(statusToSend(20), { ok: false, error: 'KeyError', message: '20.0' })
    for (const other of [null, [20n], new Map(), 'toString']) assert.equal(statusToSend(other).ok, false)
  })

  it('reads numbers and names, however written, and nothing else', () => {
    for (const name of Object.keys(statusNumberOf) as StatusName[])
      for (const told of [name, name.toLowerCase(), ` ${name}\n`, BigInt(statusNumberOf[name]), statusNumberOf[name]])
        assert.equal(readStatus(told), name)
    for (const told of [null, true, false, '', '20', 5n, -10n, 10.5, NaN, [20n], new Map([['status', 20n]]), 2n ** 70n])
      assert.equal(readStatus(told), undefined)
  })
})
