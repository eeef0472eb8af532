import assert from 'node:assert/strict'
import { once } from 'node:events'
import { Duplex } from 'node:stream'
import fc from 'fast-check'
import { Guard } from './guard.js'

/** A guarded connection and what came through it. `arrive` gives it bytes as the network would. */
function guarded(maxPacket: number): {
  guard: Guard
  inner: Duplex
  arrive: (bytes: Buffer) => Promise<void>
  passed: () => Buffer
  cut: () => string | undefined
  /** What went out. */
  sent: () => Buffer
} {
  const out: Buffer[] = []
  const inner = new Duplex({
    read: () => {},
    write: (chunk: Buffer, _encoding, done) => {
      out.push(chunk)
      done()
    }
  })
  const guard = new Guard(
    inner,
    { maxPacket, maxConnect: 8192, maxSubscribe: 10, shedOutput: 10_000, maxOutput: 100_000 },
    { address: '', listener: 'broker.tcp', open: true }
  )
  const chunks: Buffer[] = []
  let reason: string | undefined
  guard.on('data', (chunk: Buffer) => chunks.push(chunk))
  guard.once('data', () => guard.letIn())
  guard.on('error', (error: Error) => (reason = error.message))
  return {
    guard,
    inner,
    arrive: async (bytes) => {
      if (!inner.destroyed) inner.push(bytes)
      await new Promise((resolve) => setImmediate(resolve))
    },
    passed: () => Buffer.concat(chunks),
    cut: () => reason,
    sent: () => Buffer.concat(out)
  }
}

/** One of which nobody reads yet, nor lets in. */
function slow(): { guard: Guard; inner: Duplex } {
  const inner = new Duplex({ read: () => {}, write: (_chunk, _encoding, done) => done() })
  const limits = { maxPacket: 1000, maxConnect: 8192, maxSubscribe: 10, shedOutput: 10_000, maxOutput: 100_000 }
  return { guard: new Guard(inner, limits, { address: '', listener: 'broker.tcp', open: true }), inner }
}

const settled = async (): Promise<void> => await new Promise((resolve) => setImmediate(resolve))

/** A packet of a type with a body of so many bytes. */
function packet(type: number, length: number, body = Buffer.alloc(length, 7)): Buffer {
  const header = [type]
  let left = length
  do {
    header.push((left % 128) + (left >= 128 ? 128 : 0))
    left = Math.floor(left / 128)
  } while (left > 0)
  return Buffer.concat([Buffer.from(header), body])
}

/** A text as it stands in packets. */
function text(value: string | Buffer): Buffer {
  const bytes = Buffer.from(value as string)
  return Buffer.concat([Buffer.from([bytes.length >> 8, bytes.length & 0xff]), bytes])
}

/** A packet made of bytes and texts. */
function made(first: number, ...parts: (number | string | Buffer)[]): Buffer {
  const body = Buffer.concat(parts.map((part) => (typeof part === 'number' ? Buffer.from([part]) : text(part))))
  return packet(first, body.length, body)
}

function publish(topic: string | Buffer, length: number): Buffer {
  const head = text(topic)
  return packet(0x30, head.length + length, Buffer.concat([head, Buffer.alloc(length, 7)]))
}

const hello = made(0x10, 'MQTT', 4, 2, 0, 0, 'somebody')

