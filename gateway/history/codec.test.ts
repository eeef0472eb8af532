import assert from 'node:assert/strict'
import fc from 'fast-check'
import type { Exact } from '../adapter.js'
import { isWritable } from '../time.js'
import { ByteReader, ByteWriter } from './bytes.js'
import { Decoder, Encoder } from './codec.js'
import type { Traits } from './codec.js'
import { Block, readRow, slotOf } from './row.js'
import type { Point } from './types.js'

interface Given {
  readonly time: number
  readonly value: Exact
  readonly traits: Traits
  readonly measured: number | undefined
}

/** What is not there is not undefined either. */
function some(traits: Record<string, unknown>): Traits {
  return Object.fromEntries(Object.entries(traits).filter(([, value]) => value !== undefined)) as unknown as Traits
}

const option = <T>(arbitrary: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> => fc.option(arbitrary, { nil: undefined })

const scalar: fc.Arbitrary<Exact> = fc.oneof(
  { weight: 4, arbitrary: fc.integer({ min: -1_000_000, max: 1_000_000 }).map((whole) => whole / 100) },
  { weight: 3, arbitrary: fc.double() },
  { weight: 3, arbitrary: fc.bigInt({ min: -(2n ** 70n), max: 2n ** 70n }) },
  { weight: 2, arbitrary: fc.bigInt({ min: -5n, max: 5n }) },
  fc.constantFrom<Exact>(null, true, false, NaN, Infinity, -Infinity, 0, -0, 1e300, 5e-324, 2 ** 53, 'on', 'off', '', '1', 1e22),
  fc.string({ unit: 'binary' })
)

const value: fc.Arbitrary<Exact> = fc.oneof(
  { weight: 6, arbitrary: scalar },
  fc.array(scalar, { maxLength: 4 }),
  fc.array(fc.tuple(fc.string(), scalar), { maxLength: 4 }).map((members) => new Map(members))
)

const error = fc
  .record({ class: fc.constantFrom('Timeout', 'NotFinite'), code: option(fc.string()), message: fc.string(), retryable: fc.boolean() })
  .map((fields) => some(fields))

const traits = fc
  .record({
    quality: fc.constantFrom('good', 'stale', 'uncertain', 'bad'),
    unit: option(fc.constantFrom('C', 'µm/s', '')),
    source: option(fc.constantFrom('poll', 'push', 'set', 'restored', 'simulated', 'client')),
    error: option(error),
    uncertainty: option(fc.double()),
    x: option(value),
    seq: option(fc.oneof(fc.nat(3), fc.double())),
    run: option(fc.constantFrom('a', 'b'))
  })
  .map(some)

/** Steps as clocks make them, and any. */
const times = fc
  .array(
    fc.oneof(
      { weight: 4, arbitrary: fc.constantFrom(1_000_000, 999_000, 1_001_000, 0) },
      fc.integer({ min: -1e9, max: 1e9 }),
      fc.integer({ min: -(2 ** 46), max: 2 ** 46 })
    ),
    { maxLength: 60 }
  )
  .map((steps) => {
    let time = 1_700_000_000_000_000
    return steps.map((step) => (time = Math.max(time + step, 0)))
  })

const given: fc.Arbitrary<Given[]> = times.chain((all) =>
  fc
    .array(fc.record({ value, traits, measured: option(fc.double({ noNaN: true })) }), { minLength: all.length, maxLength: all.length })
    .map((rest) => rest.map((each, index) => ({ ...each, time: all[index] as number })))
)

function pointOf({ time, value: exact, traits: rest, measured }: Given): Point {
  const isTold = measured !== undefined && isWritable(measured)
  return { ...rest, time: isTold ? measured : time / 1e6, value: exact, ...(measured === undefined ? {} : { since: time / 1e6 }) }
}

function read(row: Pick<Decoder, 'next' | 'point'>): Point[] {
  const points: Point[] = []
  while (row.next()) points.push(row.point())
  return points
}

describe('rows of the history', () => {
  it('give every reading back, exactly', () => {
    fc.assert(
      fc.property(given, (all) => {
        const out = new ByteWriter(1)
        const encoder = new Encoder(out)
        for (const each of all) encoder.add(each.time, each.value, each.traits, each.measured)
        assert.deepEqual(read(new Decoder(out.view())), all.map(pointOf))
      }),
      { numRuns: 300 }
    )
  })

  it('take over what is repeated, also what looks alike and is not', () => {
    const list: Exact = [1n, 2.5]
    const values: Exact[] = [
      list,
      [1n, 2.5],
      [1, 2.5],
      null,
      list,
      '[1,2.5]',
      '[1,2.5]',
      47,
      47n,
      47,
      0,
      -0,
      -0,
      0,
      NaN,
      NaN,
      true,
      '47',
      true
    ]
    const out = new ByteWriter()
    const encoder = new Encoder(out)
    for (const [index, each] of values.entries()) encoder.add(index * 1000, each, { quality: 'good' })
    assert.deepEqual(
      read(new Decoder(out.view())).map((point) => point.value),
      values
    )
  })

  it('take one byte for what goes on as it was, and four for a decimal at an uneven beat', () => {
    const bytesOf = (valueAt: (i: number) => number, timeAt: (i: number) => number): number => {
      const block = new Block(0)
      const head = { quality: 'good', unit: 'C', source: 'poll' } as const
      for (let i = 0; i < 100; i++) block.add(timeAt(i), valueAt(i), head)
      const before = block.bytes
      for (let i = 100; i < 200; i++) block.add(timeAt(i), valueAt(i), head)
      return (block.bytes - before) / 100
    }
    assert.equal(
      bytesOf(
        () => 21.5,
        (i) => 1e15 + i * 1e6
      ),
      1
    )
    const beat = (i: number): number => 1e15 + i * 1e6 + ((i * 7) % 5) * 1000
    assert.ok(bytesOf((i) => (2100 + ((i * 37) % 50)) / 100, beat) <= 4)
  })

  it('of a block tell what is in it, and can be written on', () => {
    const block = new Block(slotOf(1.7e15))
    for (const [index, time] of [1.7e15, 1.7e15 + 5, 1.7e15 - 7].entries()) block.add(time, index, { quality: 'good' })
    const row = readRow(Buffer.of(1), block.min, block.row(), assert.fail)
    const early = block.read()
    block.add(1.7e15 + 9, 3, { quality: 'bad' })
    assert.deepEqual([row.min, row.max, row.count], [1.7e15 - 7, 1.7e15 + 5, 3])
    assert.deepEqual(
      read(row.read()).map(({ time }) => Math.round(time * 1e6)),
      [1.7e15, 1.7e15 + 5, 1.7e15 - 7]
    )
    assert.equal(read(early).length, 3)
  })

  it('that are cut off or no rows at all end in an error, and never in an endless loop', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        try {
          read(new Decoder(bytes))
        } catch (failure) {
          assert.ok(failure instanceof RangeError || failure instanceof SyntaxError || failure instanceof TypeError, String(failure))
        }
      })
    )
  })

  it('of a block that are damaged give what can be read of them, and then a mark that tells why', () => {
    const block = new Block(0)
    for (let i = 0; i < 20; i++) block.add(1e9 + i * 1e6, `text ${i}`, { quality: 'good' })
    const row = block.row()
    fc.assert(
      fc.property(fc.nat(row.length - 1), fc.integer({ min: 1, max: 255 }), fc.boolean(), (at, change, cuts) => {
        const bytes = cuts ? row.subarray(0, at) : Buffer.from(row)
        if (!cuts) bytes[at] = (bytes[at] as number) ^ change
        const told: string[] = []
        const points = read(readRow(Buffer.of(1), block.min, bytes, (reason) => told.push(reason)).read())
        // Where it stands is known; the time of a reading that has become stale may be any.
        assert.ok(points.every(({ time, since = time }) => since >= 1000))
        assert.ok(told.length <= 1 && (!cuts || told.length === 1))
        assert.equal(points.at(-1)?.error?.message, told.length === 0 ? undefined : `readings cannot be read: ${told[0]}`)
      })
    )
  })

  it('hold whole numbers of any size', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: -(2 ** 52), max: 2 ** 52 - 1 })), (all) => {
        const out = new ByteWriter(1)
        for (const each of all) out.signed(each)
        const row = new ByteReader(out.view())
        assert.deepEqual(
          all.map(() => row.signed()),
          all.map((each) => each + 0)
        )
        assert.ok(row.ended)
      })
    )
  })
})
