import assert from 'node:assert/strict'
import fc from 'fast-check'
import {
  exactEqual,
  fromPlain,
  isExactList,
  isExactMap,
  isFiniteExact,
  parseExact,
  stringifyExact,
  toPlain,
  type Exact,
  type ParseOptions
} from './exact-json.js'

describe('stringifyExact', () => {
  const table: [value: Exact, text: string][] = [
    [47n, '47'],
    [47, '47.0'],
    [-0, '-0.0'],
    [1e20, '100000000000000000000.0'],
    [1e21, '1e+21'],
    [1e-7, '1e-7'],
    [NaN, 'NaN'],
    [-Infinity, '-Infinity'],
    ['\ud800é\u007f', '"\\ud800é\u007f"'],
    [
      [
        null,
        true,
        new Map<string, Exact>([
          ['2', []],
          ['1', new Map()]
        ])
      ],
      '[null,true,{"2":[],"1":{}}]'
    ]
  ]
  for (const [value, text] of table) it(`writes ${text}`, () => assert.equal(stringifyExact(value), text))

  it('is undone by parseExact', () => {
    fc.assert(
      fc.property(exactValue, (value) => {
        const back = valueOf(stringifyExact(value), { words: true })
        assert(exactEqual(back, value))
        assert.equal(stringifyExact(back), stringifyExact(value), 'the order of members')
      }),
      { numRuns: 1000 }
    )
  })

  it('writes 1000 levels', () => {
    assert.equal(stringifyExact(valueOf(nested(1000), { maxDepth: 1000 })), nested(1000))
  })
})

describe('toPlain', () => {
  it('gives a number for an int up to 2^53 - 1 and a decimal string beyond', () => {
    const safe = BigInt(Number.MAX_SAFE_INTEGER)
    assert.deepEqual(toPlain([safe, safe + 1n, -safe, -safe - 1n, 10n ** 400n]), [
      9007199254740991,
      '9007199254740992',
      -9007199254740991,
      '-9007199254740992',
      '1' + '0'.repeat(400)
    ])
  })

  it('gives null for what JSON has no number for', () => {
    assert.deepEqual(toPlain([NaN, Infinity, -Infinity, 1.5, -0, true, null, 'a']), [null, null, null, 1.5, -0, true, null, 'a'])
  })

  it('gives ordinary objects in which __proto__ is a member', () => {
    const plain = toPlain(valueOf('{"__proto__":{"admin":true},"a":[{}]}')) as Record<string, unknown>
    assert.equal(Object.getPrototypeOf(plain), Object.prototype)
    assert.equal(plain['admin'], undefined)
    assert.equal(JSON.stringify(plain), '{"__proto__":{"admin":true},"a":[{}]}')
  })
})

describe('fromPlain', () => {
  it('leaves numbers floats, or makes ints of the safe integers', () => {
    const numbers = [1, 1.5, -0, 2 ** 53 - 1, 2 ** 53]
    assert.deepEqual(fromPlain(numbers), numbers)
    assert.deepEqual(fromPlain({ a: numbers }, { integers: true }), new Map([['a', [1n, 1.5, 0n, 9007199254740991n, 2 ** 53]]]))
  })

  it('treats undefined as JSON.stringify does', () => {
    assert.deepEqual(
      fromPlain({ a: undefined, b: null, c: [undefined] }),
      new Map<string, Exact>([
        ['b', null],
        ['c', [null]]
      ])
    )
  })

  it('takes __proto__ for a member', () => {
    assert.deepEqual(fromPlain(JSON.parse('{"__proto__":"a"}')), new Map([['__proto__', 'a']]))
  })

  it('refuses what is no data', () => {
    assert.throws(() => fromPlain([() => 1]), new TypeError('a function is no JSON value'))
  })

  it('leaves an exact value as it is', () => {
    fc.assert(fc.property(exactValue, (value) => exactEqual(fromPlain(value), value)))
  })

  it('is undone by toPlain', () => {
    fc.assert(
      fc.property(fc.jsonValue(), fc.boolean(), (value, integers) => {
        assert.deepEqual(plusZero(toPlain(fromPlain(value, { integers }))), plusZero(value))
      })
    )
  })
})

describe('isFiniteExact', () => {
  it('finds NaN and the infinities at any depth', () => {
    for (const value of [1.5, 10n ** 400n, 'NaN', null, [], [1, [2n]], valueOf('{"a":[{}]}')]) assert(isFiniteExact(value))
    for (const value of [NaN, Infinity, [1, [-Infinity]], valueOf('{"a":1,"b":[{"c":1e999}]}')]) assert(!isFiniteExact(value))
  })
})

describe('exactEqual', () => {
  it('holds between a value and its copy, and between members in any order', () => {
    const reversed = (value: Exact): Exact => {
      if (isExactList(value)) return value.map(reversed)
      return isExactMap(value) ? new Map(Array.from(value, ([key, item]) => [key, reversed(item)] as const).reverse()) : value
    }
    fc.assert(fc.property(exactValue, (value) => exactEqual(value, reversed(value))))
  })

  it('tells apart what prints differently', () => {
    const texts = [
      '47',
      '47.0',
      '"47"',
      '0',
      '0.0',
      '-0.0',
      'null',
      'false',
      '[]',
      '[null]',
      '[[]]',
      '[1,2]',
      '[2,1]',
      '{}',
      '{"a":1}',
      '{"a":1.0}',
      '{"b":1}',
      '{"a":1,"b":1}',
      'NaN',
      'Infinity'
    ]
    const values = texts.map((text) => valueOf(text, { words: true }))
    for (const [i, a] of values.entries()) {
      for (const [j, b] of values.entries()) assert.equal(exactEqual(a, b), i === j, `${texts[i]} and ${texts[j]}`)
    }
  })
})

const exactValue = fc.letrec<{ value: Exact; scalar: Exact }>((tie) => ({
  scalar: fc.oneof(
    fc.constantFrom(null, true, false),
    fc.double(),
    fc.integer().map(Number),
    fc.bigInt({ min: -(2n ** 200n), max: 2n ** 200n }),
    fc.string({ unit: fc.oneof(fc.constantFrom('"', '\\', '\n', '\0', '\ud800', '\udc00'), fc.string({ unit: 'binary', maxLength: 1 })) })
  ),
  value: fc.oneof(
    { maxDepth: 4, depthSize: 'small' },
    tie('scalar'),
    fc.array(tie('value'), { maxLength: 5 }),
    fc
      .array(fc.tuple(fc.oneof(fc.string(), fc.constantFrom('10', '9', '__proto__', 'é')), tie('value')), { maxLength: 5 })
      .map((members) => new Map(members))
  )
})).value

function nested(depth: number): string {
  return '['.repeat(depth) + ']'.repeat(depth)
}

function valueOf(text: string, options?: ParseOptions): Exact {
  const parsed = parseExact(text, options)
  assert(parsed.ok, text)
  return parsed.value
}

/** '-0' is the int 0 here and the float -0 for JSON.parse. */
function plusZero(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(plusZero)
  if (typeof value === 'object' && value !== null)
    return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, plusZero(item)]))
  return value === 0 ? 0 : value
}
