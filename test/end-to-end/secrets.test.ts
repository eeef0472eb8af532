import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { WebSocket } from 'ws'
import type { TestClient } from '../support/mqtt.js'
import { rest } from '../support/rest.js'
import { start } from '../support/start.js'
import type { Running } from '../support/start.js'
import { UsersFile } from '../support/users.js'

/** In no form may it be told: as it is, in base64 behind a name (three ways, as the bytes before it shift it), or as hexadecimal digits. */
const secret = 'canary-5ab3f0c9-do-not-tell'
const forms = [
  secret,
  Buffer.from(secret).toString('hex'),
  ...[0, 1, 2].map((shift) =>
    Buffer.from('x'.repeat(shift) + secret)
      .toString('base64')
      .slice(4, -4)
  )
]
const basic = `Basic ${Buffer.from(`operator:${secret}`).toString('base64')}`
const headers = { authorization: basic, cookie: `labgate=${secret}; other=${secret}`, 'proxy-authorization': `Bearer ${secret}` }

const yaml = (data: string, users: string): string => `
gateway: { data: ${data} }
${users}
devices:
  stage: { client: driver, codenames: { x: { settable: true, schema: { type: number, maximum: 10 } }, y: { schema: { type: number } } } }
adapters:
  - { id: routes, type: http-routes-server, port: 0, routes: { /x: { read: stage/y }, '/x/<float:value>': { set: stage/x } } }
  - { id: uu, type: instserver-server, port: 0 }
  - { id: echo, type: ws-echo-server, port: 0, device: echo }
`

/** All files below a folder, one after another. */
function contents(folder: string): string {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => readFileSync(join(entry.parentPath, entry.name), 'latin1'))
    .join('\n')
}

/** Resolves when it is, or has had long enough: who is silent is not waited for. */
async function over(when: (done: () => void) => void): Promise<void> {
  await new Promise<void>((resolve) => {
    const timer = setTimeout(resolve, 300)
    when(() => {
      clearTimeout(timer)
      resolve()
    })
  })
}

/** Says this over TCP and hears until the other side has enough. */
async function say(port: number, bytes: string | Buffer): Promise<string> {
  const socket = connect(port, '127.0.0.1')
  let answer = ''
  socket.on('error', () => {})
  socket.on('data', (chunk) => (answer += chunk.toString('latin1')))
  socket.end(bytes)
  await over((done) => socket.once('close', done))
  socket.destroy()
  return answer
}

