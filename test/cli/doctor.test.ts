import assert from 'node:assert/strict'
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { chmodSync, mkdirSync, utimesSync } from 'node:fs'
import { createServer } from 'node:net'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { folder, write } from '../process/program.js'
import { adapterTypes } from '../../adapters/index.js'
import { writable } from '../../gateway/cli/doctor/disk.js'
import { portChecks } from '../../gateway/cli/doctor/ports.js'
import { checkConfig } from '../../gateway/config.js'
import { CertificateFolder } from '../support/certificates.js'
import { CommandLine } from '../support/command-line.js'
import { startLab } from '../support/lab.js'
import { UsersFile } from '../support/users.js'
import { bare, run } from './run.js'

interface Told {
  readonly ok: boolean
  readonly checks: readonly { readonly name: string; readonly verdict: string; readonly found: string; readonly next: string }[]
}

describe('labgate doctor', function () {
  this.timeout(20_000)

  const config = (yaml: string): string => write(join(folder(), 'gateway.yaml'), yaml)
  const ask = async (yaml: string, more: readonly string[] = []): Promise<{ code: number; told: Told; stderr: string }> => {
    const { code, stdout, stderr } = await run(['doctor', '--json', '-c', config(yaml), ...more])
    return { code, told: JSON.parse(stdout) as Told, stderr }
  }
  const check = ({ checks }: Told, name: string): string => {
    const found = checks.filter((one) => one.name === name)
    assert.equal(found.length, 1, `${name}: ${JSON.stringify(checks)}`)
    return `${found[0]?.verdict} ${found[0]?.found} -> ${found[0]?.next}`
  }
  /** Nothing of the gateway itself is opened. */
  const base = (data: string): string => `gateway: { data: ${data} }\nbroker: { tcp: { port: 0 } }\nhttp: { port: 1 }\n`

  it('without a gateway: looks at the computer, and says what to do next', async () => {
    const { code, told } = await ask(`${base(join(folder(), 'new'))}adapters: []\n`)
    assert.match(check(told, 'configuration'), /^OK /)
    assert.match(check(told, 'gateway'), /^WARN no gateway answers .* -> start it/)
    assert.match(check(told, 'Node.js'), /^OK version \d/)
    assert.match(check(told, 'memory'), /^(OK|WARN) \S+ [KMG]iB of .* free/)
    assert.match(check(told, 'data folder'), /^OK .*new is not there yet and can be made/)
    assert.match(check(told, 'disk'), /^(OK|WARN|FAIL) .* free/)
    assert.match(check(told, 'clock'), /^(OK|WARN) \d{4}-/)
    assert.match(check(told, 'file descriptors'), /^(OK|WARN) /)
    assert.equal(code, told.checks.some(({ verdict }) => verdict === 'FAIL') ? 1 : 0)
    assert.ok(told.checks.every(({ verdict, next }) => verdict === 'OK' || next !== ''))
    const plain = await run(['doctor', '--url', 'http://127.0.0.1:1'])
    assert.match(plain.stdout, /WARN +configuration +none was given.*Next: labgate doctor --config/)
  })

  it('with one that runs: knows its ports, and passes on what it says', async () => {
    const lab = await startLab()
    try {
      const { told, code } = await ask(
        `gateway: { data: ${folder()} }\nhttp: { port: ${lab.httpPort} }\nbroker: { tcp: { port: ${lab.mqttPort} } }\nadapters: []\n`
      )
      assert.match(check(told, 'gateway'), /^OK .* runs at http:\/\/127\.0\.0\.1:\d+ and is ok/)
      for (const name of ['port http', 'port broker.tcp'])
        assert.match(check(told, name), /^OK tcp 127\.0\.0\.1:\d+ is used by the gateway that runs/)
      assert.equal(code, 0, JSON.stringify(told))
    } finally {
      await lab.stop()
    }
  })

  it('a port of another program, and an address of another computer', async () => {
    const other = createServer((socket) => socket.destroy()).listen(0, '127.0.0.1')
    await once(other, 'listening')
    const { port } = other.address() as AddressInfo
    try {
      const { told, code } = await ask(
        `gateway: { data: ${folder()} }\nhttp: { port: ${port} }\nbroker: { tcp: { host: 192.0.2.7, port: 1883, insecure: true } }\n`
      )
      assert.match(
        check(told, 'port http'),
        new RegExp(`^FAIL tcp 127\\.0\\.0\\.1:${port} is used by (process \\d+: .*node|another program).* -> end that program`)
      )
      assert.match(check(told, 'port broker.tcp'), /^FAIL 192\.0\.2\.7 is no address of this computer, which has .*127\.0\.0\.1/)
      assert.equal(code, 1)
    } finally {
      other.close()
    }
  })

  it('peers: there, not there, silent, unknown; nothing but a harmless question is sent', async () => {
    const heard: string[] = []
    const pull = createSocket('udp4').bind(0, '127.0.0.1')
    const mute = createSocket('udp4').bind(0, '127.0.0.1')
    await Promise.all([once(pull, 'listening'), once(mute, 'listening')])
    pull.on('message', (text, { port }) => {
      heard.push(text.toString())
      pull.send('furnace', port, '127.0.0.1')
    })
    const gone = createServer().listen(0, '127.0.0.1')
    await once(gone, 'listening')
    const { port: dead } = gone.address() as AddressInfo
    await new Promise((resolve) => gone.close(resolve))
    const client = (id: string, host: string, port: number): string => `  - { id: ${id}, type: data-pull-client, target: { host: ${host}, port: ${port} }, device: d-${id} }\n` // prettier-ignore
    try {
      const { told, code } = await ask(
        `${base(folder())}devices: { d-good: { codenames: { x: {} } }, d-mute: { codenames: { x: {} } }, d-lost: { codenames: { x: {} } }, pages: { codenames: { idn: {} } } }\nadapters:\n${client('good', '127.0.0.1', pull.address().port)}${client('mute', '127.0.0.1', mute.address().port)}${client('lost', 'nowhere.invalid', 9000)}` +
          `  - { id: flask, type: http-routes-client, target: { host: 127.0.0.1, port: ${dead} }, device: pages, routes: { idn: { get: /idn, period: 60 } } }\n`
      )
      assert.match(check(told, 'peer of good'), /^OK udp 127\.0\.0\.1:\d+ answers/)
      assert.match(check(told, 'peer of mute'), /^WARN udp .* does not answer within 2 s -> is the computer on/)
      assert.match(check(told, 'peer of flask'), /^FAIL tcp .*nothing listens at this port -> start the program/)
      assert.match(check(told, 'name nowhere.invalid'), /^FAIL .*(is not found|does not answer)/)
      assert.deepEqual(heard, ['name'])
      assert.equal(code, 1)
    } finally {
      pull.close()
      mute.close()
    }
  })

  it('peers of a gateway that runs are left alone, unless it says that it has none', async () => {
    let calls = 0
    const instrument = createServer((socket) => {
      calls += 1
      socket.destroy()
    }).listen(0, '127.0.0.1')
    await once(instrument, 'listening')
    const { port } = instrument.address() as AddressInfo
    const people = new UsersFile({ anna: 'admin' })
    const lab = await startLab({}, `access: { users: ${people.path}, anonymous: none }\n`)
    const yaml = (http: string, mqtt: number): string =>
      `gateway: { data: ${folder()} }\n${http}broker: { tcp: { port: ${mqtt} } }\ndevices: { pages: { codenames: { idn: {} } } }\nadapters:\n` +
      `  - { id: flask, type: http-routes-client, target: { host: 127.0.0.1, port: ${port} }, device: pages, routes: { idn: { get: /idn, period: 60 } } }\n`
    try {
      // It does not tell who is nobody; nor is there a way to ask it.
      for (const text of [yaml(`http: { port: ${lab.httpPort} }\n`, 0), yaml('', lab.mqttPort)])
        assert.match(check((await ask(text)).told, 'peer of flask'), /^WARN .* was not asked: a gateway runs .* -> give --user NAME/)
      assert.equal(calls, 0)
      // Nobody runs: it is asked.
      assert.match(check((await ask(yaml('http: { port: 1 }\n', lab.mqttPort))).told, 'peer of flask'), /^OK .* answers/)
      assert.equal(calls, 1)
    } finally {
      await lab.stop()
      instrument.close()
    }
  })

  it('a port whose holder cannot be seen is not praised', async () => {
    const checked = checkConfig('adapters: []\nhttp: {}\nbroker: { tcp: { port: 21 } }\n', { file: 'x', types: adapterTypes, env: {} })
    const running = { url: '', name: '', offset: 0, status: 'ok', troubles: [], instances: new Map() }
    const socket = createServer().listen(0, '127.0.0.1')
    await once(socket, 'listening')
    const { port } = socket.address() as AddressInfo
    ;(checked.config.broker.tcp as { port: number }).port = port
    try {
      const found = await portChecks({ around: new CommandLine().surroundings, checked, running }, async () => new Map())
      const told = found.find(({ name }) => name === 'port broker.tcp')
      assert.match(
        `${told?.verdict} ${told?.found}`,
        /^WARN .* is in use, by the gateway that runs or by another program: that cannot be seen/
      )
    } finally {
      socket.close()
    }
  })

  it('never advises to give away what lies above the data folder', async () => {
    const above = join(folder(), 'var')
    const data = join(above, 'labgate')
    mkdirSync(above)
    const denied = Object.assign(new Error('EACCES: permission denied'), { code: 'EACCES' })
    const refuse = async (): Promise<never> => await Promise.reject(denied)
    const missing = await writable(data, above, false, refuse)
    assert.match(
      `${missing.found} -> ${missing.next}`,
      /labgate is not there, .* -> make it .*: install -d -o labgate -g labgate -m 700 \/.*\/var\/labgate;/
    )
    assert.doesNotMatch(missing.next, /chown/)
    mkdirSync(data)
    assert.ok((await writable(data, data, true, refuse)).next.includes(`chown -R labgate ${data};`))
  })

  it('users, secrets and certificates', async () => {
    const people = new UsersFile({ anna: 'admin' })
    const files = await CertificateFolder.create({ until: 10 })
    chmodSync(people.path, 0o666)
    const yaml = `${base(folder())}access: { users: ${people.path} }\n`.replace('http: { port: 1 }', `http: { port: 1, tls: { cert: ${files.file('server.pem')}, key: ${files.file('server.key')} } }`) // prettier-ignore
    const { told } = await ask(yaml)
    assert.match(check(told, 'users'), /^FAIL .* can be changed by others \(mode 666\) -> chmod 600 /)
    assert.match(check(told, 'http.tls.cert'), /^WARN .* expires in \d+ days -> renew it/)
    chmodSync(people.path, 0o600)
    await files.server({ from: -10, until: -1 })
    chmodSync(files.file('server.key'), 0o644)
    const later = await ask(yaml)
    assert.match(check(later.told, 'users'), /^OK 1 in .*mode 600/)
    assert.match(check(later.told, 'http.tls.cert'), /^FAIL .* has expired/)
    assert.match(check(later.told, 'http.tls.key'), /^WARN every user of this computer can read .*chmod 640/)
    files.write('server.pem', 'nothing')
    assert.match(check((await ask(yaml)).told, 'http.tls.cert'), /^FAIL .*there is no certificate in it/)
    const gone = yaml.replace(people.path, join(folder(), 'none.json'))
    assert.match(check((await ask(gone)).told, 'users'), /^FAIL there is no file .* -> labgate users add/)
  })

  it('a data folder that cannot be, and a clock that stands before the data', async () => {
    const file = write(join(folder(), 'file'), '')
    assert.match(
      check((await ask(`${base(join(file, 'data'))}adapters: []\n`)).told, 'data folder'),
      /^FAIL .*is no folder|^FAIL .*cannot be written/
    )
    const data = folder()
    mkdirSync(join(data, 'broker'))
    write(join(data, 'broker', 'CURRENT'), '')
    const soon = Date.now() / 1000 + 86_400
    utimesSync(join(data, 'broker', 'CURRENT'), soon, soon)
    const { told, code } = await ask(`${base(data)}adapters: []\n`)
    assert.match(check(told, 'clock and data'), /^FAIL what is stored was written at .*yet to come -> set the clock/)
    assert.equal(code, 1)
  })

  it('a configuration that is wrong is one of its findings; the computer is looked at all the same', async () => {
    const { code, told, stderr } = await ask('htp: {}\n')
    assert.match(stderr, /gateway\.yaml:1:1 /)
    assert.match(check(told, 'configuration'), /^FAIL .* -> mend it, then: labgate check /)
    assert.match(check(told, 'memory'), /free/)
    assert.equal(code, 1)
  })

  it('a gateway without a name of its own, where others know it by its name', async () => {
    const bridge = 'upstream: [{ id: f, servers: [{ host: 127.0.0.1, port: 1 }] }]\n'
    const discovery = 'homeAssistant: { discovery: true }\n'
    const names = async (text: string): Promise<string[]> =>
      (await ask(`${base(folder())}${text}`)).told.checks.filter(({ name }) => name === 'gateway.name').map(({ verdict }) => verdict)
    for (const text of [bridge, discovery]) assert.deepEqual(await names(text), ['WARN'], text)
    assert.deepEqual(await names(''), [])
    assert.deepEqual(await names(bridge.replace('id: f', 'id: f, clientId: mine')), [])
    const { told } = await ask(`${base(folder()).replace('{ data', '{ name: lab-7, data')}${discovery}`)
    assert.ok(!told.checks.some(({ name }) => name === 'gateway.name'))
  })

  it('as a table within the terminal', async () => {
    const { stdout } = await run(['doctor', '-c', config(`${base(folder())}adapters: []\n`)], { terminal: { columns: 60 } })
    const lines = bare(stdout).split('\n')
    for (const line of lines) assert.ok(line.length <= 60, line)
    assert.match(lines.join('\n'), /\d+ OK, \d+ WARN, \d+ FAIL\n$/)
    assert.ok(stdout.includes('\u001b[33mWARN\u001b[0m'))
  })
})
