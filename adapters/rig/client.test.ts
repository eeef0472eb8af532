import assert from 'node:assert/strict'
import { ClientLab, told } from './test-support/client-lab.js'
import { answer, deaf, echo, same } from './test-support/far-end.js'

const ref = '2023-03-14_1_flowers'

describe('rig-client', () => {
  let lab: ClientLab

  afterEach(async () => await lab.close())

  it('drives a session of a camera rig, and shows what it says', async () => {
    lab = await ClientLab.open()
    const info = '{"exp_ref": null, "main_sync": false, "master": false}'
    const { manners } = lab.far
    manners.set('[64', answer(`[64, 0, ${info}]`))
    manners.set('[1,', answer(`[1, 10, ${info}]`))
    manners.set('[2', answer(`[2, "${ref}", {"exp_ref": "${ref}", "main_sync": false, "status": 20}]`))
    manners.set('[32', answer('[32, 20]'))
    manners.set('[4', answer('[4, {"main_sync": false, "status": 30}]'))
    manners.set('[8', answer('[16, {"main_sync": false, "status": 0}]'))
    const calls: [string, unknown][] = [
      ['info', { data: { subject: 'flowers' } }],
      ['init', { data: { exp_ref: ref } }],
      ['start', { exp_ref: ref }],
      ['status', { status: 'RUNNING' }],
      ['stop', { data: [] }],
      ['cleanup', {}]
    ]
    const replies = []
    for (const [codename, args] of calls) replies.push(await lab.done(codename, args))
    assert.deepEqual(
      replies.map(({ phase, value }) => [phase, value?.['event'], Object.keys(value?.['tookMs'] as object)]),
      ['EXPINFO', 'EXPINIT', 'EXPSTART', 'EXPSTATUS', 'EXPEND', 'EXPCLEANUP'].map((event) => ['done', event, ['answer', 'echo']])
    )
    assert.deepEqual(
      replies.map(({ value }) => (value?.['answer'] as unknown[] | undefined)?.[0]),
      [0, 10, ref, 20, { main_sync: false, status: 30 }, { main_sync: false, status: 0 }]
    )
    const sent = [
      '[64, 0, {"subject": "flowers"}]',
      `[1, {"exp_ref": "${ref}"}]`,
      `[2, "${ref}", null]`,
      '[32, 20]',
      '[4, []]',
      '[8, null]'
    ]
    assert.deepEqual(
      lab.far.texts.filter((text) => sent.includes(text)),
      [
        '[64, 0, {"subject": "flowers"}]',
        `[1, {"exp_ref": "${ref}"}]`,
        `[2, "${ref}", null]`,
        '[32, 20]',
        '[32, 20]',
        '[4, []]',
        '[8, null]'
      ]
    )
    assert.deepEqual(lab.far.unconfirmed, [])
    assert.deepEqual(await lab.readings('status'), ['CONNECTED', 'INITIALIZED', 'RUNNING', 'RUNNING', 'STOPPED', 'CONNECTED'])
    assert.deepEqual(await lab.readings('exp_ref'), [ref])
    assert.deepEqual((await lab.readings('link')).at(-1), 'online')
    assert.deepEqual(await lab.readings('protocol'), ['iblutil 1.11 or newer'])
    assert.deepEqual(
      (await lab.events()).map(({ event, code }) => [event, code]),
      [
        ['EXPINFO', 64],
        ['EXPINIT', 1],
        ['EXPSTART', 2],
        ['EXPSTATUS', 32],
        ['EXPEND', 4],
        ['EXPINTERRUPT', 16]
      ]
    )
    const start = (await lab.events())[2]
    assert.deepEqual([start?.exp_ref, start?.refValid], [ref, true])
    assert.deepEqual((await lab.readings('info')).at(-1), { main_sync: false, status: 0 })
    assert.deepEqual(await lab.states(), [
      `degraded: nothing heard from udp://127.0.0.1:${lab.far.port} yet; whether it is there shows when it is asked`,
      'online: started'
    ])
    assert.equal(lab.warnings().length, 0)
  })

  const messages: [codename: string, args: unknown, bytes: string][] = [
    ['init', {}, '[1, null]'],
    ['init', { data: { exp_ref: '2022-01-01_1_subject' } }, '[1, {"exp_ref": "2022-01-01_1_subject"}]'],
    ['init', { data: [42, 'foo', null, true, 1.5] }, '[1, [42, "foo", null, true, 1.5]]'],
    [
      'start',
      { exp_ref: { subject: 'baz', date: '2020-01-01', sequence: '003' }, data: { foo: 'µ' } },
      '[2, "2020-01-01_3_baz", {"foo": "\\u00b5"}]'
    ],
    ['start', { exp_ref: null }, '[2, null, null]'],
    ['stop', { data: 'foo' }, '[4, "foo"]'],
    ['interrupt', { data: [{ error: 'E' }] }, '[16, [{"error": "E"}]]'],
    ['status', {}, '[32, 0]'],
    ['status', { status: 'STOPPED' }, '[32, 30]'],
    ['info', { status: 20 }, '[64, 20, null]'],
    ['cleanup', { data: 8 }, '[8, 8]'],
    ['send', { text: 'hello' }, 'hello'],
    ['send', { json: { a: 1 } }, '{"a": 1}'],
    ['send', { json: null }, 'null']
  ]
  it('writes as Python does, and takes the echo for enough where it is told to', async () => {
    lab = await ClientLab.open()
    for (const [codename, args, bytes] of messages) {
      const reply = await lab.done(codename, codename === 'send' ? args : { ...(args as object), answer: false })
      assert.deepEqual([reply.phase, reply.value?.['answer']], ['done', null], JSON.stringify(reply))
      assert.equal(lab.far.texts.at(-1), bytes)
    }
    assert.equal(lab.far.heard.length, messages.length)
    const report = await lab.done('send', { json: [0, 'ValueError: x', 1] })
    assert.match(String(report.value?.['note']), /rigs echo no such message/)
    await lab.pass(0.05)
    assert.equal(lab.far.texts.at(-1), '[0, "ValueError: x", 1]')
  })

  it('does not take what rigs never echo for a sign that one is there', async () => {
    lab = await ClientLab.open()
    lab.far.manner = () => undefined
    assert.equal(told(await lab.done('info'))[2], 'echo-timeout')
    await lab.pass(4)
    assert.equal((await lab.done('send', { json: [0, 'ValueError: x', 1] })).phase, 'done')
    assert.deepEqual((await lab.readings('link')).at(-1), 'silent')
    assert.match((await lab.states()).at(-1) ?? '', /^offline/)
    assert.deepEqual(await lab.readings('last_seen'), [])
  })

  const refused: [codename: string, args: unknown, says: RegExp][] = [
    ['start', {}, /exp_ref is missing/],
    ['start', { exp_ref: '2023-3-14_1_x' }, /"2023-3-14_1_x" is not of the form yyyy-mm-dd_n_subject/],
    ['start', { exp_ref: 7 }, /exp_ref 7 is not of the form/],
    ['start', { exp_ref: { subject: 'baz' } }, /KeyError: 'date'/],
    ['start', { exp_ref: { subject: 'baz', date: '2020-01-01', sequence: 'x' } }, /ValueError: invalid literal/],
    ['init', { data: { exp_ref: 'yesterday' } }, /"yesterday" in data/],
    ['status', { status: 'running' }, /status "running" is none of/],
    ['info', { status: 40 }, /status 40 is none of/],
    ['send', {}, /write json .* or text/],
    ['send', { json: [128, null, { me: { token: 'abc' } }] }, /a login is not sent/],
    ['await', { event: 'EXPSTOP' }, /event is EXPINIT/]
  ]
  it('refuses what no rig could use before anything is sent', async () => {
    lab = await ClientLab.open()
    for (const [codename, args, says] of refused) {
      const { phase, error } = await lab.done(codename, args)
      assert.deepEqual([phase, error?.code, error?.maybeExecuted ?? false], ['failed', 'invalid', false], codename)
      assert.match(error?.message ?? '', says)
      assert.match(error?.message ?? '', codename === 'await' ? /./ : /nothing was sent/)
    }
    assert.deepEqual(lab.far.texts, [])
  })

  it('says which rig, which step, how long and what to do when there is no echo, sends once, and swallows a late one', async () => {
    lab = await ClientLab.open()
    lab.far.manner = deaf
    const reply = await lab.done('init', { data: 1 })
    assert.deepEqual(told(reply), ['failed', 'Timeout', 'echo-timeout', true])
    const where = `udp://127.0.0.1:${lab.far.port}`
    const line = `rig cameras (${where}) did not echo EXPINIT within 1 s; it may have been carried out: look at the rig, and restart its program if it stays silent`
    assert.equal(reply.error?.message, line)
    assert.deepEqual(lab.far.texts, ['[1, 1]'])
    assert.deepEqual((await lab.readings('link')).at(-1), 'silent')
    assert.deepEqual((await lab.states()).at(-1), `offline: ${line}`)
    assert.deepEqual(lab.warnings(), [`the rig is silent: ${line}`])
    lab.far.heard[0]?.say('[1, 1]')
    lab.far.unconfirmed.pop()
    lab.far.manner = same
    assert.equal((await lab.done('status', {})).phase, 'done')
    assert.deepEqual(
      (await lab.events()).map(({ event }) => event),
      ['EXPSTATUS']
    )
    assert.deepEqual((await lab.readings('link')).at(-1), 'online')
    assert.match((await lab.states()).at(-1) ?? '', /^online/)
    assert.equal((await lab.counted())['dropped'], 1)
  })

  it('echoes an answer that comes too late, from the port that asked, so that the rig lives', async () => {
    lab = await ClientLab.open({ rig: 'answerWithin: 2' })
    const reply = await lab.done('init')
    assert.deepEqual(told(reply), ['failed', 'Timeout', 'answer-timeout', true])
    assert.match(
      reply.error?.message ?? '',
      /^rig cameras \(udp:\S+\) echoed EXPINIT after \d+(\.\d)? ms but did not answer within 2 s; it may have been carried out: look at the rig; a slow one needs/
    )
    assert.match((await lab.states()).at(-1) ?? '', /^degraded: .*did not answer/)
    await lab.pass(20)
    const [first] = lab.far.heard
    first?.say('[1, 10, {}]')
    await lab.pass(0.1)
    assert.deepEqual(lab.far.unconfirmed, [])
    assert.equal(lab.far.heard[1]?.from, first?.from)
    lab.far.manner = same
    assert.equal((await lab.done('start', { exp_ref: ref })).phase, 'done')
    assert.match((await lab.states()).at(-1) ?? '', /^online/)
  })

  it('takes no answer that was there before its message left, and says where one may be another’s', async () => {
    lab = await ClientLab.open({ rig: 'answerWithin: 2' })
    assert.equal(told(await lab.done('init'))[2], 'answer-timeout')
    lab.far.manner = deaf
    const second = await lab.call('init')
    await lab.pass(0.1)
    const [, said] = lab.far.heard
    // Late, and before the echo of the second.
    said?.say('[1, "first"]')
    await lab.pass(0.1)
    said?.say(said.bytes)
    await lab.pass(0.1)
    said?.say('[1, "second"]')
    assert.deepEqual((await lab.final(second, 1)).value?.['answer'], ['second'])
    lab.far.manner = echo
    assert.equal(told(await lab.done('init', { data: 2 }))[2], 'answer-timeout')
    lab.far.manner = answer('[1, "which"]')
    const { value } = await lab.done('init', { data: 3 })
    assert.deepEqual([value?.['answer'], value?.['note']], [['which'], 'this may be the late answer to an earlier EXPINIT'])
  })

  it('takes an answer that overtook its echo', async () => {
    lab = await ClientLab.open()
    lab.far.manner = ({ bytes, say }) => {
      say('[1, 10, null]')
      say(bytes)
    }
    assert.deepEqual((await lab.done('init')).value?.['answer'], [10, null])
  })

  it('fails with the text of a report, also of one before the echo, and of one as MATLAB writes it', async () => {
    lab = await ClientLab.open()
    lab.far.manners.set('[1,', answer('[0, "ValueError: no\\n disk", 1]'))
    lab.far.manners.set('[2', ({ bytes, say }) => {
      say('[0, "RuntimeError: busy", 2]')
      say(bytes)
    })
    lab.far.manners.set('[4', answer('[0,"Undefined function","[4, null]"]'))
    lab.far.manners.set('[16', answer('[0, "KeyError: other", 64]', '[16, 30]'))
    const init = await lab.done('init')
    assert.deepEqual(told(init), ['failed', 'DeviceError', 'rig-report', true])
    assert.match(init.error?.message ?? '', /^rig cameras \(\S+\) took EXPINIT and failed: ValueError: no disk; /)
    assert.match((await lab.done('start', { exp_ref: ref })).error?.message ?? '', /RuntimeError: busy/)
    assert.match((await lab.done('stop')).error?.message ?? '', /Undefined function/)
    // One for another event ends nothing.
    assert.equal((await lab.done('interrupt')).phase, 'done')
    // A report is not echoed.
    assert.deepEqual(lab.far.texts, ['[1, null]', `[2, "${ref}", null]`, '[4, null]', '[16, null]', '[16, 30]'])
    const [first] = await lab.events()
    assert.deepEqual([first?.event, first?.code, first?.data], ['REPORT', 0, ['ValueError: no\n disk', 1]])
  })

  it('echoes and shows progress before the answer, and what a rig says by itself', async () => {
    lab = await ClientLab.open()
    lab.far.manner = answer('[32, 10]', '[1, 10, {"main_sync": true}]')
    assert.deepEqual((await lab.done('init')).value?.['answer'], [10, { main_sync: true }])
    lab.far.say('[4, {"status": 30}]')
    lab.far.say('[2, "flowers", {"status": "RUNNING"}]')
    await lab.pass(0.1)
    assert.deepEqual(
      lab.far.unconfirmed.filter((text) => text !== '[32, 10]'),
      []
    )
    assert.deepEqual(
      (await lab.events()).map(({ event, refValid }) => [event, refValid]),
      [
        ['EXPSTATUS', undefined],
        ['EXPINIT', undefined],
        ['EXPEND', undefined],
        ['EXPSTART', false]
      ]
    )
    assert.deepEqual(await lab.readings('status'), ['INITIALIZED', 'INITIALIZED', 'STOPPED', 'RUNNING'])
    assert.deepEqual(await lab.readings('exp_ref'), [{ value: 'flowers', quality: 'uncertain' }])
  })

  it('asks the rig for what it does and what it is when that is read', async () => {
    lab = await ClientLab.open({ file: 'devices: { cameras: { codenames: { exp_ref: {} } } }' })
    lab.far.manners.set('[32', answer('[32, 20]'))
    lab.far.manners.set('[64', answer('[64, 20, {"main_sync": true}]'))
    const read = async (codename: string): Promise<unknown> => {
      const id = `${codename}-${lab.far.heard.length}`
      await lab.mqtt.publish(`lab/cameras/${codename}/get`, { id })
      const { value, error } = await lab.final(id, 2)
      return value ?? error?.class
    }
    assert.equal(await read('status'), 'RUNNING')
    assert.deepEqual(await read('info'), { main_sync: true })
    assert.equal(await read('link'), 'online')
    assert.equal(await read('init'), 'ReadOnly')
    const meta = await lab.mqtt.nextJson('lab/cameras/status/meta')
    assert.deepEqual([(meta['schema'] as { type: string }).type, 'callable' in meta], ['string', true])
    lab.far.manners.set('[32', answer('[32, 7]'))
    assert.equal(await read('status'), 'DeviceError')
  })

  it('takes the answers that MATLAB rigs give', async () => {
    lab = await ClientLab.open()
    lab.far.manners.set('[1,', answer('[1,{"status":10}]'))
    lab.far.manners.set('[2', answer(`[2,"${ref}",{"status":20}]`))
    lab.far.manners.set('[4', answer('[4,30]'))
    lab.far.manners.set('[64', answer(`[64,30,{"main_sync":true,"api_version":"1.0.0","status":30,"exp_ref":"${ref}"}]`))
    for (const [codename, args] of [
      ['init', {}],
      ['start', { exp_ref: ref }],
      ['stop', {}],
      ['info', {}]
    ] as const)
      assert.equal((await lab.done(codename, args)).phase, 'done')
    assert.deepEqual(await lab.readings('status'), ['INITIALIZED', 'RUNNING', 'STOPPED', 'STOPPED'])
    assert.deepEqual(await lab.readings('protocol'), ['iblutil 1.11 or newer, compact JSON as from MATLAB'])
  })

  it('marks a state as uncertain that the rig did not tell', async () => {
    lab = await ClientLab.open()
    lab.far.manner = same
    await lab.done('init', { data: { status: 30 } })
    await lab.done('start', { exp_ref: ref })
    await lab.done('stop', { answer: false })
    assert.deepEqual(await lab.readings('status'), [
      { value: 'INITIALIZED', quality: 'uncertain' },
      { value: 'RUNNING', quality: 'uncertain' },
      { value: 'STOPPED', quality: 'uncertain' }
    ])
    assert.deepEqual(await lab.readings('exp_ref'), [ref])
  })

  it('waits for the next message of an event, and shows no login', async () => {
    lab = await ClientLab.open()
    await lab.done('status', { answer: false })
    const id = await lab.call('await', { event: 'EXPEND', timeout: 3600 })
    await lab.pass(60)
    lab.far.say('[32, 20]')
    await lab.pass(0.1)
    lab.far.say('[4, {"status": 30}]')
    assert.deepEqual((await lab.final(id, 1)).value, { answer: [{ status: 30 }], event: 'EXPEND' })
    const late = await lab.done('await', { event: 'expinit', timeout: 2 })
    assert.deepEqual(told(late), ['failed', 'Timeout', 'answer-timeout', false])
    assert.match(late.error?.message ?? '', /^rig cameras \(\S+\) sent no EXPINIT within 2 s$/)
    assert.equal((await lab.done('await', { event: 'ALYX' })).error?.class, 'Forbidden')
  })
})
