import assert from 'node:assert/strict'
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { createInterface } from 'node:readline'
import fc from 'fast-check'
import { isExactList, isExactMap, parseExact, type Exact } from './exact-json.js'
import { dumps, floatText, parseFloatText, parseInt10, repr, str, toAscii, typeName } from './python-text.js'

const program = ['/usr/bin/python3', 'python3'].find(isUsable)
const reason = program === undefined ? ' (skipped: no python3 of 3.11 or newer is here)' : ''

describe(`python-text beside the real Python${reason}`, () => {
  let python: Python | undefined

  before(function () {
    if (program !== undefined) python = startPython(program)
    else if (process.env['CI'] !== undefined) throw new Error('CI must not skip this: it needs python3 of 3.11 or newer')
    else this.skip()
  })

  after(async () => {
    await python?.stop()
  })

  it('prints floats alike', () =>
    fc.assert(
      fc.asyncProperty(double, async (n) => {
        assert.equal(floatText(n), await python!.ask('repr', n))
      }),
      { numRuns: 2000 }
    ))

  it('prints every power of two, and its neighbours, alike', async () => {
    const numbers: number[] = []
    for (let exponent = -1074; exponent < 1024; exponent++) {
      const bits = bitsOf(2 ** exponent)
      numbers.push(fromBits(bits - 1n), fromBits(bits), fromBits(bits + 1n))
    }
    assert.equal(repr(numbers), await python!.ask('repr', numbers))
  })

  it('prints strings alike', () =>
    fc.assert(
      fc.asyncProperty(text, async (s) => {
        assert.equal(repr(s), await python!.ask('repr', s))
        assert.equal(dumps(s), await python!.ask('dumps', s))
        assert.equal(toAscii(s), await python!.ask('toAscii', s))
      }),
      { numRuns: 1000 }
    ))

  it('prints nested values alike', () =>
    fc.assert(
      fc.asyncProperty(exactValue, async (value) => {
        assert.equal(repr(value), await python!.ask('repr', value))
        assert.equal(str(value), await python!.ask('str', value))
        assert.equal(dumps(value), await python!.ask('dumps', value))
        assert.equal(typeName(value), await python!.ask('typeName', value))
      }),
      { numRuns: 1000 }
    ))

  it('holds the same characters for printable, of those that both know', async () => {
    const printable = (await python!.ask('printable', null)) as string
    const known = /^\P{Cn}$/u
    for (let code = 0; code <= 0x10ffff; code++) {
      const character = String.fromCodePoint(code)
      if (printable[code] === '?' || !known.test(character) || "\\'".includes(character)) continue
      assert.equal(repr(character) === `'${character}'`, printable[code] === '1', `U+${code.toString(16)}`)
    }
  })

  it('reads ints alike', () =>
    fc.assert(
      fc.asyncProperty(numberText, async (s) => {
        assert.deepEqual(parseInt10(s), await python!.ask('int', s))
      }),
      { numRuns: 2000 }
    ))

  it('reads floats alike', () =>
    fc.assert(
      fc.asyncProperty(numberText, async (s) => {
        assert.deepEqual(parseFloatText(s), await python!.ask('float', s))
      }),
      { numRuns: 2000 }
    ))

  it('reads numbers around the limits alike', async () => {
    for (const digits of ['9'.repeat(4300), '1_'.repeat(4299) + '1', '9'.repeat(4301), '0'.repeat(9000), '1_'.repeat(4300) + '1']) {
      for (const s of [digits, ` -${digits}\n`, `${digits}_`, `${digits}x`, `${digits}\0`, `x${digits}`, `'"${digits}`]) {
        assert.deepEqual(parseInt10(s), await python!.ask('int', s))
        assert.deepEqual(parseFloatText(s), await python!.ask('float', s))
        assert.equal(loads(s), await python!.ask('loads', s))
      }
    }
  })

  it('reads JSON alike', () =>
    fc.assert(
      fc.asyncProperty(jsonText, async (s) => {
        assert.equal(loads(s), await python!.ask('loads', s))
      }),
      { numRuns: 2000 }
    ))
})

/** Any bit pattern: subnormals, NaN and the infinities too; and numbers as people write them. */
const double = fc.oneof(
  fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }).map(fromBits),
  fc.bigInt({ min: 0n, max: 2n ** 52n - 1n }).map(fromBits),
  fc.double(),
  fc
    .tuple(fc.integer({ min: -99_999, max: 99_999 }), fc.integer({ min: -25, max: 25 }))
    .map(([digits, exponent]) => Number(`${digits}e${exponent}`)),
  fc.maxSafeInteger()
)

/**
 * Blocks that are the same in every version of Unicode that Node or Python may have, and surrogates that pair up within such blocks.
 * All other characters are for the test that leaves out what either of the two does not know.
 */
const text = fc.string({
  unit: fc.oneof(
    fc.constantFrom(...'\'"\\\n\r\t\u2028\u200b\ufeff\uffff\ud83d'.split(''), '\udbff', '\u{1f600}', '\u{e0001}', '\u{10ffff}'),
    ...[
      [0x00, 0x1f],
      [0x20, 0x7f],
      [0x80, 0x24f],
      [0x2000, 0x2064],
      [0x4e00, 0x9fa5],
      [0xde00, 0xde4f],
      [0xe000, 0xf8ff],
      [0x1f600, 0x1f64f],
      [0xf0000, 0xffffd]
    ].map(([min, max]) => fc.integer({ min: min!, max: max! }).map((code) => String.fromCodePoint(code)))
  )
})

