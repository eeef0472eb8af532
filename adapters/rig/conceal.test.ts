import assert from 'node:assert/strict'
import fc from 'fast-check'
import { dumps } from '../common/python-text.js'
import { readPayload } from './codec.js'
import { concealed, hideTokens, holdsTokens } from './conceal.js'
import { exact, transcripts } from './test-support/recorded.js'
import type { Exact } from '../common/exact-json.js'

const secret = '0123456789abcdef'

function shown(elements: unknown): string {
  return dumps(concealed('ALYX', exact(elements) as readonly Exact[]))
}

describe('logins in rig messages', () => {
  it('are hidden, and the address and the names are not', () => {
    const login = ['https://alyx.example.org', { 'j.doe': { token: secret } }]
    assert.equal(shown(login), '["https://alyx.example.org", {"j.doe": {"token": "***"}}]')
    assert.equal(shown([null, {}]), '[null, {}]')
  })

  it('are hidden in whatever form', () => {
    for (const form of [
      [null, { a: secret }],
      [null, secret],
      [null, [secret, [secret]]],
      [null, { a: { token: [1, 2, 3] } }],
      [null, { a: { Token: { deep: 7 } } }],
      [{ token: secret }],
      [`https://j.doe:${secret}@alyx.example.org/`],
      [`https://alyx.example.org/?token=${secret}`],
      [`https://alyx.example.org/#${secret}`]
    ]) {
      assert.ok(holdsTokens(exact(form) as readonly Exact[]), dumps(exact(form)))
      assert.ok(!shown(form).includes(secret), shown(form))
      assert.doesNotMatch(shown(form), /[1-9]/)
    }
  })

  it('leaves other messages as they are, but for a login in a text', () => {
    const elements = exact(['2022-01-01_1_subject', { rig_version: 'basic and 3 tokens', list: [1, null, true, 0.5] }]) as readonly Exact[]
    assert.deepEqual(concealed('EXPSTART', elements), elements)
    const text = concealed('EXPINTERRUPT', [exact([{ traceback: `login({"token": "${secret}"})` }])])
    assert.equal(dumps(text), '[[{"traceback": "login({\\"token\\": ***"}]]')
  })

  it('are hidden in a report that quotes them, in whatever layout', () => {
    const quoted = `[128, null, {"j.doe": {"token": "${secret}"}}]`
    for (const quote of [quoted, JSON.stringify(quoted), quoted.replaceAll('"', "'"), `token=${secret}`, quoted.replaceAll(' ', '')]) {
      const payload = readPayload(Buffer.from(dumps([0n, `KeyError: ${quote}`, quote])))
      assert.ok(payload.kind === 'report')
      assert.ok(!JSON.stringify([payload.text, ...payload.elements.map(String)]).includes(secret), quote)
    }
  })

  it('are hidden in a message that was cut or cannot be read', () => {
    const whole = `[128, "https://alyx.example.org", {"j.doe": {"token": "${secret}"}}]`
    for (let length = 0; length <= whole.length; length += 1) assert.doesNotMatch(hideTokens(whole.slice(0, length)), /"0/)
    assert.equal(hideTokens(whole), '[128, "https://alyx.example.org", {"j.doe": {"token": ***')
    const payload = readPayload(Buffer.from(`["token: ${secret}", 1]`))
    assert.ok(payload.kind === 'odd' && !payload.reason.includes(secret))
  })

  it('are nowhere else in what was recorded', () => {
    let seen = 0
    for (const { steps } of transcripts())
      for (const { bytes } of steps) {
        if (bytes === undefined || !bytes.includes('123tok3n321')) continue
        seen += 1
        const payload = readPayload(bytes)
        assert.ok(payload.kind === 'message')
        assert.ok(!dumps(concealed(payload.event, payload.elements)).includes('tok3n'))
      }
    assert.ok(seen > 0)
  })

  it('take no time in a long text', () => {
    for (const part of ['token', 'token\\', 'token a', 'authorization', 'bearer \t ', 'token   ', 'x', '"', 'https://a@'])
      for (const text of [part.repeat(30_000), `token${part.repeat(30_000)}`, `${part.repeat(30_000)}x`])
        assert.ok(hideTokens(text).length <= text.length + 4)
  })

  it('are hidden in every event by their names, and where they are named in a text', () => {
    const long = '0123456789abcdef0123456789abcdef01234567'
    for (const data of [
      { token: long },
      { alyx_token: [long] },
      { Authorization: `Token ${long}` },
      { deep: [{ error: `'Authorization': 'Token ${long}'` }] },
      `Token ${long}`,
      `raise E({'Authorization':'Bearer ${long}'})`,
      `AlyxToken=${long}`
    ])
      for (const event of ['EXPINFO', 'EXPINTERRUPT', undefined] as const) {
        const text = dumps(concealed(event, exact([0, data]) as readonly Exact[]))
        assert.ok(!text.includes(long.slice(0, 8)) && text.includes('***'), text)
      }
  })

  it('are not held by who asks for one', () => {
    for (const asked of [
      [null, {}],
      ['https://alyx.example.org', {}],
      ['alyx', null],
      ['https://alyx.example.org', { me: {} }]
    ])
      assert.equal(holdsTokens(exact(asked) as readonly Exact[]), false)
  })

  it('leaves a text without one as it is', () => {
    fc.assert(
      fc.property(fc.string(), (text) =>
        assert.equal(hideTokens(text), /token|password|secret|authorization|bearer|basic/i.test(text) ? hideTokens(text) : text)
      )
    )
    assert.equal(hideTokens('SyntaxError: unexpected token at 3'), 'SyntaxError: unexpected token at 3')
  })
})
