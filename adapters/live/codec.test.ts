import assert from 'node:assert/strict'
import fc from 'fast-check'
import { parseExact } from '../common/exact-json.js'
import { datagramBytes, decodeDatagram, decodeFrame, decodePoint, encodeBatch, encodeForPages, timeOf } from './codec.js'

function batch(text: string | Buffer): Extract<ReturnType<typeof decodeDatagram>, { kind: 'batch' }>['batch'] {
  const decoded = decodeDatagram(Buffer.from(text))
  assert.ok(decoded.kind === 'batch', JSON.stringify(decoded))
  return decoded.batch
}

describe('a datagram of a LiveSocket host', () => {
  it('is one JSON object with host and data, white space around it', () => {
    const { host, data } = batch(' \v\f\r\n{"host": "rasppi71", "data": {"sine1": [1450096534.070234, 0.36], "2": "RESET"}}\t\n')
    assert.equal(host, 'rasppi71')
    assert.deepEqual(
      [...data],
      [
        ['sine1', [1450096534.070234, 0.36]],
        ['2', 'RESET']
      ]
    )
  })

  const others: [text: string | Buffer, kind: string, reason: RegExp][] = [
    ['', 'no-json', /no JSON/],
    ['not json', 'no-json', /no JSON/],
    ['{"host": "h", "data": {}', 'no-json', /no JSON/],
    [Buffer.from([0x7b, 0xff, 0x7d]), 'no-json', /UTF-8/],
    [`{"host": "h", "data": {"a": "${'x'.repeat(datagramBytes)}"}}`, 'no-json', /more than 8192 bytes/],
    ['['.repeat(8000), 'no-json', /nested deeper/],
    ['{}', 'no-batch', /no host/],
    ['[1]', 'no-batch', /no JSON object/],
    ['12', 'no-batch', /no JSON object/],
    ['"STOP"', 'no-batch', /no JSON object/],
    ['null', 'no-batch', /no JSON object/],
    ['{"host": 5, "data": {}}', 'no-batch', /no host/],
    ['{"host": "h"}', 'no-batch', /no data/],
    ['{"host": "h", "data": [1]}', 'no-batch', /no data/]
  ]
  for (const [text, kind, reason] of others)
    it(`that is ${JSON.stringify(String(text).slice(0, 30))} is ${kind}`, () => {
      const decoded = decodeDatagram(Buffer.from(text))
      assert.equal(decoded.kind, kind)
      assert.match((decoded as { reason: string }).reason, reason)
    })

  it('may have 8192 bytes, and its end beyond is white space that nobody reads', () => {
    const text = '{"host": "h", "data": {"a": [1.0, ""]}}'
    const full = text.replace('""', `"${'x'.repeat(datagramBytes - text.length)}"`)
    assert.equal(full.length, datagramBytes)
    assert.equal(batch(full).host, 'h')
    assert.equal(batch(full + '\n').host, 'h')
  })

  it('that is nothing but white space is no JSON', () => {
    assert.equal(decodeDatagram(Buffer.alloc(8192, ' ')).kind, 'no-json')
  })

  it('never throws', () => {
    const decode = (bytes: Uint8Array): void => void decodeDatagram(bytes)
    fc.assert(fc.property(fc.uint8Array({ maxLength: 200 }), decode))
    fc.assert(fc.property(fc.json(), (text) => decode(Buffer.from(text))))
  })
})

describe('a point', () => {
  it('is a pair, a reset, or something else', () => {
    assert.deepEqual(decodePoint([1, 'x']), { kind: 'point', x: 1, y: 'x' })
    assert.deepEqual(decodePoint('RESET'), { kind: 'reset' })
    for (const other of [1, 'reset', [1], [1, 2, 3], null, new Map()]) assert.deepEqual(decodePoint(other), { kind: 'other' })
  })

  it('has a time for x when that looks like one', () => {
    assert.deepEqual(timeOf(1450096534.07), { seconds: 1450096534.07 })
    assert.deepEqual(timeOf(1450096534n), { seconds: 1450096534 })
    for (const x of [0, -1, 0.05, 946_684_799, 4_102_444_800, NaN, Infinity, '1450096534', null, [1]]) assert.equal(timeOf(x), undefined)
  })

  it('has a mistake for x when that looks like milliseconds', () => assert.equal(timeOf(1450096534070.234), 'milliseconds'))
})

