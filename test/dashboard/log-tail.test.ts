import assert from 'node:assert/strict'
import { LogTail, fieldsText, fits, isGap } from '../../gateway/dashboard/models/log-tail.js'
import type { LogLevel, LogLine } from '../../gateway/dashboard/models/log-tail.js'

const line = (n: number, level: LogLevel = 'info', message = `line ${n}`, fields = {}, instance?: string): LogLine => ({
  n,
  time: '2026-01-01T00:00:00Z',
  level,
  message,
  fields,
  ...(instance === undefined ? {} : { instance })
})
const lines = (from: number, to: number): LogLine[] => Array.from({ length: to - from + 1 }, (_, i) => line(from + i))
const shown = (tail: LogTail): string[] => tail.rows.map((row) => (isGap(row) ? `${row.why} ${row.gap}` : String(row.n)))

describe('the tail of the log', () => {
  it('puts one answer after another, each line once', () => {
    const tail = new LogTail()
    assert.ok(tail.take({ lines: lines(5, 7), last: 7 }))
    assert.equal(tail.last, 7)
    assert.ok(tail.take({ lines: lines(7, 8), last: 8 }))
    assert.equal(tail.take({ lines: [], last: 8 }), false)
    assert.deepEqual(shown(tail), ['5', '6', '7', '8'])
    assert.equal(tail.missed, 0, 'what was before the first look is not missed')
  })

  it('tells how many lines were missed, and where', () => {
    const tail = new LogTail()
    tail.take({ lines: lines(1, 2), last: 2 })
    tail.take({ lines: lines(8, 9), last: 9 })
    assert.deepEqual(shown(tail), ['1', '2', 'missed 5', '8', '9'])
    assert.equal(tail.missed, 5)
  })

  it('begins anew when the gateway did', () => {
    const tail = new LogTail()
    tail.take({ lines: lines(1, 50), last: 50 })
    tail.take({ lines: [], last: 3 })
    assert.equal(tail.last, 0)
    tail.take({ lines: lines(1, 3), last: 3 })
    assert.deepEqual(shown(tail).slice(-5), ['50', 'restart 0', '1', '2', '3'])
    assert.equal(tail.missed, 0)
  })

  it('is bounded', () => {
    const tail = new LogTail(3)
    tail.take({ lines: lines(1, 5), last: 5 })
    tail.take({ lines: lines(6, 6), last: 6 })
    assert.deepEqual(shown(tail), ['4', '5', '6'])
    assert.equal(tail.dropped, 3)
  })

  it('shows what fits level, instance and every word', () => {
    const warn = line(1, 'warn', 'the instance failed', { reason: 'refused', attempt: 3, instance: 'oven' }, 'oven')
    const filter = { level: 'debug', text: '', instance: '' } as const
    assert.ok(fits(warn, filter))
    assert.ok(fits(warn, { level: 'warn', text: 'REFUSED  oven attempt=3', instance: 'oven' }))
    assert.ok(!fits(warn, { ...filter, level: 'error' }))
    assert.ok(!fits(warn, { ...filter, instance: 'pull' }))
    assert.ok(!fits(warn, { ...filter, text: 'refused pump' }))
    assert.ok(fits({ gap: 1, n: 2, why: 'missed' }, { ...filter, level: 'error' }), 'what is missing is always told')
    assert.equal(fieldsText(warn), 'reason=refused attempt=3')
  })
})
