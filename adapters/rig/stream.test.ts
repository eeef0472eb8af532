import assert from 'node:assert/strict'
import fc from 'fast-check'
import { encodeMessage } from './codec.js'
import { Stream } from './stream.js'
import { exactValue } from './test-support/exact-value.js'

/** All that comes out of these pieces, while so much is awaited. */
function cut(pieces: readonly (string | Buffer)[], awaited?: string): string[] {
  const stream = new Stream()
  return pieces.flatMap((piece) => {
    stream.push(Buffer.from(piece))
    return drain(stream, awaited).map(String)
  })
}

function drain(stream: Stream, awaited?: string): Buffer[] {
  const payloads: Buffer[] = []
  for (;;) {
    const payload = stream.next(awaited === undefined ? undefined : Buffer.from(awaited))
    if (payload === undefined) return payloads
    payloads.push(payload)
  }
}

/** Cuts a text after so many bytes each, over and over. */
function pieces(bytes: Buffer, sizes: readonly number[]): Buffer[] {
  const cuts: Buffer[] = []
  for (let at = 0, turn = 0; at < bytes.length; turn += 1) {
    const size = sizes[turn % sizes.length] as number
    cuts.push(bytes.subarray(at, at + size))
    at += size
  }
  return cuts
}

const message = fc.array(exactValue, { minLength: 1, maxLength: 3 }).map((elements) => encodeMessage('EXPINIT', elements).toString())
const sizes = fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1, maxLength: 5 })

