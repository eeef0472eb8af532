import assert from 'node:assert/strict'
import fc from 'fast-check'
import { exactEqual } from '../common/exact-json.js'
import { dumps } from '../common/python-text.js'
import { encodeMessage, encodeReport, mustEcho, readPayload } from './codec.js'
import { eventNames, numberOf } from './events.js'
import { exactValue } from './test-support/exact-value.js'
import { transcripts } from './test-support/recorded.js'

const read = (text: string): ReturnType<typeof readPayload> => readPayload(Buffer.from(text))

function reason(text: string | Buffer): string {
  const payload = readPayload(Buffer.from(text))
  assert.ok(payload.kind === 'odd', `understood: ${String(text).slice(0, 80)}`)
  return payload.reason
}

describe('the rig codec', () => {
  it('reads a message of each event, by number and by name', () => {
    for (const event of eventNames)
      for (const first of [String(numberOf[event]), `"${event}"`, `" ${event.toLowerCase()}\\n"`])
        assert.deepEqual(read(`[${first}, null, {"a": 1}]`), { kind: 'message', event, elements: [null, new Map([['a', 1n]])] })
  })

  it('reads leniently what section 2 allows', () => {
    const expected = { kind: 'message', event: 'EXPINIT', elements: [null] }
    for (const text of ['[1, null]', '[1,null]', '  [ 1 , null ]  ', '[1, null]\r\n', '\ufeff[1, null]', '[true, null]'])
      assert.deepEqual(read(text), expected, text)
    assert.deepEqual(read('[4, NaN, -Infinity, 1e400, 12345678901234567890123, -0]'), {
      kind: 'message',
      event: 'EXPEND',
      elements: [NaN, -Infinity, Infinity, 12345678901234567890123n, 0n]
    })
  })

  it('takes the bare [32] of older peers, and nothing else without elements', () => {
    assert.deepEqual(read('[32]'), { kind: 'message', event: 'EXPSTATUS', elements: [] })
    for (const event of eventNames) if (event !== 'EXPSTATUS') assert.equal(reason(`[${numberOf[event]}]`), `${event} without elements`)
    assert.equal(reason('[0]'), 'a report without elements')
  })

  it('reads reports in every form', () => {
    assert.deepEqual(read('[0, "ValueError: x", 4]'), {
      kind: 'report',
      text: 'ValueError: x',
      event: 'EXPEND',
      elements: ['ValueError: x', 4n]
    })
    assert.deepEqual(read('[0,"failed","[1,{}]"]'), {
      kind: 'report',
      text: 'failed',
      event: 'EXPINIT',
      about: '[1,{}]',
      elements: ['failed', '[1,{}]']
    })
    assert.deepEqual(read('[null, "x", "EXPINIT"]'), {
      kind: 'report',
      text: 'x',
      event: 'EXPINIT',
      about: 'EXPINIT',
      elements: ['x', 'EXPINIT']
    })
    for (const about of ['0', '3', 'null', '{}', '[4]', '4.0'])
      assert.equal((read(`[false, "x", ${about}]`) as { event?: string }).event, undefined)
    assert.deepEqual(read('[0, "text only"]'), { kind: 'report', text: 'text only', event: undefined, elements: ['text only'] })
    assert.equal((read('[0, {"a": 1}, 1]') as { text?: string }).text, '{"a": 1}')
  })

  it('names what it does not understand', () => {
    assert.equal(reason(Buffer.from([0x5b, 0xff, 0x5d])), 'not UTF-8')
    assert.match(reason('[foo]'), /^not JSON: unexpected "f"/)
    assert.match(reason('[1, null]\0'), /^not JSON/)
    assert.match(reason('[1, null][4, null]'), /^not JSON/)
    for (const text of ['', ' ', 'foo', '\ufeff\ufeff[1, null]', '"foo"', '{"event": 1}', '7', 'null'])
      assert.equal(reason(text), 'no list')
    assert.equal(reason('[]'), 'an empty list')
    assert.equal(reason('[3, null]'), 'Compound (bitwise) events not permitted.')
    assert.equal(reason('[[1], null]'), "Unknown event type <class 'list'>")
  })

  it('knows peers older than 1.11 by their numbers', () => {
    for (const number of [10, 20, 30, 40, 50]) assert.equal((read(`[${number}, null]`) as { isOlder?: true }).isOlder, true)
    for (const number of [60, 3, 100, '"10"']) assert.equal('isOlder' in read(`[${number}, null]`), false)
  })

  it('takes 127 for ALYX only when told so', () => {
    assert.equal(reason('[127, null, {}]'), 'Compound (bitwise) events not permitted.')
    assert.deepEqual(readPayload(Buffer.from('[127, null, {}]'), { int8: true }), {
      kind: 'message',
      event: 'ALYX',
      elements: [null, new Map()]
    })
    assert.equal(readPayload(Buffer.from('[126, null, {}]'), { int8: true }).kind, 'odd')
  })

  it('bears any depth and any length of number', () => {
    for (const depth of [190, 191, 100_000]) {
      const text = '['.repeat(depth) + ']'.repeat(depth)
      assert.match(reason(`[1, ${text}]`), /nested deeper/)
    }
    assert.equal(read(`[1, ${'['.repeat(189)}${']'.repeat(189)}]`).kind, 'message')
    assert.match(reason(`[1, ${'9'.repeat(60_000)}]`), /digits/)
    assert.equal(read(`[1, ${'9'.repeat(4300)}]`).kind, 'message')
  })

  it('never throws, and echoes or not, whatever the bytes', () => {
    const bytes = fc.oneof(
      fc.uint8Array({ maxLength: 60 }),
      fc
        .string({ unit: fc.constantFrom(...'[]{}",:\\0123 \t\r\n\ufeffeEXPINIT.-'.split('')), maxLength: 40 })
        .map((text) => Buffer.from(text)),
      fc.json().map((text) => Buffer.from(`[0, ${text}]`))
    )
    fc.assert(
      fc.property(bytes, (some) => {
        const payload = readPayload(some)
        assert.ok(['message', 'report', 'odd'].includes(payload.kind))
        if (payload.kind !== 'odd' && some[1] !== 0x30 && payload.kind === 'message') assert.ok(mustEcho(some))
      }),
      { numRuns: 2000 }
    )
  })

  it('writes as json.dumps does, and reads it back', () => {
    fc.assert(
      fc.property(fc.constantFrom(...eventNames), fc.array(exactValue, { minLength: 1, maxLength: 4 }), (event, elements) => {
        const bytes = encodeMessage(event, elements)
        assert.equal(bytes.toString(), dumps([BigInt(numberOf[event]), ...elements]))
        assert.match(bytes.toString('latin1'), /^[ -~]*$/)
        assert.ok(mustEcho(bytes))
        const payload = readPayload(bytes)
        assert.ok(payload.kind === 'message' && payload.event === event)
        assert.ok(exactEqual(payload.elements, elements))
      }),
      { numRuns: 1000 }
    )
  })

  it('writes a report as the original does', () => {
    assert.equal(
      encodeReport('ValueError: no disk space "D:\\"', 'EXPSTART').toString(),
      '[0, "ValueError: no disk space \\"D:\\\\\\"", 2]'
    )
    assert.equal(mustEcho(encodeReport('', 'ALYX')), false)
  })

  it('writes every recorded message of the real library again, byte for byte', () => {
    let messages = 0
    for (const { id, role, steps } of transcripts())
      for (const { bytes, real, kind, from } of steps) {
        if (bytes === undefined || !real || kind !== 'message' || (role !== 'both' && from !== role)) continue
        const payload = readPayload(bytes)
        if (payload.kind === 'odd' || payload.kind === 'report') continue
        messages += 1
        assert.equal(encodeMessage(payload.event, payload.elements).toString(), bytes.toString(), id)
      }
    assert.ok(messages > 100, `${messages}`)
  })
})

