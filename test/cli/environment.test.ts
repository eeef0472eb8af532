import assert from 'node:assert/strict'
import { join } from 'node:path'
import { parseEnvironment, unsetIn } from '../../gateway/cli/service-environment.js'
import { Program, folder, main, write } from '../process/program.js'
import { startLab } from '../support/lab.js'
import type { Lab } from '../support/lab.js'
import { UsersFile } from '../support/users.js'
import { run } from './run.js'

describe('a configuration that only the service can use', function () {
  this.timeout(20_000)
  let lab: Lab

  before(async () => {
    lab = await startLab()
    await lab.scripted.host('oven').publish({ device: 'furnace', codename: 'anything', value: 7 })
  })
  after(async () => await lab.stop())

  const bridge = 'upstream: [{ id: f, servers: [{ host: h.invalid }], user: u, tls: {}, password: "${FACULTY_PASSWORD}" }]\n'
  const yaml = (more = bridge): string =>
    `gateway: { data: ${folder()} }\nbroker: { tcp: { port: 0 } }\nhttp: { port: ${lab.httpPort} }\n${more}`
  const config = (text: string): string => write(join(folder(), 'gateway.yaml'), text)

  it('a running gateway is asked all the same: secrets are not needed, nor the rest of the file', async () => {
    for (const text of [yaml(), yaml('adapters: [{ id: x, type: nonsense }]\nupstraem: 1\n')]) {
      const { code, stdout, stderr } = await run(['read', 'furnace/anything', '-c', config(text)])
      assert.deepEqual([code, stdout], [0, '7\n'], stderr)
    }
    for (const text of [yaml('x: [\n'), 'http: { port: "${HTTP_PORT}" }\n']) {
      const { code, stderr } = await run(['read', 'furnace/anything', '-c', config(text)])
      assert.equal(code, 2)
      assert.match(stderr, /gateway\.yaml:\d+:\d+ [^]*--url http:/)
    }
  })

  it('doctor looks at what does not depend on it, and says what is missing', async () => {
    const { stdout } = await run(['doctor', '-c', config(yaml())], { terminal: { columns: 500 } })
    assert.match(stdout, /configuration .*not set for this user: FACULTY_PASSWORD\. Next: .*--environment FILE/)
    for (const name of ['gateway', 'data folder', 'port http', 'port broker.tcp']) assert.ok(stdout.includes(name), name)
  })

  it('check and users take variables from the file of the service', async () => {
    const users = new UsersFile({ anna: 'admin' })
    const file = config(yaml(`${bridge}access: { users: ${users.path} }\n`))
    const check = async (...args: string[]): ReturnType<Program['ended']> =>
      await new Program(process.execPath, [main, ...args], { env: { FACULTY_PASSWORD: undefined as never } }).ended()
    const [without, listed] = await Promise.all([check('check', file), check('users', 'list', '--config', file)])
    assert.equal(without.code, 2)
    assert.match(without.stderr, /FACULTY_PASSWORD is not set[^]*--environment FILE/)
    assert.match(listed.stdout, /anna +admin/)
    const elsewhere = write(join(folder(), 'secrets'), 'FACULTY_PASSWORD="not told"\n')
    write(join(file, '..', 'environment'), 'FACULTY_PASSWORD=x\n')
    const [beside, named] = await Promise.all([check('check', file), run(['doctor', '-c', file, '--environment', elsewhere])])
    assert.equal(beside.code, 0, beside.stderr)
    assert.doesNotMatch(named.stdout, /not set/)
    assert.match((await run(['doctor', '-c', file, '--environment', `${elsewhere}x`])).stderr, /secretsx cannot be read/)
  })

  it('reads such files as systemd does', () => {
    assert.deepEqual(parseEnvironment('# x\n; y\nA=1\n B = 2\nC="a \\"b\\""\nD=\'$x\'\nE=a=b # c\n\nF=\n'), {
      A: '1',
      C: 'a "b"',
      D: '$x',
      E: 'a=b # c',
      F: ''
    })
    assert.deepEqual(unsetIn('a: ${A}\n# ${B}\nc: "$${C} ${D} ${A}"\n', { D: '' }), ['A'])
  })
})
