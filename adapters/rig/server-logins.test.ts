import assert from 'node:assert/strict'
import { settle } from '../../test/support/fake-clock.js'
import { ServerLab } from './test-support/server-lab.js'

const token = '0123456789abcdef0123456789abcdef01234567'
const url = 'https://alyx.example.org'
const login = `[128, "${url}", {"j.doe": {"token": "${token}"}}]`

describe('logins at a rig-server', () => {
  let lab = new ServerLab()
  beforeEach(() => (lab = new ServerLab()))
  afterEach(async () => await lab.close())

  async function assertSecret(): Promise<void> {
    await lab.mqtt.settled()
    const everything = await lab.everything()
    assert.ok(!everything.toLowerCase().includes(token.slice(0, 12)), 'a token can be read')
  }

  it('echoes them and shows who, and nothing more', async () => {
    await lab.start()
    const controller = await lab.controller()
    await controller.echoed(login)
    await lab.gap()
    await controller.assertQuiet()
    const event = (await lab.value('event')) as Record<string, unknown>
    assert.deepEqual([event['event'], event['data']], ['ALYX', [url, { 'j.doe': { token: '***' } }]])
    await assertSecret()
  })

  it('says that it has none to who names a database', async () => {
    await lab.start()
    const controller = await lab.controller()
    await lab.exchange(controller, `[128, "${url}", {}]`, '[128, null, {}]')
    await controller.echoed('[128, null, {}]')
    await lab.gap()
    await controller.assertQuiet()
  })

  const hidden: readonly (readonly [what: string, payload: string | Buffer])[] = [
    ['cut', `[128, "${url}", {"j.doe": {"token": "${token.slice(0, 30)}`],
    ['in capitals', `[128, null, {"TOKEN": "${token}"}]`],
    ['as a text', `[128, "${token}", "${token}"]`],
    ['as a user', `[128, null, {"${token}": "${token}"}]`],
    ['in the address', `[128, "https://me:${token}@alyx.example.org/?token=${token}", {}]`],
    ['in a longer list', `[128, null, {}, "${token}", ["${token}"]]`],
    ['as the event', `["${token}", 1]`],
    ['with an unknown event', `[129, "${url}", {"j.doe": {"token": "${token}"}}]`],
    ['after a BOM, by its name', `\uFEFF[" alyx ", null, {"j.doe": {"token": "${token}"}}]`],
    ['with escaped letters', `[129, {"\\u0074oken": "\\u0030${token.slice(1)}"`],
    ['as UTF-16', Buffer.from(`\uFEFF${login}`, 'utf16le')],
    ['as UTF-16 without a mark', Buffer.from(login, 'utf16le')],
    ['in another event', `[64, 0, {"alyx": {"Token": "${token}"}, "text": "token: ${token}"}]`],
    ['in a report', `[0, "KeyError: {'token': '${token}'}", 128]`],
    ['in a report of MATLAB', `[0, "failed", ${JSON.stringify(login)}]`],
    ['in an error', `[16, [{"error": "E", "message": "Authorization: Token ${token}"}]]`],
    ['in a reference', `[2, "Token ${token}", {"Authorization": "Token ${token}"}]`],
    ['in the reference of an EXPINIT', `[1, {"exp_ref": "Token ${token}", "alyx_token": ["${token}"]}]`],
    ['in a traceback', `[16, [{"traceback": "headers={'Authorization': 'Token ${token}'}"}]]`],
    ['bare', token],
    ['as text', `token=${token}`]
  ]
  for (const [what, payload] of hidden)
    it(`shows no token that comes ${what}`, async () => {
      await lab.start('answers: { others: [{ call: native/begin }, { call: spectrometer/acquire }] }')
      const controller = await lab.controller()
      controller.send(payload)
      await lab.gap()
      await controller.taken()
      await lab.clock.pass(1)
      await assertSecret()
    })

  it('hands them from one controller to the others, and to who asks later', async () => {
    await lab.start('alyx: forward')
    const [behaviour, cameras] = [await lab.controller('udp'), await lab.controller('tcp')]
    await behaviour.echoed('[128, null, {}]')
    await lab.gap()
    await behaviour.assertQuiet()
    await behaviour.echoed(login)
    await lab.gap()
    await cameras.echoes(login)
    await behaviour.assertQuiet()
    const late = await lab.controller()
    await lab.exchange(late, `[128, "${url}", {}]`, login)
    await late.echoed('[128, null, {}]')
    await lab.gap()
    await late.echoes(login)
    await lab.exchange(late, '[128, "https://other.example.org", {}]', '[128, null, {}]')
    await lab.clock.pass(2)
    await assertSecret()
    await lab.running.gateway.stop()
  })

  it('does not let one stranger make it call everybody', async () => {
    await lab.start('alyx: forward')
    const [other, stranger] = [await lab.controller(), await lab.controller()]
    await other.echoed('[32, 0]')
    await lab.gap()
    await other.echoes('[32, 0]')
    for (let i = 0; i < 50; i += 1) await stranger.echoed(`[128, "${url}", {"${i}": {"token": "${i}"}}]`)
    const heard: string[] = []
    for (let i = 0; i < 60; i += 1) {
      await lab.clock.pass(0.05)
      for (const text of await other.taken()) {
        heard.push(text)
        other.send(text)
      }
    }
    assert.equal(heard.length, 10)
    assert.ok((await lab.counters())['refused'] === 40 + 60)
  })

  it('hands them on to a rig by a secret call, and asks it', async () => {
    await lab.start('alyx: spectrometer/acquire')
    const answered = new Map([['answer', [url, new Map([['j.doe', new Map([['token', token]])]])]]])
    lab.scripted.execute = () => Promise.resolve(answered)
    const controller = await lab.controller()
    await controller.echoed(login)
    await settle()
    const [command] = lab.scripted.commands
    assert.deepEqual([command?.op, command?.secret], ['call', true])
    assert.deepEqual(
      command?.value,
      new Map<string, unknown>([
        ['elements', [url, new Map([['j.doe', new Map([['token', token]])]])]],
        ['answer', false]
      ])
    )
    await lab.gap()
    await controller.assertQuiet()
    await lab.exchange(controller, '[128, null, {}]', login)
    lab.scripted.execute = () => Promise.reject(new Error(`no ${token}`))
    await controller.echoed(login)
    await lab.exchange(controller, `[128, "${url}", {}]`, '[128, null, {}]')
    assert.match(lab.warnings.join(), /a login could not be handed on to spectrometer\/acquire/)
    await assertSecret()
  })
})
