import assert from 'node:assert/strict'
import fc from 'fast-check'
import { bytes, checkAnswer, list, map, recordedCases, stepsOf, text } from '../../test/support/recorded.js'
import { exactEqual, isExactList, isExactMap, parseExact, type Exact, type ExactMap } from '../common/exact-json.js'
import { dumps, repr, str, typeName } from '../common/python-text.js'
import {
  COMMANDS,
  decodePush,
  encodeAck,
  encodeError,
  encodeException,
  encodeReturn,
  encodeStatus,
  encodeText,
  type Push,
  type ReturnFormat
} from './codec.js'
import { decodeRaw, encodeRaw } from './raw.js'

const push = (datagram: string | Buffer): Push => decodePush(Buffer.from(datagram))
const dict = (...members: [string, Exact][]): Map<string, Exact> => new Map(members)
const lines = (joined: string, row: (text: string) => [string, string]): [string, string][] => joined.split('|').map(row)
const nested = (depth: number): string => '{"a": ' + '['.repeat(depth - 1) + ']'.repeat(depth - 1) + '}'

describe('data-push codec', () => {
  describe('a push', () => {
    const accepted: [datagram: string, stored: string][] = [
      ['json_wn#{"greeting": "Live long and prosper", "number": 47}', "{'greeting': 'Live long and prosper', 'number': 47}"],
      ['json_wn# \r\n\t{"a":1.0 , "b":[true,null]}\n', "{'a': 1.0, 'b': [True, None]}"],
      ['json_wn#{"a": NaN, "b": -Infinity, "c": 1e400}', "{'a': nan, 'b': -inf, 'c': inf}"],
      ['json_wn#{"2": 1, "1": 2, "2": 3}', "{'2': 3, '1': 2}"],
      ['json_wn#{"__proto__": 1, "": {"x:y;z": 2}}', "{'__proto__': 1, '': {'x:y;z': 2}}"],
      ['json_wn#{}', '{}'],
      ['raw_wn#greeting:str:Live long and prosper;number:int:47', "{'greeting': 'Live long and prosper', 'number': 47}"],
      [
        'raw_wn#a:int:1,2,3;b:float:1,.5,1.;c:bool:True,False;d:str:x,',
        "{'a': [1, 2, 3], 'b': [1.0, 0.5, 1.0], 'c': [True, False], 'd': ['x', '']}"
      ],
      ['raw_wn#a:int: +1_000\n;b:float: -Infinity ;c:str: blank \n', "{'a': 1000, 'b': -inf, 'c': ' blank \\n'}"],
      ['raw_wn#a:int:1;b:int:2;a:int:3', "{'a': 3, 'b': 2}"],
      ['raw_wn#:str:;a&b:str:c&d;__proto__:bool:True', "{'': '', 'a&b': 'c&d', '__proto__': True}"],
      ['raw_wn#a,b:int:9007199254740993', "{'a,b': 9007199254740993}"]
    ]
    for (const [datagram, stored] of accepted) {
      it(`${JSON.stringify(datagram)} stores ${stored}`, () => {
        const result = push(datagram)
        assert.equal(result.kind, 'push')
        assert.equal(result.form, datagram.slice(0, datagram.indexOf('#')))
        assert.equal(text(encodeAck(result.values)), 'ACK#' + stored)
      })
    }

    const unknown = 'UNKNOWN_COMMMAND'
    const parts = (part: string): string => `The data part '${part}' did not match the expected format of 3 parts divided by ':'`
    const noJson = (json: string): string => `The string '${json}' could not be decoded as JSON`
    const noDict = (shown: string): string => `The object '${shown}' returned after decoding the JSON string is not a dict`
    const noType = (type: string): string =>
      `The data type '${type}' is unknown. Only dict_keys(['int', 'float', 'str', 'bool']) are allowed`
    const noInt = (shown: string): string => `Unable to convert values to 'int'. Error is: invalid literal for int() with base 10: ${shown}`
    const noFloat = (shown: string): string => `Unable to convert values to 'float'. Error is: could not convert string to float: ${shown}`
    const noBool = (shown: string): string =>
      `Unable to convert values to 'bool'. Error is: Cannot translate the string '${shown}' to a boolean. Only the strings 'True' or 'False' are allowed`
    const tooLong =
      "Unable to convert values to 'int'. Error is: Exceeds the limit (4300 digits) for integer string conversion: " +
      'value has 4301 digits; use sys.set_int_max_str_digits() to increase the limit'
    const refused: [datagram: string, error: string][] = [
      ...lines('|NAME|name\n|raw|json_wn|#|##|json_wn#{"a": "#"}|raw_wn#a:int:1#|JSON_WN#{}| json_wn#{}|__proto__#', (all) => [
        all,
        unknown
      ]),
      ...lines(`| |nonsense|{|{"a": True}|{'a': 1}|{"a": "x\ny"}|{"a": 1,}|{"a": 01}|{"a": .5}|{} {}`, (json) => [
        `json_wn#${json}`,
        noJson(json)
      ]),
      ['json_wn#{"a": ' + '9'.repeat(4301) + '}', noJson('{"a": ' + '9'.repeat(4301) + '}')],
      ['json_wn#' + nested(1001), noJson(nested(1001))],
      ['json_wn#[1, 2]', noDict('[1, 2]')],
      ['json_wn#null', noDict('None')],
      ['json_wn#47.0', noDict('47.0')],
      ['json_wn#NaN', noDict('nan')],
      ['json_wn#"it\'s"', noDict("it's")],
      ['raw_wn#', parts('')],
      ['raw_wn#;a:int:1', parts('')],
      ['raw_wn#a:int:1;', parts('')],
      ['raw_wn#a:str:12:30', parts('a:str:12:30')],
      ['raw_wn#a:int:x;b', noInt("'x'")],
      ['raw_wn#b;a:int:x', parts('b')],
      ['raw_wn#a:long:x', noType('long')],
      ['raw_wn#a::1', noType('')],
      ['raw_wn#a:constructor:1', noType('constructor')],
      ['raw_wn#a:int:1,4.0,x', noInt("'4.0'")],
      ["raw_wn#a:int:it's", noInt('"it\'s"')],
      ['raw_wn#a:int:' + 'x'.repeat(300), noInt("'" + 'x'.repeat(199))],
      ['raw_wn#a:float:', noFloat("''")],
      ['raw_wn#a:float:' + 'x'.repeat(300), noFloat("'" + 'x'.repeat(300) + "'")],
      ['raw_wn#a:bool: True', noBool(' True')],
      ['raw_wn#a:int:' + '9'.repeat(4301), tooLong]
    ]
    for (const [datagram, error] of refused) {
      it(`${JSON.stringify(datagram.slice(0, 40))} is refused with ${JSON.stringify(error.slice(0, 60))}`, () => {
        assert.deepEqual(push(datagram), { kind: 'error', text: error })
      })
    }

    it('is silent beyond ASCII, within the first 8192 bytes', () => {
      assert.deepEqual(push('json_wn#{"a": "é"}'), { kind: 'silent' })
      assert.deepEqual(push(Buffer.from('x'.repeat(8191) + '\xff', 'latin1')), { kind: 'silent' })
      assert.deepEqual(push(Buffer.from('x'.repeat(8192) + '\xff', 'latin1')), { kind: 'error', text: unknown })
    })

    it('is stored short when longer than 8192 bytes', () => {
      const result = push('raw_wn#a:str:' + 'y'.repeat(9000))
      assert.deepEqual(result, { kind: 'push', values: dict(['a', 'y'.repeat(8192 - 13)]), form: 'raw_wn' })
    })

    it('may be as deep as 1000 levels', () => {
      const result = push('json_wn#' + nested(1000))
      assert.ok(result.kind === 'push' && text(encodeAck(result.values))?.startsWith("ACK#{'a': [[["))
    })
  })

  describe('an answer', () => {
    it('has a prefix, but for status', () => {
      for (const kind of ['name', 'commands', 'status'] as const) assert.deepEqual(push(kind), { kind })
      assert.equal(text(encodeText('RET#', 'a#b')), 'RET#a#b')
      assert.equal(text(encodeText('RET#', COMMANDS)), 'RET#["json_wn#", "raw_wn#", "name", "status", "commands"]')
      assert.equal(text(encodeStatus(dict(['a', 1]))), '{"a": 1.0}')
      assert.equal(text(encodeError('bad')), 'ERROR#bad')
      assert.equal(text(encodeException('')), 'EXCEP#')
    })

    it('escapes what is not ASCII instead of falling silent', () => {
      assert.equal(text(encodeAck(dict(['a', 'é']))), "ACK#{'a': '\\xe9'}")
      assert.equal(text(encodeError('é')), 'ERROR#\\xe9')
      assert.equal(text(encodeException('café')), 'EXCEP#caf\\xe9')
      assert.equal(text(encodeReturn('é', 'string')), 'RET#\\xe9')
      assert.equal(text(encodeReturn('é', 'json')), 'RET#"\\u00e9"')
      assert.equal(text(encodeReturn(dict(['é', 'é']), 'raw')), 'RET#\\xe9:str:\\xe9')
    })

    it('is silence beyond 65507 bytes', () => {
      assert.equal(encodeText('RET#', 'x'.repeat(65503))?.length, 65507)
      assert.equal(encodeText('RET#', 'x'.repeat(65504)), undefined)
    })

    const scalars = "With return format raw, the item type can only be one of 'int', 'float', 'bool' and 'str'."
    const mixed = 'With return format raw on a list of lists, all values  in list must have same type. Types are: '
    const raw: [value: Exact, shown: string][] = [
      [null, 'RET#None'],
      [dict(), 'RET#'],
      [dict(['a', 8n], ['b', [1, 2.5]], ['c', true], ['d', 'x;y:z,#']), 'RET#a:int:8;b:float:1.0,2.5;c:bool:True;d:str:x;y:z,#'],
      [dict(['', ['', '']]), 'RET#:str:,'],
      [[[7, 42], [7.5]], 'RET#float:7.0,42.0&7.5'],
      [[['a'], []], 'RET#str:a&'],
      [[[], [true]], 'RET#bool:&True'],
      [[], 'list index out of range'],
      [[[], []], 'list index out of range'],
      [[1n, 2n], 'With return format raw on a list, the elements themselves be lists'],
      [[[1n], 2n], 'With return format raw on a list, the elements themselves be lists'],
      [[[true], [1n]], `${mixed}[<class 'bool'>, <class 'int'>]`],
      [[[null], ['x', dict()]], `${mixed}[<class 'NoneType'>, <class 'str'>, <class 'dict'>]`],
      [[[[]]], `${scalars} The type is: <class 'list'>`],
      [dict(['a', [1n, true]]), 'With return format raw, value in list must have same type'],
      [dict(['a', []]), `${scalars} Object: '[]' is of type: `],
      [dict(['a', [null]]), `${scalars} Object: '[None]' is of type: NoneType`],
      [dict(['a', [[1n]]]), `${scalars} Object: '[[1]]' is of type: list`],
      [dict(['a', 1n], ['b', dict()]), `${scalars} Object: '{}' is of type: dict`],
      ...['text', true, 42n, 1.5].map((value): [Exact, string] => [value, "Return value must be a dict or list with return format 'raw'"])
    ]
    for (const [value, shown] of raw) {
      it(`to a return of ${repr(value)} in raw form is ${shown.slice(0, 70)}`, () => {
        assert.equal(
          text(encodeReturn(value, 'raw')),
          shown.startsWith('RET#') ? shown : `EXCEP#Raw conversion failed with message:${shown}`
        )
      })
    }
  })

  it('answers as the recorded servers do', () => {
    const compared = recordedCases(isPlayable).map(replay)
    const sum = compared.reduce((all, one) => all + one, 0)
    assert.ok(compared.length >= 95 && sum >= 225, `only ${compared.length} cases with ${sum} comparisons were played`)
  })

  describe('for any input', () => {
    const kinds = ['silent', 'name', 'commands', 'status', 'push', 'error']
    const anyText = fc.string({ unit: 'binary' })
    const asciiText = fc.string({ unit: 'binary-ascii' })
    const scalar = fc.oneof(fc.double(), fc.bigInt(), anyText, fc.boolean(), fc.constant(null))
    const { value } = fc.letrec<{ value: Exact }>((tie) => ({
      value: fc.oneof(
        scalar,
        fc.array(tie('value'), { maxLength: 4 }),
        fc.array(fc.tuple(anyText, tie('value')), { maxLength: 4 }).map((all) => new Map(all))
      )
    }))
    const values = fc.array(fc.tuple(anyText, value)).map((all) => new Map(all))

    const plain = asciiText.filter((each) => !/[#;:,]/.test(each))
    const several = (each: fc.Arbitrary<Exact>): fc.Arbitrary<Exact> => fc.oneof(each, fc.array(each, { minLength: 2, maxLength: 4 }))
    const rawValue = fc.oneof(several(fc.double()), several(fc.bigInt()), several(fc.boolean()), several(plain))
    const rawValues = fc.array(fc.tuple(plain, rawValue), { minLength: 1 }).map((all) => new Map(all))

    it('decodes any bytes to a known kind', () => {
      const bases = ['json_wn#{"a": [1, 2.5, "x"], "b": null}', 'raw_wn#a:int:1;b:str:x,y;c:float:1e-5;d:bool:True', 'name', 'commands']
      const mutated = fc
        .tuple(
          fc.constantFrom(...bases),
          fc.nat(50),
          fc.nat(3),
          fc.oneof(
            fc.uint8Array({ maxLength: 3 }),
            asciiText.map((each) => Buffer.from(each))
          )
        )
        .map(([base, at, cut, bytes]) => Buffer.concat([Buffer.from(base.slice(0, at)), bytes, Buffer.from(base.slice(at + cut))]))
      const prefixed = fc.tuple(fc.constantFrom('json_wn#', 'raw_wn#'), asciiText).map((both) => Buffer.from(both.join('')))
      fc.assert(
        fc.property(fc.oneof(fc.uint8Array(), mutated, prefixed), (datagram) => {
          const result = decodePush(datagram)
          assert.ok(kinds.includes(result.kind))
          if (result.kind === 'push') assert.ok(encodeAck(result.values))
          if (result.kind === 'error') assert.ok(encodeError(result.text))
        }),
        { numRuns: 1000 }
      )
    })

    it('gives back what a Python client wrote as JSON', () => {
      fc.assert(
        fc.property(values, (written) => {
          const json = dumps(written)
          fc.pre(!json.includes('#') && json.length < 8000)
          const result = push(`json_wn#${json}`)
          assert.ok(result.kind === 'push' && exactEqual(result.values, written))
          assert.deepEqual([...result.values.keys()], [...written.keys()])
        })
      )
    })

    it('gives back what a Python client wrote in raw form', () => {
      fc.assert(
        fc.property(rawValues, (written) => {
          const parts = Array.from(written, ([codename, each]) => {
            const items = isExactList(each) ? each : [each]
            return `${codename}:${typeName(items[0]!)}:${items.map(str).join(',')}`
          })
          const result = push(`raw_wn#${parts.join(';')}`)
          assert.ok(result.kind === 'push' && exactEqual(result.values, written))
        })
      )
    })

    it('writes raw returns that read back as the same values', () => {
      fc.assert(
        fc.property(rawValues, (written) => {
          const raw = encodeRaw(written)
          const read = raw.ok ? decodeRaw(raw.text) : raw
          assert.ok(read.ok && exactEqual(read.values, written))
        })
      )
    })

    it('answers every return value in every format, in ASCII', () => {
      fc.assert(
        fc.property(value, fc.constantFrom<ReturnFormat>('json', 'raw', 'string'), (each, format) => {
          const answer = encodeReturn(each, format)
          assert.ok(answer?.every((byte) => byte < 0x80))
          assert.match(text(answer)!, format === 'raw' ? /^(RET|EXCEP)#/ : /^RET#/)
        })
      )
    })
  })
})

/** Cases that need only the codec and a callback of one line: the others rest on Python itself (set, laser) or take real time. */
function isPlayable(recorded: ExactMap, server: ExactMap): boolean {
  const isPython = /laser|set\(|IOError/.test(dumps(server.get('callback') ?? null))
  return server.get('kind') === 'push' && !isPython && !stepsOf(recorded).some((step) => step.has('no_wait'))
}

/** Plays a case against the codec and a server of twenty lines; returns the number of answers and stored values compared. */
function replay(recorded: ExactMap): number {
  const server = map(recorded.get('server'))
  const results = new Map<string, Exact>([
    ['last', null],
    ['updated', new Map()],
    ['calls', []],
    ['queue', server.get('action') === 'enqueue' ? [] : null]
  ])
  const isDirect = server.get('action') === 'callback_direct'
  const format = (server.get('return_format') ?? 'json') as ReturnFormat

  const answer = (datagram: Buffer): Buffer | undefined => {
    const decoded = decodePush(datagram)
    switch (decoded.kind) {
      case 'silent':
      case 'status':
        return undefined
      case 'name':
        return encodeText('RET#', str(server.get('name') ?? null))
      case 'commands':
        return encodeText('RET#', COMMANDS)
      case 'error':
        return encodeError(decoded.text)
      case 'push':
        results.set('last', decoded.values)
        results.set('updated', new Map([...map(results.get('updated')), ...decoded.values]))
        results.set('calls', [...list(results.get('calls')), decoded.values])
        if (results.get('queue') !== null) results.set('queue', [...list(results.get('queue')), decoded.values])
        return isDirect ? call(map(server.get('callback')), decoded.values, format) : encodeAck(decoded.values)
    }
  }

  let compared = 0
  for (const step of stepsOf(recorded)) {
    const op = step.get('op')
    if (step.get('match') !== undefined || op === 'sleep' || op === 'advance' || op === 'poke') continue
    const where = `${str(recorded.get('id') ?? null)}, ${str(op ?? step.get('send') ?? null).slice(0, 80)}`
    if (typeof op === 'string') assert.ok(exactEqual(results.get(op) ?? null, step.get('result') ?? null), where)
    else checkAnswer(where, answer(bytes(step.get('send'), step.get('enc'))), step, recorded.get('tier') === 'bug')
    compared++
  }
  return compared
}

/** The callbacks of the recording machine. A pop changes the very dict that is kept as `last`. */
function call(callback: ExactMap, values: Map<string, Exact>, format: ReturnFormat): Buffer | undefined {
  const key = str(callback.get('key') ?? null)
  switch (callback.get('kind')) {
    case 'return':
      return encodeReturn(argument(callback.get('value') ?? null), format)
    case 'raise':
      return encodeException(list(callback.get('args')).map(str).join())
    case 'pop': {
      const popped = values.get(key)
      values.delete(key)
      return popped === undefined ? encodeException(repr(key)) : encodeReturn(popped, format)
    }
    default:
      return encodeReturn(values, format)
  }
}

/** A bare number is a float, {"$int": n} an int, {"$py": "…"} what has no JSON form. */
function argument(value: Exact): Exact {
  if (typeof value === 'bigint') return Number(value)
  if (isExactList(value)) return value.map(argument)
  if (!isExactMap(value)) return value
  if (value.has('$int')) return value.get('$int') ?? null
  const python = value.get('$py')
  if (python === undefined) return new Map(Array.from(value, ([key, item]) => [key, argument(item)]))
  if (python === "float('nan')") return NaN
  if (python === "float('inf')") return Infinity
  // A dict with int keys, which JSON turns into text (vector dj-intkeys); we have text keys from the start.
  const quoted = parseExact(str(python).replace(/\d+(?=:)/g, '"$&"'))
  return quoted.ok ? quoted.value : assert.fail(`what is ${str(python)}?`)
}
