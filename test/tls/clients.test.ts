import assert from 'node:assert/strict'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { connect, createServer } from 'node:tls'
import type { ConnectionOptions, TLSSocket } from 'node:tls'
import { WebSocket } from 'ws'
import type { Entrance } from '../../gateway/broker/entrance.js'
import type { Door, Listener } from '../../gateway/broker/listeners.js'
import { listenHttp } from '../../gateway/http/listener.js'
import { certificateName } from '../../gateway/tls/client-name.js'
import { readCredentials } from '../../gateway/tls/credentials.js'
import type { TlsFiles } from '../../gateway/tls/credentials.js'
import { listenTls } from '../../gateway/tls/listener.js'
import { Secure } from '../../gateway/tls/secure.js'
import { CertificateFolder, certificate } from '../support/certificates.js'
import type { Pair } from '../support/certificates.js'
import { until } from '../support/until.js'

describe('certificates of clients', () => {
  let files: CertificateFolder
  let mallory: Pair
  let listeners: Listener[]
  let sockets: TLSSocket[]
  let entrances: Entrance[]
  let failed: string[]
  let asked: (string | undefined)[]

  before(async () => {
    files = await CertificateFolder.create()
    mallory = await certificate({ names: ['alice'] })
  })

  beforeEach(() => {
    listeners = []
    sockets = []
    entrances = []
    failed = []
    asked = []
  })

  afterEach(async () => {
    for (const socket of sockets) socket.destroy()
    await Promise.all(listeners.map((listener) => listener.close()))
  })

  const door: Door = {
    admit: () => true,
    handle: (stream, entrance) => {
      entrances.push(entrance)
      stream.on('error', () => {}).resume()
      stream.write(Buffer.from([0x20, 2, 0, 0]))
    }
  }

  async function secureFor(clients: TlsFiles['clients'], protocol: 'mqtt' | 'http/1.1'): Promise<Secure> {
    const of = { cert: files.file('server.pem'), key: files.file('server.key'), ca: files.file('ca.pem'), clients }
    const told = (socket: TLSSocket, error: Error): number => failed.push(String(socket.authorizationError ?? error.message))
    return await Secure.create({ credentials: await readCredentials(of), clients, protocol, within: 5, failed: told })
  }

  async function mqtt(clients: TlsFiles['clients']): Promise<number> {
    const listener = await listenTls({ host: '127.0.0.1', port: 0 }, door, await secureFor(clients, 'mqtt'), true)
    listeners.push(listener)
    return listener.address.port
  }

  async function web(clients: TlsFiles['clients']): Promise<number> {
    const secure = await secureFor(clients, 'http/1.1')
    const options = { maxPacket: 1000, origins: [], names: [], readOnly: false, open: true, secure }
    const handle: Parameters<typeof listenHttp>[2]['handle'] = (request, response) => {
      asked.push(certificateName(request.socket))
      response.end('fine')
    }
    const listener = await listenHttp({ host: '127.0.0.1', port: 0 }, door, { ...options, handle })
    listeners.push(listener)
    return listener.address.port
  }

  /** What came back, or that it was closed without a word. */
  async function knock(port: number, shown: Partial<Pair>, more: ConnectionOptions = {}, first?: string): Promise<string> {
    const socket = connect({ port, host: '127.0.0.1', servername: 'localhost', ca: files.authority.cert, ...shown, ...more })
    sockets.push(socket)
    return await new Promise((resolve) => {
      socket.on('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message))
      socket.once('close', () => resolve('closed'))
      socket.once('data', (data: Buffer) =>
        resolve(first === undefined ? data.toString('hex') : (data.toString().split('\r\n')[0] as string))
      )
      if (first !== undefined) socket.once('secureConnect', () => socket.write(first))
    })
  }

  const request = 'GET / HTTP/1.1\r\nhost: localhost\r\n\r\n'
  const names = (): (string | undefined)[] => entrances.map(({ certificate: name }) => name)

  for (const version of ['TLSv1.2', 'TLSv1.3'] as const)
    describe(version, () => {
      const only = { minVersion: version, maxVersion: version }

      it('required: who shows a good one is named, and nobody else comes in', async () => {
        const [port, http] = [await mqtt('required'), await web('required')]
        assert.equal(await knock(port, files.alice, only), '20020000')
        assert.equal(await knock(http, files.alice, only, request), 'HTTP/1.1 200 OK')
        assert.deepEqual([names(), asked], [['alice'], ['alice']])
        for (const shown of [{}, mallory]) {
          assert.notEqual(await knock(port, shown, only), '20020000')
          assert.notEqual(await knock(http, shown, only, request), 'HTTP/1.1 200 OK')
        }
        await until(() => failed.length === 4, 'four were refused')
        assert.match(failed.join(' '), /peer did not return a certificate.*peer did not.* DEPTH_ZERO_SELF_SIGNED_CERT DEPTH_ZERO/s)
        assert.deepEqual([names(), asked], [['alice'], ['alice']])
      })

      it('optional: who shows none is nobody; who shows a wrong one does not come in', async () => {
        const [port, http] = [await mqtt('optional'), await web('optional')]
        assert.equal(await knock(port, files.alice, only), '20020000')
        assert.equal(await knock(port, {}, only), '20020000')
        assert.equal(await knock(http, files.alice, only, request), 'HTTP/1.1 200 OK')
        assert.equal(await knock(http, {}, only, request), 'HTTP/1.1 200 OK')
        assert.notEqual(await knock(port, mallory, only), '20020000')
        assert.notEqual(await knock(http, mallory, only, request), 'HTTP/1.1 200 OK')
        await until(() => failed.length === 2, 'two were refused')
        assert.deepEqual(
          [names(), asked],
          [
            ['alice', undefined],
            ['alice', undefined]
          ]
        )
      })

      it('none: whoever comes is nobody, whatever he shows', async () => {
        const port = await mqtt('none')
        for (const shown of [files.alice, mallory, {}]) assert.equal(await knock(port, shown, only), '20020000')
        assert.deepEqual(names(), [undefined, undefined, undefined])
      })
    })

  it('expired, not valid yet, or signed by somebody whom nobody knows: no', async () => {
    const port = await mqtt('required')
    const other = await certificate({ names: ['Laboratory'], isAuthority: true })
    for (const [signed, why] of [
      [{ from: -20, until: -1 }, 'CERT_HAS_EXPIRED'],
      [{ from: 1, until: 20 }, 'CERT_NOT_YET_VALID'],
      [{ by: other }, 'UNABLE_TO_VERIFY_LEAF_SIGNATURE|CERT_SIGNATURE_FAILURE']
    ] as const) {
      const shown = await certificate({ by: files.authority, names: ['alice'], ...signed })
      assert.notEqual(await knock(port, shown), '20020000')
      await until(() => failed.length > 0, why)
      assert.match(failed.splice(0).join(), new RegExp(why))
    }
    assert.deepEqual(entrances, [])
  })

  it('a name that is none is that of no user: several, none, empty, too long, or with what nobody sees', async () => {
    const port = await mqtt('required')
    for (const name of [['alice', 'bob'], [], ['x'.repeat(201)], ['ali\0ce'], ['alice\n'], ['ali\u200bce']]) {
      const shown = await certificate({ by: files.authority, names: name })
      assert.equal(await knock(port, shown), '20020000', JSON.stringify(name))
    }
    assert.deepEqual(
      names(),
      Array.from({ length: 6 }, () => '')
    )
    const umlaut = await certificate({ by: files.authority, names: ['Jörg Müller'] })
    await knock(port, umlaut)
    assert.equal(names().at(-1), 'Jörg Müller')
  })

  it('shows them again each time: a session that begins anew from a ticket brings no name along', async () => {
    for (const [clients, resumed] of [
      ['none', true],
      ['required', false]
    ] as const)
      for (const version of ['TLSv1.2', 'TLSv1.3'] as const) {
        const port = await mqtt(clients)
        let session: Buffer | undefined
        const join = async (): Promise<boolean> => {
          const more = { minVersion: version, maxVersion: version, ...(session === undefined ? {} : { session }) }
          const socket = connect({ port, host: '127.0.0.1', servername: 'localhost', ca: files.authority.cert, ...files.alice, ...more })
          sockets.push(socket)
          socket.on('session', (ticket: Buffer) => (session = ticket))
          socket.on('error', () => {})
          await once(socket, 'data')
          const isReused = socket.isSessionReused()
          // All that the other side has sent has been seen by then.
          socket.end()
          await once(socket, 'close')
          return isReused
        }
        assert.equal(await join(), false)
        assert.equal(await join(), resumed, `${clients} ${version}`)
      }
  })

  it('one that was not verified gives no name, whoever let it in', async () => {
    const { authority } = files
    const server = createServer({
      cert: authority.cert,
      key: authority.key,
      ca: authority.cert,
      requestCert: true,
      rejectUnauthorized: false
    })
    try {
      await once(server.listen(0, '127.0.0.1'), 'listening')
      const { port } = server.address() as AddressInfo
      for (const [shown, name] of [
        [files.alice, 'alice'],
        [mallory, undefined]
      ] as const) {
        const came = once(server, 'secureConnection')
        sockets.push(connect({ port, host: '127.0.0.1', rejectUnauthorized: false, ...shown }))
        const [socket] = (await came) as [TLSSocket]
        sockets.push(socket)
        assert.deepEqual([socket.getPeerCertificate().subject.CN, certificateName(socket)], ['alice', name])
      }
    } finally {
      server.close()
    }
  })

  it('the WebSocket passes the name on', async () => {
    const port = await web('optional')
    for (const shown of [files.alice, {}]) {
      const socket = new WebSocket(`wss://localhost:${port}/mqtt`, ['mqtt'], { ca: files.authority.cert, ...shown })
      await once(socket, 'message')
      socket.terminate()
    }
    assert.deepEqual(names(), ['alice', undefined])
    assert.deepEqual(
      entrances.map(({ listener }) => listener),
      ['http', 'http']
    )
  })
})
