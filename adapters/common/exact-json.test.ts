import assert from 'node:assert/strict'
import fc from 'fast-check'
import { isExactList, isExactMap, memberSource, parseExact, type Exact, type ParseOptions } from './exact-json.js'

describe('parseExact', () => {
  const accepted: [text: string, value: Exact][] = [
    ['47', 47n],
    ['47.0', 47],
    ['4.7e1', 47],
    ['47E0', 47],
    ['-0', 0n],
    ['-0.0', -0],
    ['-0e0', -0],
    ['1e400', Infinity],
    ['-1e400', -Infinity],
    ['5e-324', 5e-324],
    ['340282366920938463463374607431768211455', 2n ** 128n - 1n],
    ['-9007199254740993', -9007199254740993n],
    [' \t\r\n[ 1 , 2 ] \n', [1n, 2n]],
    ['[]', []],
    ['[ ]', []],
    ['[[],{}]', [[], new Map()]],
    ['"\\u00e9\\ud83d\\ude00\\/\\b\\f\\n\\r\\t\\"\\\\"', 'é😀/\b\f\n\r\t"\\'],
    ['"\\ud83d"', '\ud83d'],
    ['"\\ude00\\ud83d"', '\ude00\ud83d'],
    ['"\ude00\u007f\u2028"', '\ude00\u007f\u2028'],
    [
      '{"":null,"a":true,"b":false}',
      new Map([
        ['', null],
        ['a', true],
        ['b', false]
      ])
    ]
  ]
  for (const [text, value] of accepted) {
    it(`reads ${text}`, () => assert.deepEqual(parseExact(text), { ok: true, value }))
  }

  const refused: [text: string, error: string, at: number][] = [
    ['', 'unexpected end', 0],
    [' ', 'unexpected end', 1],
    ['[', 'unexpected end', 1],
    ['{"a"', 'unexpected end', 4],
    ['{"a":', 'unexpected end', 5],
    ['"a', 'unexpected end', 2],
    ['x', 'unexpected "x"', 0],
    ['nullx', 'unexpected "x"', 4],
    ['1 2', 'unexpected "2"', 2],
    ['01', 'unexpected "1"', 1],
    ['-', 'unexpected "-"', 0],
    ['+1', 'unexpected "+"', 0],
    ['.5', 'unexpected "."', 0],
    ['1.', 'unexpected "."', 1],
    ['1e', 'unexpected "e"', 1],
    ['1e+', 'unexpected "e"', 1],
    ['1_0', 'unexpected "_"', 1],
    ['0x10', 'unexpected "x"', 1],
    ['[1,]', 'unexpected "]"', 3],
    ['[,1]', 'unexpected ","', 1],
    ['[1}', 'unexpected "}"', 2],
    ['{"a":1]', 'unexpected "]"', 6],
    ['{"a":1,}', 'unexpected "}"', 7],
    ['{"a":1,\n  b:2}', 'unexpected "b"', 10],
    ['{a:1}', 'unexpected "a"', 1],
    ['{1:1}', 'unexpected "1"', 1],
    ["'a'", 'unexpected "\'"', 0],
    ['[😀]', 'unexpected "😀"', 1],
    ['\ufeff1', 'unexpected U+FEFF', 0],
    ['\u00a01', 'unexpected U+00A0', 0],
    ['\v1', 'unexpected U+000B', 0],
    ['1 //', 'unexpected "/"', 2],
    ['"a\tb"', 'control character in a string', 2],
    ['"\0"', 'control character in a string', 1],
    ['"a\\x"', 'bad escape in a string', 2],
    ['"\\u12g4"', 'bad escape in a string', 1],
    ['"\\U0041"', 'bad escape in a string', 1],
    ['"\\', 'bad escape in a string', 1],
    ['NaN', 'unexpected "N"', 0],
    ['[Infinity]', 'unexpected "I"', 1],
    ['-Infinity', 'unexpected "-"', 0]
  ]
  for (const [text, error, at] of refused) {
    it(`refuses ${JSON.stringify(text)}: ${error}`, () => assert.deepEqual(parseExact(text), { ok: false, error, at }))
  }

  it('takes the words of Python when asked to', () => {
    assert.deepEqual(valueOf('[NaN,Infinity,-Infinity]', { words: true }), [NaN, Infinity, -Infinity])
    assert.deepEqual(parseExact('-NaN', { words: true }), { ok: false, error: 'unexpected "-"', at: 0 })
    assert.deepEqual(parseExact('nan', { words: true }), { ok: false, error: 'unexpected "n"', at: 0 })
  })

  it('keeps the last value of a doubled key in the first place, and the order of digit keys', () => {
    const members = valueOf('{"b":1,"2":2,"1":3,"b":4,"__proto__":5,"constructor":6}')
    assert.deepEqual(
      [...(members as Map<string, Exact>)],
      [
        ['b', 4n],
        ['2', 2n],
        ['1', 3n],
        ['__proto__', 5n],
        ['constructor', 6n]
      ]
    )
  })

  it('opens 200 levels and no more, unless told otherwise', () => {
    assert(parseExact(nested(200)).ok)
    assert.deepEqual(parseExact(nested(201)), { ok: false, error: 'nested deeper than 200', at: 200 })
    assert.deepEqual(parseExact('{"a":{}}', { maxDepth: 1 }), { ok: false, error: 'nested deeper than 1', at: 5 })
    assert(parseExact('[[],[],[[]]]', { maxDepth: 3 }).ok)
    assert.deepEqual(parseExact('[]', { maxDepth: 0 }), { ok: false, error: 'nested deeper than 0', at: 0 })
    assert(parseExact(nested(50_000), { maxDepth: Infinity }).ok)
  })

  it('reads integers of 4300 digits and no more, unless told otherwise, and floats of any length', () => {
    const digits = '9'.repeat(4300)
    assert.equal(valueOf(`-${digits}`), -(10n ** 4300n) + 1n)
    assert.deepEqual(parseExact(`[-${digits}9]`), { ok: false, error: 'integer of more than 4300 digits', at: 1 })
    assert.equal(valueOf(`${digits}9.0`), Infinity)
    assert.deepEqual(parseExact('100', { maxIntegerDigits: 2 }), { ok: false, error: 'integer of more than 2 digits', at: 0 })
  })

  it('accepts what JSON.parse accepts, with the same value', () => {
    const text = fc
      .tuple(fc.jsonValue({ maxDepth: 4 }), fc.constantFrom('', ' ', '\t', '\r\n'))
      .map(([value, space]) => JSON.stringify(value, null, space))
    fc.assert(fc.property(text, agreesWithJsonParse), { numRuns: 1000 })
  })

  it('accepts a character, at any kind of place, when JSON.parse does', () => {
    for (let code = 0; code <= 0x100; code++) {
      const c = String.fromCharCode(code)
      for (const text of [`${c}1`, `1${c}`, `1${c}2`, `-${c}`, `1e${c}`, `[1${c}]`, `{${c}"a":1}`, `"${c}"`, `"\\${c}"`, `"\\u00e${c}"`]) {
        agreesWithJsonParse(text)
      }
    }
  })

  it('accepts a damaged text when JSON.parse does', () => {
    const character = fc.oneof(
      fc.constantFrom(...'[]{},:"\\u/-+.eE019 \t\n\r\0tfn'.split('')),
      fc.string({ unit: 'binary', minLength: 1, maxLength: 1 })
    )
    const damage = fc.record({
      place: fc.double({ min: 0, max: 1, noNaN: true }),
      removed: fc.nat(2),
      inserted: fc.oneof(fc.constant(''), character)
    })
    const text = fc.tuple(fc.json({ maxDepth: 3 }), fc.array(damage, { minLength: 1, maxLength: 3 })).map(([intact, damages]) =>
      damages.reduce((json, { place, removed, inserted }) => {
        const at = Math.floor(place * json.length)
        return json.slice(0, at) + inserted + json.slice(at + removed)
      }, intact)
    )
    fc.assert(fc.property(text, agreesWithJsonParse), { numRuns: 3000 })
  })

  it('accepts a heap of tokens or characters when JSON.parse does', () => {
    const token = fc.constantFrom(
      ...'[ ] { } , : "a" "": "__proto__": "\\n" "\\ " 0 -0 12 - .5 e1 E-2 true null fals NaN \u00a0 \ufeff'.split(' '),
      ' ',
      '\n'
    )
    const text = fc.oneof(
      fc.array(token, { maxLength: 8 }).map((tokens) => tokens.join('')),
      fc.string({ unit: 'binary-ascii', maxLength: 5 })
    )
    fc.assert(fc.property(text, agreesWithJsonParse), { numRuns: 10_000 })
  })

  const growing: [name: string, text: (n: number) => string][] = [
    ['open lists', (n) => '['.repeat(n)],
    ['nested lists', nested],
    ['nested objects', (n) => '{"a":'.repeat(n) + '1' + '}'.repeat(n)],
    ['items', (n) => `[${'1,'.repeat(n)}2.5]`],
    ['members', (n) => `{${'"a":null,'.repeat(n)}"b":1}`],
    ['escapes', (n) => `"${'\\u00e9\\n'.repeat(n)}"`],
    ['escapes without an end', (n) => `"${'\\\\'.repeat(n)}`],
    ['blanks', (n) => ' '.repeat(n) + '[' + ' '.repeat(n) + ']' + ' '.repeat(n) + 'x'],
    ['digits', (n) => `[${'9'.repeat(n)}.${'9'.repeat(n)}e${'9'.repeat(n)}x`],
    ['characters', (n) => `"${'é'.repeat(n)}`]
  ]
  for (const [name, text] of growing) {
    it(`looks at each character a few times at most, given many ${name}`, () => {
      const source = text(8192)
      const looks = countLooks(() => parseExact(source, { maxDepth: Infinity }))
      assert(looks <= 8 * source.length, `${looks} looks at ${source.length} characters`)
    })
  }
})

