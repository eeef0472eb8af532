import assert from 'node:assert/strict'
import { ClientLab, told } from './test-support/client-lab.js'
import { answer, deaf, echo, same } from './test-support/far-end.js'

const ref = '2023-03-14_1_flowers'

describe('the queue of a rig', () => {
  let lab: ClientLab

  afterEach(async () => await lab.close())

  it('has one exchange under way, and asks the next when the answer is there', async () => {
    lab = await ClientLab.open()
    lab.far.manner = echo
    const ids = []
    for (const codename of ['info', 'init', 'status']) ids.push(await lab.call(codename))
    await lab.pass(5)
    assert.deepEqual(lab.far.texts, ['[64, 0, null]'])
    lab.far.manner = same
    lab.far.heard[0]?.say('[64, 0, null]')
    const replies = []
    for (const id of ids) replies.push(await lab.final(id, 5))
    assert.deepEqual(
      replies.map(({ phase }) => phase),
      ['done', 'done', 'done']
    )
    const waited = replies.map(({ value }) => (value?.['tookMs'] as { wait?: number } | undefined)?.wait ?? 0)
    assert.ok(waited[0] === 0 && (waited[1] ?? 0) >= 5000 && (waited[2] ?? 0) >= 5000, waited.join(' '))
    const own = lab.far.texts.filter((text, at, all) => all.indexOf(text) === at)
    assert.deepEqual(own, ['[64, 0, null]', '[1, null]', '[32, 0]'])
    assert.deepEqual(lab.far.unconfirmed, [])
  })

  it('lets an interrupt past all that waits, then a stop, drops starts, and never crosses what is under way', async () => {
    lab = await ClientLab.open()
    const info = await lab.call('info')
    await lab.pass(0.1)
    const start = await lab.call('start', { exp_ref: ref })
    const status = await lab.call('status')
    const stop = await lab.call('stop')
    const interrupt = await lab.call('interrupt')
    await lab.pass(1)
    const dropped = await lab.final(start)
    assert.deepEqual(told(dropped), ['failed', 'Busy', 'busy', false])
    assert.match(dropped.error?.message ?? '', /^EXPEND came before the turn of EXPSTART at rig cameras .*; nothing was sent/)
    assert.deepEqual(lab.far.texts, ['[64, 0, null]'])
    lab.far.manner = answer()
    lab.far.manners.set('[16', answer('[16, 30]'))
    lab.far.manners.set('[4', answer('[4, 30]'))
    lab.far.manners.set('[32', answer('[32, 30]'))
    lab.far.heard[0]?.say('[64, 0, {}]')
    for (const id of [info, interrupt, stop, status]) assert.equal((await lab.final(id, 5)).phase, 'done')
    const sent = lab.far.texts.filter((text) => /^\[(64|16|4|32), (0, )?(null|0)\]$/.test(text))
    assert.deepEqual(sent, ['[64, 0, null]', '[16, null]', '[4, null]', '[32, 0]'])
    assert.deepEqual(lab.far.unconfirmed, [])
  })

  it('leaves an answer that nobody waits for a moment to come before the next message could cross it', async () => {
    lab = await ClientLab.open()
    const at: number[] = []
    lab.far.manner = (said) => {
      at.push(lab.clock.monotonic())
      echo(said)
    }
    const ids = [await lab.call('init', { answer: false }), await lab.call('status', { answer: false })]
    for (const id of ids) assert.equal((await lab.final(id, 2)).phase, 'done')
    const [first = 0, second = 0] = at
    assert.ok(second - first >= 0.1 - 1e-9 && second - first < 0.3, String(second - first))
    // It came: nothing is left to wait for.
    await lab.pass(1)
    at.length = 0
    lab.far.manners.set('[8', ({ bytes, say }) => {
      at.push(lab.clock.monotonic())
      say(bytes)
      say('[8, 10]')
    })
    for (const id of [await lab.call('cleanup', { answer: false }), await lab.call('status', { answer: false })]) await lab.final(id, 2)
    assert.ok((at[1] ?? 9) - (at[0] ?? 0) < 0.08, at.join(' '))
    assert.deepEqual(lab.far.unconfirmed, [])
  })

  it('lets an interrupt through a full queue', async () => {
    lab = await ClientLab.open()
    await lab.done('status', { answer: false })
    // One codename has one command of MQTT at a time; groups and instances ask more.
    lab.far.manner = echo
    const ids = []
    for (const codename of ['info', 'init', 'status', 'cleanup', 'send'])
      ids.push(await lab.call(codename, codename === 'send' ? { text: '{}' } : {}))
    await lab.pass(0.1)
    const interrupt = await lab.call('interrupt', { timeout: 1 })
    const reply = await lab.final(interrupt, 12)
    assert.deepEqual(told(reply), ['failed', 'Timeout', 'answer-timeout', true])
    assert.equal(lab.far.texts.at(2), '[16, null]')
  })

  it('gives up what waits too long, and what has expired, before anything of it is sent', async () => {
    lab = await ClientLab.open({ rig: 'answerWithin: 70' })
    const info = await lab.call('info')
    await lab.pass(0.1)
    const init = await lab.call('cleanup')
    const expires = new Date((lab.clock.now() + 30) * 1000).toISOString()
    const status = await lab.call('status', {}, { expires })
    const stop = await lab.call('stop', {}, { expires })
    await lab.pass(61)
    const late = await lab.final(init)
    assert.deepEqual(told(late), ['failed', 'Busy', 'busy', false])
    assert.match(
      late.error?.message ?? '',
      /^the turn of EXPCLEANUP at rig cameras \(\S+\) did not come within 60 s, behind EXPINFO; nothing was sent/
    )
    assert.equal(told(await lab.final(status))[2], 'busy')
    assert.equal(told(await lab.final(info, 12))[2], 'answer-timeout')
    assert.deepEqual(told(await lab.final(stop, 1)), ['failed', 'Expired', undefined, false])
    assert.deepEqual(lab.far.texts, ['[64, 0, null]'])
  }).timeout(8000)

  it('never sends what nobody waits for any more, and echoes the answer of what was sent', async () => {
    lab = await ClientLab.open()
    const gone = new AbortController()
    const value = new Map()
    const first = lab.request({ device: 'cameras', codename: 'info', value, signal: gone.signal })
    const second = lab.request({ device: 'cameras', codename: 'init', value, signal: gone.signal })
    const both = Promise.allSettled([first, second])
    await lab.pass(0.1)
    gone.abort()
    assert.deepEqual(
      (await both).map(({ status }) => status),
      ['rejected', 'rejected']
    )
    lab.far.manner = same
    lab.far.heard[0]?.say('[64, 10, {}]')
    await lab.pass(0.2)
    assert.deepEqual(lab.far.unconfirmed, [])
    const id = await lab.call('status')
    assert.equal((await lab.final(id, 12)).phase, 'done')
  })

  it('sends an interrupt in its turn, also when who called it does not wait any longer', async () => {
    lab = await ClientLab.open({
      file: 'devices: { cameras: { codenames: { interrupt: { callable: { timeout: 1 } }, info: { callable: { timeout: 30 } } } } }'
    })
    lab.far.manner = echo
    await lab.call('info')
    await lab.pass(0.1)
    const interrupt = await lab.call('interrupt')
    assert.deepEqual(told(await lab.final(interrupt, 2)), ['failed', 'Timeout', undefined, true])
    assert.deepEqual(lab.far.texts, ['[64, 0, null]'])
    lab.far.heard[0]?.say('[64, 0, {}]')
    await lab.pass(0.2)
    assert.equal(lab.far.texts.at(-1), '[16, null]')
  })

  it('tells the port that nobody listens on, at once, and finds the program again when it is started', async () => {
    lab = await ClientLab.open()
    const { port } = lab.far
    await lab.far.close()
    const reply = await lab.done('init')
    assert.deepEqual(told(reply), ['failed', 'Unreachable', 'no-listener', false])
    assert.equal(
      reply.error?.message,
      `rig cameras (udp://127.0.0.1:${port}): nobody listens there, so EXPINIT did not arrive; start or restart its program, then send it again`
    )
    assert.deepEqual((await lab.readings('link')).at(-1), 'error')
    assert.match((await lab.states()).at(-1) ?? '', /^offline: .*nobody listens there/)
    lab.far.manner = same
    await lab.far.bind(port)
    assert.deepEqual((await lab.done('init')).error, undefined)
    assert.match((await lab.states()).at(-1) ?? '', /^online/)
    assert.deepEqual(lab.warnings().length, 1)
    assert.ok(lab.running.log.lines.some(({ message }) => message === 'the rig is there again'))
  })

  it('says that an echo was another one, takes one that is cut where it is told to, and sends nothing that is too long', async () => {
    lab = await ClientLab.open({ rig: 'maxEchoBytes: 64' })
    lab.far.manner = ({ text, say }) => say(text.replaceAll(' ', ''))
    const other = await lab.done('init', { data: { a: 1 } })
    assert.deepEqual(told(other), ['failed', 'DeviceError', 'echo-mismatch', true])
    assert.match(
      other.error?.message ?? '',
      /^rig cameras \(\S+\) did not echo EXPINIT as it was sent \(.*within 1 s\); it may have been carried out/
    )
    lab.far.manner = ({ bytes, say }) => say(bytes.subarray(0, 50))
    const cut = await lab.done('init', { data: 'x'.repeat(100) })
    assert.match(cut.error?.message ?? '', /the echo has 50 of \d+ bytes; .*maxEchoBytes/)
    lab.far.manner = ({ bytes, say }) => say(bytes.subarray(0, 64))
    const taken = await lab.done('init', { data: 'y'.repeat(100), answer: false })
    assert.equal(taken.phase, 'done')
    const before = lab.far.heard.length
    const long = await lab.done('init', { data: 'z'.repeat(65_510) })
    assert.deepEqual(told(long), ['failed', 'RangeError', 'too-large', false])
    assert.equal(lab.far.heard.length, before)
  })

  it('waits at its stop for an answer that is still to come, and echoes it', async () => {
    lab = await ClientLab.open()
    const id = await lab.call('init')
    await lab.pass(0.1)
    const waiting = await lab.call('info')
    await lab.pass(0.1)
    const stopped = lab.running.gateway.stop()
    await lab.pass(5)
    lab.far.heard[0]?.say('[1, 10, {}]')
    await lab.pass(1)
    await stopped
    assert.deepEqual(lab.far.unconfirmed, [])
    assert.deepEqual((await lab.final(id)).value?.['answer'], [10, {}])
    assert.deepEqual(told(await lab.final(waiting)), ['failed', 'Unreachable', 'closed', false])
  })

  it('does not wait for longer than 10 s', async () => {
    lab = await ClientLab.open({ rig: 'answerWithin: 100' })
    const id = await lab.call('init')
    await lab.pass(0.1)
    const before = lab.clock.monotonic()
    let after = 0
    const stopped = lab.running.gateway.stop().then(() => (after = lab.clock.monotonic()))
    await lab.pass(20)
    await stopped
    assert.ok(after - before <= 13, String(after - before))
    assert.deepEqual(told(await lab.final(id)), ['failed', 'Unreachable', 'closed', true])
  })

  it('asks by itself only where it is told to, while nothing else is asked, and not while the rig runs', async () => {
    lab = await ClientLab.open({ rig: 'poll: 10' })
    lab.far.manners.set('[32', answer('[32, 10]'))
    lab.far.manners.set('[2', answer(`[2, "${ref}", {"status": 20}]`))
    await lab.pass(25)
    const polls = (): number => lab.far.texts.filter((text) => text === '[32, 0]').length
    assert.ok(polls() >= 2 && polls() <= 3, String(polls()))
    assert.deepEqual((await lab.readings('status')).at(-1), 'INITIALIZED')
    // Nobody did anything.
    assert.deepEqual(await lab.events(), [])
    const wait = await lab.call('init', { timeout: 25 })
    await lab.pass(22)
    const during = polls()
    assert.equal(told(await lab.final(wait, 5))[2], 'answer-timeout')
    await lab.done('start', { exp_ref: ref })
    const before = polls()
    assert.ok(before <= during + 1)
    await lab.pass(40)
    assert.equal(polls(), before)
    lab.far.say('[4, {"status": 30}]')
    await lab.pass(25)
    assert.ok(polls() >= before + 2)
  }).timeout(10_000)

  it('shows by its polls that a rig has gone and come again', async () => {
    lab = await ClientLab.open({ more: 'poll: 5' })
    lab.far.manners.set('[32', echo)
    await lab.pass(7)
    assert.match((await lab.states()).at(-1) ?? '', /^online/)
    lab.far.manners.set('[32', deaf)
    await lab.pass(15)
    assert.match((await lab.states()).at(-1) ?? '', /^offline: .*did not echo EXPSTATUS/)
    assert.equal(lab.warnings().length, 1)
    lab.far.manners.set('[32', echo)
    await lab.pass(7)
    assert.match((await lab.states()).at(-1) ?? '', /^online/)
  })
})
