import assert from 'node:assert/strict'
import { ClientLab, told } from './test-support/client-lab.js'
import { FarEnd, answer, deaf, echo, same } from './test-support/far-end.js'

const token = '0123456789abcdef0123456789abcdef01234567'
const url = 'https://alyx.example.org'
const login = `[128, "${url}", {"j.doe": {"token": "${token}"}}]`

describe('what a rig says that is odd', () => {
  let lab: ClientLab

  afterEach(async () => await lab.close())

  it('is echoed where it has to be, counted, and logged once', async () => {
    lab = await ClientLab.open()
    await lab.done('status', { answer: false })
    const payloads: [payload: string | Buffer, isEchoed: boolean][] = [
      ['foo', true],
      ['[1]', true],
      ['{"a": 1}', true],
      ['[3, null]', true],
      ['', false],
      ['x', false],
      [Buffer.from([0xff, 0xfe]), false],
      ['10', false]
    ]
    for (const [payload, isEchoed] of payloads) {
      const before = lab.far.heard.length
      lab.far.say(payload)
      await lab.pass(0.05)
      assert.equal(lab.far.heard.length - before, isEchoed ? 1 : 0, String(payload))
    }
    assert.equal((await lab.counted())['refused'], payloads.length)
    assert.equal(lab.warnings().length, 1)
    assert.match(lab.warnings()[0] ?? '', /^the rig sends what is not understood/)
    assert.ok(lab.dead.length > 0)
    assert.deepEqual(await lab.events(), [])
    lab.far.manner = same
    assert.equal((await lab.done('init')).phase, 'done')
  })

  it('is known as older than 1.11 by its numbers', async () => {
    lab = await ClientLab.open()
    await lab.done('status', { answer: false })
    lab.far.say('[20, "2023-03-14_1_a", null]')
    await lab.pass(0.1)
    assert.deepEqual((await lab.readings('protocol')).at(-1), 'older than iblutil 1.11')
    assert.match(lab.warnings()[0] ?? '', /speaks iblutil before 1\.11, whose numbers mean other events; update it/)
  })

  it('is NaN, a large number or a name for a status', async () => {
    lab = await ClientLab.open()
    await lab.done('status', { answer: false })
    for (const text of [
      '[64, "RUNNING", {"x": NaN, "n": 123456789012345678901234567890}]',
      '\ufeff[32, 30]\r\n',
      '[32]',
      '["expend", Infinity]'
    ])
      lab.far.say(text)
    await lab.pass(0.1)
    assert.deepEqual(lab.far.unconfirmed, [])
    assert.deepEqual(await lab.readings('status'), ['RUNNING', 'STOPPED'])
    // NaN is no JSON: there it is null, and the reading is bad.
    assert.deepEqual(
      (await lab.events()).map((event) => ('value' in event ? (event.value as { event: string }).event : event.event)),
      ['EXPINFO', 'EXPSTATUS', 'EXPSTATUS', 'EXPEND']
    )
  })

  it('is too much: echoed all the same, and nothing else suffers', async () => {
    const other = await FarEnd.udp()
    try {
      lab = await ClientLab.open({ rigs: `ephys: "udp://127.0.0.1:${other.port}"`, more: 'maxRate: 10' })
      await lab.done('status', { answer: false })
      const echoes: string[] = []
      for (let burst = 0; burst < 20; burst += 1) {
        for (let n = 0; n < 20; n += 1) lab.far.say(`[32, ${burst * 20 + n}]`)
        await lab.pass(0.01)
      }
      await lab.pass(0.1)
      echoes.push(...lab.far.unconfirmed)
      assert.deepEqual(echoes, [])
      const events = await lab.events()
      assert.ok(events.length >= 20 && events.length <= 25, String(events.length))
      other.manner = same
      assert.equal((await lab.done('init', {}, 'ephys')).phase, 'done')
      assert.equal(lab.warnings().filter((line) => line.includes('maxRate')).length, 1)
    } finally {
      await other.close()
    }
  })

  it('is too much: what it is at last is shown all the same', async () => {
    lab = await ClientLab.open({ more: 'maxRate: 10' })
    await lab.done('status', { answer: false })
    for (let n = 0; n < 40; n += 1) lab.far.say(`[64, 20, {"frames": ${n}}]`)
    lab.far.say('[4, 30]')
    lab.far.say('[2, "2023-03-14_2_last", null]')
    await lab.pass(0.5)
    assert.equal(
      (await lab.events()).some(({ event }) => event === 'EXPEND'),
      false
    )
    assert.deepEqual((await lab.readings('status')).at(-1), 'STOPPED')
    assert.deepEqual((await lab.readings('info')).at(-1), { frames: 39 })
    assert.deepEqual((await lab.readings('exp_ref')).at(-1), '2023-03-14_2_last')
  })

  it('is the same again and again: stopped', async () => {
    lab = await ClientLab.open()
    await lab.done('status', { answer: false })
    // As a peer that takes each echo for a message (section 7).
    lab.far.manner = ({ bytes, say }) => say(Buffer.from(bytes))
    const before = lab.far.heard.length
    lab.far.heard[0]?.say('[32, 20]')
    lab.far.unconfirmed.pop()
    for (let turn = 0; turn < 20; turn += 1) await lab.pass(0.01)
    assert.ok(lab.far.heard.length - before < 50, String(lab.far.heard.length - before))
  })
})