describe('the rule of echoes', () => {
  const must = (text: string | number[]): boolean => mustEcho(typeof text === 'string' ? Buffer.from(text) : Buffer.from(text))

  it('echoes messages, and what is no message, but no reports', () => {
    for (const text of [
      '[1, null]',
      '[]',
      '[1]',
      'foo',
      '"foo"',
      '{}',
      'null',
      '11',
      '[1, null]\0',
      '\ufeff[1, null]',
      '[10, 1]',
      '[ 00, 1]',
      '[ 0.5, 1]'
    ])
      assert.equal(must(text), true, text)
    for (const text of ['[0, "x", 1]', '[0', '10', 'a0b', '[ 0, "x", 1]', ' \t[\r\n0 , "x", 1]', '\ufeff[0, "x"]', '[ 0]'])
      assert.equal(must(text), false, text)
  })

  it('echoes nothing that has less than two characters or is not UTF-8', () => {
    for (const bytes of [
      [],
      [0x5b],
      [0xc3, 0xa5],
      [0xef, 0xbb, 0xbf],
      [0xf0, 0x9f, 0x98, 0x80],
      [0xff, 0xfe, 0x5b, 0],
      [0x5b, 0xff],
      [0x5b, 0xc3]
    ])
      assert.equal(must(bytes), false, bytes.join())
    assert.equal(must('åa'), true)
    // The second character counts, not the second byte.
    assert.equal(must('å0'), false)
    assert.equal(must('😀0'), false)
  })

  it('is that of the real rig in every recorded case', () => {
    const groups = new Set(['echo', 'malformed', 'event-forms', 'malformed-tcp', 'size', 'error'])
    let [echoed, silent] = [0, 0]
    for (const { id, group, role, steps } of transcripts()) {
      // A report with blanks before its 0 is sent back by the original, and by us not (section 9).
      if (!groups.has(group) || role !== 'server' || id === 'error-spaced-zero') continue
      const said = steps.filter(
        ({ bytes, from, real, kind }) => bytes !== undefined && from === 'client' && real === false && kind !== 'echo'
      )
      const back = steps.filter(({ kind, real }) => kind === 'echo' && real)
      for (const { bytes } of said) {
        const isEchoed = back.some((step) => step.bytes?.equals(bytes as Buffer))
        assert.equal(mustEcho(bytes as Buffer), isEchoed, `${id}: ${String(bytes)}`)
        if (isEchoed) echoed += 1
        else silent += 1
      }
    }
    assert.ok(echoed > 30 && silent >= 4, `${echoed} and ${silent}`)
  })
})
