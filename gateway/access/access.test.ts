import assert from 'node:assert/strict'
import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { FakeClock } from '../../test/support/fake-clock.js'
import type { Logger } from '../adapter.js'
import { Access } from './access.js'
import type { Login } from './access.js'
import type { Identity } from './identity.js'
import { hashPassword } from './password.js'
import { formatUsers } from './users-file.js'
import type { User } from './users-file.js'

interface Line {
  readonly level: string
  readonly text: string
  readonly fields: Record<string, unknown>
}

/** A log that keeps its lines. */
function keeping(lines: Line[]): Logger {
  const at =
    (level: string) =>
    (fields: object, text: string): void => {
      lines.push({ level, text, fields: fields as Record<string, unknown> })
    }
  return { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error'), child: () => keeping(lines) }
}

function identity(login: Login): Identity {
  assert.equal(login.ok, true, JSON.stringify(login))
  return (login as { identity: Identity }).identity
}

describe('access', () => {
  let folder: string
  let file: string
  let clock: FakeClock
  let lines: Line[]
  let access: Access
  // One hash costs a tenth of a second.
  let oven: User
  let anna: User

  before(async () => {
    anna = { role: 'operator', password: await hashPassword('correct horse') }
    oven = { role: 'device', password: undefined }
  })

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'labgate-access-'))
    file = join(folder, 'users.json')
    await write({ anna, oven })
    clock = new FakeClock()
    lines = []
    access = make()
  })

  afterEach(async () => {
    access.stop()
    await rm(folder, { recursive: true })
  })

  function make(more: { anonymous?: string } = {}): Access {
    return new Access({ clock, log: keeping(lines), root: 'lab', config: { users: file, roles: {}, sessionTime: 60, ...more } })
  }

  async function write(users: Record<string, User>): Promise<void> {
    await writeFile(file, formatUsers(new Map(Object.entries(users))), { mode: 0o600 })
  }

  const said = (level: string): string[] => lines.filter((line) => line.level === level).map(({ text }) => text)
  const wrong = async (address = '192.0.2.1', name = 'anna'): Promise<Login> => await access.login(name, 'wrong horse', address)
  const guess = async (number: number, address = '192.0.2.1', name = 'anna'): Promise<Login> =>
    await access.login(name, `guess number ${number}`, address)
  const right = async (address = '192.0.2.1'): Promise<Login> => await access.login('anna', 'correct horse', address)
  /** Time passes, and with it looks at the file, which are real. */
  const look = async (): Promise<void> => {
    await clock.pass(2)
    await access.login('', '', 'x')
  }

  it('lets in who has the password, and nobody else', async () => {
    await access.start()
    const { serial, ...who } = identity(await right())
    assert.deepEqual(who, { user: 'anna', role: 'operator', via: 'password' })
    assert.equal(typeof serial, 'number')
    for (const [name, password] of [
      ['anna', 'wrong horse'],
      ['anna', ''],
      ['Anna', 'correct horse'],
      ['nobody', 'correct horse'],
      ['', ''],
      ['oven', ''],
      ['__proto__', 'x'],
      ['anna', `correct horse${'x'.repeat(2000)}`]
    ] as const)
      assert.deepEqual(await access.login(name, password, name + password.length), { ok: false, why: 'password' }, name)
    assert.deepEqual([...access.refusals], [['password', 8n]])
  })

  it('takes a password as it was meant, however its letters are put together', async () => {
    await write({ anna: { role: 'admin', password: await hashPassword('sch\u00f6ne Tage') } })
    await access.start()
    assert.equal((await access.login('anna', 'scho\u0308ne Tage', '192.0.2.1')).ok, true)
  })

  it('without users knows only who does not say who he is, and certificates', async () => {
    const open = new Access({ clock, log: keeping(lines), root: 'lab', config: { roles: {}, sessionTime: 60 } })
    await open.start()
    assert.equal(open.hasUsers, false)
    assert.deepEqual(open.anonymous(true), { ok: true, identity: { user: undefined, role: 'admin', via: 'anonymous' } })
    assert.deepEqual(open.anonymous(false), { ok: false, why: 'anonymous' })
    assert.deepEqual(await open.login('anna', 'correct horse', '192.0.2.1'), { ok: false, why: 'password' })
    assert.equal(identity(open.certificate('rig-7')).role, 'admin')
    assert.deepEqual(open.certificate('a/b'), { ok: false, why: 'certificate' })
    assert.equal(open.isCurrent(identity(open.certificate('rig-7'))), true)
    assert.equal(open.isCurrent(identity(open.anonymous(true))), true)
    assert.equal(clock.timers, 0)
  })

  it('gives the role of nobody as the configuration says', async () => {
    await access.start()
    assert.equal(identity(access.anonymous(true)).role, 'operator')
    assert.equal(identity(make({ anonymous: 'observer' }).anonymous(true)).role, 'observer')
    assert.deepEqual(make({ anonymous: 'none' }).anonymous(true), { ok: false, why: 'anonymous' })
  })

  it('takes the common name of a certificate for a user', async () => {
    await access.start()
    const { serial: _, ...who } = identity(access.certificate('oven'))
    assert.deepEqual(who, { user: 'oven', role: 'device', via: 'certificate' })
    for (const name of ['laser', '', 'oven\0']) assert.deepEqual(access.certificate(name), { ok: false, why: 'certificate' })
  })

  describe('throttles by address and name', () => {
    it('after five wrong tries in a row: 1, 2, 4 … 60 s, and tells how long', async () => {
      await access.start()
      for (let at = 0; at < 5; at++) assert.equal((await guess(at)).ok, false)
      const waits: unknown[] = []
      for (let at = 0; at < 8; at++) {
        const login = await guess(5 + at)
        const retryAfter = login.ok ? 0 : (login.retryAfter ?? 0)
        waits.push(retryAfter)
        assert.deepEqual(login, { ok: false, why: 'throttled', retryAfter })
        // Who is throttled is not even heard, right or wrong.
        assert.deepEqual(await right(), login)
        clock.skip(retryAfter)
        assert.deepEqual(await guess(5 + at), { ok: false, why: 'password' })
      }
      assert.deepEqual(waits, [1, 2, 4, 8, 16, 32, 60, 60])
      assert.equal((await wrong('192.0.2.2')).ok, false)
      assert.equal((await right('192.0.2.2')).ok, true)
      assert.deepEqual(
        [...access.refusals],
        [
          ['password', 14n],
          ['throttled', 16n]
        ]
      )
    }).timeout(10_000)

    it('many that come at once, too', async () => {
      await access.start()
      const answers = await Promise.all(Array.from({ length: 60 }, (_, at) => guess(at)))
      const counts = Object.fromEntries(
        ['password', 'throttled', 'busy'].map((why) => [why, answers.filter((login) => !login.ok && login.why === why).length])
      )
      // Two at once; one more may be under way when the fifth is wrong.
      assert.ok((counts['password'] as number) <= 6, JSON.stringify(counts))
      assert.ok((counts['busy'] as number) >= 40, JSON.stringify(counts))
    }).timeout(10_000)

    it('but not who was right from there before, as long as he is the same', async () => {
      await access.start()
      assert.equal((await right()).ok, true)
      for (let at = 0; at < 5; at++) await guess(at)
      assert.equal((await guess(5)).ok, false)
      assert.equal((await right()).ok, true)
      // From elsewhere he has to wait like anybody.
      for (let at = 0; at < 5; at++) await guess(at, '192.0.2.2')
      assert.deepEqual(await right('192.0.2.2'), { ok: false, why: 'throttled', retryAfter: 1 })
      await write({ anna: { role: 'admin', password: anna.password } })
      assert.deepEqual(await right(), { ok: false, why: 'throttled', retryAfter: 1 })
    }).timeout(10_000)

    it('also who tries passwords of somebody who was right from there before', async () => {
      await access.start()
      assert.equal((await right()).ok, true)
      for (let at = 0; at < 5; at++) await guess(at)
      for (let at = 5; at < 10; at++) assert.equal((await guess(at)).ok, false)
      assert.deepEqual(await right(), { ok: false, why: 'throttled', retryAfter: 1 })
      clock.skip(0.9)
      assert.equal((await right()).ok, false)
      clock.skip(0.15)
      assert.equal((await right()).ok, true)
    }).timeout(10_000)
  })

  it('takes the same wrong pair again for no new guess: a program with an old password keeps out nobody, at once or later', async () => {
    await access.start()
    for (let at = 0; at < 30; at++) assert.deepEqual(await wrong(), { ok: false, why: 'password' })
    assert.equal((await right()).ok, true)
    // What was wrong becomes right.
    await write({ anna: { role: 'operator', password: await hashPassword('wrong horse') } })
    assert.equal((await wrong()).ok, true)
  })

  it('lets others of an address in while one name has to wait there, but for twenty wrong ones of whatever names', async () => {
    await write({ anna, bert: anna })
    await access.start()
    const bert = async (): Promise<Login> => await access.login('bert', 'correct horse', '192.0.2.1')
    for (let at = 0; at < 5; at++) await guess(at)
    assert.deepEqual([await right(), (await bert()).ok], [{ ok: false, why: 'throttled', retryAfter: 1 }, true])
    await write({ anna, bert: { role: 'observer', password: anna.password } })
    for (let at = 0; at < 20; at++) await guess(at, '192.0.2.1', `nobody${at}`)
    assert.deepEqual(await bert(), { ok: false, why: 'throttled', retryAfter: 1 })
  }).timeout(10_000)

  it('computes nothing again for a pair that was right lately', async () => {
    await access.start()
    assert.equal((await right()).ok, true)
    const before = performance.now()
    for (let at = 0; at < 100; at++) assert.equal((await right()).ok, true)
    const each = (performance.now() - before) / 100
    console.log(`      a login that is known: ${each.toFixed(2)} ms`)
    assert.equal((await wrong()).ok, false)
  })

  describe('notices while it runs', () => {
    it('who was added, and who is gone or has another role or password', async () => {
      await access.start()
      let changes = 0
      access.onChange(() => (changes += 1))
      const [one, other, guest] = [identity(await right()), identity(access.certificate('oven')), identity(access.anonymous(true))]
      assert.deepEqual([one, other, guest, { ...one }].map((who) => access.isCurrent(who)), [true, true, true, true]) // prettier-ignore
      await write({ anna, oven, bert: oven })
      await look()
      assert.equal(changes, 1)
      assert.equal(access.certificate('bert').ok, true)
      assert.deepEqual([one, other].map((who) => access.isCurrent(who)), [true, true]) // prettier-ignore
      await write({ anna: { role: 'observer', password: anna.password }, oven })
      await look()
      assert.deepEqual([one, other, guest].map((who) => access.isCurrent(who)), [false, true, true]) // prettier-ignore
      await write({ anna, oven: { role: 'device', password: anna.password } })
      await look()
      assert.deepEqual([one, other].map((who) => access.isCurrent(who)), [false, false]) // prettier-ignore
      assert.equal(changes, 3)
      await write({ anna })
      await look()
      assert.equal(access.isCurrent(identity(await right())), true)
      await write({ anna })
      assert.equal(access.isCurrent({ user: 'anna', role: 'operator', via: 'session' }), false)
      await look()
      assert.equal(changes, 4)
    })

    it('at a login, without waiting for the clock', async () => {
      await access.start()
      await write({ bert: anna })
      assert.equal((await access.login('bert', 'correct horse', '192.0.2.1')).ok, true)
      assert.equal((await right()).ok, false)
    })

    it('a file that is damaged or gone: the users of before stay; told once, and when it is mended', async () => {
      await access.start()
      const text = await readFile(file, 'utf8')
      const one = identity(await right())
      const info = said('info').length
      await writeFile(file, text.slice(0, 50))
      await look()
      await look()
      assert.deepEqual(said('error'), ['the users cannot be read again: those of before stay'])
      assert.equal(access.isCurrent(one), true)
      await rm(file)
      await look()
      await look()
      assert.equal(said('error').length, 2)
      assert.match(String(lines.at(-1)?.fields['reason']), /there is no file .*users add/)
      await writeFile(file, text)
      await look()
      assert.deepEqual(said('info').slice(info), ['users read again'])
      assert.equal(access.isCurrent(one), true)
    })

    it('nothing after its end, and leaves no timer', async () => {
      await access.start()
      access.stop()
      assert.equal(clock.timers, 0)
      await write({})
      await look()
      assert.equal(access.certificate('oven').ok, true)
      assert.equal(clock.timers, 0)
    })
  })

  describe('does not start', () => {
    for (const [what, content, pattern] of [
      ['without the file', undefined, /there is no file .*labgate users add NAME --role admin --file/],
      ['with what is no JSON', '{', /is damaged: it is no JSON; put back a copy/],
      ['with another JSON', '[]', /holds no users/],
      ['with a file without version', '{"users":{}}', /its version is missing/],
      ['with a file of the future', '{"version":2,"users":{}}', /newer labgate .*update/],
      ['with an odd name', '{"version":1,"users":{"a/b":{"role":"admin"}}}', /"a\/b" is no name of a user/],
      ['with a user without role', '{"version":1,"users":{"a":{}}}', /a has no role/],
      ['with a plain password', '{"version":1,"users":{"a":{"role":"admin","password":"secret"}}}', /the password of a is not one/],
      [
        'with a hash that would take all memory',
        `{"version":1,"users":{"a":{"role":"admin","password":"$scrypt$ln=30,r=8,p=1$${'A'.repeat(22)}$${'A'.repeat(43)}"}}}`,
        /the password of a is not one/
      ]
    ] as const)
      it(what, async () => {
        if (content === undefined) await rm(file)
        else await writeFile(file, content)
        await assert.rejects(access.start(), (error: Error) => pattern.test(error.message) && !error.message.includes('secret'))
      })
  })

  it('warns when others may read the file, and of roles that nobody knows', async () => {
    await write({ anna: { role: 'opertor', password: anna.password } })
    await chmod(file, 0o644)
    await access.start()
    assert.deepEqual(said('warn').length, 2)
    const rights = access.rights(identity(await right()))
    assert.deepEqual([rights.mayRead('a'), rights.mayWrite('a'), rights.maySubscribe('#')], [false, false, 'none'])
  })

  it('tells who was refused with restraint, and counts each', async () => {
    await access.start()
    const about = { listener: 'broker.tcp', address: '192.0.2.1', user: 'x'.repeat(5000), topic: 'lab/a' }
    for (let at = 0; at < 3; at++) access.refused('publish', about)
    access.refused('password', about)
    clock.skip(11)
    access.refused('publish', about)
    const told = lines.filter(({ level }) => level === 'warn').map(({ fields }) => fields)
    assert.deepEqual(
      told.map(({ why, alike }) => [why, alike]),
      [
        ['publish', undefined],
        ['password', undefined],
        ['publish', 2]
      ]
    )
    assert.equal(String(told[0]?.['user']).length, 200)
    // The login has counted that one.
    assert.deepEqual([...access.refusals], [['publish', 4n]])
  })
})