describe('a batch for web pages', () => {
  it('is as Python writes it, whole, with members that nobody knows and the order of all', () => {
    const given = '{"v":2,"data":{"b":[1,2.50],"a":[1e5,"caf\u00e9"]},"host":"h","more":[null,true]}'
    assert.equal(
      encodeForPages(batch(given)).text,
      '{"v": 2, "data": {"b": [1, 2.5], "a": [100000.0, "caf\\u00e9"]}, "host": "h", "more": [null, true]}'
    )
  })

  it('has null where a number is not finite, however deep', () => {
    const { text, points } = encodeForPages(batch('{"host": "h", "data": {"a": [1.0, NaN], "b": [1e999, {"c": [-Infinity]}]}, "e": NaN}'))
    assert.equal(text, '{"host": "h", "data": {"a": [1.0, null], "b": [null, {"c": [null]}]}, "e": null}')
    assert.deepEqual(Object.fromEntries(points), { a: '[1.0, null]', b: '[null, {"c": [null]}]' })
    assert.equal(encodeBatch('h', points), '{"host": "h", "data": {"a": [1.0, null], "b": [null, {"c": [null]}]}}')
  })

  it('is JSON for a browser, whatever a host sent', () => {
    fc.assert(
      fc.property(fc.json(), fc.string(), (value, host) => {
        const given = `{"host": ${JSON.stringify(host)}, "data": {"a": ${value}}}`
        const decoded = decodeDatagram(Buffer.from(given))
        if (decoded.kind !== 'batch') return
        const { text } = encodeForPages(decoded.batch)
        assert.deepEqual(JSON.parse(text), { host, data: { a: JSON.parse(value) as unknown } })
        assert.ok(parseExact(text).ok)
      })
    )
  })
})

describe('a frame of a web page', () => {
  const decode = (text: string | Buffer): ReturnType<typeof decodeFrame> => decodeFrame(Buffer.from(text))

  it('subscribes to host:codename', () => {
    assert.deepEqual(decode('{"action": "subscribe", "subscriptions": ["h:a", ":", "h:p error"]}'), {
      kind: 'subscribe',
      channels: [
        { host: 'h', codename: 'a' },
        { host: '', codename: '' },
        { host: 'h', codename: 'p error' }
      ]
    })
  })

  it('is ignored when its action is another', () => {
    for (const text of ['{}', '{"foo": 1}', '{"action": "unsubscribe", "subscriptions": 5}', '{"action": ["subscribe"]}'])
      assert.deepEqual(decode(text), { kind: 'ignored' })
  })

  it('is wrong when it is no such thing', () => {
    const wrong: [string | Buffer, RegExp][] = [
      ['subscribe#host:8000;a,b', /no JSON/],
      ['', /no JSON/],
      [Buffer.from([0xc3]), /UTF-8/],
      ['[]', /no JSON object/],
      ['{"action": "subscribe"}', /no list/],
      ['{"action": "subscribe", "subscriptions": "h:a"}', /no list/],
      ['{"action": "subscribe", "subscriptions": ["a:b:c"]}', /"a:b:c" is not of the form host:codename/],
      ['{"action": "subscribe", "subscriptions": ["h"]}', /form/],
      ['{"action": "subscribe", "subscriptions": ["h:a", 5]}', /subscription 5/]
    ]
    for (const [text, reason] of wrong) {
      const frame = decode(text)
      assert.equal(frame.kind, 'wrong')
      assert.match((frame as { reason: string }).reason, reason)
    }
  })
})
