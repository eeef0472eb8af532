import assert from 'node:assert/strict'
import { PeerLab } from './test-support/peer-lab.js'

const M = '[4, null]'
const other = '[2, "2022-01-01_1_subject", null]'

describe('a rig peer that gets messages', () => {
  it('sends each back at once and byte for byte, before it tells of it', () => {
    const lab = new PeerLab()
    lab.receive('[1,null]', ' [ 32 , 0 ]\n', 'foo')
    assert.deepEqual(lab.take(), ['> [1,null]', 'message [1,null]', '>  [ 32 , 0 ]\n', 'message  [ 32 , 0 ]\n', '> foo', 'odd foo'])
    assert.deepEqual(lab.counts, ['echoed', 'echoed', 'echoed', 'odd'])
  })

  it('echoes no report', () => {
    const lab = new PeerLab()
    lab.receive('[0, "ValueError: x", 4]')
    assert.deepEqual(lab.take(), ['report [0, "ValueError: x", 4]'])
  })

  it('knows when it heard the last time, whatever it was', async () => {
    const lab = new PeerLab()
    assert.equal(lab.peer.lastHeard, undefined)
    await lab.clock.pass(5)
    lab.receive('')
    assert.equal(lab.peer.lastHeard, lab.clock.monotonic())
  })

  it('brakes a storm of the same bytes, and nothing else', async () => {
    const lab = new PeerLab()
    for (let time = 0; time < 50; time += 1) lab.receive(M, `[1, ${time}]`)
    assert.equal(lab.take().filter((line) => line === `> ${M}`).length, 9)
    assert.deepEqual(
      [lab.counts.filter((what) => what === 'braked').length, lab.counts.filter((what) => what === 'echoed').length],
      [41, 59]
    )
    await lab.clock.pass(0.9)
    lab.receive(M)
    assert.deepEqual(lab.take(), [])
    await lab.clock.pass(0.21)
    lab.receive(M)
    assert.deepEqual(lab.take(), [`> ${M}`, `message ${M}`])
  })

  it('lets through what a question of ours waits for, also in a storm of the same bytes', () => {
    let isWanted = false
    const lab = new PeerLab({ isWanted: (payload) => isWanted && payload.kind === 'message' && payload.event === 'EXPINIT' })
    for (let time = 0; time < 12; time += 1) lab.receive('[1, 10]', '[32, 20]')
    lab.take()
    isWanted = true
    lab.receive('[32, 20]', '[1, 10]')
    assert.deepEqual(lab.take(), ['> [1, 10]', 'message [1, 10]'])
    isWanted = false
    lab.receive('[1, 10]')
    assert.deepEqual(lab.take(), [])
  })

  it('lets through what comes eight times a second, without end', async () => {
    const lab = new PeerLab()
    for (let time = 0; time < 100; time += 1) {
      lab.receive(M)
      await lab.clock.pass(0.125)
    }
    assert.equal(lab.counts.includes('braked'), false)
  })

  it('brakes a slow storm where the network is slow', async () => {
    const lab = new PeerLab()
    lab.send(other)
    await lab.clock.pass(0.2)
    lab.receive(other)
    for (let time = 0; time < 20; time += 1) {
      lab.receive(M)
      await lab.clock.pass(0.2)
    }
    assert.ok(lab.counts.filter((what) => what === 'braked').length >= 5, lab.counts.join())
  })

  it('brakes reports too', () => {
    const lab = new PeerLab()
    for (let time = 0; time < 20; time += 1) lab.receive('[0, "x", 1]')
    assert.equal(lab.take().length, 9)
  })

  it('remembers no more than some hundred messages for that', () => {
    const lab = new PeerLab()
    for (let time = 0; time < 9; time += 1) lab.receive(M)
    for (let n = 0; n < 255; n += 1) lab.receive(`[1, ${n}]`)
    lab.receive(M)
    assert.deepEqual([lab.counts.length, lab.counts.at(-1)], [265, 'braked'])
    for (let n = 0; n < 256; n += 1) lab.receive(`[2, ${n}]`)
    lab.receive(M)
    assert.equal(lab.counts.at(-1), 'echoed')
  })

  it('finds a storm among a hundred thousand other messages', () => {
    const lab = new PeerLab({ onPayload: () => undefined, write: () => undefined })
    for (let n = 0; n < 100_000; n += 1) {
      lab.receive(`[1, ${n}]`)
      if (n % 100 === 0) lab.receive(M)
    }
    assert.equal(lab.counts.filter((what) => what === 'braked').length, 1000 - 9)
  })

  it('echoes the rest of a line with its message, once', () => {
    const lab = new PeerLab()
    lab.receive(M, '\r\n', '\r\n', '\n')
    assert.deepEqual(lab.take(), [`> ${M}`, `message ${M}`, '> \r\n'])
    assert.deepEqual(lab.counts, ['echoed', 'odd', 'odd'])
  })
})

