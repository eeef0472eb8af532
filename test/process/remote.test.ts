import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { startLab, labYaml } from '../support/lab.js'
import type { Lab } from '../support/lab.js'
import { needs } from '../support/peers.js'
import { UsersFile, passwordOf } from '../support/users.js'
import { Program, folder, labgate, main, write } from './program.js'

/** The program on a terminal of 60 columns and 12 rows: types each text once what is shown ends with, or holds, the one before it. */
const terminal = `
import fcntl, json, os, pty, struct, sys, termios
program, steps = json.loads(sys.argv[1]), json.loads(sys.argv[2])
pid, fd = pty.fork()
if pid == 0:
    fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack('HHHH', 12, 60, 0, 0))
    os.execvp(program[0], program)
shown = b''
while True:
    try:
        chunk = os.read(fd, 10000)
    except OSError:
        break
    if not chunk:
        break
    shown += chunk
    while steps and steps[0][0].encode() in shown:
        os.write(fd, steps.pop(0)[1].encode())
_, status = os.waitpid(pid, 0)
print(json.dumps([os.waitstatus_to_exitcode(status), shown.decode()]))
`

describe('labgate as a program that asks a gateway', function () {
  this.timeout(30_000)
  let lab: Lab

  before(async () => {
    const people = new UsersFile({ anna: 'operator' })
    lab = await startLab({}, `http: { port: 0 }\naccess: { users: ${people.path}, anonymous: none }\n${labYaml}`)
    await lab.scripted.host('oven').publish({ device: 'furnace', codename: 'setpoint', value: 47.5, unit: '°C' })
  })
  after(async () => await lab.stop())

  const url = (): string[] => ['--url', `http://127.0.0.1:${lab.httpPort}`, '--user', 'anna']
  const onTerminal = async (
    args: readonly string[],
    steps: readonly (readonly [sees: string, types: string])[]
  ): Promise<[code: number, shown: string]> => {
    const program = [process.execPath, main, ...args, ...url()]
    const { stdout, stderr } = await new Program('python3', ['-c', terminal, JSON.stringify(program), JSON.stringify(steps)], { env: { TERM: 'xterm' } }).ended() // prettier-ignore
    assert.equal(stderr, '')
    return JSON.parse(stdout) as [number, string]
  }

  it('asks for the password unseen, and shows a live table until Ctrl-C', async function () {
    needs(this, 'python3')
    const [code, shown] = await onTerminal(
      ['watch', 'furnace'],
      [
        ['Password of anna: ', `${passwordOf('anna')}\r`],
        ['47.5', '\u0003']
      ]
    )
    assert.equal(code, 0, shown)
    assert.ok(!shown.includes(passwordOf('anna')), shown)
    assert.match(shown, /furnace\/setpoint +47\.5 +°C/)
    assert.ok(shown.endsWith('\u001b[?25h'))
    for (const line of shown.split('\r\n')) assert.ok(line.replace(/\u001b\[[?\d;]*[A-Za-z]/g, '').length <= 60, line) // eslint-disable-line no-control-regex
  })

  it('writes values to a pipe, everything else beside it, and ends with 0, 1 or 2', async () => {
    const ask = async (args: readonly string[]): Promise<[number | null, string, string]> => {
      const { code, stdout, stderr } = await new Program(process.execPath, [main, ...args, ...url()], {
        env: { LABGATE_PASSWORD: passwordOf('anna') }
      }).ended()
      return [code, stdout, stderr]
    }
    // Where the configuration lies, nothing need be said.
    const place = folder()
    write(join(place, 'gateway.yaml'), `http: { port: ${lab.httpPort} }\n`)
    const env = { LABGATE_PASSWORD: passwordOf('anna') }
    const here = `cd '${place}' && exec '${process.execPath}' '${main}' read furnace/setpoint --user anna`
    const { code, stdout, stderr } = await new Program('sh', ['-c', here], { env }).ended()
    assert.deepEqual([code, stdout], [0, '47.5\n'])
    assert.match(stderr, /^°C, \d/)
    const [wrong, , said] = await ask(['read', '--nonsense'])
    assert.deepEqual([wrong, /unknown option '--nonsense'/.test(said)], [2, true])
    const help = await labgate('history', '--help')
    assert.deepEqual([help.code, help.stderr], [0, ''])
    assert.match(help.stdout, /Examples:/)
  })

  it('loads nothing for these commands when the gateway starts', () => {
    const text = readFileSync(new URL('../../gateway/cli/remote.js', import.meta.url), 'utf8')
    const imports = Array.from(text.matchAll(/^import .*from '(.*)'/gm), ([, from]) => from)
    assert.deepEqual(imports, ['commander', './find-config.js'])
  })
})
