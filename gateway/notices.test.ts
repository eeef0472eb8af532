import assert from 'node:assert/strict'
import { createLog } from './log.js'
import { FakeClock } from '../test/support/fake-clock.js'
import { TestLog } from '../test/support/start.js'
import { Notices } from './notices.js'

describe('the last lines of the log', () => {
  it('are what the log was told, with the instance, and what JSON makes of the rest', () => {
    const log = new TestLog()
    const notices = new Notices({ clock: new FakeClock(1_700_000_000), log })
    notices.log.child({ instance: 'oven' }).warn({ err: new TypeError('broken'), big: 2n ** 70n, of: new Map([['a', NaN]]) }, 'it failed')
    notices.log.info({}, 'fine')
    assert.deepEqual(notices.lines(), [
      {
        n: 1,
        time: 1_700_000_000,
        level: 'warn',
        message: 'it failed',
        instance: 'oven',
        fields: { err: { type: 'TypeError', message: 'broken' }, big: '1180591620717411303424', of: { a: 'NaN' } }
      },
      { n: 2, time: 1_700_000_000, level: 'info', message: 'fine', fields: {} }
    ])
    assert.deepEqual(
      log.lines.map(({ level, message, fields }) => [level, message, fields['instance']]),
      [
        ['warn', 'it failed', 'oven'],
        ['info', 'fine', undefined]
      ]
    )
    assert.deepEqual(
      notices.lines(1).map(({ n }) => n),
      [2]
    )
    assert.deepEqual(
      notices.lines(0, 'warn').map(({ n }) => n),
      [1]
    )
  })

  it('do not tell where on the computer its data are, though the log does', () => {
    const log = new TestLog()
    const notices = new Notices({ clock: new FakeClock(), log, hidden: ['/srv/lab'] })
    notices.log.warn(
      { folder: '/srv/lab/runs/a', of: ['/srv/lab', 'lab/a'], err: new Error("ENOENT: no file '/srv/lab/store'") },
      'in /srv/lab/x'
    )
    const [line] = notices.lines()
    assert.deepEqual(
      [line?.message, line?.fields],
      ['in …/x', { folder: '…/runs/a', of: ['…', 'lab/a'], err: { type: 'Error', message: "ENOENT: no file '…/store'" } }]
    )
    assert.equal(log.lines[0]?.fields['folder'], '/srv/lab/runs/a')
  })

  it('hold none that the log itself leaves out', () => {
    const written: string[] = []
    for (const level of ['info', 'silent'] as const) {
      const log = createLog({ level, stream: { write: (text: string) => void written.push(text) } })
      const notices = new Notices({ clock: new FakeClock(), log })
      notices.log.child({ instance: 'a' }).debug({}, 'quiet')
      notices.log.child({ instance: 'a' }).info({}, 'loud')
      assert.deepEqual(
        notices.lines().map(({ message }) => message),
        level === 'info' ? ['loud'] : []
      )
    }
    assert.equal(written.length, 1)
  })

  it('are at most 1000, whatever they carry, and nothing fails by being logged', () => {
    const notices = new Notices({ clock: new FakeClock(), log: new TestLog() })
    const circle: Record<string, unknown> = {}
    circle['self'] = circle
    notices.log.error(circle, 'round')
    assert.deepEqual(notices.lines(), [{ ...notices.lines()[0], message: 'round', fields: {} }])
    const long = 'x'.repeat(5_000)
    for (let i = 0; i < 1500; i++) notices.log.info({ a: `${i}${long}`, b: [long], c: long, d: long, e: long, f: long }, `${i}${long}`)
    const lines = notices.lines()
    assert.ok(lines.length > 100 && lines.length <= 1000, String(lines.length))
    assert.ok(JSON.stringify(lines).length < 1_200_000)
    assert.deepEqual([lines.at(-1)?.n, notices.lineCount], [1501, 1501])
  })
})

describe('the last dead letters', () => {
  it('are at most 500, and bounded in bytes', () => {
    const notices = new Notices({ clock: new FakeClock(), log: new TestLog() })
    for (let i = 0; i < 700; i++) notices.dead(`{"i":${i}}`)
    assert.deepEqual([notices.letters().length, notices.letters(1)[0], notices.letterCount], [500, { n: 700, payload: '{"i":699}' }, 700])
    for (let i = 0; i < 700; i++) notices.dead('x'.repeat(10_000))
    assert.ok(notices.letters().length < 101)
  })
})
