import assert from 'node:assert/strict'
import { gist, indent, oneLine, showPayload, showText } from '../../gateway/dashboard/models/payload.js'

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text)

describe('a payload for people', () => {
  it('is indented where it is JSON, each number as it was written', () => {
    const shown = showText('{"value":1.0,"id":340282366920938463463374607431768211455,"s":"a{\\"b,:","list":[1,[],{}]}')
    assert.equal(shown.kind, 'json')
    assert.equal(
      shown.text,
      '{\n  "value": 1.0,\n  "id": 340282366920938463463374607431768211455,\n  "s": "a{\\"b,:",\n  "list": [\n    1,\n    [],\n    {}\n  ]\n}'
    )
    assert.deepEqual(JSON.parse(shown.text), { value: 1, id: 2 ** 128, s: 'a{"b,:', list: [1, [], {}] })
  })

  it('stays one text whatever the spaces in it', () => {
    assert.equal(indent('{ "a" : [ ] , "b":{ \n } }'), '{\n  "a": [],\n  "b": {}\n}')
    assert.equal(showText(' 21.50 ').text, '21.50')
  })

  it('is text, or bytes, where it is no JSON', () => {
    assert.deepEqual(showPayload(bytes('ON'), true), { kind: 'text', text: 'ON' })
    assert.deepEqual(showPayload(Uint8Array.of(255, 0, 16), true), { kind: 'bytes', text: 'ff 00 10' })
    assert.deepEqual(showPayload(Uint8Array.of(65, 0), true).kind, 'bytes')
    assert.deepEqual(showPayload(bytes(''), true), { kind: 'empty', text: '' })
    assert.ok(showPayload(new Uint8Array(5000).fill(255), true).text.length < 800)
  })

  it('is text also when the cut split a character', () => {
    const cut = bytes('21 °C').subarray(0, 4)
    assert.deepEqual(showPayload(cut, false), { kind: 'text', text: '21 ' })
    assert.equal(showPayload(cut, true).kind, 'bytes')
  })

  it('is what a reading or a state says, in a few words', () => {
    assert.equal(gist('reading', bytes('{"quality":"good","time":"x","unit":"°C","value":20.5}')), '20.5 °C')
    assert.equal(gist('reading', bytes('{"quality":"stale","value":"on"}')), 'on (stale)')
    assert.equal(gist('reading', bytes('{"quality":"bad","value":null}')), 'null (bad)')
    assert.equal(gist('state', bytes('{"state":"offline","reason":"gone"}')), 'offline: gone')
    for (const text of ['', '5', 'null', '[]', '{"state":"x"}', 'x'])
      assert.deepEqual([gist('reading', bytes(text)), gist('state', bytes(text))], [undefined, undefined], text)
  })

  it('fits on one line', () => {
    assert.equal(oneLine(bytes('{\n  "a": 1\n}'), true, 40), '{ "a": 1 }')
    assert.equal(oneLine(bytes('abcdef'), true, 4), 'abcd…')
    assert.equal(oneLine(bytes('abc'), false, 40), 'abc…')
  })
})