describe('a password, an Authorization header and a cookie', function () {
  this.timeout(20_000)
  let data: string
  let running: Running

  beforeEach(() => void (data = mkdtempSync(join(tmpdir(), 'labgate-secrets-'))))
  afterEach(async () => {
    await running.stop()
    rmSync(data, { recursive: true, force: true })
  })

  const told: [string, string][] = []
  beforeEach(() => void (told.length = 0))
  const hear = (where: string, text: string): void => void told.push([where, text])

  async function ask(path: string, options: Parameters<typeof rest>[2] = {}): Promise<void> {
    const answer = await rest(running.httpPort, path, { ...options, headers: { ...headers, ...options.headers } })
    hear(`${options.method ?? 'GET'} ${path}`, answer.text + JSON.stringify(answer.headers))
  }

  /** Clients that are let in, and all ways of being cut, refused or told off with the secret on board. */
  async function throughMqtt(watcher: TestClient): Promise<void> {
    const login = { username: 'operator', password: secret }
    const will = { topic: 'lab/stage/x/set', payload: Buffer.from('99'), qos: 1 as const, retain: true }
    const driver = await running.connect({ ...login, clientId: 'driver', will })
    await driver.publish('lab/stage/y', '1')
    await driver.publish('lab/stage/y', '"no number"')
    await driver.publish('lab/stage/x/set', '{"id": "a", "value": 1e9}')
    await driver.publish('lab/stage/y/history', '{"id": "b"}')
    const other = await running.connect({ ...login, clientId: 'other', clean: false })
    await other.publish('lab/stage/y', '2')
    await other.publish('$SYS/x', '2')
    await other.subscribe('#', '$SYS/#')
    await running.connect({ ...login, clientId: 'other', clean: false })
    driver.client.stream.destroy()
    await assert.rejects(running.connect({ ...login, protocolVersion: 5 }))
    await assert.rejects(running.connect({ ...login, clientId: 'x'.repeat(9000) }))
    // CONNECT with a password and no user, with broken flags, cut off, and where another packet should be.
    const word = (text: string): Buffer => Buffer.concat([Buffer.from([0, text.length]), Buffer.from(text)])
    const packet = (...parts: Buffer[]): Buffer => {
      const body = Buffer.concat(parts)
      return Buffer.concat([Buffer.from([0x10, body.length]), body])
    }
    const head = (flags: number): Buffer => Buffer.concat([word('MQTT'), Buffer.from([4, flags, 0, 60])])
    const bad = [
      packet(head(0x42), word('a'), word(secret)),
      packet(head(0xc3), word('a'), word('u'), word(secret)),
      packet(head(0xc2), word('a'), word('u'), word(secret), word(secret)),
      packet(head(0xc2), word('a'), word('u'), word(secret)).subarray(0, 40),
      Buffer.concat([packet(head(0xc2), word('a'), word('u'), word(secret)), packet(head(0xc2), word('a'), word('u'), word(secret))]),
      word(secret)
    ]
    for (const bytes of bad) hear('an answer over MQTT', await say(running.mqttPort, bytes))
    await watcher.settled()
  }

  async function throughHttp(): Promise<void> {
    const gets = ['instances', 'devices', 'devices/stage', 'devices/stage/y', 'log', 'dead', 'stories', 'runs', 'health', 'openapi.json']
    for (const path of [...gets, 'history', 'nothing', '%zz']) await ask(`/api/${path}`)
    await ask('/health')
    await ask('/', { method: 'DELETE' })
    const to = '/api/devices/stage/x/set'
    for (const body of ['{"value": 1e9}', '{', ''])
      await ask(to, { method: 'POST', body, headers: { 'content-type': 'application/json', 'labgate-client': 'me' } })
    await ask(to, { method: 'POST', body: 'x', headers: { origin: 'http://elsewhere.example' } })
    await ask('/api/devices', { headers: { host: 'elsewhere.example' } })
    const request = (path: string): string =>
      `GET ${path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: ${basic}\r\nCookie: a=${secret}\r\nConnection: close\r\n`
    for (const instance of ['routes', 'uu'])
      for (const rest of [
        '\r\n',
        'Origin: http://elsewhere.example\r\n\r\n',
        'Content-Length: x\r\n\r\n',
        `X: ${secret.repeat(3000)}\r\n\r\n`
      ])
        hear(instance, await say(running.port(instance), request('/x') + rest))
    hear('http', await say(running.httpPort, `${request('/x')}Broken ${secret}\r\n\r\n`))
    for (const port of [running.httpPort, running.port('echo')])
      for (const origin of ['http://elsewhere.example', 'http://127.0.0.1']) {
        const socket = new WebSocket(`ws://127.0.0.1:${port}/mqtt`, ['mqtt'], { headers: { ...headers, origin } })
        socket.on('error', (error) => hear('a WebSocket', error.message))
        socket.once('open', () => socket.send('no frame of MQTT'))
        await over((done) => socket.once('close', done))
        socket.terminate()
      }
  }

  /** Logins that are right, and that are nearly right. */
  async function throughLogins(): Promise<void> {
    const json = { 'content-type': 'application/json' }
    for (const [user, password] of [
      ['operator', secret],
      ['operator', `${secret}x`],
      ['nobody', secret]
    ] as const) {
      // The answer to the right one has a cookie of its own, which is no secret of his.
      await ask('/api/login', { method: 'POST', body: { user, password }, headers: { ...json, authorization: '' } })
      await running.connect({ username: user, password: `${password}y` }).catch(() => {})
      await ask('/api/devices', { headers: { authorization: `Basic ${Buffer.from(`${user}:${password}z`).toString('base64')}` } })
    }
    await ask('/api/login', { method: 'POST', body: `{"user": "operator", "password": "${secret}`, headers: json })
    await ask('/api/log')
  }

  async function check(users = ''): Promise<void> {
    running = await start(yaml(data, users))
    const watcher = await running.connect({ clientId: 'watcher', username: 'operator', password: secret })
    await watcher.subscribe('#', '$SYS/#')
    const json = { 'content-type': 'application/json' }
    await ask('/api/runs', { method: 'POST', body: { name: 'all' }, headers: json })
    await throughMqtt(watcher)
    await throughHttp()
    if (users !== '') await throughLogins()
    await ask('/api/devices/stage/y/history?format=csv')
    await ask('/api/runs')
    for (const { topic, text } of watcher.left) hear(topic, text)
    await running.stop()
    hear(
      'the log',
      JSON.stringify(running.log.lines, (_key, value: unknown) => (value instanceof Error ? [value.message, value.stack] : value))
    )
    hear('the disk', contents(data))
    const where = (part: string): string =>
      told
        .filter(([, text]) => text.includes(part))
        .map(([place]) => place)
        .join(' ')
    // It looks in the right places.
    assert.ok(where('no number').includes('lab-dead/lab/stage/y') && where('no number').includes('/api/dead'), where('no number'))
    assert.match(where('"stage"'), /the log/)
    assert.match(where('stage'), /the disk/)
    for (const form of forms) assert.equal(where(form), '', `${form} is told`)
  }

  it('are told nowhere: not in topics, dead letters, the log, REST, stories, runs, the history nor on disk', async () => await check())

  it('that open the door, or nearly do, are told nowhere either', async () => {
    const file = new UsersFile({})
    file.change({ set: [['operator', 'admin', secret]] })
    await check(`access: { users: ${file.path}, anonymous: none }`)
  })
})
