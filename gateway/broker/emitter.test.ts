import assert from 'node:assert/strict'
import { createRequire } from 'node:module'
import fc from 'fast-check'
import { Emitter } from './emitter.js'
import type { Emitted, Receive } from './emitter.js'

type Plain = Pick<Emitter<Emitted>, 'on' | 'removeListener' | 'emit' | 'close'>

/** Aedes' own emitter: there because Aedes is. */
const mqemitter = createRequire(import.meta.url)('mqemitter') as () => Plain

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

function made(): { emitter: Emitter<Emitted>; failures: unknown[] } {
  const failures: unknown[] = []
  return { emitter: new Emitter((error) => failures.push(error)), failures }
}

const level = fc.constantFrom('', 'a', 'b', 'cc')
const topic = fc
  .array(level, { minLength: 1, maxLength: 4 })
  .map((levels) => levels.join('/'))
  .filter((text) => text !== '')
const filter = fc
  .tuple(fc.array(fc.oneof(level, fc.constant('+')), { maxLength: 4 }), fc.boolean())
  .map(([levels, rest]) => [...levels, ...(rest ? ['#'] : [])].join('/'))
  .filter((text) => text !== '')
const receiver = fc.nat(3)
const step = fc.oneof(
  fc.record({ kind: fc.constant('on' as const), filter, receiver }),
  fc.record({ kind: fc.constant('off' as const), filter, receiver }),
  fc.record({ kind: fc.constant('emit' as const), topic, late: fc.boolean() }),
  fc.record({ kind: fc.constant('turn' as const) })
)

/**
 * What happens, as words, when the steps are played; what happens between two steps in no order. After a subscription is made or ended a
 * turn passes: mqemitter needs it.
 */
async function play(emitter: Plain, steps: readonly (typeof step extends fc.Arbitrary<infer S> ? S : never)[]): Promise<string[][]> {
  const told: string[] = []
  const rounds: string[][] = []
  let late = false
  const held: (() => void)[] = []
  const receivers = [0, 1, 2, 3].map((name): Receive<Emitted> => (packet, done) => {
    told.push(`${name} has ${packet.topic}`)
    if (late) held.push(done)
    else done()
  })
  for (const one of steps) {
    if (one.kind === 'on') emitter.on(one.filter, receivers[one.receiver]!, () => told.push('added'))
    if (one.kind === 'off') emitter.removeListener(one.filter, receivers[one.receiver]!, () => told.push('removed'))
    if (one.kind !== 'emit') await turn()
    if (one.kind === 'emit') {
      late = one.late
      emitter.emit(one, (error) => told.push(`done ${one.topic} ${error?.message}`))
    }
    rounds.push(told.splice(0).toSorted())
    for (const done of held.splice(0)) done()
    rounds.push(told.splice(0).toSorted())
  }
  return rounds
}

describe('emitter', () => {
  it('does what mqemitter does', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 40 }), async (steps) => {
        assert.deepEqual(await play(made().emitter, steps), await play(mqemitter(), steps))
      }),
      { numRuns: 300 }
    )
  })

  it('makes and ends a subscription at once', () => {
    const { emitter } = made()
    const got: string[] = []
    const receive: Receive<Emitted> = (_packet, done) => {
      got.push('received')
      done()
    }
    emitter.on('a', receive, () => got.push('made'))
    emitter.emit({ topic: 'a' })
    emitter.removeListener('a', receive, () => got.push('ended'))
    emitter.emit({ topic: 'a' })
    assert.deepEqual(got, ['made', 'received', 'ended'])
  })

  it('is done when the last receiver is, and counts what is under way', () => {
    const { emitter } = made()
    const held: (() => void)[] = []
    let dones = 0
    emitter.on('a/+', (_packet, done) => held.push(done))
    emitter.on('#', (_packet, done) => held.push(done))
    emitter.emit({ topic: 'a/b' }, () => (dones += 1))
    held.pop()?.()
    assert.deepEqual([dones, emitter.current], [0, 1])
    held.pop()?.()
    assert.deepEqual([dones, emitter.current], [1, 0])
  })

  it('a receiver that throws is told of, and hurts nobody', () => {
    const { emitter, failures } = made()
    const got: string[] = []
    emitter.on('a', () => assert.fail('before it was done'))
    emitter.on('a', (_packet, done) => {
      done()
      assert.fail('after it was done')
    })
    emitter.on('a', ({ topic: name }, done) => {
      got.push(name)
      done()
    })
    emitter.emit({ topic: 'a' }, () => got.push('done'))
    assert.deepEqual([got, failures.length, emitter.current], [['a', 'done'], 2, 0])
  })

  it('a subscription made or ended while a message is handed out counts from the next one', async () => {
    const { emitter } = made()
    const got: string[] = []
    const second: Receive<Emitted> = (_packet, done) => {
      got.push('second')
      done()
    }
    emitter.on('a', (_packet, done) => {
      got.push('first')
      if (got.length === 1) emitter.on('a', second)
      done()
    })
    emitter.emit({ topic: 'a' })
    emitter.emit({ topic: 'a' })
    assert.deepEqual(got.splice(0), ['first', 'first', 'second'])
    await new Promise<void>((resolve) => emitter.removeListener('a', second, resolve))
    emitter.emit({ topic: 'a' })
    assert.deepEqual(got, ['first'])
  })

  it('remembers a bounded number of topics, and of characters', () => {
    const { emitter } = made()
    emitter.on('#', (_packet, done) => done())
    let most = 0
    for (let i = 0; i < 10_500; i++) {
      emitter.emit({ topic: String(i) })
      most = Math.max(most, emitter.remembered)
    }
    assert.equal(most, 10_000)
    for (let i = 0; i < 200; i++) emitter.emit({ topic: `${i}${'x'.repeat(60_000)}` })
    assert.ok(emitter.remembered < 40, `${emitter.remembered} long topics are remembered`)
  })

  it('hands out nothing once it is closed', async () => {
    const { emitter } = made()
    emitter.on('a', () => assert.fail('handed out'))
    await new Promise<void>((resolve) => emitter.close(resolve))
    let refused: Error | undefined
    emitter.emit({ topic: 'a' }, (error) => (refused = error))
    assert.match(refused?.message ?? '', /closed/)
  })
})
