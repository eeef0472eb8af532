import assert from 'node:assert/strict'
import fc from 'fast-check'
import { bytes, checkAnswer, list, map, recordedCases, stepsOf, text } from '../../test/support/recorded.js'
import { exactEqual, isExactList, isExactMap, parseExact, type Exact, type ExactMap } from '../common/exact-json.js'
import { str } from '../common/python-text.js'
import {
  decodeQuestion,
  encodeCodenamesJson,
  encodeCodenamesRaw,
  encodeJson,
  encodeJsonWithNames,
  encodeName,
  encodePoint,
  encodeRaw,
  encodeRawWithNames,
  encodeStatus,
  encodeUnknown,
  jsonWnLength,
  OLD_DATA,
  type Channel,
  type Point,
  type Question
} from './codec.js'
import { UNKNOWN_COMMMAND } from '../common/ascii-datagram.js'

const channel = (codename: string, ...point: Point): Channel => ({ codename, point })

describe('data-pull codec', () => {
  describe('a question', () => {
    const commands = ['raw', 'raw_wn', 'json', 'json_wn', 'codenames_raw', 'codenames_json', 'name', 'status'] as const
    const rows: [datagram: string | Buffer, question: Question][] = [
      ...commands.map((kind): [string, Question] => [kind, { kind }]),
      ['temp#raw', { kind: 'point', codename: 'temp', form: 'raw' }],
      ['p error#json', { kind: 'point', codename: 'p error', form: 'json' }],
      ['raw#raw', { kind: 'point', codename: 'raw', form: 'raw' }],
      ['#raw', { kind: 'point', codename: '', form: 'raw' }],
      ['#json', { kind: 'point', codename: '', form: 'json' }],
      ...['', 'RAW', ' raw', 'raw ', 'raw\n', 'raw\r\n', 'raw\0', 'raw_', 'commands', 'codenames', 'data', 'sane_interval'].map(unknown),
      ...['#', '##', 'a#', 'a#RAW', 'a#raw_wn', 'a#name', 'a#raw\n', 'a#b#raw', 'a##raw', 'a#raw#', 'json_wn#{"a": 1}'].map(unknown),
      ...['__proto__', 'constructor', 'a#__proto__', 'GET / HTTP/1.1\r\n\r\n'].map(unknown),
      ['c'.repeat(8188) + '#raw', { kind: 'point', codename: 'c'.repeat(8188), form: 'raw' }],
      unknown('c'.repeat(8189) + '#raw'),
      ['c'.repeat(8188) + '#rawand more', { kind: 'point', codename: 'c'.repeat(8188), form: 'raw' }],
      [Buffer.from('café#raw'), { kind: 'silent' }],
      [Buffer.from([0x80]), { kind: 'silent' }],
      [Buffer.from('x'.repeat(8191) + '\xff', 'latin1'), { kind: 'silent' }],
      [Buffer.from('x'.repeat(8192) + '\xff', 'latin1'), { kind: 'unknown' }]
    ]

    for (const [datagram, question] of rows) {
      it(`${JSON.stringify(datagram.toString('latin1').slice(-24))} is ${question.kind}`, () => {
        assert.deepEqual(decodeQuestion(Buffer.from(datagram)), question)
      })
    }

    it('may stand anywhere in a larger array', () => {
      assert.deepEqual(decodeQuestion(new Uint8Array(Buffer.from('xxnamexx')).subarray(2, 6)), { kind: 'name' })
    })

    function unknown(datagram: string): [string, Question] {
      return [datagram, { kind: 'unknown' }]
    }
  })

  describe('an answer', () => {
    const channels = [channel('a', 1.5, 47), channel('p error', 2, 47n), { codename: 'c', point: 'old' } as const]

    it('shows all channels in order, in four forms', () => {
      assert.equal(text(encodeRaw(channels)), '1.5,47.0;2.0,47;OLD_DATA')
      assert.equal(text(encodeRawWithNames(channels)), 'a:1.5,47.0;p error:2.0,47;c:OLD_DATA')
      assert.equal(text(encodeJson(channels)), '[[1.5, 47.0], [2.0, 47], "OLD_DATA"]')
      assert.equal(text(encodeJsonWithNames(channels)), '{"a": [1.5, 47.0], "p error": [2.0, 47], "c": "OLD_DATA"}')
    })

    it('shows undeclared channels in json_wn, last', () => {
      assert.equal(text(encodeJsonWithNames([channel('a', 0, 0)], [channel('ghost', 1, 2)])), '{"a": [0.0, 0.0], "ghost": [1.0, 2.0]}')
      assert.equal(text(encodeJsonWithNames([], [channel('ghost', 1, 2)])), '{"ghost": [1.0, 2.0]}')
    })

    it('is an empty text or an empty container without channels', () => {
      assert.equal(text(encodeRaw([])), '')
      assert.equal(text(encodeRawWithNames([])), '')
      assert.equal(text(encodeJson([])), '[]')
      assert.equal(text(encodeJsonWithNames([])), '{}')
      assert.equal(text(encodeCodenamesRaw([])), '')
      assert.equal(text(encodeCodenamesJson([])), '[]')
      assert.equal(text(encodeName('')), '')
    })

    it('shows two items of a longer point in raw, all in json, and is silent on a shorter one in raw', () => {
      assert.equal(text(encodeRaw([channel('a', 1, 2, 3)])), '1.0,2.0')
      assert.equal(text(encodeJson([channel('a', 1, 2, 3)])), '[[1.0, 2.0, 3.0]]')
      assert.equal(encodeRaw([channel('a', 1, 2), channel('b', 1)]), undefined)
      assert.equal(encodeRawWithNames([channel('b')]), undefined)
      assert.equal(encodePoint([1], 'raw'), undefined)
      assert.equal(text(encodePoint([1], 'json')), '[1.0]')
    })

    it('escapes what is not ASCII instead of falling silent', () => {
      assert.equal(text(encodePoint([1, 'café'], 'raw')), '1.0,caf\\xe9')
      assert.equal(text(encodePoint([1, 'café'], 'json')), '[1.0, "caf\\u00e9"]')
      assert.equal(text(encodeRawWithNames([channel('µ', 1, 2)])), '\\xb5:1.0,2.0')
      assert.equal(text(encodeName('Ω')), '\\u03a9')
      assert.equal(text(encodeCodenamesRaw(['é', 'b'])), '\\xe9,b')
    })

    it('is silence beyond 65507 bytes', () => {
      assert.equal(encodeName('x'.repeat(65507))?.length, 65507)
      assert.equal(encodeName('x'.repeat(65508)), undefined)
      assert.equal(encodeName('é'.repeat(20000)), undefined)
    })

    it('has the words of the wire', () => {
      assert.equal(OLD_DATA, 'OLD_DATA')
      assert.equal(text(encodeUnknown()), UNKNOWN_COMMMAND)
      assert.equal(UNKNOWN_COMMMAND, 'UNKNOWN_COMMMAND')
      assert.equal(text(encodeStatus(new Map([['a', null]]))), '{"a": null}')
    })
  })

  it('answers as the recorded servers do', () => {
    const compared = recordedCases(isPlayable).map(replay)
    const sum = compared.reduce((all, one) => all + one, 0)
    assert.ok(compared.length >= 70 && sum >= 265, `only ${compared.length} cases with ${sum} comparisons were played`)
  })

  describe('for any input', () => {
    const kinds = ['silent', 'unknown', 'point', 'raw', 'raw_wn', 'json', 'json_wn', 'codenames_raw', 'codenames_json', 'name', 'status']
    const codename = fc.string({ unit: 'binary-ascii' }).filter((name) => !name.includes('#'))
    const value: fc.Arbitrary<Exact> = fc.oneof(fc.double(), fc.bigInt(), fc.string({ unit: 'binary' }), fc.boolean(), fc.constant(null))
    const channels = fc.array(fc.record({ codename: fc.string(), point: fc.oneof(fc.array(value), fc.constant('old' as const)) }))

    it('decodes any bytes to a known kind', () => {
      const mutated = fc
        .tuple(fc.constantFrom('raw', 'json_wn', 'a#raw', 'temperature#json'), fc.nat(20), fc.uint8Array({ maxLength: 3 }))
        .map(([base, at, bytes]) => Buffer.concat([Buffer.from(base.slice(0, at)), bytes, Buffer.from(base.slice(at))]))
      const datagrams = fc.oneof(fc.uint8Array(), mutated, fc.uint8Array({ minLength: 8000, maxLength: 9000, max: 0x7f }))
      fc.assert(fc.property(datagrams, (datagram) => kinds.includes(decodeQuestion(datagram).kind)))
    })

    it('finds the codename that a client asked for', () => {
      fc.assert(
        fc.property(codename, fc.constantFrom('raw', 'json'), (name, form) => {
          assert.deepEqual(decodeQuestion(Buffer.from(`${name}#${form}`)), { kind: 'point', codename: name, form })
        })
      )
    })

    it('gives JSON that reads back as the same points', () => {
      fc.assert(
        fc.property(channels, (all) => {
          const read = parseExact(text(encodeJson(all)) ?? '', { words: true })
          assert.ok(read.ok && exactEqual(read.value, all.map(shown)))
        })
      )
    })

    it('gives raw forms in printable or escaped ASCII, or silence', () => {
      fc.assert(
        fc.property(channels, (all) => {
          const isSilent = all.some(({ point }) => point !== 'old' && point.length < 2)
          for (const answer of [encodeRaw(all), encodeRawWithNames(all)]) {
            assert.equal(answer === undefined, isSilent)
            assert.ok(answer?.every((byte) => byte < 0x80) ?? true)
          }
        })
      )
    })

    it('estimates json_wn from above, and exactly at the widest', () => {
      const time = fc.double({ min: 1e9, max: 9e9, noNaN: true })
      fc.assert(
        fc.property(fc.uniqueArray(fc.string({ unit: 'binary' })), time, fc.double(), (names, x, y) => {
          const answer = encodeJsonWithNames(names.map((name) => channel(name, x, y)))
          assert.ok(answer && answer.length <= jsonWnLength(names))
        })
      )
      const widest = ['a', 'b'].map((name) => channel(name, 1795260229.1246731, -1.7976931348623157e308))
      assert.equal(encodeJsonWithNames(widest)?.length, jsonWnLength(['a', 'b']))
      assert.equal(encodeJsonWithNames([channel('é', 1795260229.1246731, 47)])?.length, jsonWnLength(['é'], 4))
      assert.equal(jsonWnLength([]), 2)
    })
  })
})

