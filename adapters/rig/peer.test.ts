import assert from 'node:assert/strict'
import { Trouble } from './peer.js'
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
    await lab.clock.pass(0.11)
    lab.receive(M)
    assert.deepEqual(lab.take(), [`> ${M}`, `message ${M}`])
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
    await lab.clock.pass(1)
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

describe('copies of what a rig peer sent', () => {
  async function confirmed(options: ConstructorParameters<typeof PeerLab>[0] = {}, text = M): Promise<PeerLab> {
    const lab = new PeerLab(options)
    lab.send(text)
    lab.receive(text)
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

  it('are no answer for a rig, which is not answered', async () => {
    const lab = await confirmed({ role: 'rig' })
    lab.receive(M, M)
    assert.deepEqual([lab.take(), lab.counts], [[], ['repeated', 'repeated']])
    await lab.clock.pass(0.3)
    lab.receive(M, M)
    assert.deepEqual(
      [lab.take(), lab.counts.slice(2)],
      [
        [`> ${M}`, `message ${M}`],
        ['echoed', 'repeated']
      ]
    )
  })

  it('are questions for the state where they may be', async () => {
    const lab = await confirmed({ role: 'rig' }, '[32, 20]')
    lab.receive('[32, 20]', '[32, 20]')
    assert.deepEqual(lab.counts, ['echoed', 'echoed'])
  })

  it('are messages over TCP, which delivers nothing twice', async () => {
    for (const role of ['rig', 'controller'] as const) {
      const lab = await confirmed({ mayDuplicate: false, role })
      lab.receive(M, M)
      assert.deepEqual(lab.counts, ['echoed', 'echoed'])
    }
  })
})

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
    sent.push(lab.send(M))
    lab.receive(M, other)
    lab.peer.refused()
    await lab.clock.pass(20)
    assert.deepEqual(
      sent.map(({ outcome }) => outcome),
      ['offline, maybe executed', 'offline', 'offline', 'offline']
    )
    assert.deepEqual([lab.take(), lab.counts, lab.clock.timers, lab.peer.isIdle], [[`> ${M}`], [], 0, true])
  })

  it('is ended by close in a gap too', async () => {
    const lab = new PeerLab()
    lab.receive(other)
    const sent = lab.send(M)
    lab.peer.close(new Trouble('closed', 'stopped', false))
    await lab.clock.pass(1)
    assert.deepEqual([sent.outcome, lab.clock.timers, lab.take().length], ['closed', 0, 2])
  })
})
