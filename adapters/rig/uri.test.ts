import assert from 'node:assert/strict'
import fc from 'fast-check'
import { rows } from './test-support/recorded.js'
import { isPlain, readUri, transportOf } from './uri.js'

describe('addresses of rigs', () => {
  const recorded = rows('uri')

  it('has the recorded rows', () => assert.ok(recorded.length >= 31))

  for (const { input, options, result, error, message } of recorded) {
    const { resolve_host: resolve = true, default_port: port, default_proc: proc } = options ?? {}
    const uri = input as string
    // An object of Python that only its text can stand for; as a text IPv6 is refused (section 1).
    const text = /^IPv4Address\((.*)\)$/.exec(uri)?.[1] ?? uri
    if (uri.startsWith('IPv6Address')) continue

    it(`reads ${JSON.stringify(uri)} as the original does`, () => {
      const read = readUri(text, { resolve, ...(port !== undefined && { port }), ...(proc !== undefined && { proc }) })
      if (error !== undefined) {
        assert.ok(!read.ok)
        // What the original finds out from the name server is left to whoever dials.
        assert.match(read.message, message?.startsWith('Failed to resolve') === true ? /^Invalid (hostname|port)/ : /./)
        if (!message?.startsWith('Failed')) assert.equal(read.message, message)
        return
      }
      assert.ok(read.ok)
      const found = new Map([
        ['localhost', '127.0.0.1'],
        ['127.1', '127.0.0.1']
      ]).get(read.host)
      assert.equal(`${read.proc}://${resolve ? (found ?? read.host) : read.host}:${read.port}`, result)
    })
  }

  it('takes names as name servers have them, unless they are not to be looked up', () => {
    for (const host of ['CAMERAS-PC', 'cameras.lab.example.org', 'cameras.lab.', 'a', 'foo_bar']) {
      assert.deepEqual(readUri(`udp://${host}:1`), { ok: true, proc: 'udp', host, port: 1 })
    }
    assert.equal(readUri('Cameras', { resolve: false }).ok, false)
    for (const host of ['', ' ', '-a', 'a-', '.a', 'a b', 'a/b', 'user@a', 'a\n', '[', 'é']) assert.equal(readUri(host).ok, false, host)
  })

  it('takes no port but a whole number of 1 to 65535, and the usual one where there is none', () => {
    const port = (text: string): unknown => {
      const read = readUri(`udp://h:${text}`)
      return read.ok ? read.port : read.message
    }
    assert.deepEqual(['', '1', ' 65535\n', '+7'].map(port), [11001, 1, 65535, 7])
    for (const text of ['0', '65536', '-1', '1.0', '11001/', '11001:1', '0x10', '9'.repeat(5000), '٣'])
      assert.equal(port(text), `Invalid port number: ${text}`)
  })

  it('knows the transport of a scheme', () => {
    assert.deepEqual(['udp', 'UDP', 'tcp', 'ws', 'wss', 'Ws', 'http', 'udpx', ''].map(transportOf), [
      'udp',
      'udp',
      'tcp',
      'tcp',
      'tcp',
      'tcp',
      undefined,
      undefined,
      undefined
    ])
    assert.deepEqual(['udp', 'UDP', 'Ws'].map(isPlain), [true, false, false])
  })

  it('never throws', () => {
    fc.assert(fc.property(fc.string({ unit: 'binary' }), (text) => void readUri(text)))
  })
})
