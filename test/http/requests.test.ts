import assert from 'node:assert/strict'
import { mkdir, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { Dashboard } from '../../gateway/http/dashboard.js'
import { listenHttp } from '../../gateway/http/listener.js'
import { folder } from '../process/program.js'
import { FakeClock } from '../support/fake-clock.js'
import { startLab } from '../support/lab.js'
import type { Lab } from '../support/lab.js'
import { RawHttp } from '../support/raw-http.js'
import { post, rest } from '../support/rest.js'
import type { RestAnswer, RestOptions } from '../support/rest.js'
import { until } from '../support/until.js'

describe('REST', () => {
  let clock: FakeClock
  let lab: Lab

  before(async () => {
    clock = new FakeClock()
    lab = await startLab({ clock })
  })

  after(async () => {
    assert.deepEqual(
      lab.log.lines.filter(({ level }) => level === 'error'),
      []
    )
    const stopped = lab.stop()
    await clock.pass(10)
    await stopped
  })

  const ask = async (path: string, options?: RestOptions): Promise<RestAnswer> => await rest(lab.httpPort, path, options)

  function problem({ status, headers, json }: RestAnswer, expected: number, rule: string): void {
    assert.deepEqual(
      [status, headers['content-type'], json['status'], json['rule']],
      [expected, 'application/problem+json; charset=utf-8', expected, rule]
    )
    assert.ok(typeof json['title'] === 'string' && typeof json['detail'] === 'string' && json['type'] === 'about:blank')
  }

  it('tells which gateway it is, and what may be done', async () => {
    const { json } = await ask('/api')
    const { time, since, ...more } = json
    assert.deepEqual(more, {
      name: 'lab-gateway',
      version: 'test',
      root: 'lab',
      mqtt: '/mqtt',
      may: { command: true },
      history: json['history'],
      runs: json['runs']
    })
    assert.match(`${String(time)} ${String(since)}`, /^2023-11-14T\S+Z 2023-11-14T\S+Z$/)
  })

  it('shows devices as they are on MQTT', async () => {
    const { scripted } = lab
    void scripted.host('oven').publish({ device: 'furnace', codename: 'temperature', value: 21.5 })
    const client = await lab.connect()
    const retained = new Map((await client.retained('lab/furnace/#', 'lab/furnace')).map(({ topic, text }) => [topic, text]))
    const { status, text, json } = await ask('/api/devices/furnace')
    assert.equal(status, 200)
    assert.equal(json['description'], 'Held by the instance "oven"')
    const [first, second] = json['codenames'] as Record<string, unknown>[]
    assert.deepEqual([first?.['device'], first?.['codename'], first?.['age'], first?.['old']], ['furnace', 'temperature', 0, false])
    assert.deepEqual([second?.['codename'], second?.['reading'], second?.['age'], second?.['old']], ['setpoint', null, null, true])
    // The very same bytes.
    for (const topic of ['lab/furnace', 'lab/furnace/temperature', 'lab/furnace/temperature/meta'])
      assert.ok(text.includes(retained.get(topic) ?? 'nothing'), topic)
    const one = await ask('/api/devices/furnace/temperature')
    assert.ok(text.includes(one.text), one.text)
    const all = (await ask('/api/devices')).json['devices'] as { device: string }[]
    assert.deepEqual(all.map(({ device }) => device).slice(0, 5), ['gateway', 'furnace', 'weather', 'stage', 'strict'])
    await client.close()
  })

  it('tells when a reading has grown old', async () => {
    void lab.scripted.host('oven').publish({ device: 'furnace', codename: 'temperature', value: 21.5 })
    await clock.pass(9)
    assert.deepEqual([(await ask('/api/devices/furnace/temperature')).json['old']], [false])
    await clock.pass(2)
    const { age, old, reading } = (await ask('/api/devices/furnace/temperature')).json
    assert.deepEqual([age, old, (reading as { quality: string }).quality], [11, true, 'stale'])
  })

  it('finds names of any characters, percent-encoded', async () => {
    const client = await lab.connect()
    for (const [level, path] of [
      ['a%20b%2Fc%2B%C3%A9', 'a%20b%2Fc%2B%C3%A9'],
      ['%25', '%25'],
      ['%3F%23', '%3f%23']
    ]) {
      await client.publish(`lab/weather/${level}`, '7')
      const { status, json } = await ask(`/api/devices/weather/${path}`)
      assert.deepEqual([status, json['codename'], (json['reading'] as { value: number }).value], [200, decodeURIComponent(path ?? ''), 7])
    }
    problem(await ask('/api/devices/weather/a%ZZ'), 400, 'path')
    problem(await ask('/api/devices/weather/%ff'), 400, 'path')
    assert.equal((await ask(`/api/devices/weather/${'x'.repeat(2900)}`)).status, 404)
    problem(await ask(`/api/devices/weather/${'x'.repeat(3100)}`), 414, 'path')
    await client.close()
  })

  it('says what there is instead of what was asked for', async () => {
    const { status, json } = await ask('/api/devices/furnac')
    assert.deepEqual(
      [status, json['class'], json['detail']],
      [404, 'UnknownDevice', 'no device is called "furnac"; did you mean "furnace"?']
    )
    assert.match(String((await ask('/api/devices/furnace/temprature')).json['detail']), /did you mean "temperature"/)
    for (const path of [
      '/api/nothing',
      '/api/',
      '/API',
      '/nothing',
      '/api/devices/a/b/c/d',
      '//api',
      '/mqtt',
      '/../etc/passwd',
      '/%2e%2e/x'
    ])
      problem(await ask(path), 404, 'path')
    problem(await ask('/api/devices/furnace', { method: 'DELETE' }), 405, 'method')
    assert.equal((await ask('/api/devices', { method: 'PUT' })).headers.allow, 'GET, HEAD, OPTIONS')
    assert.equal((await ask('/api/devices/furnace/setpoint/set')).headers.allow, 'POST, OPTIONS')
    problem(await post(lab.httpPort, '/api/nothing', {}), 404, 'path')
    problem(await ask('/nothing', { method: 'POST' }), 404, 'path')
    problem(await ask('/api/devices', { headers: { accept: 'text/html' } }), 406, 'accept')
    for (const accept of ['text/html, */*;q=0.1', 'application/*', 'application/json;q=0.5'])
      assert.equal((await ask('/api', { headers: { accept } })).status, 200)
  })

  it('answers HEAD as GET without a body, and OPTIONS', async () => {
    const head = await ask('/api/devices/stage', { method: 'HEAD' })
    const get = await ask('/api/devices/stage')
    assert.deepEqual([head.status, head.text, head.headers['content-length']], [200, '', get.headers['content-length']])
    const options = await ask('/api/devices', { method: 'OPTIONS' })
    assert.deepEqual(
      [options.status, options.headers.allow, options.headers['access-control-allow-origin']],
      [204, 'GET, HEAD, OPTIONS', undefined]
    )
  })

  it('takes no other body than JSON, and none that is too long', async () => {
    const path = '/api/devices/furnace/note/set'
    const body = '{"value":"x"}'
    for (const type of ['text/plain', 'application/x-www-form-urlencoded', 'multipart/form-data; boundary=x', 'application/jsonx', ''])
      problem(
        await rest(lab.httpPort, path, { method: 'POST', body, headers: type === '' ? {} : { 'content-type': type } }),
        415,
        'content-type'
      )
    for (const type of ['application/json', 'application/json; charset=utf-8', 'Application/JSON'])
      assert.equal((await rest(lab.httpPort, path, { method: 'POST', body, headers: { 'content-type': type } })).status, 200)
    const long = JSON.stringify({ value: 'x'.repeat(1_100_000) })
    problem(await post(lab.httpPort, path, long), 413, 'maxPacket')
    problem(await post(lab.httpPort, path, long, { headers: { 'transfer-encoding': 'chunked' } }), 413, 'maxPacket')
  })

  it('gives no other page the means to act, and no page with a name of its own anything', async () => {
    const set = '/api/devices/furnace/note/set'
    const headers = (more: Record<string, string>): Record<string, string> => ({ 'content-type': 'application/json', ...more })
    for (const origin of ['https://evil.example', 'null', 'http://evil.example:8080'])
      problem(await post(lab.httpPort, set, { value: 'x' }, { headers: headers({ origin }) }), 403, 'origin')
    for (const host of ['evil.example', 'evil.example:8080', '127.0.0.1.evil.example', 'a b'])
      for (const path of ['/api/devices', '/', '/health']) problem(await ask(path, { headers: { host } }), 421, 'host')
    problem(
      await post(lab.httpPort, set, { value: 'x' }, { headers: headers({ host: 'evil.example', origin: 'http://evil.example' }) }),
      421,
      'host'
    )
    // A page of this computer, and programs that know it by any name of the local network.
    const own = await post(lab.httpPort, set, { value: 'x' }, { headers: headers({ origin: 'http://localhost:3000' }) })
    assert.deepEqual([own.status, own.headers['access-control-allow-origin']], [200, 'http://localhost:3000'])
    for (const host of ['localhost', 'localhost:8080', '127.0.0.1', '[::1]:1', 'labpi', 'labpi.local', '192.168.1.5'])
      assert.equal((await ask('/api', { headers: { host } })).status, 200)
    // Reading goes on, but the page may not look at it.
    const read = await ask('/api', { headers: { origin: 'https://evil.example' } })
    assert.deepEqual([read.status, read.headers['access-control-allow-origin']], [200, undefined])
    const asked = { method: 'OPTIONS', headers: { origin: 'https://evil.example', 'access-control-request-method': 'POST' } }
    assert.equal((await ask(set, asked)).headers['access-control-allow-methods'], undefined)
    const allowed = await ask(set, { ...asked, headers: { ...asked.headers, origin: 'http://127.0.0.1:3000' } })
    assert.deepEqual([allowed.status, allowed.headers['access-control-allow-methods']], [204, 'POST'])
    assert.equal(lab.scripted.commands.filter(({ codename }) => codename === 'note').length, 4)
  })

  it('lets browsers run nothing of elsewhere', async () => {
    for (const path of ['/', '/api', '/nothing', '/api/nothing']) {
      const { headers } = await ask(path)
      const policy = String(headers['content-security-policy'])
      assert.match(policy, /default-src 'none';.*script-src 'self';.*frame-ancestors 'none'/)
      assert.doesNotMatch(policy, /unsafe|upgrade-insecure/)
      assert.deepEqual([headers['x-content-type-options'], headers['strict-transport-security']], ['nosniff', undefined])
    }
  })

  it('stays with HTTP 1.1 when a client offers another version first, as Java does', async () => {
    const offer =
      'host: localhost\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAEAAEAAAAIAAAABAAMAAABkAAQBAAAAAAUAAEAA\r\n'
    const before = lab.gateway.openConnections
    const raw = await RawHttp.open(lab.httpPort)
    raw.send(`GET /api HTTP/1.1\r\n${offer}\r\n`)
    assert.equal((await raw.answer())?.status, 200)
    const body = '{"value":"x"}'
    const post1 = `POST /api/devices/furnace/note/set HTTP/1.1\r\n${offer}content-type: application/json\r\ncontent-length: ${body.length}\r\n\r\n`
    raw.send(post1 + body)
    const answer = await raw.answer()
    assert.deepEqual([answer?.status, (JSON.parse(String(answer?.body)) as { value: string }).value], [200, 'x'])
    assert.equal(lab.gateway.openConnections, before + 1)
    raw.socket.destroy()
    await until(() => lab.gateway.openConnections === before, 'it keeps its place')
  })

  it('bears broken HTTP, and answers who waits', async () => {
    for (const [sent, status] of [
      ['GET /api HTTP/1.1\r\n\r\n', 400],
      ['BREW /api HTTP/1.1\r\nhost: x\r\n\r\n', 400],
      [`GET /api HTTP/1.1\r\nhost: localhost\r\nx: ${'x'.repeat(17_000)}\r\n\r\n`, 431],
      ['GET /api HTTP/1.0\r\n\r\n', 200],
      [
        'POST /api/devices/furnace/note/set HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: 3\r\n\r\n{"}',
        400
      ],
      ['GET /api HTTP/1.1\r\nhost: localhost\r\ncontent-length: 5\r\ntransfer-encoding: chunked\r\n\r\n', 400]
    ] as const) {
      const raw = await RawHttp.open(lab.httpPort)
      raw.send(sent)
      assert.equal((await raw.answer())?.status, status, sent.slice(0, 60))
      raw.socket.destroy()
    }
    const half = await RawHttp.open(lab.httpPort)
    half.send(
      'POST /api/devices/furnace/note/set HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: 99\r\n\r\n{"value"'
    )
    half.socket.destroy()
    const many = await Promise.all(Array.from({ length: 150 }, () => ask('/api')))
    assert.ok(many.every(({ status }) => status === 200))
    await until(() => lab.gateway.openConnections === 0, 'sockets stay open')
  })
})

describe('requests beyond the limit', () => {
  it('are refused, and served when there is room again', async () => {
    const lab = await startLab()
    const slow: RawHttp[] = []
    try {
      for (let i = 0; i < 150; i += 1) {
        const raw = await RawHttp.open(lab.httpPort)
        raw.send('POST /api/devices/furnace/note/set HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 9\r\n\r\n{')
        slow.push(raw)
      }
      let refused = await rest(lab.httpPort, '/api')
      while (refused.status === 200) refused = await rest(lab.httpPort, '/api')
      assert.deepEqual(
        [refused.status, refused.json['status'], refused.json['rule'], refused.headers['retry-after']],
        [503, 503, 'maxRequests', '1']
      )
      assert.equal((await rest(lab.httpPort, '/health')).status, 200)
      slow.pop()?.socket.destroy()
      await until(() => lab.gateway.openConnections === 149, 'it keeps its place')
      assert.equal((await rest(lab.httpPort, '/api')).status, 200)
    } finally {
      for (const { socket } of slow) socket.destroy()
      await lab.stop()
    }
  })
})

describe('the HTTP listener', () => {
  it('cuts a request that does not come to its end', async () => {
    const listener = await listenHttp(
      { host: '127.0.0.1', port: 0 },
      { admit: () => true, handle: () => {} },
      {
        maxPacket: 1024,
        origins: [],
        names: [],
        readOnly: false,
        open: true,
        requestWithin: 0.2,
        handle: (request) => void request.resume()
      }
    )
    try {
      for (const sent of ['GET / HTTP/1.1\r\nhost: x\r\n', 'POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 10\r\n\r\n1']) {
        const raw = await RawHttp.open(listener.address.port)
        raw.send(sent)
        assert.equal((await raw.answer())?.status, 408)
        raw.socket.destroy()
      }
    } finally {
      await listener.close()
    }
  })
})

describe('files of the dashboard', () => {
  it('are served packed where that is taken, and nothing from beside them', async () => {
    const place = folder()
    await mkdir(join(place, 'dashboard'))
    await writeFile(join(place, 'secret.txt'), 'secret')
    const dashboard = new Dashboard(join(place, 'dashboard'))
    const server = createServer((request, response) => {
      void dashboard.answer(request, response).then((found) => {
        if (!found) response.writeHead(404).end()
      })
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const { port } = server.address() as AddressInfo
    try {
      const without = await rest(port, '/')
      assert.deepEqual([without.status, without.headers['content-type']], [200, 'text/plain; charset=utf-8'])
      assert.match(without.text, /has not been built/)
      assert.equal((await rest(port, '/app.js')).status, 404)
      await writeFile(join(place, 'dashboard/app.js'), 'plain')
      await writeFile(join(place, 'dashboard/app.js.gz'), gzipSync('packed'))
      await writeFile(join(place, 'dashboard/index.html'), '<!doctype html><title>labgate</title>')
      const page = await rest(port, '/')
      assert.deepEqual(
        [page.status, page.headers['content-type'], page.headers['cache-control']],
        [200, 'text/html;charset=utf-8', 'no-cache']
      )
      assert.equal((await rest(port, '/app.js')).text, 'plain')
      const packed = await rest(port, '/app.js', { headers: { 'accept-encoding': 'gzip' } })
      assert.equal(packed.headers['content-encoding'], 'gzip')
      const again = await rest(port, '/app.js', { headers: { 'if-none-match': String((await rest(port, '/app.js')).headers.etag) } })
      assert.equal(again.status, 304)
      for (const path of ['/../secret.txt', '/%2e%2e/secret.txt', '/..%2fsecret.txt', '/%2e%2e%5csecret.txt', '//secret.txt'])
        assert.equal((await rest(port, path)).status, 404, path)
    } finally {
      server.closeAllConnections()
      server.close()
    }
  })
})