const exactValue = fc.letrec<{ value: Exact }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 4, depthSize: 'small' },
    fc.oneof(fc.constantFrom(null, true, false), double, text, fc.bigInt({ min: -(2n ** 200n), max: 2n ** 200n })),
    fc.array(tie('value'), { maxLength: 5 }),
    fc
      .array(fc.tuple(fc.oneof(text, fc.constantFrom('10', '9', '__proto__')), tie('value')), { maxLength: 5 })
      .map((members) => new Map(members))
  )
})).value

const numberText = fc.oneof(
  fc.string({ unit: fc.constantFrom(...'0011223456789__..eE+- \n\x1c'.split('')), maxLength: 8 }),
  fc.string({ unit: fc.constantFrom(...'nNaAiIfFtTyY+- \n'.split('')), maxLength: 5 }),
  fc.string({ unit: 'binary-ascii', maxLength: 300 }),
  fc
    .tuple(
      fc.constantFrom('', ' ', '\t\n\v\f\r', '\x1f', '\0'),
      fc.constantFrom('', '+', '-', '+-'),
      fc.constantFrom('0', '1_0', '12', '12.', '.5', '1_2.3_4', '._5', '1_', 'nan', 'INF', 'infinity', 'infinit', '99999999999999999999'),
      fc.constantFrom('', 'e5', 'E-3_0', 'e+', 'e400', '_', 'x'),
      fc.constantFrom('', ' ', '\t\n\v\f\r', '\x1f', '\0')
    )
    .map((parts) => parts.join(''))
)

const jsonText = fc.oneof(
  fc.json({ maxDepth: 3 }),
  fc
    .array(fc.constantFrom(' ', '\v', ...'[ ] { } , : "a" "\\ud83d \\ude00" "\\x" 1 -0 - .0 e400 NaN Infinity true \ufeff'.split(' ')), {
      maxLength: 7
    })
    .map((tokens) => tokens.join(''))
)

function loads(s: string): string {
  const parsed = parseExact(s, { words: true })
  return parsed.ok ? dumps(parsed.value) : 'refused'
}

interface Python {
  ask(question: string, value: Exact): Promise<unknown>
  stop(): Promise<void>
}

function isUsable(program: string): boolean {
  if (program.startsWith('/') && !existsSync(program)) return false
  return spawnSync(program, ['-I', '-c', 'import sys; sys.exit(sys.version_info < (3, 11))']).status === 0
}

/** One question a line, one answer a line, both in ASCII; numbers and strings travel as hexadecimal digits so that nothing is lost. */
const script = `
import json, struct, sys, unicodedata

def value(tagged):
    kind, content = tagged
    if kind == 'int': return int(content)
    if kind == 'float': return struct.unpack('>d', bytes.fromhex(content))[0]
    if kind == 'str': return bytes.fromhex(content).decode('utf-16-be', 'surrogatepass')
    if kind == 'list': return [value(item) for item in content]
    if kind == 'dict': return {value(key): value(item) for key, item in content}
    return content

def read(kind, text):
    try:
        number = kind(text)
        return ['ok', str(number) if kind is int else struct.pack('>d', number).hex()]
    except ValueError as error:
        return ['error', str(error)]

def loads(text):
    try: return json.dumps(json.loads(text))
    except ValueError: return 'refused'

def printable(_):
    characters = map(chr, range(0x110000))
    return ''.join('?' if unicodedata.category(c) == 'Cn' else '1' if c.isprintable() else '0' for c in characters)

answers = {
    'repr': repr, 'str': str, 'dumps': json.dumps, 'loads': loads, 'printable': printable,
    'toAscii': lambda text: text.encode('ascii', 'backslashreplace').decode(),
    'typeName': lambda value: type(value).__name__,
    'int': lambda text: read(int, text), 'float': lambda text: read(float, text)
}
for line in sys.stdin:
    question, tagged = json.loads(line)
    print(json.dumps(answers[question](value(tagged))), flush=True)
`

function startPython(program: string): Python {
  const child = spawn(program, ['-I', '-c', script], { stdio: ['pipe', 'pipe', 'inherit'] })
  const exit = once(child, 'exit')
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  return {
    async ask(question, value) {
      child.stdin.write(JSON.stringify([question, tagged(value)]) + '\n')
      const line = await lines.next()
      assert(line.done !== true, 'Python has ended')
      const answer: unknown = JSON.parse(line.value)
      if (!Array.isArray(answer)) return answer
      const [verdict, content] = answer as [string, string]
      if (verdict === 'error') return { ok: false, message: content }
      return { ok: true, value: question === 'int' ? BigInt(content) : fromBits(BigInt('0x' + content)) }
    },
    async stop() {
      child.stdin.end()
      await exit
    }
  }
}

function tagged(value: Exact): unknown {
  if (typeof value === 'bigint') return ['int', String(value)]
  if (typeof value === 'number') return ['float', bitsOf(value).toString(16).padStart(16, '0')]
  if (typeof value === 'string') return ['str', Buffer.from(value, 'utf16le').swap16().toString('hex')]
  if (isExactList(value)) return ['list', value.map(tagged)]
  if (isExactMap(value)) return ['dict', Array.from(value, ([key, item]) => [tagged(key), tagged(item)])]
  return ['constant', value]
}

function bitsOf(n: number): bigint {
  return new BigUint64Array(Float64Array.of(n).buffer)[0]!
}

function fromBits(bits: bigint): number {
  return new Float64Array(BigUint64Array.of(bits).buffer)[0]!
}
