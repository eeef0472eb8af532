import assert from 'node:assert/strict'
import fc from 'fast-check'
import type { Exact } from '../common/exact-json.js'
import * as codec from './codec.js'
import type { Channel, Told } from './codec.js'

const bytes = (text: string): Buffer => Buffer.from(text, 'latin1')
const point = (x: Exact, y: Exact): Told => ({ kind: 'point', x, y })
const old: Told = { kind: 'old' }
const broken = (reason: string): Told => ({ kind: 'broken', reason })
const noPoint = broken('no point of x and y')

describe('data-pull answers, as a client reads them', () => {
  const json: [said: string, told: Told][] = [
    ['[1414150015.697648, 47.0]', point(1414150015.697648, 47)],
    ['[0.0, 42]', point(0, 42n)],
    ['[1, true]', point(1n, true)],
    ['[1.0, NaN]', point(1, NaN)],
    ['[-Infinity, Infinity]', point(-Infinity, Infinity)],
    ['[1.0, null]', point(1, null)],
    ['[1.0, "a,b"]', point(1, 'a,b')],
    ['[1.0, "OLD_DATA"]', point(1, 'OLD_DATA')],
    ['[1.0, "caf\\u00e9"]', point(1, 'café')],
    ['[1.0, [2.0, {"a": 3}]]', point(1, [2, new Map([['a', 3n]])])],
    ['[1.0, 2.0, 3.0]', point(1, 2)],
    ['["R", "E", "S", "E", "T"]', point('R', 'E')],
    ['"OLD_DATA"', old],
    ['UNKNOWN_COMMMAND', { kind: 'unknown' }],
    ['UNKNOWN_COMMAND', broken('no JSON')],
    ['OLD_DATA', broken('no JSON')],
    ['', broken('no JSON')],
    ['[1.0, 2.', broken('no JSON')],
    ['ERROR#UNKNOWN_COMMMAND', broken('no JSON')],
    ['[1.0]', noPoint],
    ['[]', noPoint],
    ['47', noPoint],
    ['"RESET"', noPoint],
    ['{"a": [1.0, 2.0]}', noPoint],
    ['[1.0, "caf\xe9"]', broken('bytes beyond ASCII')],
    [`[1.0, "${'x'.repeat(1017)}`, broken('1024 bytes, where it was probably cut')],
    [`[1.0, "${'x'.repeat(8185)}`, broken('8192 bytes, where it was probably cut')],
    [`[1.0, "${'x'.repeat(1015)}"]`, point(1, 'x'.repeat(1015))],
    [`[1.0, ${'['.repeat(3000)}`, broken('no JSON')]
  ]
  for (const [said, told] of json)
    it(`codename#json: ${said.slice(0, 40)}`, () => assert.deepEqual(codec.decodeJsonPoint(bytes(said)), told))

  const raw: [said: string, told: Told][] = [
    ['1414150015.697648,47.0', point(1414150015.697648, 47)],
    ['1414154338.17,47.0', point(1414154338.17, 47)],
    ['1.4141500157e+12,1e-05', point(1414150015700, 1e-5)],
    ['0.0,42', point(0, 42n)],
    ['0.0,123456789012345678901234567890', point(0, 123456789012345678901234567890n)],
    ['1.0,True', point(1, true)],
    ['1.0,None', point(1, null)],
    ['nan,-inf', point(NaN, -Infinity)],
    ['1.0,a,b;c:d', point(1, 'a,b;c:d')],
    ['1.0,', point(1, '')],
    ['1.0,007', point(1, '007')],
    ['1.0,1_000', point(1, '1_000')],
    ['1.0,[1, 2]', point(1, '[1, 2]')],
    // As other programs print numbers.
    ['1.0,+4.2E-5\r\n', point(1, 4.2e-5)],
    ['1.0, .5', point(1, 0.5)],
    ['1.0,4.', point(1, 4)],
    ['NaN,-nan', point(NaN, NaN)],
    ['1.0,+NAN\r\n', point(1, NaN)],
    ['1.0, -Infinity', point(1, -Infinity)],
    ['1.0,INF', point(1, Infinity)],
    ['1.0,nano', point(1, 'nano')],
    ['1.0,2.5 V', point(1, '2.5 V')],
    ['OLD_DATA', old],
    ['UNKNOWN_COMMMAND', { kind: 'unknown' }],
    ['', noPoint],
    ['4.2e-7', noPoint],
    ['1.0,caf\xe9', broken('bytes beyond ASCII')],
    [`1.0,${'x'.repeat(1020)}`, broken('1024 bytes, where it was probably cut')],
    [`1.0,${'x'.repeat(8188)}`, broken('8192 bytes, where it was probably cut')],
    [`1.0,${'x'.repeat(25000)}`, point(1, 'x'.repeat(25000))],
    [`1.0,${'9'.repeat(5000)}`, point(1, '9'.repeat(5000))]
  ]
  for (const [said, told] of raw)
    it(`codename#raw: ${JSON.stringify(said.slice(0, 40))}`, () => assert.deepEqual(codec.decodeRawPoint(bytes(said)), told))

  const told = <T>(value: T): codec.Answer<T> => ({ kind: 'told', told: value })

  it('OLD_DATA in all six shapes', () => {
    const one = point(1, 2)
    assert.deepEqual(codec.decodeRaw(bytes('OLD_DATA;1.0,2.0')), told([old, one]))
    assert.deepEqual(
      codec.decodeRawWithNames(bytes('a:OLD_DATA;b:1.0,2.0')),
      told(
        new Map([
          ['a', old],
          ['b', one]
        ])
      )
    )
    assert.deepEqual(codec.decodeJson(bytes('["OLD_DATA", [1.0, 2.0]]')), told([old, one]))
    assert.deepEqual(
      codec.decodeJsonWithNames(bytes('{"a": "OLD_DATA", "b": [1.0, 2.0]}')),
      told(
        new Map([
          ['a', old],
          ['b', one]
        ])
      )
    )
    assert.deepEqual(codec.decodeRawPoint(bytes('OLD_DATA')), old)
    assert.deepEqual(codec.decodeJsonPoint(bytes('"OLD_DATA"')), old)
  })

  it('one channel that is no point does not spoil the others', () => {
    const answer = codec.decodeJsonWithNames(bytes('{"a": "RESET", "b": [1.0, 2.0]}'))
    assert.deepEqual(
      answer,
      told(
        new Map([
          ['a', noPoint],
          ['b', point(1, 2)]
        ])
      )
    )
  })

  it('no channels are none', () => {
    assert.deepEqual(codec.decodeRaw(bytes('')), told([]))
    assert.deepEqual(codec.decodeRawWithNames(bytes('')), told(new Map()))
    assert.deepEqual(codec.decodeJson(bytes('[]')), told([]))
    assert.deepEqual(codec.decodeJsonWithNames(bytes('{}')), told(new Map()))
    assert.deepEqual(codec.decodeCodenames(bytes('[]')), told([]))
  })

  it('names and codenames', () => {
    assert.deepEqual(codec.decodeName(bytes('moon laser')), told('moon laser'))
    assert.deepEqual(codec.decodeName(bytes('')), told(''))
    assert.deepEqual(codec.decodeName(bytes('caf\xe9')), broken('bytes beyond ASCII'))
    assert.deepEqual(codec.decodeCodenames(bytes('["a", "p error"]')), told(['a', 'p error']))
    assert.deepEqual(codec.decodeCodenames(bytes('["a", 1]')), broken('no list of codenames'))
    assert.deepEqual(codec.decodeCodenames(bytes('{}')), broken('no list of codenames'))
    assert.deepEqual(codec.decodeCodenames(bytes('UNKNOWN_COMMMAND')), { kind: 'unknown' })
  })

  const all = [
    codec.decodeJsonPoint,
    codec.decodeRawPoint,
    codec.decodeJson,
    codec.decodeJsonWithNames,
    codec.decodeRaw,
    codec.decodeRawWithNames,
    codec.decodeCodenames,
    codec.decodeName
  ]

  it('whatever comes is read without an exception, and what is not ASCII never believed', () => {
    const near = fc.stringMatching(/^[[\]{}",:;# 0-9eE.aOLD_TNIfiy-]{0,60}$/).map((text) => new Uint8Array(bytes(text)))
    fc.assert(
      fc.property(fc.oneof(fc.uint8Array({ maxLength: 300 }), near), (datagram) => {
        for (const decode of all) {
          const answer = decode(datagram)
          if (datagram.some((byte) => byte >= 0x80)) assert.equal(answer.kind, 'broken')
        }
      }),
      { numRuns: 2000 }
    )
  })

  const float = fc.double().map((value): Exact => value)
  const scalar = fc.oneof(float, fc.bigInt(), fc.boolean(), fc.constant(null))
  const codename = fc.stringMatching(/^[A-Za-z0-9 _./-]{1,12}$/)
  const channels = (y: fc.Arbitrary<Exact>): fc.Arbitrary<Channel[]> =>
    fc.uniqueArray(
      fc.tuple(codename, fc.option(fc.tuple(float, y), { nil: 'old' as const })).map(([name, at]) => ({ codename: name, point: at })),
      { selector: (channel) => channel.codename, maxLength: 8 }
    )
  const toldOf = ({ point: at }: Channel): Told => (at === 'old' ? old : point(at[0] as Exact, at[1] as Exact))
  const answer = (encoded: Buffer | undefined): Buffer => encoded ?? assert.fail('not encoded')
  const text = fc.string({ unit: 'grapheme' }).filter((value) => value.isWellFormed())

  it('what our server says in JSON is read as it was meant, texts too', () => {
    fc.assert(
      fc.property(channels(fc.oneof(scalar, text)), (said) => {
        const names = new Map(said.map((one) => [one.codename, toldOf(one)]))
        assert.deepEqual(codec.decodeJsonWithNames(answer(codec.encodeJsonWithNames(said))), told(names))
        assert.deepEqual(codec.decodeJson(answer(codec.encodeJson(said))), told(said.map(toldOf)))
        for (const one of said) assert.deepEqual(codec.decodeJsonPoint(answer(codec.encodePoint(one.point, 'json'))), toldOf(one))
      })
    )
  })

  it('what our server says in raw is read as it was meant', () => {
    fc.assert(
      fc.property(channels(scalar), (said) => {
        const names = new Map(said.map((one) => [one.codename, toldOf(one)]))
        assert.deepEqual(codec.decodeRawWithNames(answer(codec.encodeRawWithNames(said))), told(names))
        assert.deepEqual(codec.decodeRaw(answer(codec.encodeRaw(said))), told(said.map(toldOf)))
        for (const one of said) assert.deepEqual(codec.decodeRawPoint(answer(codec.encodePoint(one.point, 'raw'))), toldOf(one))
      })
    )
  })

  it('an answer in JSON that lost its end is never believed', () => {
    fc.assert(
      fc.property(channels(scalar), fc.nat(), (said, at) => {
        const whole = answer(codec.encodeJsonWithNames(said))
        assert.equal(codec.decodeJsonWithNames(whole.subarray(0, at % whole.length)).kind, 'broken')
        for (const one of said) {
          const single = answer(codec.encodePoint(one.point, 'json'))
          assert.equal(codec.decodeJsonPoint(single.subarray(0, at % single.length)).kind, 'broken')
        }
      })
    )
  })
})