describe('payloads of a TCP connection', () => {
  it('are whole messages, however they are cut or put together', () => {
    fc.assert(
      fc.property(fc.array(message, { maxLength: 5 }), sizes, (messages, lengths) => {
        assert.deepEqual(cut(pieces(Buffer.from(messages.join('')), lengths)), messages)
      }),
      { numRuns: 500 }
    )
  })

  it('are the same ones when another echo is awaited, or one of them', () => {
    fc.assert(
      fc.property(fc.array(message, { minLength: 1, maxLength: 5 }), message, fc.nat(), sizes, (messages, other, at, lengths) => {
        const bytes = pieces(Buffer.from(messages.join('')), lengths)
        assert.deepEqual(cut(bytes, other), messages)
        assert.deepEqual(cut(bytes, messages[at % messages.length]), messages)
      }),
      { numRuns: 500 }
    )
  })

  it('lose nothing and keep their order, whatever comes', () => {
    const junk = fc.string({ unit: fc.constantFrom(...'[]{}",:\\ 01a\t\r\n\ufeffå'.split('')), maxLength: 12 })
    fc.assert(
      fc.property(
        fc.array(fc.oneof(junk, message), { maxLength: 8 }),
        sizes,
        fc.option(junk, { nil: undefined }),
        (texts, lengths, awaited) => {
          const stream = new Stream()
          const out: Buffer[] = []
          for (const piece of pieces(Buffer.from(texts.join('')), lengths)) {
            stream.push(piece)
            out.push(...drain(stream, awaited))
          }
          const rest = stream.flush()
          assert.equal(Buffer.concat(rest === undefined ? out : [...out, rest]).toString(), texts.join(''))
          assert.ok(out.every(({ length }) => length > 0))
          assert.deepEqual([stream.isWaiting, stream.flush(), stream.next(undefined)], [false, undefined, undefined])
        }
      ),
      { numRuns: 1000 }
    )
  })

  it('of any bytes are found without throwing', () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ minLength: 1, maxLength: 20 })), (chunks) => {
        const stream = new Stream()
        for (const chunk of chunks) {
          stream.push(Buffer.from(chunk))
          drain(stream)
        }
      })
    )
  })

  it('minds texts with brackets, quotes and backslashes', () => {
    const tricky = '[1, "]", "\\"]", "\\\\", {"[": "}"}]'
    assert.deepEqual(cut([tricky + tricky]), [tricky, tricky])
    assert.deepEqual(cut(tricky.split('')), [tricky])
  })

  it('includes the line end that is there, and gives one that comes later for itself', () => {
    assert.deepEqual(cut(['[1, null]\r\n[4, null]\n']), ['[1, null]\r\n', '[4, null]\n'])
    assert.deepEqual(cut(['[1, null]', '\r\n', '[4, null]']), ['[1, null]', '\r\n', '[4, null]'])
    assert.deepEqual(cut(['[1, null]\r', '\n[4, null]']), ['[1, null]\r', '\n', '[4, null]'])
  })

  it('includes blanks and a byte order mark before a message', () => {
    assert.deepEqual(cut(['  ', '[ 1 , null ]  ']), ['  [ 1 , null ]  '])
    const marked = Buffer.from('\ufeff [1, null]')
    assert.deepEqual(cut([...marked].map((byte) => Buffer.from([byte]))), ['\ufeff [1, null]'])
  })

  it('gives what is no list at once, up to the next list', () => {
    assert.deepEqual(cut(['foo']), ['foo'])
    assert.deepEqual(cut(['foo[1, null]bar', '{"a": 1}', 'null']), ['foo', '[1, null]', 'bar', '{"a": 1}', 'null'])
    assert.deepEqual(cut([']]}}[1, null]']), [']]}}', '[1, null]'])
  })

  it('takes an awaited echo as it is, also when it is no list', () => {
    assert.deepEqual(cut(['hel', 'lo', '[1, null]'], 'hello'), ['hello', '[1, null]'])
    assert.deepEqual(cut(['[1, null][4, ', 'null]'], '[1, null][4, null]'), ['[1, null][4, null]'])
    assert.deepEqual(cut(['hello[1, null]'], 'hello'), ['hello', '[1, null]'])
    assert.deepEqual(cut([' \t[1, null]'], '[1, null]'), [' \t', '[1, null]'])
    assert.deepEqual(cut(['\r\n[1, null]'], '[1, null]'), ['\r\n', '[1, null]'])
    assert.deepEqual(cut(['[1, null]\r\n'], '[1, null]'), ['[1, null]', '\r\n'])
  })

  it('waits for what has no end, and gives it all when told', () => {
    const stream = new Stream()
    stream.push(Buffer.from('[1, "'))
    assert.deepEqual([stream.next(undefined), stream.isWaiting, stream.isFull], [undefined, true, false])
    assert.equal(String(stream.flush()), '[1, "')
    stream.push(Buffer.from('[4, null]'))
    assert.equal(String(stream.next(undefined)), '[4, null]')
    assert.equal(stream.isWaiting, false)
  })

  it('holds no more than its bound', () => {
    const stream = new Stream({ max: 100 })
    for (let time = 0; time < 50; time += 1) {
      stream.push(Buffer.from('[1, "aaaa'))
      assert.equal(stream.next(undefined), undefined)
    }
    assert.equal(stream.isFull, true)
    assert.equal(stream.flush()?.length, 108)
    assert.equal(stream.isFull, false)
  })

  it('finds the end of a long message that comes byte by byte, or with others in one piece', () => {
    const long = encodeMessage('EXPINIT', ['x'.repeat(200_000)])
    const stream = new Stream()
    for (const byte of long) {
      stream.push(Buffer.from([byte]))
      if (byte !== 0x5d) assert.equal(stream.next(undefined), undefined)
    }
    assert.ok(stream.next(undefined)?.equals(long))
    const many = Array<string>(20_000).fill('[32, 0]')
    assert.equal(cut([many.join('')]).length, 20_000)
  })

  it('gives copies, which later bytes do not change', () => {
    const stream = new Stream()
    stream.push(Buffer.from('[1, null]'))
    const first = stream.next(undefined)
    stream.push(Buffer.from('[4, true]'))
    stream.next(undefined)
    assert.equal(String(first), '[1, null]')
  })
})
