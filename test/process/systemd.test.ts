import assert from 'node:assert/strict'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Systemd, wishesOf } from '../../gateway/systemd.js'
import { FakeClock, settle } from '../support/fake-clock.js'
import { needs, python } from '../support/peers.js'
import { TestLog, start } from '../support/start.js'
import { until } from '../support/until.js'
import { Program, folder, main, write } from './program.js'

const server = fileURLToPath(new URL('../../../test/peers/servers/notify_server.py', import.meta.url))

describe('a service of systemd', function () {
  this.timeout(30_000)
  const programs: Program[] = []

  before(function () {
    needs(this, 'python3', 'systemd-notify')
  })

  afterEach(async () => {
    await Promise.all(programs.splice(0).map((program) => program.gone()))
  })

  async function started(watchdog?: number): Promise<{ gateway: Program; said: () => string[] }> {
    const files = folder()
    const socket = join(files, 'notify')
    const listener = new Program(python, [server, socket])
    programs.push(listener)
    await listener.says(/^ready$/m)
    const config = write(join(files, 'small.yaml'), 'broker: { tcp: { port: 0 } }\nhttp: { port: 0 }\n')
    const env = { NOTIFY_SOCKET: socket, ...(watchdog === undefined ? {} : { WATCHDOG_USEC: String(watchdog * 1e6) }) }
    const gateway = new Program(process.execPath, [main, 'start', '--config', config, '--log-format', 'json'], { env })
    programs.push(gateway)
    const said = (): string[] =>
      listener.stdout
        .split('\n')
        .slice(1, -1)
        .flatMap((line) => (JSON.parse(line) as string).split('\n'))
        .filter((line) => line !== '' && line !== 'BARRIER=1')
    return { gateway, said }
  }

  it('tells that it is ready when all listeners are open, how it is, and that it stops', async () => {
    const { gateway, said } = await started()
    await until(() => said().includes('READY=1'), 'it was not ready')
    assert.match(gateway.stdout, /"listener":"http"[^\n]*\n[^]*"msg":"ready"/)
    assert.deepEqual(said(), ['READY=1', 'STATUS=0 MQTT clients; all instances work'])
    gateway.kill('SIGTERM')
    assert.equal((await gateway.ended()).code, 0)
    assert.deepEqual(said().slice(2), ['STOPPING=1', 'STATUS=stopping'])
  })

  it('pings the watchdog, but not while it stands still, and again when it goes on', async () => {
    const { gateway, said } = await started(0.4)
    const pings = (): number => said().filter((line) => line === 'WATCHDOG=1').length
    await until(() => pings() >= 3, 'it did not ping')
    gateway.kill('SIGSTOP')
    // What was on its way has come after this.
    await new Promise((resolve) => setTimeout(resolve, 500))
    const before = pings()
    await new Promise((resolve) => setTimeout(resolve, 1000))
    assert.equal(pings(), before)
    gateway.kill('SIGCONT')
    await until(() => pings() > before, 'it did not ping again')
    gateway.kill('SIGTERM')
    assert.equal((await gateway.ended()).code, 0)
  })

  it('runs without systemd’s program too, and says once what is missing', async () => {
    const { gateway } = await (async () => {
      const config = write(join(folder(), 'small.yaml'), 'broker: { tcp: { port: 0 } }\n')
      const env = { NOTIFY_SOCKET: '/nowhere/notify', WATCHDOG_USEC: '200000', PATH: '/nowhere' }
      const program = new Program(process.execPath, [main, 'start', '--config', config, '--log-format', 'json'], { env })
      programs.push(program)
      return { gateway: program }
    })()
    await gateway.says(/systemd cannot be told/)
    await new Promise((resolve) => setTimeout(resolve, 500))
    gateway.kill('SIGTERM')
    const { code, stdout } = await gateway.ended()
    assert.deepEqual([code, stdout.split('systemd cannot be told').length], [0, 2])
  })
})

describe('what systemd is told', () => {
  function systemd(pulse: () => Promise<void>): { systemd: Systemd; clock: FakeClock; said: string[][]; go: (() => void)[]; log: TestLog } {
    const clock = new FakeClock()
    const said: string[][] = []
    const go: (() => void)[] = []
    const log = new TestLog()
    const say = async (assignments: readonly string[]): Promise<undefined> => {
      said.push([...assignments])
      await new Promise<void>((resolve) => go.push(resolve))
    }
    return { systemd: new Systemd({ clock, log, watchdog: 30, pulse, status: () => 'well', say }), clock, said, go, log }
  }

  it('is asked for by the environment, and meant for this process', () => {
    assert.equal(wishesOf({ WATCHDOG_USEC: '1000000' }, 7), undefined)
    assert.deepEqual(wishesOf({ NOTIFY_SOCKET: '/x' }, 7), { watchdog: undefined })
    assert.deepEqual(wishesOf({ NOTIFY_SOCKET: '@x', WATCHDOG_USEC: '30000000', WATCHDOG_PID: '7' }, 7), { watchdog: 30 })
    for (const more of [{ WATCHDOG_PID: '8' }, { WATCHDOG_USEC: '0' }, { WATCHDOG_USEC: 'x' }])
      assert.deepEqual(wishesOf({ NOTIFY_SOCKET: '/x', WATCHDOG_USEC: '30000000', ...more }, 7), { watchdog: undefined })
  })

  it('is said by one program at a time; what comes meanwhile is said once', async () => {
    const { systemd: one, clock, said, go } = systemd(() => Promise.resolve())
    one.ready()
    await clock.pass(60)
    assert.deepEqual(said, [['READY=1', 'STATUS=well']])
    go.shift()?.()
    await settle()
    assert.deepEqual(said.slice(1), [['WATCHDOG=1']])
    const stopped = one.stopping()
    go.shift()?.()
    await settle()
    assert.deepEqual(said.slice(2), [['STOPPING=1', 'STATUS=stopping']])
    go.shift()?.()
    await stopped
    assert.equal(clock.timers, 0)
  })

  it('is nothing while the broker does not go round, and the log says why', async () => {
    let isStuck = true
    let free = (): void => {}
    const pulse = async (): Promise<void> => {
      if (isStuck) await new Promise<void>((resolve) => (free = resolve))
    }
    const { systemd: one, clock, said, go, log } = systemd(pulse)
    one.ready()
    go.shift()?.()
    await clock.pass(100)
    assert.deepEqual(said, [['READY=1', 'STATUS=well']])
    assert.match(log.lines.at(-1)?.message ?? '', /does not go round/)
    isStuck = false
    free()
    await clock.pass(16)
    assert.deepEqual(said.slice(1), [['WATCHDOG=1']])
    go.shift()?.()
    void one.stopping()
  })

  it('is by the broker itself: a message goes round in it, and no more once it is closed', async () => {
    const lab = await start('')
    await lab.gateway.operation.pulse()
    await lab.gateway.operation.pulse()
    await lab.stop()
    let isRound = false
    void lab.gateway.operation.pulse().then(() => (isRound = true))
    for (let turn = 0; turn < 20; turn++) await settle()
    assert.equal(isRound, false)
  })
})
