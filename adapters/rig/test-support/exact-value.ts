/** Any value that JSON can hold, with integers of any size, NaN and lone surrogates. */
import fc from 'fast-check'
import type { Exact } from '../../common/exact-json.js'

const text = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.string({ unit: fc.constantFrom(...'[]{}",:\\/ \r\n\tåé\u2028\ud83d\ude00\ud800\0\x7f'.split('')), maxLength: 12 })
)

export const exactValue: fc.Arbitrary<Exact> = fc.letrec<{ value: Exact }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 4, depthSize: 'small' },
    fc.oneof(
      fc.constantFrom<Exact>(null, true, false, NaN, Infinity, -Infinity, -0),
      fc.double(),
      text,
      fc.bigInt({ min: -(2n ** 200n), max: 2n ** 200n })
    ),
    fc.array(tie('value'), { maxLength: 5 }),
    fc
      .array(fc.tuple(fc.oneof(text, fc.constantFrom('10', '9', '__proto__')), tie('value')), { maxLength: 5 })
      .map((members) => new Map(members))
  )
})).value
