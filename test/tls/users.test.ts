import assert from 'node:assert/strict'
import { request } from 'node:https'
import { CertificateFolder } from '../support/certificates.js'
import { TestClient } from '../support/mqtt.js'
import { start } from '../support/start.js'
import type { Running } from '../support/start.js'

describe('users who come by certificate', () => {
  let files: CertificateFolder
  let running: Running

  before(async () => {
    files = await CertificateFolder.create()
    await files.client('bob', { names: ['bob'] })
    await files.client('carol', { names: ['carol'] })
    const users = files.write('users.json', '{"version":1,"users":{"alice":{"role":"observer"},"bob":{"role":"operator"}}}')
    const keys = files.keysFor('optional')
    running = await start(
      `access: { users: ${users}, anonymous: none }\nbroker: { tcp: { port: 0 }, tls: { port: 0, ${keys} } }\nhttp: { port: 0, tls: { ${keys} } }\n` +
        'devices: { weather: { codenames: { wind: { settable: true, schema: { type: number } } } } }\nadapters: []\n'
    )
  })

  after(() => running?.stop())

  const pair = (name: string): { cert: string; key: string } => ({ cert: files.read(`${name}.pem`), key: files.read(`${name}.key`) })
  const tls = (): string => `mqtts://localhost:${running.gateway.address('tls')?.port}`
  const wss = (): string => `wss://localhost:${running.httpPort}/mqtt`

  async function get(name: string | undefined): Promise<number | undefined> {
    const shown = name === undefined ? {} : pair(name)
    return await new Promise((resolve, reject) => {
      const options = { port: running.httpPort, host: '127.0.0.1', servername: 'localhost', path: '/api/devices', agent: false, ...shown }
      request({ ...options, ca: files.authority.cert }, (answer) => resolve(answer.resume().statusCode))
        .on('error', reject)
        .end()
    })
  }

  it('have their role over MQTT, over the WebSocket and over HTTP', async () => {
    for (const url of [tls(), wss()]) {
      const alice = await TestClient.connect(0, { ca: files.authority.cert, ...pair('alice') }, url)
      await alice.subscribe('lab/#', 'lab-dead/#')
      await alice.publish('notes', 'x')
      const dead = await alice.next(({ topic }) => topic === 'lab-dead/notes')
      assert.match(dead.text, /"class":"Forbidden"/)
      const bob = await TestClient.connect(0, { ca: files.authority.cert, ...pair('bob') }, url)
      await bob.publish('lab/weather/wind/set', { id: 'w', value: 'fast' })
      assert.match((await alice.next('lab/weather/wind/reply')).text, /"class":"WrongType"/)
      await alice.close()
      await bob.close()
    }
    assert.deepEqual([await get('alice'), await get('bob')], [200, 200])
  })

  it('who has a good certificate and is no user does not come in, nor who has none', async () => {
    for (const url of [tls(), wss()])
      for (const shown of [pair('carol'), {}])
        await assert.rejects(TestClient.connect(0, { ca: files.authority.cert, ...shown }, url), /Not authorized|closed|401/)
    assert.deepEqual([await get('carol'), await get(undefined)], [401, 401])
  })
})

describe('a certificate with a name that is none', () => {
  for (const [users, clients] of [
    [true, 'required'],
    [true, 'optional'],
    [false, 'required']
  ] as const)
    it(`is refused, and nobody in particular: ${users ? 'with users' : 'without'}, clients ${clients}`, async () => {
      const files = await CertificateFolder.create()
      await files.client('odd', { names: ['alice', 'bob'] })
      const path = files.write('users.json', '{"version":1,"users":{"alice":{"role":"observer"}}}')
      const keys = files.keysFor(clients)
      const running = await start(
        `${users ? `access: { users: ${path} }\n` : ''}broker: { tcp: { port: 0 }, tls: { port: 0, ${keys} } }\nhttp: { port: 0, tls: { ${keys} } }\n`
      )
      try {
        const [cert, key] = [files.read('odd.pem'), files.read('odd.key')]
        const ca = files.authority.cert
        for (const url of [`mqtts://localhost:${running.gateway.address('tls')?.port}`, `wss://localhost:${running.httpPort}/mqtt`])
          await assert.rejects(TestClient.connect(0, { ca, cert, key }, url), /Not authorized|closed|401/)
        const status = await new Promise<number | undefined>((resolve, reject) => {
          const options = { port: running.httpPort, host: '127.0.0.1', servername: 'localhost', path: '/api/devices', agent: false }
          request({ ...options, ca, cert, key }, (answer) => resolve(answer.resume().statusCode))
            .on('error', reject)
            .end()
        })
        assert.equal(status, 401)
      } finally {
        await running.stop()
      }
    })
})
