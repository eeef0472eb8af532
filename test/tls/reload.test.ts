import assert from 'node:assert/strict'
import { renameSync, symlinkSync, truncateSync, unlinkSync, utimesSync } from 'node:fs'
import { once } from 'node:events'
import { connect } from 'node:tls'
import type { TLSSocket } from 'node:tls'
import { certificate, CertificateFolder } from '../support/certificates.js'
import type { Pair } from '../support/certificates.js'
import { FakeClock } from '../support/fake-clock.js'
import { TestClient } from '../support/mqtt.js'
import { start } from '../support/start.js'
import type { LogLine, Running } from '../support/start.js'
import { until } from '../support/until.js'

const day = 86_400

/** The health as a client of HTTPS is told it. */
async function health(port: number, ca: string): Promise<{ status: string; code: string; reason: string }> {
  const socket = connect({ port, host: '127.0.0.1', servername: 'localhost', ca })
  let text = ''
  socket.setEncoding('utf8').on('data', (more: string) => (text += more))
  socket.write('GET /health HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n')
  await once(socket, 'close')
  const { checks } = JSON.parse(text.slice(text.indexOf('\r\n\r\n'))) as { checks: { name: string; status: string; reason: string }[] }
  const { status, reason } = checks.find(({ name }) => name === 'certificates') ?? { status: 'none', reason: '' }
  return { status, code: text.split(' ')[1] ?? '', reason }
}

