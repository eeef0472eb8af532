import assert from 'node:assert/strict'
import { startLab } from '../support/lab.js'
import type { Lab } from '../support/lab.js'
import { RawHttp } from '../support/raw-http.js'
import { post, rest } from '../support/rest.js'
import { until } from '../support/until.js'

const json = 'content-type: application/json\r\n'
const set = 'POST /api/devices/furnace/setpoint/set HTTP/1.1\r\nhost: localhost\r\n'

describe('the HTTP listener, with requests that are bent', function () {
  this.timeout(20_000)
  let lab: Lab
  const open: RawHttp[] = []

  before(async () => {
    lab = await startLab()
  })

  afterEach(async () => {
    for (const client of open.splice(0)) client.close()
    // Whatever came, nobody else has lost anything by it.
    assert.equal((await post(lab.httpPort, '/api/devices/furnace/setpoint/set', { value: 3 })).status, 200)
    assert.deepEqual(
      lab.log.lines.filter(({ level }) => level === 'error'),
      []
    )
  })

  after(() => lab.stop())

  async function send(bytes: string): Promise<RawHttp> {
    const client = await RawHttp.open(lab.httpPort)
    open.push(client)
    client.send(bytes)
    return client
  }

  const commands = (): number => lab.scripted.commands.length

  it('answers none in which two could be read', async () => {
    const before = commands()
    const body = '{"value":5}'
    for (const [head, status] of [
      [`content-length: ${body.length}\r\ntransfer-encoding: chunked\r\n`, 400],
      [`content-length: ${body.length}\r\ncontent-length: 5\r\n`, 400],
      [`content-length: +${body.length}\r\n`, 400],
      [`content-length: ${body.length}, ${body.length}\r\n`, 400],
      ['transfer-encoding: chunked, identity\r\n', 400],
      ['transfer-encoding: xchunked\r\n', 400],
      [`content-length : ${body.length}\r\n`, 400],
      [`content-length: ${body.length}\r\n continued: x\r\n`, 400],
      [`content-length: ${body.length}\r\nhost: other\r\n`, 400],
      [`content-length: ${body.length}\r\nauthorization: Basic YTpi\r\nauthorization: Basic YTpj\r\n`, 400],
      [`content-length: ${body.length}\r\norigin: http://localhost\r\norigin: http://evil.example\r\n`, 400]
    ] as const) {
      const client = await send(`${set}${json}${head}\r\n${body}`)
      assert.equal((await client.answer())?.status, status, head)
      assert.match(await client.rest(), /^$/, `${head}: the connection goes on`)
    }
    assert.equal(commands(), before)
  })

  it('answers no head that is too long or has too many fields', async () => {
    for (const head of [`x: ${'y'.repeat(20_000)}\r\n`, 'a: b\r\n'.repeat(101), 'a:\r\n'.repeat(4000)]) {
      const client = await send(`GET /api HTTP/1.1\r\nhost: localhost\r\n${head}\r\n`)
      assert.equal((await client.answer())?.status, 431, head.slice(0, 20))
    }
    const long = await send(`GET /${'a'.repeat(20_000)} HTTP/1.1\r\nhost: localhost\r\n\r\n`)
    assert.equal((await long.answer())?.status, 431)
    assert.equal((await (await send(`GET /api HTTP/1.1\r\nhost: localhost\r\n${'a: b\r\n'.repeat(90)}\r\n`)).answer())?.status, 200)
  })

  it('answers old versions, and closes; others not', async () => {
    const old = await send('GET /health HTTP/1.0\r\n\r\n')
    assert.equal((await old.answer())?.status, 200)
    await old.rest()
    for (const [line, status] of [
      ['GET /api HTTP/1.1\r\n', 400],
      ['GET /api HTTP/3.0\r\nhost: localhost\r\n', 400],
      ['PRI * HTTP/2.0\r\n\r\nSM\r\n', 400],
      ['\u0016\u0003\u0001\r\n', 400],
      ['GET /api\r\n', 505],
      ['GET http://elsewhere.example/api HTTP/1.1\r\nhost: localhost\r\n', 400],
      ['GET http://localhost/api HTTP/1.1\r\nhost: localhost\r\n', 200],
      ['TRACE /api HTTP/1.1\r\nhost: localhost\r\n', 405]
    ] as const)
      assert.equal((await (await send(`${line}\r\n`)).answer())?.status, status, line)
    const tunnel = await send('CONNECT localhost:1 HTTP/1.1\r\nhost: localhost\r\n\r\n')
    assert.equal(await tunnel.answer(), undefined)
  })

  it('lets a body come only where it is wanted, for who asks before', async () => {
    const before = commands()
    const body = '{"value":7}'
    const expect = `content-length: ${body.length}\r\nexpect: 100-continue\r\n\r\n`
    const wanted = await send(`${set}${json}${expect}`)
    assert.equal((await wanted.answer())?.status, 100)
    wanted.send(body)
    assert.equal((await wanted.answer())?.status, 200)
    assert.equal(commands(), before + 1)
    for (const head of [`${set}origin: http://evil.example\r\n${json}`, `${set}content-type: text/plain\r\n`]) {
      const refused = await send(head + expect)
      const answer = await refused.answer()
      assert.ok([403, 415].includes(answer?.status ?? 0), `${answer?.status}`)
      // Nobody knows whether the body still comes.
      assert.equal(answer?.headers.get('connection'), 'close')
      await refused.rest()
    }
    assert.equal((await (await send(`${set}${json}content-length: 1\r\nexpect: magic\r\n\r\n`)).answer())?.status, 417)
    assert.equal(commands(), before + 1)
  })

  it('reads no body without end, in chunks or not', async () => {
    const before = commands()
    const { maxPacket } = { maxPacket: 1_048_576 }
    const declared = await send(`${set}${json}content-length: 100000000000\r\n\r\n{`)
    assert.equal((await declared.answer())?.status, 413)
    const chunk = `10000\r\n${' '.repeat(65_536)}\r\n`
    const chunked = await send(`${set}${json}transfer-encoding: chunked\r\n\r\n`)
    for (let sent = 0; sent < 32 * maxPacket && !chunked.isOver && chunked.isSilent; sent += chunk.length) {
      chunked.send(chunk)
      await new Promise(setImmediate)
    }
    assert.equal((await chunked.answer())?.status, 413)
    const extended = await send(`${set}${json}transfer-encoding: chunked\r\n\r\n1;${'x'.repeat(40_000)}\r\n{\r\n`)
    assert.ok(((await extended.answer())?.status ?? 400) >= 400)
    assert.equal(commands(), before)
  })

  it('answers what is asked all at once in its order, and not more of it than others have', async () => {
    const many = await send('GET /api HTTP/1.1\r\nhost: localhost\r\n\r\n'.repeat(40))
    for (let n = 0; n < 40; n += 1) assert.equal((await many.answer())?.status, 200)
    const flood = await send('GET /api/devices HTTP/1.1\r\nhost: localhost\r\n\r\n'.repeat(1500))
    flood.socket.pause()
    assert.equal((await rest(lab.httpPort, '/health')).status, 200)
  })

  it('closes a connection over which enough was asked', async () => {
    const client = await RawHttp.open(lab.httpPort)
    open.push(client)
    let asked = 0
    let last: string | undefined
    while (last !== 'close' && asked < 1100) {
      client.send('GET /api HTTP/1.1\r\nhost: localhost\r\n\r\n'.repeat(50))
      for (let n = 0; n < 50 && last !== 'close'; n += 1) last = (await client.answer())?.headers.get('connection') ?? last
      asked += 50
    }
    assert.equal(asked, 1000)
    await client.rest()
  })

  const offer = 'connection: upgrade\r\nupgrade: h2c\r\n'
  const asks = (more = ''): string => `GET /api HTTP/1.1\r\nhost: localhost\r\n${more}\r\n`

  it('counts those that come with an offer too, and closes as well', async () => {
    const client = await send('')
    for (let n = 1; n <= 1000; n += 1) {
      client.send(asks(offer))
      const answer = await client.answer()
      assert.deepEqual([answer?.status, answer?.headers.get('connection')], [200, n === 1000 ? 'close' : 'keep-alive'], `request ${n}`)
    }
    assert.equal(await client.rest(), '')
  })

  it('closes a connection that makes an offer, or would become a WebSocket, while an answer is still to come', async () => {
    const webSocket =
      'connection: upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\nsec-websocket-protocol: mqtt\r\nsec-websocket-key: AAAAAAAAAAAAAAAAAAAAAA==\r\n'
    const knocks = `GET /mqtt HTTP/1.1\r\nhost: localhost\r\n${webSocket}\r\n`
    const [plain, offers] = [asks(), asks(offer)]
    for (const sent of [plain + offers, offers + offers, offers.repeat(3), plain + plain + offers, offers + knocks, plain + knocks]) {
      const client = await send(sent)
      // Not one byte that could be taken for an answer, nor for a frame.
      assert.equal(await client.rest(), '')
      client.send(plain)
    }
    assert.equal((await rest(lab.httpPort, '/health')).status, 200)
  })

  it('gives places back of all that was asked at once by who has gone', async () => {
    // Those behind an answer that does not end never have their turn.
    const stream = 'GET /api/readings?device=strict HTTP/1.1\r\nhost: localhost\r\n\r\n'
    for (let n = 0; n < 20; n += 1) {
      const client = await send(stream + asks().repeat(20))
      await client.answer('HEAD')
      client.close()
    }
    await until(() => lab.gateway.openConnections === 0, 'a connection stays')
    assert.equal((await rest(lab.httpPort, '/api')).status, 200)
  })
})
