import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect } from 'node:net'
import { readCredentials } from '../../gateway/tls/credentials.js'
import { listenTls } from '../../gateway/tls/listener.js'
import { Secure } from '../../gateway/tls/secure.js'
import { CertificateFolder } from '../support/certificates.js'

describe('a connection to TLS that says nothing', () => {
  it('is closed after its time, before anybody has it', async () => {
    const files = await CertificateFolder.create()
    const failed: string[] = []
    const credentials = await readCredentials({ cert: files.file('server.pem'), key: files.file('server.key'), clients: 'none' })
    const secure = await Secure.create({
      credentials,
      clients: 'none',
      protocol: 'mqtt',
      within: 0.2,
      failed: (_socket, error) => failed.push((error as NodeJS.ErrnoException).code ?? error.message)
    })
    const door = { admit: () => true, handle: () => assert.fail('it was handed on') }
    const listener = await listenTls({ host: '127.0.0.1', port: 0 }, door, secure, true)
    const sockets = ['', '\x16\x03\x01'].map((bytes) => {
      const socket = connect(listener.address.port, '127.0.0.1')
      socket.on('error', () => {})
      if (bytes !== '') socket.write(bytes)
      return socket
    })
    await Promise.all(sockets.map((socket) => once(socket.resume(), 'close')))
    assert.deepEqual(failed, ['ERR_TLS_HANDSHAKE_TIMEOUT', 'ERR_TLS_HANDSHAKE_TIMEOUT'])
    await listener.close()
  })
})
