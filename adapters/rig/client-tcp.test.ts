import assert from 'node:assert/strict'
import { ClientLab, told } from './test-support/client-lab.js'
import { FarEnd, answer, deaf, echo, same } from './test-support/far-end.js'

const ref = '2023-03-14_1_flowers'

describe('rig-client over TCP', () => {
  let lab: ClientLab

  afterEach(async () => await lab.close())

  /** Until the rig has so many connections. */
  const connected = async (count = 1): Promise<void> => {
    for (let turn = 0; turn < 3000 && lab.far.connections.length < count; turn += 1) await lab.pass(0.02)
    await lab.pass(0.05)
    assert.equal(lab.far.connections.length, count)
  }

  it('drives a rig that takes each read for one message: never two of ours in one', async () => {
    lab = await ClientLab.open({ transport: 'tcp' })
    await connected()
    assert.deepEqual((await lab.readings('link')).at(-1), 'online')
    lab.far.manner = same
    for (let round = 0; round < 3; round += 1)
      for (const [codename, args] of [
        ['info', {}],
        ['init', {}],
        ['start', { exp_ref: ref }],
        ['status', {}],
        ['stop', {}]
      ] as const)
        assert.equal((await lab.done(codename, args)).phase, 'done')
    assert.deepEqual(lab.far.unconfirmed, [])
    assert.ok(
      lab.far.texts.every((text) => !text.slice(1).includes('[')),
      lab.far.texts.join('\n')
    )
    assert.equal(lab.far.connections.length, 1)
    assert.deepEqual(lab.warnings(), [])
  })

  it('takes what comes in pieces, and several in one', async () => {
    lab = await ClientLab.open({ transport: 'tcp' })
    await connected()
    lab.far.manner = ({ bytes }) => {
      lab.far.manner = deaf
      const wire = Buffer.concat([bytes, Buffer.from('[32, 10][1, "µ]\\"[", {"a": []}]')])
      for (const byte of wire.subarray(0, 20)) lab.far.connections[0]?.write(Buffer.of(byte))
      lab.far.connections[0]?.write(wire.subarray(20))
    }
    const { value } = await lab.done('init')
    assert.deepEqual(value?.['answer'], ['µ]"[', { a: [] }])
    assert.deepEqual(lab.far.texts.join(''), '[1, null][32, 10][1, "µ]\\"[", {"a": []}]')
    assert.deepEqual(
      (await lab.events()).map(({ event }) => event),
      ['EXPSTATUS', 'EXPINIT']
    )
  })

  it('takes the rest of a payload that does not come for the end of it', async () => {
    lab = await ClientLab.open({ transport: 'tcp' })
    await connected()
    lab.far.manner = deaf
    lab.far.connections[0]?.write('[4, ["never')
    await lab.pass(0.5)
    assert.deepEqual(lab.far.texts, [])
    await lab.pass(1)
    assert.deepEqual(lab.far.texts, ['[4, ["never'])
    lab.far.unconfirmed.length = 0
    lab.far.manner = same
    assert.equal((await lab.done('stop')).phase, 'done')
  })

  it('connects again and again, says that the rig is offline, and that it is back', async () => {
    lab = await ClientLab.open({ transport: 'tcp' })
    await connected()
    lab.far.connections[0]?.destroy()
    await connected(2)
    assert.deepEqual((await lab.states()).map((state) => state.split(':')[0]).slice(-3), ['online', 'offline', 'online'])
    const { port } = lab.far
    await lab.far.close()
    await lab.pass(100)
    assert.match((await lab.states()).at(-1) ?? '', /^offline: rig cameras \(tcp:\S+\): nobody listens there: start its program$/)
    assert.deepEqual((await lab.readings('link')).at(-1), 'error')
    assert.ok(lab.warnings().length <= 3, lab.warnings().join('\n'))
    await lab.far.listen(port)
    await lab.pass(40)
    assert.match((await lab.states()).at(-1) ?? '', /^online/)
    assert.deepEqual((await lab.readings('link')).at(-1), 'online')
  })

  it('tries at once when something is asked of a rig that was not there', async () => {
    lab = await ClientLab.open({ transport: 'tcp' })
    await connected()
    const { port } = lab.far
    await lab.far.close()
    await lab.pass(60)
    const refused = await lab.done('init')
    assert.deepEqual(told(refused), ['failed', 'Unreachable', 'no-listener', false], refused.error?.message)
    lab.far.manner = same
    await lab.far.listen(port)
    const before = lab.clock.monotonic()
    assert.equal((await lab.done('init')).phase, 'done')
    assert.ok(lab.clock.monotonic() - before < 1)
  })

  it('fails what is under way when the connection goes, and sends it no second time', async () => {
    lab = await ClientLab.open({ transport: 'tcp' })
    await connected()
    lab.far.manner = () => lab.far.connections[0]?.destroy()
    const { error } = await lab.done('start', { exp_ref: ref })
    assert.deepEqual([error?.class, error?.code, error?.maybeExecuted], ['Unreachable', 'offline', true])
    assert.match(
      error?.message ?? '',
      /^rig cameras \(tcp:\S+\) cannot be reached \(it closed the connection\); it may have been carried out/
    )
    lab.far.manner = echo
    await connected(2)
    assert.deepEqual(lab.far.texts, [`[2, "${ref}", null]`])
    // An answer may come over the next connection: a rig speaks to the newest one (section 7).
    const id = await lab.call('init')
    await lab.pass(0.2)
    lab.far.connections[1]?.destroy()
    assert.deepEqual(told(await lab.final(id, 1)), ['failed', 'Unreachable', 'offline', true])
  })

  it('fails what was echoed at once when the connection goes: an interrupt does not wait for an answer that cannot come', async () => {
    lab = await ClientLab.open({ transport: 'tcp' })
    await connected()
    const init = await lab.call('init')
    await lab.pass(0.2)
    const interrupt = await lab.call('interrupt')
    lab.far.manner = same
    lab.far.connections[0]?.destroy()
    const { error } = await lab.final(init, 1)
    assert.deepEqual([error?.code, error?.maybeExecuted], ['offline', true])
    assert.equal((await lab.final(interrupt, 1)).phase, 'done')
  })

  it('leaves a rig that sends without end, or does not read, and comes back', async () => {
    lab = await ClientLab.open({ transport: 'tcp' })
    await connected()
    const before = lab.far.connections.length
    lab.far.connections[0]?.write(`[4, "${'x'.repeat(300_000)}`)
    for (let turn = 0; turn < 200 && lab.far.connections.length === before; turn += 1) await lab.pass(0.02)
    assert.equal(lab.far.connections.length, before + 1)
    assert.ok((await lab.states()).some((state) => state.includes('it sends more than can be a message')))
    lab.far.manner = same
    lab.far.unconfirmed.length = 0
    assert.equal((await lab.done('init')).phase, 'done')
  })

  it('does not start a connection once it is stopped, and ends one that is being made', async () => {
    const far = await FarEnd.tcp()
    lab = await ClientLab.open({ far, transport: 'tcp' })
    await lab.halt()
    const before = far.connections.length
    await lab.pass(100)
    assert.equal(far.connections.length, before)
    assert.ok(far.connections.every(({ destroyed, readableEnded }) => destroyed || readableEnded))
  })

  it('echoes an answer whole whose line end belongs to it', async () => {
    lab = await ClientLab.open({ transport: 'tcp' })
    await connected()
    lab.far.manner = answer('[1, 10, {}]\r\n')
    assert.deepEqual((await lab.done('init')).value?.['answer'], [10, {}])
    assert.deepEqual(lab.far.unconfirmed, [])
  })
})