describe('logins of rigs', () => {
  let lab: ClientLab
  let ephys: FarEnd

  beforeEach(async () => (ephys = await FarEnd.udp()))

  afterEach(async () => {
    await lab.close()
    await ephys.close()
  })

  const open = async (more = ''): Promise<ClientLab> => await ClientLab.open({ rigs: `ephys: "udp://127.0.0.1:${ephys.port}"`, more })

  it('are shown nowhere, whatever the rig does with them', async () => {
    lab = await open()
    await lab.done('status', { answer: false })
    const { manners } = lab.far
    lab.far.say(login)
    lab.far.say(login.slice(0, -6))
    lab.far.say(`[0, "ValueError: ${login.replaceAll('"', '\\"')}", 128]`)
    lab.far.say(`[0,"failed","${login.replaceAll('"', '\\"')}"]`)
    lab.far.say(`["nothing", {"token": "${token}"}]`)
    manners.set('[1,', answer(login, '[1, null]'))
    await lab.done('init')
    manners.set('[4', ({ say }) => say(login))
    await lab.done('stop')
    await lab.pass(61)
    assert.doesNotMatch(lab.shown, new RegExp(token.slice(4, 30)))
    assert.match(lab.shown, /"token":"\*\*\*"/)
    assert.deepEqual(ephys.texts, [])
    assert.ok(lab.far.unconfirmed.every((text) => text.startsWith('[0')))
  })

  it('are shown nowhere in other events, replies and reports either', async () => {
    lab = await open('groups: { both: { rigs: [cameras, ephys] } }')
    const info = `[64, 20, {"exp_ref": "Token ${token}", "token": "${token}", "alyx_token": ["${token}"], "text": "'Authorization': 'Token ${token}'"}]`
    for (const far of [lab.far, ephys]) far.manners.set('[64', answer(info))
    const { value } = await lab.done('info')
    assert.match(JSON.stringify(value), /"alyx_token":"\*\*\*"/)
    for (const [topic, id] of [
      ['lab/cameras/info/get', 'asked'],
      ['lab/both/info/call', 'together']
    ] as const) {
      await lab.mqtt.publish(topic, { id })
      assert.equal((await lab.final(id, 2)).phase, 'done')
    }
    lab.far.say(`[2, "Token ${token}", {"Authorization": "${token}"}]`)
    lab.far.say(`[0, "HTTPError: {'Authorization': 'Token ${token}'}", 2]`)
    lab.far.manners.set('[4', answer(`[0, "E: Bearer ${token}", 4]`))
    assert.equal((await lab.done('stop')).phase, 'failed')
    await lab.pass(61)
    assert.doesNotMatch(lab.shown, new RegExp(token.slice(4, 30)))
  })

  it('go from one rig to others in memory, at once and when they ask', async () => {
    lab = await open('alyx: { from: cameras, to: [ephys] }')
    await lab.done('status', { answer: false })
    await lab.done('status', { answer: false }, 'ephys')
    // Nobody has one yet: who has it is asked.
    lab.far.manners.set('[128', answer(login))
    ephys.say('[128, null, {}]')
    await lab.pass(0.3)
    assert.ok(lab.far.texts.includes('[128, null, {}]'))
    assert.deepEqual(ephys.texts.slice(1), ['[128, null, {}]', login])
    ephys.say(`[128, "${url}", {}]`)
    await lab.pass(0.3)
    assert.deepEqual(ephys.texts.slice(3), [`[128, "${url}", {}]`, login])
    // Another database.
    lab.far.manners.set('[128', echo)
    ephys.say('[128, "https://other.example.org", {}]')
    await lab.pass(11)
    assert.deepEqual(ephys.texts.slice(5), ['[128, "https://other.example.org", {}]'])
    // What others than that rig say is not handed on, and none but those named get it.
    ephys.say('[128, null, {"me": {"token": "ffffffffffffffff"}}]')
    await lab.pass(0.3)
    assert.ok(!lab.far.texts.some((text) => text.includes('ffff')))
    // Its echo, and no more.
    assert.equal(ephys.texts.filter((text) => text.includes('ffff')).length, 1)
    lab.far.say(login)
    await lab.pass(0.3)
    assert.equal(ephys.texts.at(-1), login)
    assert.doesNotMatch(lab.shown, new RegExp(`${token.slice(4, 30)}|ffffffff`))
    assert.deepEqual([lab.far.unconfirmed, ephys.unconfirmed], [[], []])
  })

  it('are not sent for an MQTT client to a rig that takes 127 for ALYX', async () => {
    lab = await ClientLab.open({ rig: 'int8: true' })
    const before = lab.far.heard.length
    const { error } = await lab.done('send', { json: [127, url, { me: { token } }] })
    assert.deepEqual([error?.class, lab.far.heard.length], ['Forbidden', before])
  })

  it('say in the log that they did not arrive, and nothing else', async () => {
    lab = await open('alyx: { from: cameras, to: [ephys] }')
    await lab.done('status', { answer: false })
    ephys.manner = deaf
    lab.far.say(login)
    await lab.pass(2)
    assert.ok(lab.warnings().some((line) => /^a login was not handed on: rig ephys .* did not echo ALYX within 1 s/.test(line)))
    assert.doesNotMatch(lab.shown, new RegExp(token.slice(4, 30)))
  })

  it('are handed on by a secret call of an instance, and by no MQTT client', async () => {
    lab = await open()
    const users = new Map([['j.doe', new Map([['token', token]])]])
    const asked = lab.request({ device: 'cameras', codename: 'alyx', value: [url, users], secret: true })
    await lab.pass(0.3)
    assert.equal(((await asked) as ReadonlyMap<string, unknown>).get('answer'), null)
    assert.deepEqual(lab.far.texts, [login])
    lab.far.manner = answer(login)
    const wanted = lab.request({ device: 'cameras', codename: 'alyx', value: new Map([['elements', [null, new Map()]]]), secret: true })
    await lab.pass(0.3)
    assert.deepEqual(((await wanted) as ReadonlyMap<string, unknown>).get('answer'), [url, users])
    const before = lab.far.heard.length
    const refused = lab.request({ device: 'cameras', codename: 'alyx', value: [url, new Map()] }).catch((error: unknown) => error)
    await lab.pass(0.3)
    assert.match(String(await refused), /not callable|Forbidden|ReadOnly/)
    assert.deepEqual(told(await lab.done('alyx', { elements: [null, {}] })), ['failed', 'ReadOnly', undefined, false])
    assert.equal(lab.far.heard.length, before)
    assert.doesNotMatch(lab.shown, new RegExp(token.slice(4, 30)))
  })
})
