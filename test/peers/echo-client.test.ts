import assert from 'node:assert/strict'
import type { TestClient } from '../support/mqtt.js'
import { needs } from '../support/peers.js'
import { start } from '../support/start.js'
import type { Running } from '../support/start.js'
import { EchoServer } from './echo-server.js'

interface Reply {
  readonly phase: string
  readonly value?: unknown
  readonly error?: { readonly class: string; readonly code?: string; readonly message: string; readonly maybeExecuted?: boolean }
}

/** The gateway as a client of the library that the course used, on the clock of the machine. */
describe('an echo server in Python, driven by the gateway', function () {
  // Python takes its time to start.
  this.timeout(30_000)
  let server: EchoServer
  let running: Running
  let mqtt: TestClient
  let ids = 0

  before(function () {
    needs(this, 'python3', 'python3-websockets')
  })

  afterEach(async () => {
    await running?.stop()
    await server?.gone()
  })

  async function open(options: readonly string[] = [], more = ''): Promise<void> {
    server = await EchoServer.start(...options)
    running = await start(
      `adapters:\n  - { id: far, type: ws-echo-client, target: { host: localhost, port: ${server.port} }, device: echo${more} }\n`
    )
    mqtt = await running.connect()
    await mqtt.subscribe('lab/echo', 'lab/echo/+', 'lab/echo/+/reply')
    await state('online')
  }

  async function state(is: string): Promise<string> {
    const found = await mqtt.nextJson(
      ({ topic, text }) => topic === 'lab/echo' && text.includes(`"state":"${is}"`) && !text.includes('nothing heard')
    )
    return String(found['reason'])
  }

  async function send(payload: string): Promise<string> {
    ids += 1
    await mqtt.publish('lab/echo/send/call', `{"id": "p${ids}", "arguments": ${payload}}`)
    return `p${ids}`
  }

  async function final(id: string): Promise<Reply> {
    const fits = ({ topic, text }: { topic: string; text: string }): boolean =>
      topic === 'lab/echo/send/reply' && text.includes(`"id":"${id}"`) && !text.includes('"accepted"')
    return (await mqtt.nextJson(fits)) as unknown as Reply
  }

  const call = async (payload: string): Promise<Reply> => await final(await send(payload))

  it('gets back what it sends, exactly, and measures how long it takes', async () => {
    await open()
    const payloads: readonly (readonly [sent: string, back: unknown])[] = [
      ['"hello"', 'hello'],
      ['"end\\n"', 'end\n'],
      ['""', ''],
      ['null', null],
      ['true', true],
      ['47', 47],
      ['1.5', 1.5],
      ['1e-7', 1e-7],
      ['9007199254740993', '9007199254740993'],
      ['340282366920938463463374607431768211455', '340282366920938463463374607431768211455'],
      ['[1, [2, [3]], {}]', [1, [2, [3]], {}]],
      ['{"b": 1, "a": {"__proto__": "x", "2": 3, "1": 4}}', JSON.parse('{"b": 1, "a": {"__proto__": "x", "2": 3, "1": 4}}')],
      ['"µ Ω 測定 😀"', 'µ Ω 測定 😀'],
      [JSON.stringify('é'.repeat(150_000)), 'é'.repeat(150_000)]
    ]
    for (const [sent, back] of payloads) {
      const reply = await call(sent)
      assert.deepEqual([reply.phase, reply.value], ['done', back], sent.slice(0, 60))
      const trip = await mqtt.nextJson('lab/echo/round_trip')
      assert.ok(Number(trip['value']) > 0 && Number(trip['value']) < 5 && trip['quality'] === 'good')
    }
  })

  it('sends many, one after another, and mixes up none', async () => {
    await open()
    for (let n = 0; n < 50; n += 1) assert.equal((await call(`"message ${n}"`)).value, `message ${n}`)
  })

  it('is told of an echo that is longer than it may be, though what was sent was not', async () => {
    await open()
    const { error } = await call(JSON.stringify('é'.repeat(400_000)))
    assert.deepEqual([error?.class, error?.code, error?.maybeExecuted], ['DeviceError', 'too-large', true])
    assert.equal((await call('1')).value, 1)
  })

  it('is killed in the middle of a message: who asked is told, nothing is sent again, and the one that takes its place is found', async () => {
    await open(['--delay', '20'], ', timeout: 30')
    const id = await send('"lost"')
    await mqtt.next(({ topic, text }) => topic === 'lab/echo/send/reply' && text.includes(id) && text.includes('accepted'))
    server.program.kill('SIGKILL')
    const { error } = await final(id)
    assert.deepEqual([error?.class, error?.maybeExecuted], ['Unreachable', true])
    await state('offline')
    const { port } = server
    await server.gone()
    await mqtt.next(({ topic, text }) => topic === 'lab/echo' && text.includes('no program answers'))
    const refused = await call('"nobody there"')
    assert.deepEqual([refused.error?.class, refused.error?.maybeExecuted], ['Unreachable', undefined])
    server = await EchoServer.start('--port', String(port))
    await state('online')
    assert.equal((await call('"here"')).value, 'here')
  })

  it('stands still: a message has its limit, the device is offline until it goes on, and no late answer is taken for another', async () => {
    await open([], ', timeout: 0.5, keepAlive: 1')
    // A ping that is on its way would be waited for first.
    assert.equal((await call('"before"')).value, 'before')
    server.program.kill('SIGSTOP')
    const { error } = await call('"late"')
    assert.deepEqual([error?.class, error?.maybeExecuted], ['Timeout', true])
    assert.match(await state('offline'), /did not answer a message within 0\.5 s/)
    await mqtt.next(({ topic, text }) => topic === 'lab/echo' && text.includes('answered no handshake'))
    server.program.kill('SIGCONT')
    await state('degraded')
    assert.equal((await call('"early"')).value, 'early')
    await state('online')
  })

  it('stands still without a message on its way: its pings tell', async () => {
    await open([], ', timeout: 0.5, keepAlive: 0.5')
    server.program.kill('SIGSTOP')
    assert.match(await state('offline'), /answers no ping within 0\.5 s/)
    server.program.kill('SIGCONT')
    await state('online')
  })

  it('answers everything twice: each message has its own answer all the same', async () => {
    await open(['--twice'])
    for (let n = 0; n < 8; n += 1) assert.equal((await call(String(n))).value, n)
    assert.match(await state('degraded'), /nobody asked for/)
  })

  it('keeps to its pings: it is online after a minute of theirs', async () => {
    await open([], ', keepAlive: 0.2')
    mqtt.drop()
    for (let n = 0; n < 20; n += 1) await mqtt.settled()
    assert.deepEqual(
      mqtt.left.filter(({ topic }) => topic === 'lab/echo'),
      []
    )
    assert.equal((await call('1')).value, 1)
  })
})