describe('certificates while the gateway runs', function () {
  this.timeout(15_000)
  let files: CertificateFolder
  let clock: FakeClock
  let running: Running
  let tls: number
  let clients: TestClient[]
  let sockets: TLSSocket[]

  beforeEach(() => {
    clients = []
    sockets = []
  })

  afterEach(async () => {
    for (const socket of sockets) socket.destroy()
    await Promise.all(clients.map((client) => client.vanish()))
    const stopped = running?.stop()
    await clock?.pass(10)
    await stopped
    assert.equal(clock?.timers, 0)
  })

  const { round } = Math

  async function begin(until = 365): Promise<void> {
    files = await CertificateFolder.create({ until })
    await go()
  }

  async function go(): Promise<void> {
    clock = new FakeClock(round(Date.now() / 1000))
    const keys = files.keys()
    running = await start(`broker: { tcp: { port: 0 }, tls: { port: 0, ${keys} } }\nhttp: { port: 0, tls: { ${keys} } }\nadapters: []\n`, {
      clock
    })
    tls = running.gateway.address('tls')?.port ?? 0
  }

  async function client(options: object = {}): Promise<TestClient> {
    const made = await TestClient.connect(0, { ca: files.authority.cert, ...options }, `mqtts://localhost:${tls}`)
    clients.push(made)
    return made
  }

  /** What a new client is shown. */
  async function shown(port = tls, more: object = {}): Promise<TLSSocket> {
    const socket = connect({ port, host: '127.0.0.1', servername: 'localhost', ca: files.authority.cert, ...more })
    sockets.push(socket)
    await once(socket, 'secureConnect')
    return socket
  }
  const serial = async (port = tls): Promise<string> => (await shown(port)).getPeerX509Certificate()?.fingerprint256 ?? ''

  const lines = (pattern: RegExp): LogLine[] => running.log.lines.filter(({ message }) => pattern.test(message))
  const readAgain = (): number => lines(/^the TLS files were read again/).length
  const refused = (): number => lines(/cannot be used/).length

  /** The files are looked at by the clock; each look takes a real moment. */
  async function look(settled: () => boolean): Promise<void> {
    for (let i = 0; i < 100 && !settled(); i += 1) {
      await clock.pass(10)
      await new Promise((resolve) => setTimeout(resolve, 10))
    }
    assert.ok(settled(), 'the files are looked at')
  }

  it('a new one is shown to new clients, while fifty open connections go on publishing', async () => {
    await begin()
    const watcher = await running.connect()
    await watcher.subscribe('from/+')
    const before = [await serial(), await serial(running.httpPort)]
    const crowd = await Promise.all(Array.from({ length: 50 }, () => client()))
    const gone: string[] = []
    for (const one of crowd) one.client.once('close', () => gone.push(one.id))
    let sent = 0
    let isOver = false
    const publishing = crowd.map(async (one) => {
      while (!isOver) {
        await one.publish(`from/${one.id}`, String((sent += 1)))
        await new Promise((resolve) => setTimeout(resolve, 5))
      }
    })
    await files.server()
    await look(() => readAgain() === 2)
    const during = sent
    await until(() => sent > during + 200, 'they go on')
    isOver = true
    await Promise.all(publishing)
    assert.deepEqual(gone, [])
    assert.equal(running.gateway.clientCount, 51)
    await watcher.settled()
    assert.equal(watcher.left.length, sent)
    const after = [await serial(), await serial(running.httpPort)]
    assert.equal(new Set([...before, ...after]).size, 2)
    assert.notEqual(before[0], after[0])
    // Nothing has changed since.
    await clock.pass(100)
    assert.deepEqual([readAgain(), refused()], [2, 0])
  })

  it('half a file, a key of another one, nonsense and nothing: the old one serves on, it is told once, and mended it is well again', async () => {
    await begin()
    const watcher = await running.connect()
    await watcher.subscribe('lab/gateway')
    const before = await serial()
    const open = await client()
    const other = await certificate({ by: files.authority })
    const good: Pair = await certificate({ by: files.authority })
    const faults: readonly (readonly [RegExp, () => void])[] = [
      [/server\.pem: .*only half of it was written/, () => truncateSync(files.file('server.pem'), 300)],
      [/server\.key: this is not the private key of .*server\.pem/, () => files.write('server.pem', other.cert)],
      [/server\.pem: there is no certificate in it/, () => files.write('server.pem', 'hello')],
      [/server\.pem: there is no such file/, () => unlinkSync(files.file('server.pem'))]
    ]
    for (const [index, [reason, spoil]] of faults.entries()) {
      spoil()
      // Both listeners have the same files.
      await look(() => refused() === 2 * (index + 1))
      const told = lines(/cannot be used/).at(-1)
      assert.equal(told?.level, 'error')
      assert.match(String(told?.fields['reason']), reason)
      await watcher.next(({ text }) => text.includes('"degraded"') && reason.test(text))
      const { status, code, reason: why } = await health(running.httpPort, files.authority.cert)
      assert.deepEqual([status, code], ['degraded', '200'])
      // Where the folder is concerns nobody.
      assert.match(why, /broker\.tls cannot be used, those read before serve on: …/)
      assert.doesNotMatch(why, /server\.pem/)
      // Told once, though it is tried again and again.
      await clock.pass(50)
      assert.equal(await serial(), before)
      assert.equal(refused(), 2 * (index + 1))
      await open.publish('still', 'here')
    }
    files.write('server.pem', good.cert)
    files.write('server.key', good.key)
    await look(() => readAgain() === 2)
    await watcher.next(({ text }) => text.includes('"online"'))
    assert.equal((await health(running.httpPort, files.authority.cert)).status, 'ok')
    assert.notEqual(await serial(), before)
    await open.publish('still', 'here')
  })

  it('is noticed when links are swapped, as certbot does', async () => {
    files = await CertificateFolder.create()
    const swap = (number: number, { cert, key }: Pair): void => {
      for (const [name, text] of [
        ['server.pem', cert],
        ['server.key', key]
      ] as const) {
        const target = files.write(`${number}-${name}`, text)
        // As old as the other one, and as long.
        utimesSync(target, 1_700_000_000, 1_700_000_000)
        symlinkSync(target, files.file('link'))
        renameSync(files.file('link'), files.file(name))
      }
    }
    swap(1, await certificate({ by: files.authority }))
    await go()
    const before = await serial()
    swap(2, await certificate({ by: files.authority }))
    await look(() => readAgain() === 2)
    assert.notEqual(await serial(), before)
  })

  it('what is only touched is not told', async () => {
    await begin()
    const before = await serial()
    utimesSync(files.file('server.pem'), 1_700_000_000, 1_700_000_000)
    await clock.pass(20)
    await files.server()
    await look(() => readAgain() === 2)
    assert.notEqual(await serial(), before)
    assert.equal(readAgain(), 2)
  })

  it('a session that began under the old one cannot be resumed under the new one', async () => {
    await begin()
    const options = { maxVersion: 'TLSv1.2' } as const
    const first = await shown(tls, options)
    const session = first.getSession()
    assert.equal((await shown(tls, { ...options, session })).isSessionReused(), true)
    await files.server()
    await look(() => readAgain() === 2)
    assert.equal((await shown(tls, { ...options, session })).isSessionReused(), false)
  })

  it('an authority that is taken away lets nobody in any more', async () => {
    files = await CertificateFolder.create()
    clock = new FakeClock(round(Date.now() / 1000))
    running = await start(`broker: { tcp: { port: 0 }, tls: { port: 0, ${files.keysFor('required')} } }\nadapters: []\n`, { clock })
    tls = running.gateway.address('tls')?.port ?? 0
    const open = await client(files.alice)
    const other = await certificate({ names: ['Somebody'], isAuthority: true })
    files.write('ca.pem', other.cert)
    await look(() => readAgain() === 1)
    await assert.rejects(client({ ...files.alice }))
    await open.publish('still', 'here')
  })

  it('its end is a reading, a warning every day from a fortnight before, and a failure', async () => {
    await begin(20.5)
    const watcher = await running.connect()
    await watcher.subscribe('lab/gateway/certificates', 'lab/gateway/certificate_days', 'lab/gateway')
    const days = async (expected: number): Promise<void> => {
      const found = await watcher.nextJson(({ topic, text }) => topic.endsWith('_days') && text.includes(`"value":${expected}}`))
      assert.deepEqual([found['unit'], found['quality']], ['d', 'good'])
    }
    await days(20)
    const { value } = await watcher.nextJson('lab/gateway/certificates')
    const of = (value as Record<string, Record<string, unknown>>)['broker.tls.cert']
    assert.deepEqual(
      [Object.keys(value as object), of?.['subject'], of?.['issuer'], of?.['days']],
      [['broker.tls.cert', 'http.tls.cert'], 'CN=localhost', 'CN=Laboratory', 20]
    )
    assert.ok(Math.abs(Date.parse(String(of?.['expires'])) / 1000 - Date.now() / 1000 - 20.5 * day) < 60, String(of?.['expires']))
    assert.equal((await health(running.httpPort, files.authority.cert)).status, 'ok')
    const told = (): LogLine[] => lines(/^the certificate of broker\.tls\.cert/)
    assert.deepEqual(told(), [])
    clock.jump(6 * day)
    await clock.pass(10)
    await days(14)
    assert.equal((await health(running.httpPort, files.authority.cert)).status, 'ok')
    clock.jump(day)
    await look(() => told().length === 1)
    await days(13)
    await watcher.next(({ topic, text }) => topic === 'lab/gateway' && /"degraded".*broker\.tls\.cert expires at/.test(`${text}${text}`))
    assert.deepEqual([told()[0]?.level, (await health(running.httpPort, files.authority.cert)).code], ['warn', '200'])
    assert.match(told()[0]?.message ?? '', /expires at \S+Z: renew it; the new file is read while the gateway runs/)
    assert.equal((await health(running.httpPort, files.authority.cert)).status, 'degraded')
    await clock.pass(300)
    assert.equal(told().length, 1)
    clock.skip(day)
    await look(() => told().length === 2)
    clock.jump(13 * day)
    await look(() => told().length === 3)
    assert.deepEqual([told()[2]?.level, /expired at/.test(told()[2]?.message ?? '')], ['error', true])
    const { status, code } = await health(running.httpPort, files.authority.cert)
    assert.deepEqual([status, code], ['failing', '503'])
    await days(-1)
    await files.server()
    await look(() => readAgain() === 2)
    assert.equal((await health(running.httpPort, files.authority.cert)).status, 'ok')
  })
})
