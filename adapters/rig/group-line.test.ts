import assert from 'node:assert/strict'
import { GatewayError } from '../../gateway/errors.js'
import { settle } from '../../test/support/fake-clock.js'
import { Line, Turn } from './group-line.js'
import type { Rank } from './group-line.js'

/** What becomes of a call, and the means to end it. */
interface Taken {
  readonly turn: () => Turn | undefined
  readonly end: () => void
  readonly abort: () => void
  /** Class and text of the refusal, or what it returned. */
  readonly outcome: Promise<string>
}

describe('the line of a group', () => {
  let line: Line
  let begun: string[]

  beforeEach(() => {
    line = new Line()
    begun = []
  })

  function take(name: string, rank: Rank = 'other'): Taken {
    const controller = new AbortController()
    let turn: Turn | undefined
    let end: () => void = () => undefined
    const ended = new Promise<void>((resolve) => (end = resolve))
    const outcome = line
      .take(new Turn(rank), controller.signal, async (own) => {
        turn = own
        begun.push(name)
        await ended
        return 'done'
      })
      .catch((error: unknown) => (error instanceof GatewayError ? `${error.class}: ${error.message}` : String(error)))
    return { turn: () => turn, end, abort: () => controller.abort(), outcome }
  }

  it('lets one call through after another', async () => {
    const [first, second, third] = [take('first'), take('second'), take('third')]
    await settle()
    assert.deepEqual(begun, ['first'])
    first.end()
    await settle()
    assert.deepEqual(begun, ['first', 'second'])
    second.end()
    third.end()
    assert.deepEqual(await Promise.all([first.outcome, second.outcome, third.outcome]), ['done', 'done', 'done'])
  })

  it('lets an interrupt through at once, halts what is under way, and refuses what waits', async () => {
    const [start, waits] = [take('start'), take('waits')]
    const interrupt = take('interrupt', 'interrupt')
    await settle()
    assert.deepEqual(begun, ['start', 'interrupt'])
    assert.equal(start.turn()?.why, 'interrupt')
    assert.equal(await waits.outcome, 'Busy: an interrupt took its place before its turn came; nothing was sent')
    const next = take('next')
    interrupt.end()
    await settle()
    assert.deepEqual(begun, ['start', 'interrupt'])
    start.end()
    await settle()
    assert.deepEqual(begun, ['start', 'interrupt', 'next'])
    next.end()
    assert.deepEqual(await Promise.all([start.outcome, interrupt.outcome, next.outcome]), ['done', 'done', 'done'])
  })

  it('lets an interrupt take the place of a stop, and not the other way round', async () => {
    const stop = take('stop', 'stop')
    const interrupt = take('interrupt', 'interrupt')
    const again = take('again', 'stop')
    await settle()
    assert.deepEqual(begun, ['stop', 'interrupt'])
    assert.deepEqual([stop.turn()?.why, interrupt.turn()?.why], ['interrupt', undefined])
    interrupt.end()
    await settle()
    // The stop that was halted has not ended.
    assert.deepEqual(begun, ['stop', 'interrupt'])
    stop.end()
    await settle()
    assert.deepEqual(begun, ['stop', 'interrupt', 'again'])
    again.end()
    assert.equal(await again.outcome, 'done')
  })

  it('lets a stop that waits for an interrupt begin before ordinary calls that came first', async () => {
    const interrupt = take('interrupt', 'interrupt')
    const status = take('status')
    const stop = take('stop', 'stop')
    await settle()
    assert.match(await status.outcome, /^Busy: a stop took its place/)
    interrupt.end()
    await settle()
    assert.deepEqual(begun, ['interrupt', 'stop'])
    stop.end()
    assert.equal(await stop.outcome, 'done')
  })

  it('forgets who goes away while it waits, and halts who goes away under way, unless it stops things', async () => {
    const start = take('start')
    const waits = take('waits')
    waits.abort()
    assert.match(await waits.outcome, /^Timeout: .* before its turn came; nothing was sent/)
    start.abort()
    assert.equal(start.turn()?.why, 'gone')
    // Who takes the place of one that nobody waits for takes it all the same.
    const stop = take('stop', 'stop')
    assert.equal(start.turn()?.why, 'stop')
    stop.abort()
    assert.equal(stop.turn()?.why, undefined)
    start.end()
    stop.end()
    await Promise.all([start.outcome, stop.outcome])
    assert.deepEqual(begun, ['start', 'stop'])
  })

  it('tells each reason to who asks for it late', () => {
    const start = take('start')
    const told: string[] = []
    start.abort()
    start.turn()?.onHalt(({ why }) => told.push(why))
    start.turn()?.halt('stop')
    start.turn()?.halt('interrupt')
    assert.deepEqual(told, ['gone', 'stop'])
    start.end()
  })

  it('refuses all when it is closed, halts what is under way, and is closed when that has ended', async () => {
    const [start, waits] = [take('start'), take('waits')]
    let isClosed = false
    const closing = line.close().then(() => (isClosed = true))
    assert.equal(start.turn()?.why, 'closed')
    assert.match(await waits.outcome, /^Unreachable: the instance stops before its turn came/)
    assert.match(await take('late', 'interrupt').outcome, /^Unreachable/)
    await settle()
    assert.equal(isClosed, false)
    start.end()
    await closing
    await new Line().close()
  })

  it('lets only so many wait', async () => {
    const first = take('first')
    const waiting = Array.from({ length: 16 }, (_, n) => take(`waits ${n}`))
    assert.match(await take('too many').outcome, /^Busy: 16 calls wait/)
    const closing = line.close()
    first.end()
    await Promise.all([closing, ...waiting.map(({ outcome }) => outcome)])
  })
})