describe('memberSource', () => {
  it('gives the text of a member byte for byte, and its value', () => {
    const text = ' { "id" : 340282366920938463463374607431768211455 , "p" : [ 1.50, {"id":2} ]\n,"e":{ } } '
    assert.deepEqual(memberSource(text, 'id'), { source: '340282366920938463463374607431768211455', value: 2n ** 128n - 1n })
    assert.deepEqual(memberSource(text, 'p'), { source: '[ 1.50, {"id":2} ]', value: [1.5, new Map([['id', 2n]])] })
    assert.deepEqual(memberSource(text, 'e'), { source: '{ }', value: new Map() })
  })

  it('takes the last of doubled keys, spelt in whatever way', () => {
    assert.deepEqual(memberSource('{"a":1,"\\u0061":"\\u0062","b":2}', 'a'), { source: '"\\u0062"', value: 'b' })
    assert.deepEqual(memberSource('{"__proto__":null}', '__proto__'), { source: 'null', value: null })
  })

  it('finds nothing where there is no such member, no object or no JSON', () => {
    for (const text of ['{}', '{"b":{"a":1}}', '[{"a":1}]', '"a"', '{"a":1}}', '{"a":NaN}'])
      assert.equal(memberSource(text, 'a'), undefined)
    assert.deepEqual(memberSource('{"a":NaN}', 'a', { words: true }), { source: 'NaN', value: NaN })
  })
})

