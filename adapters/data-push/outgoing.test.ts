import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { bytes, map, stepsOf } from '../../test/support/recorded.js'
import { exactEqual, parseExact, type Exact } from '../common/exact-json.js'
import { decodePush, encodeReturn, type ReturnFormat } from './codec.js'
import { decodeAnswer, decodeReturn, encodePush, isAnswerable, type PushForm } from './outgoing.js'

const dict = (...members: [string, Exact][]): Map<string, Exact> => new Map(members)
const sent = (values: Map<string, Exact>, form: PushForm = 'auto'): string => {
  const encoded = encodePush(values, form)
  assert.ok(encoded.ok, encoded.ok ? '' : encoded.error)
  return encoded.datagram.toString('latin1')
}
const refusal = (values: Map<string, Exact>, form: PushForm = 'auto'): string => {
  const encoded = encodePush(values, form)
  assert.ok(!encoded.ok)
  return encoded.error
}

describe('data-push codec, the client’s side', () => {
  const forms: [values: Map<string, Exact>, auto: string, json: string, raw: string | undefined][] = [
    [dict(['a', 5]), 'raw_wn#a:float:5.0', 'json_wn#{"a": 5.0}', 'raw_wn#a:float:5.0'],
    [dict(['a', 1e16]), 'raw_wn#a:float:1e+16', 'json_wn#{"a": 1e+16}', 'raw_wn#a:float:1e+16'],
    [dict(['a', -0]), 'raw_wn#a:float:-0.0', 'json_wn#{"a": -0.0}', 'raw_wn#a:float:-0.0'],
    [dict(['a', NaN]), 'raw_wn#a:float:nan', 'json_wn#{"a": NaN}', 'raw_wn#a:float:nan'],
    [dict(['a', 5n]), 'json_wn#{"a": 5}', 'json_wn#{"a": 5}', 'raw_wn#a:int:5'],
    [dict(['a', true]), 'json_wn#{"a": true}', 'json_wn#{"a": true}', 'raw_wn#a:bool:True'],
    [dict(['a', [1, 2.5]]), 'raw_wn#a:float:1.0,2.5', 'json_wn#{"a": [1.0, 2.5]}', 'raw_wn#a:float:1.0,2.5'],
    [dict(['a', [1]]), 'json_wn#{"a": [1.0]}', 'json_wn#{"a": [1.0]}', undefined],
    [dict(['a', []]), 'json_wn#{"a": []}', 'json_wn#{"a": []}', undefined],
    [dict(['a', [1n, 2]]), 'json_wn#{"a": [1, 2.0]}', 'json_wn#{"a": [1, 2.0]}', undefined],
    [dict(['a', ['x', 'y']]), 'json_wn#{"a": ["x", "y"]}', 'json_wn#{"a": ["x", "y"]}', 'raw_wn#a:str:x,y'],
    [dict(['a', null]), 'json_wn#{"a": null}', 'json_wn#{"a": null}', undefined],
    [dict(['a', 'stop']), 'json_wn#{"a": "stop"}', 'json_wn#{"a": "stop"}', 'raw_wn#a:str:stop'],
    [dict(['a', 'x,y']), 'json_wn#{"a": "x,y"}', 'json_wn#{"a": "x,y"}', undefined],
    [dict(['a', '#1']), 'json_wn#{"a": "\\u00231"}', 'json_wn#{"a": "\\u00231"}', undefined],
    [dict(['a', 'é']), 'json_wn#{"a": "\\u00e9"}', 'json_wn#{"a": "\\u00e9"}', undefined],
    [dict(['p #1', 2]), 'json_wn#{"p \\u00231": 2.0}', 'json_wn#{"p \\u00231": 2.0}', undefined],
    [dict(['p:1', 2]), 'json_wn#{"p:1": 2.0}', 'json_wn#{"p:1": 2.0}', undefined],
    [dict(['2', 1], ['1', 2]), 'raw_wn#2:float:1.0;1:float:2.0', 'json_wn#{"2": 1.0, "1": 2.0}', 'raw_wn#2:float:1.0;1:float:2.0'],
    [dict(), 'json_wn#{}', 'json_wn#{}', undefined]
  ]
  for (const [values, auto, json, raw] of forms)
    it(`sends ${auto}`, () => {
      assert.deepEqual([sent(values), sent(values, 'json_wn')], [auto, json])
      if (raw === undefined) assert.match(refusal(values, 'raw_wn'), /no raw_wn form/)
      else assert.equal(sent(values, 'raw_wn'), raw)
    })

  it('refuses what a push socket would cut and acknowledge', () => {
    const text = (length: number): Map<string, Exact> => dict(['a', 'x'.repeat(length)])
    assert.equal(sent(text(8192 - 17)).length, 8192)
    assert.match(refusal(text(8192 - 16)), /^the push has 8193 bytes; a push socket reads no more than 8192$/)
  })

  it('is read by the server’s side as the very same values, whatever they are', () => {
    const scalar = fc.oneof(
      fc.double(),
      fc.bigInt({ min: -(10n ** 30n), max: 10n ** 30n }),
      fc.boolean(),
      fc.string({ unit: 'binary', maxLength: 20 }),
      fc.constant(null)
    )
    const value = fc.oneof(scalar, fc.array(scalar, { maxLength: 4 }), fc.array(fc.double(), { maxLength: 4 }))
    const form = fc.constantFrom<PushForm>('auto', 'json_wn', 'raw_wn')
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.string({ maxLength: 8 }), value), { maxLength: 4 }), form, (members, wanted) => {
        const values = new Map<string, Exact>(members)
        const encoded = encodePush(values, wanted)
        if (!encoded.ok) return assert.equal(wanted, 'raw_wn')
        const read = decodePush(encoded.datagram)
        assert.equal(read.kind, 'push')
        assert.ok(exactEqual(read.values, values))
      })
    )
  })

  it('takes the first # for the end of the prefix, and what has none for no push socket', () => {
    const answers: [datagram: string, kind: string, text: string][] = [
      ["ACK#{'a': 1}", 'acknowledged', "{'a': 1}"],
      ["ACK#{u'a': 12345678901234567890L}", 'acknowledged', "{u'a': 12345678901234567890L}"],
      ['ACK#', 'acknowledged', ''],
      ['RET#Gas #2', 'returned', 'Gas #2'],
      ['ERROR#UNKNOWN_COMMMAND', 'refused', 'UNKNOWN_COMMMAND'],
      ['EXCEP#', 'failed', ''],
      ['UNKNOWN_COMMMAND', 'foreign', 'UNKNOWN_COMMMAND'],
      ['', 'foreign', ''],
      ['ack#', 'foreign', 'ack#'],
      ['{"a#": 1}', 'foreign', '{"a#": 1}']
    ]
    for (const [datagram, kind, text] of answers) assert.deepEqual(decodeAnswer(Buffer.from(datagram)), { kind, text })
  })

  it('knows the prefix of every recorded answer of a push socket, of all dialects', () => {
    const kinds = new Set<string>()
    for (const line of readFileSync('test/vectors/pyexplabsys.jsonl', 'utf8').trim().split('\n')) {
      const parsed = parseExact(line, { words: true })
      assert.ok(parsed.ok)
      const recorded = map(parsed.value)
      for (const step of map(recorded.get('server')).get('kind') === 'push' ? stepsOf(recorded) : []) {
        if (typeof step.get('recv') !== 'string' || step.get('send') === 'status') continue
        const datagram = bytes(step.get('recv'), step.get('recv_enc'))
        const { kind, text } = decodeAnswer(datagram)
        assert.ok(kind !== 'foreign' && datagram.toString('latin1').endsWith(`#${text}`), datagram.toString())
        kinds.add(kind)
      }
    }
    assert.deepEqual([...kinds].sort(), ['acknowledged', 'failed', 'refused', 'returned'])
  })

  it('reads back what a direct callback returns, in each form', () => {
    const rows: [value: Exact, form: ReturnFormat][] = [
      [dict(['a', 1n], ['b', 2.5], ['c', 'x'], ['d', true], ['e', [1, 2]]), 'raw'],
      [
        [
          [1, 42],
          [1.5, 45.6]
        ],
        'raw'
      ],
      [[['x']], 'raw'],
      [null, 'raw'],
      [dict(), 'raw'],
      [dict(['a', [1n, NaN, null]]), 'json'],
      ['State set to: active', 'json'],
      ['State # set', 'string']
    ]
    for (const [value, form] of rows) {
      const answer = decodeAnswer(encodeReturn(value, form) as Buffer)
      const returned = decodeReturn(answer.text, form)
      assert.ok(returned.ok && exactEqual(returned.value, value), `${form} ${answer.text}`)
    }
    for (const [text, form] of [
      ['{', 'json'],
      ['', 'json'],
      ['float:1.0,x', 'raw'],
      ['a:b', 'raw'],
      ['a:long:1', 'raw']
    ] as const)
      assert.equal(decodeReturn(text, form).ok, false, text)
  })

  it('knows what the original can acknowledge', () => {
    assert.ok(isAnswerable(dict(['a', ['x', dict(['b', 'y'])]])))
    for (const values of [dict(['é', 1]), dict(['a', 'é']), dict(['a', ['x', dict(['b', ['é']])]])]) assert.ok(!isAnswerable(values))
  })
})
