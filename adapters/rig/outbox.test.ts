import assert from 'node:assert/strict'
import { Trouble } from './peer.js'
import { PeerLab } from './test-support/peer-lab.js'

const M = '[4, null]'
const other = '[2, "2022-01-01_1_subject", null]'

describe('the line of a rig peer', () => {
  it('has a bound, and room of its own for what is urgent', async () => {
    const lab = new PeerLab({ maxWaiting: 2 })
    const sent = [1, 2, 3, 4].map((n) => lab.send(`[1, ${n}]`))
    const urgent = [1, 2, 3].map((n) => lab.send(`[16, ${n}]`, { urgent: true }))
    await lab.clock.pass(0)
    assert.deepEqual(
      [...sent, ...urgent].map(({ outcome }) => outcome),
      [undefined, undefined, undefined, 'busy', undefined, undefined, 'busy']
    )
  })

  it('puts what is urgent first, in its order, but not past what is under way', async () => {
    const lab = new PeerLab()
    for (const text of ['[1, 1]', '[1, 2]']) lab.send(text)
    for (const text of ['[16, 1]', '[16, 2]']) lab.send(text, { urgent: true })
    for (const text of ['[1, 1]', '[16, 1]', '[16, 2]', '[1, 2]']) {
      assert.deepEqual(lab.take(), [`> ${text}`])
      lab.receive(text)
      await lab.clock.pass(0.01)
    }
    assert.equal(lab.peer.isIdle, true)
  })

  it('refuses what is too long, and sends what is just not', async () => {
    const lab = new PeerLab({ maxBytes: 9 })
    const sent = [lab.send(M), lab.send(`${M} `)]
    await lab.clock.pass(0)
    assert.deepEqual([sent.map(({ outcome }) => outcome), lab.take()], [[undefined, 'too-large'], [`> ${M}`]])
  })

  it('lets go of what nobody wants any more', async () => {
    const lab = new PeerLab()
    const [first, second] = [new AbortController(), new AbortController()]
    const sent = [lab.send(M, first), lab.send('[1, 2]', second), lab.send('[1, 3]'), lab.send('[1, 4]', { signal: AbortSignal.abort() })]
    second.abort()
    first.abort()
    await lab.clock.pass(0)
    assert.deepEqual(
      sent.map(({ outcome }) => outcome),
      ['closed, maybe executed', 'closed', undefined, 'closed']
    )
    // Its echo is awaited all the same: it is no message of the remote.
    assert.deepEqual([String(lab.peer.awaited), lab.take()], [M, [`> ${M}`]])
    lab.receive(M)
    await lab.clock.pass(0.01)
    assert.deepEqual([lab.counts, lab.take()], [[], ['> [1, 3]']])
  })

  it('keeps the gap after a wait that was given up', async () => {
    const lab = new PeerLab()
    const gone = new AbortController()
    lab.receive(other)
    lab.send(M, gone)
    gone.abort()
    await lab.clock.pass(5)
    lab.receive('[1, 1]')
    lab.send('[1, 2]')
    assert.deepEqual(lab.take().slice(2), ['> [1, 1]', 'message [1, 1]'])
  })

  it('is ended by close, with what it was closed for', async () => {
    const lab = new PeerLab()
    const sent = [lab.send(M), lab.send(other), lab.send('[0, "x", 1]', { urgent: true })]
    lab.peer.close(new Trouble('offline', 'the connection is gone', false))
    lab.peer.close(new Trouble('closed', 'stopped', false))
    assert.equal(lab.clock.timers, 0)
    sent.push(lab.send(M))
    lab.receive(M, other)
    lab.peer.refused()
    await lab.clock.pass(20)
    assert.deepEqual(
      sent.map(({ outcome }) => outcome),
      ['offline, maybe executed', 'offline', 'offline', 'offline']
    )
    assert.deepEqual([lab.take(), lab.counts, lab.peer.isIdle], [[`> ${M}`], [], true])
  })

  it('is ended by close in a gap too', async () => {
    const lab = new PeerLab()
    lab.receive(other)
    const sent = lab.send(M)
    lab.peer.close(new Trouble('closed', 'stopped', false))
    assert.equal(lab.clock.timers, 0)
    await lab.clock.pass(1)
    assert.deepEqual([sent.outcome, lab.take().length], ['closed', 2])
  })
})