function nested(depth: number): string {
  return '['.repeat(depth) + ']'.repeat(depth)
}

function valueOf(text: string, options?: ParseOptions): Exact {
  const parsed = parseExact(text, options)
  assert(parsed.ok, text)
  return parsed.value
}

function agreesWithJsonParse(text: string): void {
  const parsed = parseExact(text)
  let expected: unknown
  try {
    expected = JSON.parse(text)
  } catch {
    assert(!parsed.ok, 'JSON.parse refuses')
    assert(parsed.at >= 0 && parsed.at <= text.length)
    return
  }
  assert(parsed.ok, 'JSON.parse accepts')
  assert.deepEqual(plusZero(asJsonParse(parsed.value)), plusZero(expected))
}

/** What JSON.parse would have made of it: any number a double. */
function asJsonParse(value: Exact): unknown {
  if (isExactList(value)) return value.map(asJsonParse)
  if (isExactMap(value)) return Object.fromEntries(Array.from(value, ([key, item]) => [key, asJsonParse(item)]))
  return typeof value === 'bigint' ? Number(value) : value
}

/** '-0' is the int 0 here and the float -0 for JSON.parse. */
function plusZero(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(plusZero)
  if (typeof value === 'object' && value !== null)
    return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, plusZero(item)]))
  return value === 0 ? 0 : value
}

/** How many characters the built-in functions were given to look at while it ran: a clock would depend on the machine. */
function countLooks(run: () => void): number {
  let looks = 0
  const restorers: (() => void)[] = []
  const watch = (owner: object, name: string, cost: (result: unknown) => number): void => {
    const original = Reflect.get(owner, name) as (...args: unknown[]) => unknown
    Reflect.set(owner, name, function (this: unknown, ...args: unknown[]) {
      const result = Reflect.apply(original, this, args)
      looks += cost(result)
      return result
    })
    restorers.push(() => Reflect.set(owner, name, original))
  }
  try {
    for (const name of ['charCodeAt', 'codePointAt', 'startsWith']) watch(String.prototype, name, () => 1)
    watch(String.prototype, 'slice', (part) => String(part).length)
    watch(RegExp.prototype, 'exec', (match) => (match as RegExpExecArray | null)?.[0].length ?? 1)
    watch(JSON, 'parse', (value) => String(value).length)
    run()
  } finally {
    for (const restore of restorers) restore()
  }
  return looks
}
