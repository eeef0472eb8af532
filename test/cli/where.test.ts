import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { folder, write } from '../process/program.js'
import { CertificateFolder } from '../support/certificates.js'
import { startLab, labYaml } from '../support/lab.js'
import type { Lab } from '../support/lab.js'
import { UsersFile, passwordOf } from '../support/users.js'
import { run } from './run.js'
import type { RunOptions } from './run.js'

describe('where the commands look for the gateway, and as whom', function () {
  this.timeout(20_000)
  const labs: Lab[] = []
  const begin = async (yaml: string): Promise<Lab> => {
    const lab = await startLab({}, yaml)
    labs.push(lab)
    return lab
  }
  afterEach(async () => {
    for (const lab of labs.splice(0)) await lab.stop()
  })
  const said = async (args: readonly string[], options?: RunOptions): Promise<string> => {
    const { code, stdout, stderr } = await run(args, options)
    return `${code} ${stdout}${stderr}`
  }
  /** A configuration of the same gateway, with the port that the system chose. */
  const configOf = (lab: Lab, more = ''): string => write(join(folder(), 'gateway.yaml'), `http: { port: ${lab.httpPort}${more} }\n`)

  it('asks as a user: password of the environment or of standard input, never of the arguments', async () => {
    const people = new UsersFile({ anna: 'operator', olga: 'observer' })
    const lab = await begin(`http: { port: 0 }\naccess: { users: ${people.path}, anonymous: none }\n${labYaml}`)
    const url = ['--url', `127.0.0.1:${lab.httpPort}`]
    const LABGATE_PASSWORD = passwordOf('anna')
    assert.match(
      await said(['read', 'furnace/setpoint', ...url]),
      /^1 http:\/\/127.* wants to know who asks .*give --user NAME, and the password when asked, in LABGATE_PASSWORD/
    )
    assert.match(await said(['status', ...url, '--user', 'anna'], { env: { LABGATE_PASSWORD } }), /^\d lab-gateway|^\d .*\(labgate test\)/)
    assert.match(
      await said(['set', 'furnace/setpoint', '5', ...url, '--user', 'anna', '--password-stdin'], { input: `${LABGATE_PASSWORD}\n` }),
      /^0 5\n/
    )
    assert.match(
      await said(['status', ...url, '--user', 'anna'], { env: { LABGATE_PASSWORD: 'wrong' } }),
      /^1 .*does not let anna in: the name or the password is wrong$/
    )
    assert.match(
      await said(['status', ...url, '--user', 'anna']),
      /^2 there is no terminal to ask for a password: put it into LABGATE_PASSWORD/
    )
    assert.match(await said(['status', ...url, '--user', 'an:na'], { env: { LABGATE_PASSWORD } }), /^2 "an:na" is no name/)
    assert.match(await said(['status', ...url, '--password-stdin'], { input: 'x\n' }), /^2 .*give --user NAME too/)
    const env = { LABGATE_PASSWORD: passwordOf('olga') }
    assert.match(
      await said(['set', 'furnace/setpoint', '5', ...url, '--user', 'olga'], { env }),
      /^1 Forbidden: olga has the role observer, which may not do this$/
    )
    assert.match(await said(['read', 'furnace/temprature', ...url, '--user', 'olga'], { env }), /^1 UnknownCodename/)
    assert.match(await said(['doctor', ...url]), /and is ok.*|give --user NAME to be told why/s)
  })

  it('a password in an address is refused', async () => {
    const text = await said(['status', '--url', 'http://anna:correct-horse@127.0.0.1:1'])
    assert.match(text, /^2 a password in an address stands in lists of processes/)
    assert.doesNotMatch(text, /correct-horse/)
    for (const bad of ['ftp://lab', 'http://', 'http://a b'])
      assert.match(await said(['status', '--url', bad]), /^2 .* is no address of a gateway/)
  })

  it('says what is not there, and how to start it', async () => {
    const file = write(join(folder(), 'gateway.yaml'), 'http: { port: 1 }\n')
    assert.match(
      await said(['status', '-c', file]),
      /^1 no gateway answers at http:\/\/127\.0\.0\.1:1 \(nobody listens there; looked there because of: http of .*gateway\.yaml\)\. Start one: labgate start --config .*gateway\.yaml; or/
    )
    assert.match(await said(['read', 'a/b', '--url', 'http://nowhere.invalid']), /^1 there is no computer of the name|^1 the name in/)
    assert.match(
      await said(['status', '-c', write(join(folder(), 'a.yaml'), 'broker: {}\n')]),
      /^2 .* has no http, .* Write there: http: \{\}|^1 no gateway answers/
    )
    assert.match(
      await said(['status', '-c', write(join(folder(), 'a.yaml'), 'http: { port: 0 }\n')]),
      /^2 .* leaves the port of http to the system/
    )
    assert.match(await said(['status', '-c', write(join(folder(), 'a.yaml'), 'htp: {}\n')]), /^2 .*a\.yaml has no http/)
    assert.match(await said(['status', '-c', join(folder(), 'none.yaml')]), /^2 .*there is no such file/)
  })

  it('what is no gateway is told as such, and nobody is followed elsewhere', async () => {
    let asked = 0
    const server = createServer((request, response) => {
      asked += 1
      if (request.url === '/api/health') response.writeHead(302, { location: 'http://127.0.0.1:1/' }).end()
      else response.writeHead(200, { 'content-type': 'text/html' }).end('<h1>It works</h1>')
    }).listen(0, '127.0.0.1')
    await once(server, 'listening')
    const url = ['--url', `127.0.0.1:${(server.address() as AddressInfo).port}`]
    try {
      assert.match(await said(['status', ...url]), /^1 .*is no answer of a gateway/)
      assert.match(await said(['read', 'a/b', ...url]), /^1 .*is no answer of a gateway/)
      assert.match(await said(['doctor', ...url]), /something else than a gateway answers/)
      assert.ok(asked > 2)
    } finally {
      server.close()
    }
  })

  it('over TLS: by the authority, or by the certificate of the configuration itself', async () => {
    const files = await CertificateFolder.create()
    const tls = `tls: { cert: ${files.file('server.pem')}, key: ${files.file('server.key')} }`
    const lab = await begin(`http: { port: 0, ${tls} }\n${labYaml}`)
    const url = ['--url', `https://127.0.0.1:${lab.httpPort}`]
    await lab.scripted.host('oven').publish({ device: 'furnace', codename: 'temperature', value: 5 })
    assert.match(await said(['read', 'furnace/temperature', ...url, '--ca', files.file('ca.pem')]), /^0 5\n/)
    assert.match(await said(['read', 'furnace/temperature', '-c', configOf(lab, `, ${tls}`)]), /^0 5\n/)
    assert.match(await said(['read', 'furnace/temperature', ...url]), /^1 .*shows a certificate that nobody here believes .*give --ca FILE/)
    const other = await CertificateFolder.create()
    assert.match(
      await said(['read', 'furnace/temperature', ...url, '--ca', other.file('ca.pem')]),
      /^1 .*nobody here believes|^1 .*cannot be asked/
    )
    assert.match(await said(['status', ...url, '--ca', files.file('none.pem')]), /^2 --ca .* cannot be read/)
    assert.match(await said(['status', ...url, '--ca', files.file('server.key')]), /^2 --ca .* holds no certificate/)
    assert.match(await said(['status', '--url', `http://127.0.0.1:${lab.httpPort}`]), /^1 .*(wants https:\/\/|no HTTP|400)/)
    const plain = await begin(labYaml)
    assert.match(await said(['status', '--url', `https://127.0.0.1:${plain.httpPort}`]), /^1 .*(does not speak TLS|broke off)/)
  })
})
