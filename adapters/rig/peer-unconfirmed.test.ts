import assert from 'node:assert/strict'
import { PeerLab } from './test-support/peer-lab.js'

const M = '[4, null]'
const other = '[2, "2022-01-01_1_subject", null]'

describe('a rig peer without an echo', () => {
  it('fails after the time for it, and goes on with the next one', async () => {
    const lab = new PeerLab()
    const sent = [lab.send(M), lab.send(other)]
    await lab.clock.pass(0.999)
    assert.deepEqual([sent[0]?.outcome, lab.take()], [undefined, [`> ${M}`]])
    await lab.clock.pass(0.001)
    assert.deepEqual([sent[0]?.outcome, lab.take()], ['echo-timeout, maybe executed', [`> ${other}`]])
  })

  it('swallows one late echo, and takes what comes then for an answer', async () => {
    const lab = new PeerLab()
    lab.send(M)
    await lab.clock.pass(1.5)
    lab.take()
    lab.receive(M, M, M)
    assert.deepEqual(
      [lab.take(), lab.counts],
      [
        [`> ${M}`, `message ${M}`],
        ['late', 'echoed', 'repeated']
      ]
    )
  })

  it('takes nothing for a late echo of the first try when the second one was echoed', async () => {
    const lab = new PeerLab()
    lab.send(M)
    await lab.clock.pass(2)
    lab.send(M)
    lab.receive(M)
    lab.take()
    lab.receive(M)
    assert.deepEqual([lab.take(), lab.counts], [[`> ${M}`, `message ${M}`], ['echoed']])
  })

  it('takes nothing for a late echo after ten seconds', async () => {
    const lab = new PeerLab()
    lab.send(M)
    await lab.clock.pass(11.1)
    lab.take()
    lab.receive(M)
    assert.deepEqual(lab.take(), [`> ${M}`, `message ${M}`])
  })

  it('remembers several late ones, and not without end', async () => {
    const lab = new PeerLab({ echoWithin: 0.01 })
    for (let n = 0; n < 20; n += 1) {
      lab.send(`[1, ${n}]`)
      await lab.clock.pass(0.02)
    }
    for (let n = 0; n < 20; n += 1) lab.receive(`[1, ${n}]`)
    assert.deepEqual([lab.counts.filter((what) => what === 'late').length, lab.counts.filter((what) => what === 'echoed').length], [16, 4])
  })

  for (const [what, came, outcome] of [
    ['with the same event', '[4, {"a": 2}]', 'echo-mismatch'],
    ['in another layout', '[4,null]', 'echo-mismatch'],
    ['of another event', '[2, null]', 'echo-timeout'],
    ['that is none', 'foo', 'echo-timeout'],
    ['that is a report', '[0, "x", 4]', 'echo-timeout']
  ] as const)
    it(`says ${outcome} after a message ${what}, which it treats as any other`, async () => {
      const lab = new PeerLab()
      const sent = lab.send(M)
      lab.take()
      lab.receive(came)
      assert.equal(lab.take().length, came.startsWith('[0') ? 1 : 2)
      await lab.clock.pass(1)
      assert.equal(sent.outcome, `${outcome}, maybe executed`)
      assert.equal(lab.counts.includes('mismatch'), outcome === 'echo-mismatch')
    })

  it('says how much of the echo came, and does not send the part back', async () => {
    const lab = new PeerLab()
    const sent = lab.peer.send(Buffer.from('[1, {"a": 1}]'))
    lab.take()
    lab.receive('[1, {"a"')
    assert.deepEqual(lab.take(), ['odd [1, {"a"'])
    const failed = assert.rejects(sent, /8 of 13 bytes.*maxEchoBytes/)
    await lab.clock.pass(1)
    await failed
  })

  it('waits a moment more when the whole process stood still', async () => {
    const lab = new PeerLab()
    const stall = (seconds: number): void => {
      // The timers come too late, as after a long collection of garbage.
      const now = lab.clock.monotonic() + seconds
      lab.clock.monotonic = () => now
    }
    const sent = lab.send(M)
    stall(3)
    await lab.clock.pass(1)
    assert.equal(sent.outcome, undefined)
    lab.receive(M)
    await lab.clock.pass(0)
    assert.equal(sent.outcome, 'echoed after 3.000')
    const lost = lab.send(other)
    stall(3)
    await lab.clock.pass(2)
    assert.equal(lost.outcome, 'echo-timeout, maybe executed')
  })

  it('fails at once when nobody has the port, and was not executed', async () => {
    const lab = new PeerLab()
    const sent = [lab.send(M), lab.send(other)]
    lab.peer.refused()
    await lab.clock.pass(0.01)
    assert.deepEqual([sent[0]?.outcome, sent[1]?.outcome, lab.take()], ['no-listener', undefined, [`> ${M}`, `> ${other}`]])
    lab.receive(other)
    lab.peer.refused()
    await lab.clock.pass(0)
    assert.equal(sent[1]?.outcome, 'echoed after 0.000')
  })
})