describe('a rig peer that sends messages', () => {
  it('tells how long the echo took, and of nothing else', async () => {
    const lab = new PeerLab()
    const sent = lab.send(M)
    assert.deepEqual(lab.take(), [`> ${M}`])
    assert.equal(String(lab.peer.awaited), M)
    await lab.clock.pass(0.9)
    lab.receive(M)
    await lab.clock.pass(0)
    assert.deepEqual(
      [sent.outcome, lab.take(), lab.counts, lab.peer.awaited, lab.clock.timers],
      ['echoed after 0.900', [], [], undefined, 0]
    )
  })

  it('sends one at a time, with a gap after the echo', async () => {
    const lab = new PeerLab()
    const outcomes = ['[1, 1]', '[1, 2]', '[1, 3]'].map((text) => lab.send(text))
    await lab.clock.pass(0.5)
    assert.deepEqual(lab.take(), ['> [1, 1]'])
    lab.receive('[1, 1]')
    // The last write was long ago.
    assert.deepEqual(lab.take(), ['> [1, 2]'])
    lab.receive('[1, 2]')
    await lab.clock.pass(0.009)
    assert.deepEqual(lab.take(), [])
    await lab.clock.pass(0.001)
    assert.deepEqual(lab.take(), ['> [1, 3]'])
    lab.receive('[1, 3]')
    await lab.clock.pass(0)
    assert.deepEqual(
      outcomes.map(({ outcome }) => outcome),
      ['echoed after 0.500', 'echoed after 0.000', 'echoed after 0.000']
    )
    assert.equal(lab.peer.isIdle, true)
  })

  it('keeps the gap after an echo, which itself never waits', async () => {
    const lab = new PeerLab({ gap: 0.025 })
    lab.receive(other)
    lab.send(M)
    lab.receive('[1, 1]')
    assert.deepEqual(lab.take(), [`> ${other}`, `message ${other}`, '> [1, 1]', 'message [1, 1]'])
    await lab.clock.pass(0.02)
    lab.receive('[1, 2]')
    await lab.clock.pass(0.02)
    assert.deepEqual(lab.take(), ['> [1, 2]', 'message [1, 2]'])
    await lab.clock.pass(0.005)
    assert.deepEqual(lab.take(), [`> ${M}`])
  })

  it('gets a word in where messages never cease', async () => {
    const lab = new PeerLab()
    lab.receive('[1, 0]')
    lab.send(M)
    for (let time = 1; time <= 30; time += 1) {
      await lab.clock.pass(0.005)
      lab.receive(`[1, ${time}]`)
    }
    const at = lab.log.indexOf(`> ${M}`)
    assert.ok(at > 0 && lab.log[at - 1]?.startsWith('message [1, 15]'), lab.log.join())
  })

  it('waits on when something else comes, and echoes and tells it', async () => {
    const lab = new PeerLab()
    const sent = lab.send(M)
    lab.take()
    lab.receive('[32, 10]', '[4, {"status": 20}]', '[0, "x", 4]')
    assert.equal(lab.take().length, 5)
    lab.receive(M)
    await lab.clock.pass(0)
    assert.deepEqual([sent.outcome, lab.counts], ['echoed after 0.000', ['echoed', 'echoed']])
  })

  it('settles a report, which nobody echoes, when it is written', async () => {
    const lab = new PeerLab()
    lab.receive(other)
    const report = lab.send('[0, "TimeoutError: x", 2]')
    const next = lab.send(M)
    lab.take()
    await lab.clock.pass(0.01)
    assert.deepEqual([report.outcome, lab.take()], ['echoed after 0.000', ['> [0, "TimeoutError: x", 2]']])
    await lab.clock.pass(0.01)
    assert.deepEqual([next.outcome, lab.take()], [undefined, [`> ${M}`]])
  })

  it('takes an echo of as many bytes as the remote can read', async () => {
    const long = `[1, "${'x'.repeat(100)}"]`
    const lab = new PeerLab({ maxEchoBytes: 64 })
    const sent = lab.send(long)
    lab.receive(long.slice(0, 64), long.slice(0, 64))
    await lab.clock.pass(0)
    assert.deepEqual([sent.outcome, lab.counts], ['echoed after 0.000', ['repeated']])
    const again = lab.send(long)
    await lab.clock.pass(0.01)
    lab.receive(long.slice(0, 63), `${long.slice(0, 63)}y`)
    await lab.clock.pass(1)
    assert.equal(again.outcome, 'echo-mismatch, maybe executed')
  })
})
