import assert from 'node:assert/strict'
import { chmodSync, existsSync, mkdirSync, readFileSync, readdirSync, statSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { isPassword, parseHash } from '../../gateway/access/password.js'
import { parseUsers } from '../../gateway/access/users-file.js'
import { usersCommand } from '../../gateway/cli/users.js'
import { CommandLine } from '../support/command-line.js'
import { needs } from '../support/peers.js'
import { Program, folder, labgate, main, withFreePorts, write } from './program.js'
import type { Ended } from './program.js'

async function users(args: readonly string[], input?: string): Promise<Ended> {
  return await new Program(process.execPath, [main, 'users', ...args], input === undefined ? {} : { input }).ended()
}

/** The same within this process. */
async function within(args: readonly string[], input = ''): Promise<CommandLine['ended']> {
  const { surroundings, ended } = new CommandLine({ input })
  await usersCommand(surroundings).parseAsync(args, { from: 'user' })
  return ended
}

/** The program on a terminal, where a person types these lines, each after a question. */
const terminal = `
import os, pty, sys, json
program, lines = json.loads(sys.argv[1]), json.loads(sys.argv[2])
pid, fd = pty.fork()
if pid == 0:
    os.execvp(program[0], program)
shown = b''
while True:
    try:
        chunk = os.read(fd, 1000)
    except OSError:
        break
    if not chunk:
        break
    shown += chunk
    if lines and shown.rstrip().endswith(b':') and shown.endswith(b' '):
        os.write(fd, lines.pop(0).encode())
_, status = os.waitpid(pid, 0)
print(json.dumps([os.waitstatus_to_exitcode(status), shown.decode()]))
`

describe('labgate users', function () {
  this.timeout(30_000)
  let place: string
  let file: string
  let config: string

  beforeEach(() => {
    place = folder()
    file = join(place, 'data', 'users.json')
    config = write(join(place, 'gateway.yaml'), `access:\n  users: ${file}\n  roles: { guest: { read: [lab/oven/#] } }\n`)
  })

  const role = (name: string): string | undefined => parseUsers(readFileSync(file, 'utf8'), file).get(name)?.role
  const hashOf = (name: string): string => (JSON.parse(readFileSync(file, 'utf8')) as { users: Record<string, { password: string }> }).users[name]?.password ?? '' // prettier-ignore
  const isRight = async (name: string, password: string): Promise<boolean> => {
    const hash = parseHash(hashOf(name))
    return hash !== undefined && (await isPassword(password, hash))
  }

  it('adds, lists, changes and removes, and says what comes next', async () => {
    const added = await users(['add', 'anna', '--role', 'operator', '--password-stdin', '--config', config], 'correct horse\r\nand more\n')
    assert.deepEqual([added.code, added.stderr], [0, ''])
    assert.match(added.stdout, /^anna is added to .*users\.json as operator\. A running gateway sees it within 2 seconds/)
    assert.ok(await isRight('anna', 'correct horse'))
    assert.equal(statSync(file).mode & 0o777, 0o600)
    const oven = await within(['add', 'oven', '--role', 'device', '--certificate', '--file', file])
    assert.match(oven.stdout, /client certificate whose common name is this\. The configuration names the file: access: \{ users: /)
    const { stdout } = await within(['list', '--config', config])
    assert.equal(stdout, 'anna  operator  password\noven  device    certificate only')
    assert.equal((await users(['passwd', 'anna', '--password-stdin', '-c', config], 'battery staple')).code, 0)
    assert.ok((await isRight('anna', 'battery staple')) && role('anna') === 'operator')
    assert.equal((await within(['role', 'anna', 'guest', '-c', config])).code, 0)
    assert.ok((await isRight('anna', 'battery staple')) && role('anna') === 'guest')
    const gone = await users(['remove', 'anna', '-f', file])
    assert.match(gone.stdout, /cuts the connections of anna within 3 seconds/)
    assert.equal(role('anna'), undefined)
    assert.deepEqual(readdirSync(join(place, 'data')), ['users.json'])
  })

  it('refuses what is wrong, says why, and changes nothing', async () => {
    await within(['add', 'anna', '-r', 'operator', '--password-stdin', '-c', config], 'correct horse')
    const before = readFileSync(file, 'utf8')
    const cases: [args: string[], input: string, code: number, says: RegExp][] = [
      [['add', 'bert', '-r', 'opertor', '-c', config], '', 1, /no role "opertor"; there are observer, operator, device, admin, guest/],
      [['add', 'bert', '-r', 'guest', '-f', file], '', 1, /no role "guest"; .* give --config/],
      [['add', 'a/b', '-r', 'admin', '-f', file], '', 1, /"a\/b" is no name for a user/],
      [['add', 'anna', '-r', 'admin', '-f', file], '', 1, /anna is there already, as operator/],
      [['add', 'bert', '-r', 'admin', '-f', file, '--password-stdin'], 'seven77\n', 1, /at least 8 characters/],
      [['add', 'bert', '-r', 'admin', '-f', file, '--password-stdin'], '', 1, /no password was given/],
      [['add', 'bert', '-r', 'admin', '-f', file], 'correct horse\n', 1, /no terminal .* --password-stdin/],
      [['add', 'bert', '-f', file], '', 1, /required option '-r, --role <role>'/],
      [['add', 'bert', '-r', 'admin'], '', 1, /--config gateway\.yaml, or --file/],
      [['remove', 'bert', '-c', config], '', 1, /there is no user "bert"/],
      [['passwd', 'bert', '-c', config, '--password-stdin'], 'correct horse', 1, /there is no user "bert"/],
      [['list', '-c', join(place, 'none.yaml')], '', 2, /none\.yaml: there is no such file/],
      [['list', '-f', join(place, 'none.json')], '', 2, /there is no file .*none\.json; make it with: labgate users add/],
      [['remove', 'anna', '-f', join(place, 'none.json')], '', 2, /there is no file/],
      [['list', '-f', write(join(place, 'bad.json'), '{"version":1,')], '', 2, /bad\.json is damaged: it is no JSON/],
      [['add', 'x', '-r', 'admin', '--certificate', '-f', join(place, 'bad.json')], '', 2, /damaged/],
      [['list', '-c', write(join(place, 'plain.yaml'), 'broker: {}\n')], '', 1, /names no file of users; write there/]
    ]
    for (const [at, [args, input, code, says]] of cases.entries()) {
      const isUsage = says.source.includes('required option')
      const ended = await (at === 0 || isUsage ? users(args, input) : within(args, input))
      assert.match(ended.stderr, says)
      assert.deepEqual([ended.code, ended.stdout], [code, ''], args.join(' '))
    }
    assert.equal(readFileSync(file, 'utf8'), before)
    assert.deepEqual(readdirSync(join(place, 'data')), ['users.json'])
    assert.equal(readFileSync(join(place, 'bad.json'), 'utf8'), '{"version":1,')
  })

  it('several at once lose nothing', async () => {
    const names = Array.from({ length: 6 }, (_, at) => `rig-${at}`)
    const ended = await Promise.all(
      names.map(async (name, at) => {
        const args = ['add', name, '-r', 'device', '--certificate', '-f', file]
        return await (at < 2 ? users(args) : within(args))
      })
    )
    assert.deepEqual(ended.map(({ code, stderr }) => [code, stderr]), names.map(() => [0, ''])) // prettier-ignore
    assert.deepEqual([...parseUsers(readFileSync(file, 'utf8'), file).keys()].toSorted(), names)
    assert.deepEqual(readdirSync(join(place, 'data')), ['users.json'])
  })

  it('one that was ended halfway is told of, and nothing is lost', async () => {
    await within(['add', 'anna', '-r', 'admin', '--certificate', '-f', file])
    const before = readFileSync(file, 'utf8')
    write(`${file}.lock`, '{"vers')
    const { code, stderr } = await within(['remove', 'anna', '-f', file])
    assert.deepEqual([code, readFileSync(file, 'utf8')], [2, before])
    assert.match(stderr, /another labgate users is at work; if none is, it was ended halfway: delete .*\.lock/)
  })

  it('keeps a link a link, and who of the group may read', async () => {
    mkdirSync(join(place, 'real'))
    const real = join(place, 'real', 'users.json')
    await within(['add', 'anna', '-r', 'admin', '--certificate', '-f', real])
    chmodSync(real, 0o666)
    symlinkSync(real, join(place, 'link.json'))
    await within(['add', 'bert', '-r', 'admin', '--certificate', '-f', join(place, 'link.json')])
    assert.deepEqual([...parseUsers(readFileSync(real, 'utf8'), real).keys()], ['anna', 'bert'])
    assert.equal(statSync(real).mode & 0o777, 0o640)
  })

  it('asks on a terminal, twice and unseen', async function () {
    needs(this, 'python3')
    const type = async (...lines: string[]): Promise<[code: number, shown: string]> => {
      const program = [process.execPath, main, 'users', 'add', 'anna', '-r', 'admin', '-f', file]
      const { stdout, stderr } = await new Program('python3', ['-c', terminal, JSON.stringify(program), JSON.stringify(lines)]).ended()
      assert.equal(stderr, '')
      return JSON.parse(stdout) as [number, string]
    }
    assert.match((await type('correct horse\r', 'correct house\r')).join(' '), /^1 .*two passwords; nothing was changed/s)
    assert.match((await type('short\r')).join(' '), /^1 .*at least 8 characters/s)
    assert.match((await type('\u0003')).join(' '), /^1 .*no password was given/s)
    assert.ok(!existsSync(file))
    const [code, shown] = await type('correct horse\r', 'correct horse\r')
    assert.equal(code, 0, shown)
    assert.ok(!shown.includes('horse'), shown)
    assert.match(shown, /Password of anna: \s+Once more: \s+anna is added/)
    assert.ok(await isRight('anna', 'correct horse'))
  })

  it('the example is good once there is a user', async () => {
    const text = withFreePorts('examples/users.yaml').replace('./data/users.json', file)
    const at = write(join(place, 'example.yaml'), text)
    assert.match((await labgate('check', at)).stderr, /^\S+example\.yaml:\d+:10 access\.users: there is no file .* \[file\]\n$/)
    for (const [name, role] of [
      ['anna', 'admin'],
      ['oven', 'device'],
      ['bert', 'shift']
    ] as const)
      // prettier-ignore
      assert.equal((await within(['add', name, '--role', role, '--password-stdin', '--config', at], 'correct horse')).stderr, '')
    const { code, stdout, stderr } = await labgate('check', at)
    assert.deepEqual([code, stderr], [0, ''])
    assert.match(stdout, /is good: 1 devices/)
  })

  it('are watched no more when the gateway cannot start: the process ends', async () => {
    await within(['add', 'anna', '-r', 'admin', '--certificate', '-f', file])
    const data = write(join(place, 'no-folder'), '')
    const at = write(join(place, 'full.yaml'), `access: { users: ${file} }\ngateway: { data: ${data} }\nbroker: { tcp: { port: 0 } }\n`)
    const { code, stdout } = await labgate('start', '--config', at)
    assert.equal(code, 1)
    assert.match(stdout, /"msg":"users read".*"msg":"cannot start"/s)
  })

  it('labgate check and start say what is missing, and the gateway says how many there are', async () => {
    const at = write(join(place, 'start.yaml'), `access: { users: ${file} }\nbroker: { tcp: { port: 0 } }\n`)
    for (const args of [
      ['check', at],
      ['start', '--config', at]
    ]) {
      const { code, stderr } = await labgate(...args)
      assert.equal(code, 2)
      assert.match(stderr, /start\.yaml:1:18 access\.users: there is no file .*; make it with: labgate users add/)
    }
    await within(['add', 'anna', '-r', 'admin', '--certificate', '-c', at])
    const program = new Program(process.execPath, [main, 'start', '--config', at])
    try {
      await program.says(/"msg":"ready"/)
      await within(['add', 'bert', '-r', 'admin', '--certificate', '-c', at])
      await program.says(/"users":2,"msg":"users read again"/)
    } finally {
      program.kill('SIGTERM')
      assert.equal((await program.ended()).code, 0)
    }
  })
})
