import assert from 'node:assert/strict'
import { PassThrough } from 'node:stream'
import fc from 'fast-check'
import { Guard } from './guard.js'

/** A guarded connection and what came through it. `arrive` gives it bytes as the network would. */
function guarded(maxPacket: number): {
  guard: Guard
  inner: PassThrough
  arrive: (bytes: Buffer) => Promise<void>
  passed: () => Buffer
  cut: () => string | undefined
} {
  const inner = new PassThrough()
  // A PassThrough gives back what is written to it; only the way in is looked at here.
  const guard = new Guard(inner, maxPacket)
  const chunks: Buffer[] = []
  let reason: string | undefined
  guard.on('data', (chunk: Buffer) => chunks.push(chunk))
  guard.on('error', (error: Error) => (reason = error.message))
  return {
    guard,
    inner,
    arrive: async (bytes) => {
      if (!inner.destroyed) inner.write(bytes)
      await new Promise((resolve) => setImmediate(resolve))
    },
    passed: () => Buffer.concat(chunks),
    cut: () => reason
  }
}

/** A packet of a type with a body of so many bytes. */
function packet(type: number, length: number): Buffer {
  const header = [type]
  let left = length
  do {
    header.push((left % 128) + (left >= 128 ? 128 : 0))
    left = Math.floor(left / 128)
  } while (left > 0)
  return Buffer.concat([Buffer.from(header), Buffer.alloc(length, 7)])
}

const hello = packet(0x10, 20)

describe('guarded connection', () => {
  it('passes packets on untouched, however the network cuts them', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.nat(300), { maxLength: 8 }),
        fc.array(fc.integer({ min: 1, max: 50 }), { minLength: 1 }),
        async (lengths, cuts) => {
          const { guard, arrive, passed, cut } = guarded(1000)
          const bytes = Buffer.concat([hello, ...lengths.map((length) => packet(0x30, length))])
          for (let at = 0, turn = 0; at < bytes.length; turn += 1) {
            const size = cuts[turn % cuts.length] as number
            await arrive(bytes.subarray(at, at + size))
            at += size
          }
          assert.deepEqual([passed(), cut()], [bytes, undefined])
          guard.destroy()
        }
      ),
      { numRuns: 50 }
    )
  })

  it('is cut when the first packet is no CONNECT', async () => {
    const { arrive, passed, cut } = guarded(1000)
    await arrive(Buffer.from('GET / HTTP/1.1\r\n\r\n'))
    assert.deepEqual([passed().length, cut()], [0, 'the first packet is no MQTT CONNECT'])
  })

  it('is cut by the header of a packet that is too large, before its body', async () => {
    const { arrive, passed, cut } = guarded(1000)
    await arrive(hello)
    await arrive(packet(0x30, 1000))
    assert.equal(cut(), undefined)
    await arrive(packet(0x30, 1001).subarray(0, 3))
    assert.equal(passed().length, hello.length + 1003)
    assert.match(cut() ?? '', /^a packet of 1001 bytes; at most 1000 are taken/)
  })

  it('takes only a small packet from somebody who is not known yet', async () => {
    const { arrive, cut } = guarded(1_000_000)
    await arrive(packet(0x10, 100_000).subarray(0, 4))
    assert.match(cut() ?? '', /^a packet of 100000 bytes; at most 65536 are taken/)
  })

  it('is cut when a length has no end', async () => {
    const { arrive, cut } = guarded(1000)
    await arrive(Buffer.from([0x10, 0xff, 0xff, 0xff, 0xff, 0x01]))
    assert.match(cut() ?? '', /more than four bytes/)
  })

  it('ends with the connection that it guards, and ends it', async () => {
    const [one, other] = [guarded(1000), guarded(1000)]
    one.guard.destroy()
    other.inner.destroy()
    await new Promise((resolve) => setImmediate(resolve))
    assert.deepEqual([one.inner.destroyed, other.guard.destroyed], [true, true])
  })
})
