import assert from 'node:assert/strict'
import { Writable } from 'node:stream'
import { Output } from './output.js'

/** What a socket of the system would do: takes one write at a time, when it is told to. */
function slow(): { inner: Writable; taken: () => number; take: () => Promise<void> } {
  let taken = 0
  let finish: (() => void) | undefined
  const inner = new Writable({
    write: (chunk: Buffer, _encoding, done) => {
      finish = () => {
        taken += chunk.length
        done()
      }
    }
  })
  return {
    inner,
    taken: () => taken,
    take: async () => {
      const now = finish
      finish = undefined
      now?.()
      await new Promise((resolve) => setImmediate(resolve))
    }
  }
}

const limits = { maxPacket: 1000, shedOutput: 2000, maxOutput: 5000 }

describe('output to a slow client', () => {
  it('takes everything, tells when there is too much, and when there is room', async () => {
    const { inner, taken, take } = slow()
    const told: string[] = []
    const output = new Output(inner, limits, { full: () => told.push('full'), room: () => told.push('room'), cut: () => told.push('cut') })
    for (let i = 0; i < 30; i += 1) output.add(Buffer.alloc(100))
    assert.deepEqual([output.waiting, output.full, told], [3000, true, ['full']])
    const room = output.room().then(() => told.push('waited'))
    while (output.waiting > 0) await take()
    await room
    assert.deepEqual([taken(), output.full, told], [3000, false, ['full', 'room', 'waited']])
  })

  it('is cut when far too much waits, whatever it is', () => {
    const told: string[] = []
    const output = new Output(slow().inner, limits, { full: () => {}, room: () => {}, cut: (reason) => told.push(reason) })
    for (let i = 0; i < 38; i += 1) output.add(Buffer.alloc(1000))
    assert.match(told[0] ?? '', /38000 bytes wait/)
  })

  it('knows for how long a message of QoS 1 has waited', async () => {
    const { inner, take } = slow()
    const output = new Output(inner, limits, { full: () => {}, room: () => {}, cut: () => {} })
    output.promise(1)
    output.add(Buffer.alloc(10))
    assert.equal(output.overdue(5), 4)
    output.promise(6)
    assert.equal(output.overdue(7), 6)
    await take()
    assert.equal(output.overdue(8), 0)
    output.add(Buffer.alloc(10))
    assert.equal(output.overdue(99), 0, 'of QoS 0')
  })

  it('lets nobody wait for a connection that is closed', async () => {
    const output = new Output(slow().inner, limits, { full: () => {}, room: () => {}, cut: () => {} })
    output.add(Buffer.alloc(3000))
    const room = output.room()
    output.close()
    await room
    assert.equal(output.waiting <= 3000, true)
  })
})
