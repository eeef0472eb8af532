import assert from 'node:assert/strict'
import { Events } from '../support/events.js'
import { FakeClock } from '../support/fake-clock.js'
import { labYaml, startLab } from '../support/lab.js'
import type { Lab } from '../support/lab.js'
import { TestClient } from '../support/mqtt.js'
import { UsersFile, basic, passwordOf } from '../support/users.js'
import { ask as rawAsk } from '../support/raw-http.js'
import { post, rest } from '../support/rest.js'
import type { RestAnswer } from '../support/rest.js'
import { until } from '../support/until.js'

const roles = 'roles: { narrow: { read: ["lab/furnace/#"], write: ["lab/furnace/setpoint/set"] } }'

describe('who asks over HTTP', () => {
  let people: UsersFile
  let lab: Lab
  let clock: FakeClock
  const clients: TestClient[] = []
  const streams: Events[] = []

  beforeEach(() => {
    people = new UsersFile({ ada: 'operator', eve: 'observer', root: 'admin', nina: 'narrow' })
    clock = new FakeClock()
  })

  afterEach(async () => {
    for (const stream of streams.splice(0)) stream.close()
    await Promise.all(clients.splice(0).map((client) => client.vanish()))
    const stopped = lab.stop()
    await clock.pass(10)
    await stopped
  })

  async function start(more = ', anonymous: none', http = ''): Promise<void> {
    lab = await startLab({ clock }, `http: { port: 0${http} }\n${people.yaml(`${more}, ${roles}`)}${labYaml}`)
  }

  const ask = async (path: string, headers: Record<string, string> = {}): Promise<RestAnswer> => await rest(lab.httpPort, path, { headers })

  async function login(user: string, password = passwordOf(user), headers: Record<string, string> = {}): Promise<RestAnswer> {
    return await post(lab.httpPort, '/api/login', { user, password }, { headers })
  }

  async function cookieOf(user: string): Promise<{ readonly cookie: string }> {
    const answer = await login(user)
    assert.equal(answer.status, 200, answer.text)
    return { cookie: String(answer.headers['set-cookie']?.[0]).split(';')[0] as string }
  }

  async function socket(headers: Record<string, string>, options: object = {}): Promise<TestClient> {
    const client = await TestClient.connect(lab.httpPort, { wsOptions: { headers }, ...options }, `ws://127.0.0.1:${lab.httpPort}/mqtt`)
    clients.push(client)
    return client
  }

  /** The answer to who wants a WebSocket. */
  async function knock(headers: Record<string, string>): Promise<number> {
    const wanted = { connection: 'upgrade', upgrade: 'websocket', 'sec-websocket-version': '13', 'sec-websocket-protocol': 'mqtt' }
    const answer = await rawAsk(lab.httpPort, 'GET', '/mqtt', {
      headers: { ...wanted, 'sec-websocket-key': Buffer.alloc(16).toString('base64'), ...headers }
    })
    return answer.status
  }

  it('is told by name and password with each request', async () => {
    await start()
    assert.equal((await ask('/api/devices')).status, 401)
    assert.equal((await ask('/api/devices', basic('ada'))).status, 200)
    const { user, role, via, login: isOfUse } = (await ask('/api/me', basic('ada'))).json
    assert.deepEqual([user, role, via, isOfUse], ['ada', 'operator', 'password', true])
    for (const given of [basic('ada', 'wrong'), basic('nobody'), { authorization: 'Bearer x' }, { authorization: 'Basic !' }])
      assert.equal((await ask('/api/me', given)).status, 401, given.authorization)
    // In the address they count for nothing.
    assert.equal((await ask(`/api/me?user=ada&password=${encodeURIComponent(passwordOf('ada'))}`)).status, 401)
  })

  it('may be told to be needed in a way that browsers do not answer with a form of their own', async () => {
    await start()
    const { status, headers, json } = await ask('/api/devices')
    assert.deepEqual([status, json['rule'], json['class']], [401, 'login', 'Forbidden'])
    assert.match(String(headers['www-authenticate']), /^Basic realm="labgate"/)
    for (const browser of [{ 'sec-fetch-mode': 'cors' }, { 'user-agent': 'Mozilla/5.0 (X11)' }])
      assert.match(String((await ask('/api/devices', browser)).headers['www-authenticate']), /^Cookie /)
  })

  it('is kept by a cookie that scripts do not see and other sites do not bring along, until a logout', async () => {
    await start()
    const answer = await login('ada')
    const [set] = answer.headers['set-cookie'] as string[]
    assert.match(String(set), /^labgate-lab-gateway-\d+=[\w-]{43}; Path=\/; Max-Age=43200; HttpOnly; SameSite=Strict$/)
    const cookie = { cookie: String(set).split(';')[0] as string }
    assert.deepEqual([answer.json['user'], (await ask('/api/me', cookie)).json['via']], ['ada', 'session'])
    assert.ok(!JSON.stringify(lab.log.lines).includes(cookie.cookie.split('=')[1] as string))
    const out = await post(lab.httpPort, '/api/logout', {}, { headers: cookie })
    assert.equal(out.status, 204)
    assert.match(String(out.headers['set-cookie']), /=; Path=\/; Max-Age=0;/)
    const after = await ask('/api/me', cookie)
    assert.deepEqual([after.status, after.json['detail']], [401, 'the login has ended: log in again'])
    assert.match(String(after.headers['set-cookie']), /Max-Age=0/)
  })

  it('gets a new secret with each login, and the one before counts no more', async () => {
    await start()
    const first = await cookieOf('ada')
    const again = await login('root', passwordOf('root'), first)
    const second = { cookie: String(again.headers['set-cookie']?.[0]).split(';')[0] as string }
    assert.notEqual(second.cookie, first.cookie)
    assert.equal((await ask('/api/me', first)).status, 401)
    assert.equal((await ask('/api/me', second)).json['user'], 'root')
    assert.equal((await ask('/api/me', { cookie: `${second.cookie.slice(0, -1)}_` })).status, 401)
  })

  it('is forgotten when the time of a login is over, for who is connected too', async () => {
    await start(', anonymous: none, sessionTime: 60')
    const cookie = await cookieOf('ada')
    const stream = await Events.open(lab.httpPort, '/api/readings?device=strict', cookie)
    streams.push(stream)
    await stream.next()
    await clock.pass(59)
    assert.equal((await ask('/api/me', cookie)).status, 200)
    await clock.pass(7)
    await stream.over()
    assert.equal((await ask('/api/me', cookie)).status, 401)
  })

  it('is counted when it is refused, for whatever reason; who looks whether all is well is not', async () => {
    await start()
    const { cookie } = await cookieOf('ada')
    const ended = `${cookie.slice(0, -1)}_`
    for (const [path, headers, status] of [
      ['/api/me', { host: 'evil.example' }, 421],
      ['/api/me', { cookie, origin: 'http://127.0.0.1:1' }, 403],
      ['/api/me', { cookie: ended }, 401],
      ['/api/me', { authorization: 'Bearer x' }, 401],
      ['/health', {}, 200]
    ] as const)
      assert.equal((await rawAsk(lab.httpPort, 'GET', path, { headers })).status, status, JSON.stringify(headers))
    assert.equal((await login('ada', passwordOf('ada'), { origin: 'http://evil.example' })).status, 403)
    assert.equal(await knock({ origin: 'http://evil.example' }), 403)
    assert.equal(await knock({ host: 'evil.example', origin: 'http://evil.example' }), 403)
    const told = lab.log.lines.filter(({ fields }) => fields['listener'] === 'http' && 'why' in fields).map(({ fields }) => fields['why'])
    assert.deepEqual(told, ['host', 'origin', 'ended', 'scheme'])
    await clock.pass(10)
    const { reading } = (await ask('/api/devices/gateway/access', basic('root'))).json as {
      reading: { value: { refusals: Record<string, number> } }
    }
    const { host, origin, ended: over, scheme, anonymous } = reading.value.refusals
    assert.deepEqual([host, origin, over, scheme, anonymous], [2, 3, 1, 1, undefined])
  })

  it('is needed of who comes through a proxy on the same computer', async () => {
    await start('')
    assert.equal((await ask('/api/me')).json['via'], 'anonymous')
    await (await socket({})).vanish()
    for (const headers of [{ 'x-forwarded-for': '192.0.2.1' }, { forwarded: 'for=192.0.2.1' }, { via: '1.1 proxy' }]) {
      assert.equal((await ask('/api/me', headers)).status, 401, JSON.stringify(headers))
      assert.equal((await ask('/api/me', { ...headers, ...basic('ada') })).status, 200)
      assert.equal((await ask('/health', headers)).status, 200)
      await assert.rejects(socket(headers), /Not authorized|not authorized/i)
    }
  })

  it('is no part of the answer to who mistypes it', async () => {
    await start()
    const { status, body } = await rawAsk(lab.httpPort, 'POST', '/api/login', {
      headers: { 'content-type': 'application/json' },
      body: '{"user":"ada","password":"top\\qsecret"}'
    })
    assert.equal(status, 400)
    assert.match(String(body), /no JSON/)
    assert.doesNotMatch(String(body), /secret|word/)
  })

  it('counts only for pages of the gateway itself', async () => {
    await start()
    const cookie = await cookieOf('ada')
    const own = `http://127.0.0.1:${lab.httpPort}`
    assert.equal((await ask('/api/me', { ...cookie, origin: own })).status, 200)
    // The same site for a browser, as it is the same host.
    const other = await ask('/api/me', { ...cookie, origin: 'http://127.0.0.1:1' })
    assert.deepEqual([other.status, other.json['rule']], [403, 'origin'])
    assert.equal(await knock({ ...cookie, origin: 'http://127.0.0.1:1' }), 403)
    await socket({ ...cookie, origin: own })
    // And a login is only begun by such a page, too.
    assert.equal((await login('ada', passwordOf('ada'), { origin: 'http://evil.example' })).status, 403)
    assert.equal((await login('ada', passwordOf('ada'), { 'content-type': 'text/plain' })).status, 415)
  })

  it('is nobody in particular on this computer, where that is allowed, with the role for that', async () => {
    await start('')
    const { user, role, via } = (await ask('/api/me')).json
    assert.deepEqual([user, role, via], [null, 'operator', 'anonymous'])
    // But not who says something wrong.
    assert.equal((await ask('/api/me', basic('ada', 'wrong'))).status, 401)
  })

  it('waits after wrong passwords, and is told how long', async () => {
    await start()
    let answer = await login('ada', 'wrong')
    for (let n = 0; n < 10 && answer.status === 401; n += 1) answer = await login('ada', `wrong ${n}`)
    const { status, json, headers } = answer
    assert.deepEqual([status, json['class'], json['rule']], [429, 'RateLimited', 'login'])
    assert.ok(Number(headers['retry-after']) >= 1)
    assert.ok(!JSON.stringify(lab.log.lines).includes('wrong 1'))
    assert.ok(
      lab.log.lines.some(({ fields }) => fields['listener'] === 'http' && fields['why'] === 'throttled' && fields['user'] === 'ada')
    )
  })

  it('is cut off when the user is removed, gets another role or another password', async () => {
    await start()
    for (const change of [
      () => people.change({ remove: ['eve'] }),
      () => people.change({ set: [['ada', 'observer']] }),
      () => people.change({ set: [['root', 'admin', 'a new one']] })
    ]) {
      const [user] = change.toString().match(/eve|ada|root/) as [string]
      const cookie = await cookieOf(user)
      const stream = await Events.open(lab.httpPort, '/api/readings?device=strict', cookie)
      const direct = await Events.open(lab.httpPort, '/api/readings?device=strict', basic(user))
      streams.push(stream, direct)
      const client = await socket(cookie)
      await stream.next()
      change()
      await clock.pass(2)
      await Promise.all([stream.over(), direct.over(), until(() => !client.client.connected, 'it is connected')])
      assert.equal((await ask('/api/me', cookie)).status, 401, user)
    }
  })

  it('has WebSockets closed with the login, and only those', async () => {
    await start()
    const [one, two] = [await cookieOf('ada'), await cookieOf('ada')]
    const [first, second] = [await socket(one), await socket(two)]
    await post(lab.httpPort, '/api/logout', {}, { headers: one })
    await until(() => !first.client.connected, 'it is connected')
    await second.subscribe('lab/furnace/temperature')
    assert.deepEqual([await knock(one), await knock(basic('ada', 'wrong')), await knock(two)], [401, 401, 101])
  })

  it('sees what the role may see, and of the rest not even whether it is there', async () => {
    await start()
    const client = await lab.connect({ username: 'root', password: passwordOf('root') })
    await client.publish('lab/weather/wind', '5')
    await client.publish('lab/furnace/temperature', 'x')
    void lab.scripted.host('oven').publish({ device: 'furnace', codename: 'temperature', value: 21 })
    const nina = basic('nina')
    const names = (answer: RestAnswer): string[] => (answer.json['devices'] as { device: string }[]).map(({ device }) => device)
    assert.deepEqual(names(await ask('/api/devices', nina)), ['furnace'])
    assert.ok(names(await ask('/api/devices', basic('eve'))).length > 3)
    for (const path of ['', '/wind', '/wind/history', '/nothing']) {
      const [hidden, missing] = [await ask(`/api/devices/weather${path}`, nina), await ask(`/api/devices/wether${path}`, nina)]
      assert.deepEqual([hidden.status, hidden.text], [404, missing.text], path)
    }
    assert.equal((await ask('/api/readings?device=weather', nina)).status, 404)
    const stream = await Events.open(lab.httpPort, '/api/readings', nina)
    streams.push(stream)
    assert.equal((await stream.next()).data['device'], 'furnace')
    await client.publish('lab/weather/wind', '6')
    void lab.scripted.host('oven').publish({ device: 'furnace', codename: 'temperature', value: 22 })
    await stream.next(({ data }) => data['value'] === 22)
    assert.ok(!stream.left.some(({ data }) => data['device'] !== 'furnace'))
    // What it may do is told beside each codename.
    const furnace = (await ask('/api/devices/furnace', nina)).json['codenames'] as { codename: string; may?: string[] }[]
    assert.deepEqual(furnace.find(({ codename }) => codename === 'setpoint')?.may, ['set'])
    assert.deepEqual(furnace.find(({ codename }) => codename === 'mode')?.may, [])
    assert.deepEqual((await ask('/api/me', nina)).json['may'], { command: 'some', startRuns: false, stopRuns: false, see: ['commands'] })
    for (const path of ['/api/log', '/api/instances', '/api/dead']) {
      const { status, json } = await ask(path, nina)
      assert.deepEqual([status, json['rule']], [403, 'rights'], path)
      assert.equal((await ask(path, basic('eve'))).status, 200, path)
    }
    assert.equal((await ask('/health')).json['checks'], undefined)
    assert.equal((await ask('/health', nina)).json['checks'], undefined)
    assert.ok(Array.isArray((await ask('/health', basic('eve'))).json['checks']))
    await clock.pass(20)
    const counted = (await ask('/api/devices/gateway/access', basic('root'))).json
    assert.ok(Number((counted['reading'] as { value?: { request?: number } } | undefined)?.value?.request ?? 1) > 0)
  })

  it('does what the role may do', async () => {
    await start()
    const set = async (path: string, user: string): Promise<RestAnswer> =>
      await post(lab.httpPort, `/api/devices/${path}`, { value: 7 }, { headers: basic(user) })
    assert.equal((await set('furnace/setpoint/set', 'nina')).json['phase'], 'done')
    assert.equal((await set('furnace/setpoint/set', 'ada')).json['client'], 'http:ada')
    for (const [path, user, status, rule] of [
      ['furnace/setpoint/set', 'eve', 403, 'rights'],
      ['furnace/count/set', 'nina', 403, 'rights'],
      ['weather/wind/set', 'nina', 404, undefined],
      ['weather/nothing/set', 'nina', 404, undefined]
    ] as const) {
      const answer = await set(path, user)
      assert.deepEqual([answer.status, answer.json['rule']], [status, rule], `${user} ${path}`)
    }
    assert.equal(lab.scripted.commands.length, 2)
    const stories = async (user: string): Promise<unknown[]> => (await ask('/api/stories', basic(user))).json['stories'] as unknown[]
    assert.equal((await stories('eve')).length, 2)
    assert.equal((await stories('nina')).length, 2)
  })

  it('may also log in where everything is only seen', async () => {
    await start(', anonymous: none', ', readOnly: true')
    const cookie = await cookieOf('root')
    const { json } = await ask('/api/me', cookie)
    assert.deepEqual(
      [json['readOnly'], json['may']],
      [true, { command: 'none', startRuns: false, stopRuns: false, see: ['commands', 'dead', 'health', 'instances', 'log'] }]
    )
  })
})
