import assert from 'node:assert/strict'
import { PeerLab } from './test-support/peer-lab.js'

const M = '[4, null]'
const other = '[2, "2022-01-01_1_subject", null]'

describe('copies of what a rig peer sent', () => {
  async function confirmed(options: ConstructorParameters<typeof PeerLab>[0] = {}): Promise<PeerLab> {
    const lab = new PeerLab(options)
    lab.send(M)
    lab.receive(M)
    await lab.clock.pass(0.02)
    lab.take()
    return lab
  }

  it('are first the answer, then duplicates', async () => {
    const lab = await confirmed()
    lab.receive(M, M, M, M)
    assert.deepEqual(
      [lab.take(), lab.counts],
      [
        [`> ${M}`, `message ${M}`],
        ['echoed', 'repeated', 'repeated', 'repeated']
      ]
    )
  })

  it('are the answer whenever it comes, and duplicates of it after that', async () => {
    const lab = await confirmed()
    await lab.clock.pass(30)
    lab.receive(M, M)
    assert.deepEqual(
      [lab.take(), lab.counts],
      [
        [`> ${M}`, `message ${M}`],
        ['echoed', 'repeated']
      ]
    )
  })

  it('are messages again a while after the answer: whoever sends them needs the echo', async () => {
    const lab = await confirmed()
    lab.receive(M)
    await lab.clock.pass(0.3)
    lab.receive(M, M)
    assert.deepEqual(lab.counts, ['echoed', 'echoed', 'repeated'])
  })

  it('are duplicates for longer where the network is slow', async () => {
    const lab = new PeerLab()
    lab.send(M)
    await lab.clock.pass(0.2)
    lab.receive(M, M)
    await lab.clock.pass(0.4)
    lab.receive(M)
    assert.deepEqual(lab.counts, ['echoed', 'repeated'])
  })

  it('are messages again when something else was confirmed since', async () => {
    const lab = await confirmed()
    lab.receive(M)
    lab.send(other)
    await lab.clock.pass(0.02)
    lab.receive(other, M, M)
    assert.deepEqual(lab.counts, ['echoed', 'echoed', 'echoed'])
  })

  it('are messages over TCP, which delivers nothing twice', async () => {
    const lab = await confirmed({ mayDuplicate: false })
    lab.receive(M, M, M)
    assert.deepEqual(lab.counts, ['echoed', 'echoed', 'echoed'])
  })
})