function shown({ point }: Channel): Exact {
  return point === 'old' ? OLD_DATA : point
}

/** Cases that need only the codec: no real time passes, no error at construction, one server, one client. */
function isPlayable(recorded: ExactMap, server: ExactMap): boolean {
  const isPull = server.get('kind') === 'date' || server.get('kind') === 'data'
  return isPull && stepsOf(recorded).every((step) => step.get('op') === 'set_point' || (step.has('send') && !step.has('no_wait')))
}

/** Plays a case against the codec and a server of twenty lines; returns the number of answers compared. */
function replay(recorded: ExactMap): number {
  const server = map(recorded.get('server'))
  const now = Number(recorded.get('clock') ?? Date.now() / 1000)
  const codenames = list(server.get('codenames')).map(str)
  const timeouts = server.get('timeouts') ?? null
  const timeoutOf = (name: string) =>
    isExactList(timeouts) ? timeouts[codenames.indexOf(name)] : codenames.includes(name) ? timeouts : null
  const points = new Map<string, Point>()
  const stamps = new Map<string, number>()
  for (const name of codenames) points.set(name, [server.get('default_x') ?? 0, server.get('default_y') ?? 0])

  const show = (name: string): Channel => {
    const point = points.get(name) ?? []
    const since = server.get('kind') === 'date' ? point[0] : (stamps.get(name) ?? 0)
    const timeout = timeoutOf(name)
    return { codename: name, point: typeof timeout === 'number' && now - Number(since) > timeout ? 'old' : point }
  }
  const answer = (datagram: Buffer): Buffer | undefined => {
    const question = decodeQuestion(datagram)
    const channels = codenames.map(show)
    switch (question.kind) {
      case 'silent':
      case 'status':
        return undefined
      case 'raw':
        return encodeRaw(channels)
      case 'raw_wn':
        return encodeRawWithNames(channels)
      case 'json':
        return encodeJson(channels)
      case 'json_wn':
        return encodeJsonWithNames(channels, [...points.keys()].filter((name) => !codenames.includes(name)).map(show))
      case 'codenames_raw':
        return encodeCodenamesRaw(codenames)
      case 'codenames_json':
        return encodeCodenamesJson(codenames)
      case 'name':
        return encodeName(str(server.get('name') ?? null))
      case 'point':
        return points.has(question.codename) ? encodePoint(show(question.codename).point, question.form) : encodeUnknown()
      case 'unknown':
        return encodeUnknown()
    }
  }

  let compared = 0
  for (const step of stepsOf(recorded)) {
    if (step.get('op') === 'set_point') {
      const [name = '', point = [], stamp = now] = list(step.get('args')).map(argument)
      points.set(str(name), isExactList(point) ? point : Array.from(str(point)))
      stamps.set(str(name), Number(stamp))
    } else if (!step.has('match')) {
      const where = `${str(recorded.get('id') ?? null)}, ${str(step.get('send') ?? null).slice(0, 80)}`
      checkAnswer(where, answer(bytes(step.get('send'), step.get('enc'))), step, recorded.get('tier') === 'bug')
      compared++
    }
  }
  return compared
}

/** A bare number is a float, {"$int": n} an int, {"$py": "float('nan')"} what has no JSON form. */
function argument(value: Exact): Exact {
  if (typeof value === 'bigint') return Number(value)
  if (isExactList(value)) return value.map(argument)
  if (!isExactMap(value)) return value
  const python = value.get('$py')
  if (typeof python === 'string') return Number(/^float\('(-?)(nan|inf)'\)$/.exec(python)?.slice(1).join('').replace('inf', 'Infinity'))
  return value.get('$int') ?? argument(value.get('$tuple') ?? [])
}
