import assert from 'node:assert/strict'
import { createPrivateKey } from 'node:crypto'
import { chmodSync, mkdirSync, truncateSync } from 'node:fs'
import { join } from 'node:path'
import { labgate, write } from '../process/program.js'
import { CertificateFolder, certificate } from '../support/certificates.js'
import { start } from '../support/start.js'

const yaml = (keys: string): string => `broker: { tcp: { port: 0 }, tls: { port: 0, ${keys} } }\nadapters: []\n`

describe('a gateway whose TLS files are wrong', function () {
  this.timeout(20_000)
  let files: CertificateFolder

  beforeEach(async () => {
    files = await CertificateFolder.create()
  })

  const path = (): string => join(files.path, 'gateway.yaml')

  const faults: readonly (readonly [string, RegExp, () => Promise<void> | void])[] = [
    ['no certificate', /cert: \S+server\.pem: there is no certificate in it: it must be PEM/, () => void files.write('server.pem', '')],
    ['half a certificate', /cert: .*only half of it was written: write the file again/, () => truncateSync(files.file('server.pem'), 200)],
    [
      'half of the one above it',
      /cert: .*only half of it/,
      () => void files.write('server.pem', `${files.alice.cert}\n${files.authority.cert.slice(0, 200)}`)
    ],
    ['no key', /key: .*there is no private key in it/, () => void files.write('server.key', files.authority.cert)],
    [
      'a key with a passphrase',
      /key: .*has a passphrase.*openssl pkey -in/,
      () => {
        const key = createPrivateKey(files.alice.key)
        files.write('server.key', key.export({ type: 'pkcs8', format: 'pem', cipher: 'aes-256-cbc', passphrase: 'secret' }).toString())
      }
    ],
    [
      'the key of another one',
      /key: .*not the private key of \S+server\.pem: give the two that were made together/,
      async () => void files.write('server.key', (await certificate()).key)
    ],
    ['something large', /cert: .*larger than 1048576 bytes/, () => void files.write('server.pem', 'x'.repeat(1_048_577))],
    ['no authority', /ca: .*there is no certificate in it/, () => void files.write('ca.pem', 'hello')]
  ]

  for (const [what, expected, spoil] of faults)
    it(`does not start with ${what}, and the check tells it too`, async () => {
      await spoil()
      const text = yaml(files.keysFor('required'))
      await assert.rejects(
        start(text),
        (error: Error) => expected.test(error.message) && error.message.startsWith('cannot use broker.tls.')
      )
      const { code, stderr } = await labgate('check', write(path(), text))
      assert.equal(code, 2)
      assert.match(stderr, new RegExp(`gateway\\.yaml:1:\\d+ broker\\.tls\\.${expected.source}`))
    })

  it('does not start without the files, or with a folder', async () => {
    mkdirSync(files.file('folder'))
    for (const [keys, expected] of [
      [files.keys().replace('server.pem', 'missing.pem'), /broker\.tls\.cert: \S+missing\.pem: there is no such file: make it/],
      [files.keys().replace('server.key', 'folder'), /broker\.tls\.key: \S+folder: this is no file/]
    ] as const)
      await assert.rejects(start(yaml(keys)), { message: expected })
    // Nothing was left open: this would hang otherwise.
  })

  it('starts with one that has expired, and says so loudly', async () => {
    await files.server({ from: -20, until: -1 })
    const running = await start(yaml(files.keys()))
    try {
      const told = running.log.lines.filter(({ level }) => level === 'error').map(({ message }) => message)
      assert.match(told.join(), /^the certificate of broker\.tls\.cert expired at \S+Z: renew it/)
    } finally {
      await running.stop()
    }
    const { code, stderr } = await labgate('check', write(path(), yaml(files.keys())))
    assert.deepEqual([code, /broker\.tls\.cert: warning: \S+ has expired at .* \[expired\]/.test(stderr)], [0, true])
  })

  it('warns of a key that everybody can read, and of authorities that nobody is asked for', async () => {
    for (const [mode, warned] of [
      [0o640, false],
      [0o644, true]
    ] as const) {
      chmodSync(files.file('server.key'), mode)
      const running = await start(yaml(files.keys()))
      await running.stop()
      assert.equal(
        running.log.lines.some(({ level, message }) => level === 'warn' && /can read the private key: chmod 640/.test(message)),
        warned
      )
      const { stderr } = await labgate('check', write(path(), yaml(files.keys())))
      assert.equal(/broker\.tls\.key: warning: every user .* \[open-file\]/.test(stderr), warned)
    }
    const { stderr } = await labgate('check', write(path(), yaml(files.keys(`, ca: ${files.file('ca.pem')}`))))
    assert.match(stderr, /broker\.tls\.ca: warning: nobody is asked for a certificate: write clients: required/)
  })

  it('is started with the good ones', async () => {
    const { code, stderr } = await labgate('check', write(path(), yaml(files.keysFor('required'))))
    assert.deepEqual([code, stderr], [0, ''])
  })
})