describe('guarded connection', () => {
  it('passes packets on untouched, however the network cuts them', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.nat(300), { maxLength: 8 }),
        fc.array(fc.integer({ min: 1, max: 50 }), { minLength: 1 }),
        async (lengths, cuts) => {
          const { guard, arrive, passed, cut } = guarded(1000)
          const bytes = Buffer.concat([hello, ...lengths.map((length) => publish('a/b', length))])
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
    await arrive(publish('a/b', 995))
    assert.equal(cut(), undefined)
    await arrive(publish('a/b', 996).subarray(0, 3))
    assert.equal(passed().length, hello.length + 1003)
    assert.match(cut() ?? '', /^a packet of 1001 bytes; at most 1000 are taken/)
  })

  it('takes only a small packet from somebody who is not known yet', async () => {
    const { arrive, cut } = guarded(1_000_000)
    await arrive(packet(0x10, 100_000).subarray(0, 4))
    assert.match(cut() ?? '', /^a packet of 100000 bytes; at most 8192 are taken \(broker\.limits\.maxConnect\)/)
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

  const wrong: [string, Buffer, RegExp][] = [
    ['NUL in a topic', publish('a\0b', 1), /NUL/],
    ['bad UTF-8 in a topic', publish(Buffer.from([0x61, 0xc3, 0x28]), 1), /no UTF-8/],
    ['a surrogate in a topic', publish(Buffer.from([0xed, 0xa0, 0x80]), 1), /no UTF-8/],
    ['a wildcard in a topic', publish('a/+', 1), /wildcard in the name/],
    ['an empty topic', publish('', 1), /empty topic/],
    ['a topic longer than its packet', packet(0x30, 4, Buffer.from([0, 9, 1, 1])), /within its topic/],
    ['QoS 3', made(0x36, 'a', 0, 1), /QoS 3/],
    ['DUP at QoS 0', made(0x38, 'a'), /DUP/],
    ['a PUBLISH with packet id 0', made(0x32, 'a', 0, 0), /packet id of zero/],
    ['a SUBSCRIBE with packet id 0', made(0x82, 0, 0, 'a', 0), /packet id of zero/],
    ['a PUBACK with packet id 0', made(0x40, 0, 0), /packet id of zero/],
    ['a PUBACK of 3 bytes', made(0x40, 0, 1, 0), /PUBACK of 3 bytes/],
    ['a PUBREL without its flags', made(0x60, 0, 1), /reserved flags/],
    ['a SUBSCRIBE without filter', made(0x82, 0, 1), /SUBSCRIBE of 2 bytes/],
    ['a SUBSCRIBE for QoS 3', made(0x82, 0, 1, 'a', 3), /QoS above 2/],
    ['the filter a+', made(0x82, 0, 1, 'a+', 0), /no level of its own/],
    ['the filter +a', made(0x82, 0, 1, '+a', 0), /no level of its own/],
    ['the filter a#', made(0x82, 0, 1, 'a#', 0), /no level of its own/],
    ['the filter #/a', made(0x82, 0, 1, '#/a', 0), /no level of its own/],
    ['an empty filter', made(0x82, 0, 1, 'a', 0, '', 0), /empty filter/],
    ['NUL in a filter to unsubscribe', made(0xa2, 0, 1, '\0'), /NUL/],
    ['a SUBSCRIBE that ends early', made(0x82, 0, 1, 'a', 0, 0), /ends within a filter/],
    ['too many filters', made(0x82, 0, 1, ...Array.from({ length: 11 }, (_, i) => [`f${i}`, 0]).flat()), /more than 10 filters/],
    ['CONNACK', made(0x20, 0, 0), /type 2/],
    ['AUTH', made(0xf0), /type 15/],
    ['a second CONNECT', hello, /second CONNECT/]
  ]
  for (const [what, bytes, reason] of wrong)
    it(`is cut for ${what}, whole or in pieces`, async () => {
      for (const size of [1000, 1]) {
        const { arrive, passed, cut } = guarded(1000)
        await arrive(hello)
        for (let at = 0; at < bytes.length; at += size) await arrive(bytes.subarray(at, at + size))
        assert.match(cut() ?? '', reason)
        assert.ok(passed().length < hello.length + bytes.length)
      }
    })

  it('passes what is unusual but right', async () => {
    const fine = [
      publish('é/😀', 1),
      publish('/', 0),
      made(0x82, 0, 1, '+/a/#', 2, '#', 0, '/', 1, '+', 0, '$SYS/#', 1),
      made(0xa2, 0, 9, '+/+'),
      made(0x3d, 'a', 1, 0),
      made(0x62, 255, 255),
      made(0xc0)
    ]
    const { arrive, passed, cut } = guarded(1000)
    await arrive(Buffer.concat([hello, ...fine]))
    assert.deepEqual([passed(), cut()], [Buffer.concat([hello, ...fine]), undefined])
  })

  const connects: [string, Buffer, RegExp, string][] = [
    ['of MQTT 5', made(0x10, 'MQTT', 5, 2, 0, 0, 0, 'x'), /MQTT 5; set/, '20020001'],
    ['of a bridge', made(0x10, 'MQTT', 0x84, 2, 0, 0, 'x'), /level 132/, '20020001'],
    ['of another protocol', made(0x10, 'HTTP', 4, 2, 0, 0, 'x'), /another protocol/, ''],
    ['with its reserved flag', made(0x10, 'MQTT', 4, 3, 0, 0, 'x'), /reserved flag/, ''],
    ['without id for a session that lasts', made(0x10, 'MQTT', 4, 0, 0, 0, ''), /empty client id/, '20020002'],
    ['with NUL in its id', made(0x10, 'MQTT', 4, 2, 0, 0, 'a\0'), /client id: .*NUL/, ''],
    ['with a will to w/#', made(0x10, 'MQTT', 4, 6, 0, 0, 'x', 'w/#', 'gone'), /will: a wildcard/, ''],
    ['with a will to nowhere', made(0x10, 'MQTT', 4, 6, 0, 0, 'x', '', 'gone'), /will: an empty topic/, ''],
    ['with a will of QoS 3', made(0x10, 'MQTT', 4, 0x1e, 0, 0, 'x', 'w', 'gone'), /QoS 3/, ''],
    ['with the QoS of no will', made(0x10, 'MQTT', 4, 0x0a, 0, 0, 'x'), /no will/, ''],
    ['with a password and no user', made(0x10, 'MQTT', 4, 0x42, 0, 0, 'x', 'p'), /no user/, ''],
    ['with too much', made(0x10, 'MQTT', 4, 2, 0, 0, 'x', 'y'), /more than its flags/, ''],
    ['with too little', made(0x10, 'MQTT', 4, 0xc2, 0, 0, 'x', 'y'), /ends within a field/, '']
  ]
  for (const [what, bytes, reason, answer] of connects)
    it(`is cut for a CONNECT ${what}`, async () => {
      const { inner, arrive, passed, cut, sent } = guarded(1000)
      await arrive(bytes)
      assert.match(cut() ?? '', reason)
      await new Promise((resolve) => setImmediate(resolve))
      assert.deepEqual([passed().length, sent().toString('hex'), inner.destroyed], [0, answer, true])
    })

  it('passes nothing that comes after DISCONNECT', async () => {
    const { arrive, passed, cut } = guarded(1000)
    const bye = made(0xe0)
    await arrive(Buffer.concat([hello, bye, Buffer.from('rubbish')]))
    await arrive(Buffer.from('more'))
    assert.deepEqual([passed(), cut()], [Buffer.concat([hello, bye]), undefined])
  })

  it('holds back what comes behind CONNECT until it is let in', async () => {
    const { guard, inner, arrive, passed } = guarded(1000)
    guard.letIn = () => {}
    const more = Array.from({ length: 300 }, () => publish('a/b', 100))
    await arrive(Buffer.concat([hello, ...more]))
    await arrive(made(0xe0))
    inner.push(null)
    await settled()
    assert.deepEqual([passed(), inner.isPaused()], [hello, true])
    Guard.prototype.letIn.call(guard)
    await once(guard, 'end')
    assert.deepEqual(passed(), Buffer.concat([hello, ...more, made(0xe0)]))
  })

  /** Ways in which a client hangs up. */
  const ends: [string, (inner: Duplex) => unknown][] = [
    ['ends', (inner) => inner.push(null)],
    ['closes', (inner) => inner.destroy()],
    ['is reset', (inner) => inner.destroy(Object.assign(new Error('reset'), { code: 'ECONNRESET' }))]
  ]
  for (const [how, end] of ends)
    it(`gives a slow reader everything that came before its client ${how}`, async () => {
      const { guard, inner } = slow()
      const all = Buffer.concat([hello, ...Array.from({ length: 1000 }, (_, i) => publish('a/b', 20 + (i % 50))), made(0xe0)])
      inner.push(all)
      await settled()
      guard.letIn()
      await settled()
      end(inner)
      const got: Buffer[] = []
      guard.on('readable', () =>
        setImmediate(() => {
          for (let chunk = guard.read() as Buffer | null; chunk !== null; chunk = guard.read() as Buffer | null) got.push(chunk)
        })
      )
      await new Promise((resolve) => guard.once('end', resolve))
      assert.ok(Buffer.concat(got).equals(all), `${Buffer.concat(got).length} of ${all.length} bytes`)
    })

  it('tells who has said DISCONNECT, though nobody reads it, and waits for a reader only so long', async () => {
    const { guard, inner } = slow()
    const client = { _keepaliveTimer: null, _disconnected: false }
    guard.client = client
    guard.letIn()
    inner.push(Buffer.concat([hello, ...Array.from({ length: 300 }, () => publish('a/b', 100)), made(0xe0)]))
    await settled()
    inner.destroy()
    for (let i = 0; i < 10; i += 1) await settled()
    for (let i = 0; i < 9; i += 1) guard.lookAfter()
    assert.deepEqual([client._disconnected, guard.destroyed], [true, false])
    guard.lookAfter()
    assert.ok(guard.destroyed)
  })

  it('lets others have their turn, however much of one client lies there', async () => {
    const { inner, passed } = guarded(1 << 20)
    const publish = packet(0x30, 40, Buffer.concat([Buffer.from([0, 1, 97]), Buffer.alloc(37, 7)]))
    const all = Buffer.concat([
      packet(0x10, 12, Buffer.from([0, 4, 77, 81, 84, 84, 4, 2, 0, 0, 0, 0])),
      ...Array.from({ length: 3000 }, () => publish)
    ])
    // A socket gives 64 KiB at a time, as often as it is asked.
    for (let at = 0; at < all.length; at += 65_536) inner.push(all.subarray(at, at + 65_536))
    let [before, most] = [0, 0]
    for (let turn = 0; turn < 100 && before < all.length; turn++) {
      await new Promise((resolve) => setImmediate(resolve))
      const now = passed().length
      most = Math.max(most, now - before)
      before = now
    }
    assert.deepEqual(passed(), all)
    assert.ok(most <= 16_384, `${most} bytes in one turn`)
  })
})
