import assert from 'node:assert/strict'
import type { Exact } from './exact-json.js'
import { dumps, floatText, isAscii, parseFloatText, parseInt10, repr, str, toAscii, typeName } from './python-text.js'

describe('floatText', () => {
  const table: [number, string][] = [
    [47, '47.0'],
    [0, '0.0'],
    [-0, '-0.0'],
    [0.0001, '0.0001'],
    [0.00001, '1e-05'],
    [-1.5e-7, '-1.5e-07'],
    [2.3e-10, '2.3e-10'],
    [5e-324, '5e-324'],
    [9999999999999998, '9999999999999998.0'],
    [1e16, '1e+16'],
    [-1.2345678901234567e20, '-1.2345678901234567e+20'],
    [1.7976931348623157e308, '1.7976931348623157e+308'],
    [0.1 + 0.2, '0.30000000000000004'],
    [NaN, 'nan'],
    [Infinity, 'inf'],
    [-Infinity, '-inf']
  ]
  for (const [n, text] of table) it(`writes ${text}`, () => assert.equal(floatText(n), text))
})

describe('repr, str and dumps', () => {
  const table: [value: Exact, repr: string, dumps: string][] = [
    [null, 'None', 'null'],
    [true, 'True', 'true'],
    [false, 'False', 'false'],
    [2n ** 128n, '340282366920938463463374607431768211456', '340282366920938463463374607431768211456'],
    [47, '47.0', '47.0'],
    [[NaN, Infinity, -Infinity], '[nan, inf, -inf]', '[NaN, Infinity, -Infinity]'],
    ['', "''", '""'],
    ["it's", `"it's"`, `"it's"`],
    ['say "a"', `'say "a"'`, '"say \\"a\\""'],
    [`'"`, `'\\'"'`, `"'\\""`],
    ['\\/\n\r\t\b\f\0\x1b', "'\\\\/\\n\\r\\t\\x08\\x0c\\x00\\x1b'", '"\\\\/\\n\\r\\t\\b\\f\\u0000\\u001b"'],
    // the recording pv-del has \u007f in the JSON reply
    ['a\x7fb', "'a\\x7fb'", '"a\\u007fb"'],
    ['é\u00a0\u00ad\u200b\u2028', "'é\\xa0\\xad\\u200b\\u2028'", '"\\u00e9\\u00a0\\u00ad\\u200b\\u2028"'],
    ['😀\u{10ffff}', "'😀\\U0010ffff'", '"\\ud83d\\ude00\\udbff\\udfff"'],
    ['\ude00\ud83d', "'\\ude00\\ud83d'", '"\\ude00\\ud83d"'],
    [[], '[]', '[]'],
    [new Map(), '{}', '{}'],
    [[1n, 'x', true, null, 1], "[1, 'x', True, None, 1.0]", '[1, "x", true, null, 1.0]'],
    [
      new Map<string, Exact>([
        ["2'", 1n],
        ['1', [new Map()]]
      ]),
      `{"2'": 1, '1': [{}]}`,
      `{"2'": 1, "1": [{}]}`
    ]
  ]
  for (const [value, printed, json] of table) {
    it(`write ${toAscii(printed)}`, () => {
      assert.equal(repr(value), printed)
      assert.equal(str(value), typeof value === 'string' ? value : printed)
      assert.equal(dumps(value), json)
    })
  }
})

describe('toAscii and isAscii', () => {
  it('escape, and find, what is beyond ASCII', () => {
    assert.equal(toAscii('a\x00\x7f\x80é\uffff😀\ud83d'), 'a\x00\x7f\\x80\\xe9\\uffff\\U0001f600\\ud83d')
    assert(isAscii('') && isAscii('\0\x7f'))
    for (const text of ['\x80', 'a\uffff', '😀', '\ud800b']) assert(!isAscii(text))
  })
})

describe('typeName', () => {
  it('gives the names that type() has', () => {
    const values = [1n, 1, true, '', null, [], new Map<string, Exact>()]
    assert.deepEqual(values.map(typeName), ['int', 'float', 'bool', 'str', 'NoneType', 'list', 'dict'])
  })
})

describe('parseInt10', () => {
  const accepted: [string, bigint][] = [
    ['47', 47n],
    ['-0', 0n],
    ['+007', 7n],
    ['1_000_0', 10000n],
    [' \t\n\v\f\r-12 \t\n\v\f\r', -12n],
    ['9'.repeat(4300), 10n ** 4300n - 1n]
  ]
  for (const [text, value] of accepted) {
    it(`reads ${JSON.stringify(text).slice(0, 40)}`, () => assert.deepEqual(parseInt10(text), { ok: true, value }))
  }

  for (const text of [
    '',
    ' ',
    '4.0',
    '1e3',
    '0x10',
    '--1',
    '+ 1',
    '1 2',
    '_1',
    '1_',
    '1__2',
    '1_ ',
    '\x1c1',
    '1\x1f',
    '1\0',
    '\u0661',
    '1\u00a0'
  ]) {
    it(`refuses ${JSON.stringify(text)}`, () => {
      assert.deepEqual(parseInt10(text), { ok: false, message: `invalid literal for int() with base 10: ${repr(text)}` })
    })
  }

  it('cuts the repr of a refused text to 200 characters', () => {
    assert.deepEqual(parseInt10('\n'.repeat(150)), { ok: false, message: `invalid literal for int() with base 10: '${'\\n'.repeat(99)}\\` })
  })

  it('counts the digits before it looks at what follows them', () => {
    const limit = 'Exceeds the limit (4300 digits) for integer string conversion'
    const message = `${limit}: value has 4301 digits; use sys.set_int_max_str_digits() to increase the limit`
    const digits = '1_'.repeat(4300) + '1'
    for (const text of [digits, ` -${digits} `, `${digits} x`, '0'.repeat(4301)]) assert.deepEqual(parseInt10(text), { ok: false, message })
    for (const text of [`${digits}_`, `x${digits}`]) assert.match(JSON.stringify(parseInt10(text)), /invalid literal/)
  })
})

describe('parseFloatText', () => {
  const accepted: [string, number][] = [
    ['1', 1],
    ['-0', -0],
    ['1.', 1],
    ['.5', 0.5],
    ['1E-7', 1e-7],
    ['1_0.5_0e0_1', 105],
    ['\v+1.5\f', 1.5],
    ['1e400', Infinity],
    ['-1e-400', -0],
    ['nan', NaN],
    ['-NaN', NaN],
    ['iNf', Infinity],
    [' +Infinity\n', Infinity],
    ['-inf', -Infinity]
  ]
  for (const [text, value] of accepted) {
    it(`reads ${JSON.stringify(text)}`, () => assert.deepEqual(parseFloatText(text), { ok: true, value }))
  }

  for (const text of [
    '',
    '.',
    'e1',
    '.e1',
    '1e',
    '1e+',
    '0x10',
    '1 2',
    '+-1',
    '1_.5',
    '1._5',
    '1e_5',
    '_1',
    '1_',
    'infin',
    'in_f',
    '\x1c1',
    '1\0',
    "'"
  ]) {
    it(`refuses ${JSON.stringify(text)}`, () => {
      assert.deepEqual(parseFloatText(text), { ok: false, message: `could not convert string to float: ${repr(text)}` })
    })
  }
})
