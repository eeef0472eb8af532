import assert from 'node:assert/strict'
import { execFileSync, spawnSync } from 'node:child_process'
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { Program, folder, labgate, main, write } from '../process/program.js'
import { lacking } from '../support/peers.js'
import { TestClient } from '../support/mqtt.js'
import { RunFolder, begin, call, end } from './recorder.js'

describe('a run on a disk that refuses', function () {
  this.timeout(30_000)
  let program: Program
  let runs: RunFolder
  let client: TestClient
  let httpPort: number

  before(function () {
    // Of Debian's util-linux, which is always there.
    if (spawnSync('prlimit', ['--version']).error !== undefined) lacking(this, 'needs prlimit: apt-get install util-linux')
  })

  beforeEach(async () => {
    const files = folder()
    runs = new RunFolder(join(files, 'runs'))
    const file = write(join(files, 'gateway.yaml'), `broker: { tcp: { port: 0 } }\nhttp: { port: 0 }\nruns: { folder: ${runs.path} }\n`)
    program = new Program(process.execPath, [main, 'start', '--config', file, '--log-format', 'json'])
    const [, port] = await program.says(/"listener":"mqtt"[^\n]*"port":(\d+)/)
    httpPort = Number((await program.says(/"listener":"http"[^\n]*"port":(\d+)/))[1])
    await program.says(/"msg":"ready"/)
    client = await TestClient.connect(Number(port))
    await client.subscribe('lab/gateway', 'lab/gateway/runs')
  })

  afterEach(async () => {
    await client?.vanish()
    await program?.gone()
  })

  /** No file may become larger. The soft limit, which takes no right to raise again. */
  const limit = (bytes: string): void => void execFileSync('prlimit', ['--pid', String(program.pid), `--fsize=${bytes}:`])

  const health = async (): Promise<string> => {
    const { checks } = (await (await fetch(`http://127.0.0.1:${httpPort}/api/health`)).json()) as {
      checks: { name: string; status: string; reason: string }[]
    }
    return checks.filter(({ name }) => name === 'runs').map(({ status, reason }) => `${status} ${reason}`)[0] ?? ''
  }

  it('says so everywhere, loses nothing that memory holds, and goes on by itself', async () => {
    const run = await begin(client, { name: 'full' })
    limit('1000')
    for (let n = 0; n < 50; n += 1) await client.publish('lab/meter/count', String(n))
    const state = await client.nextJson(({ topic, text }) => topic === 'lab/gateway' && text.includes('degraded'))
    assert.match(String(state['reason']), /the run .*_full cannot be written \(the file may not become larger\)/)
    await client.next(({ topic, text }) => topic === 'lab/gateway/runs' && text.includes('"trouble"'))
    assert.match(await health(), /^degraded .*_full: the file may not become larger$/)
    // Readings and answers go on.
    await client.subscribe('lab/meter/count')
    await client.publish('lab/meter/count', '50')
    await client.next(({ topic, text }) => topic === 'lab/meter/count' && text.includes('"value":50'))
    client.drop()
    limit('unlimited')
    await client.next(({ topic, text }) => topic === 'lab/gateway' && text.includes('online'))
    const ended = await end(client)
    assert.deepEqual([ended.state, ended.lost], ['complete', 0])
    assert.deepEqual(
      runs.lines(run, 'readings.ndjson').map(({ value }) => value),
      Array.from({ length: 51 }, (_, n) => n)
    )
    await runs.made(run)
    assert.equal((await labgate('verify', runs.of(run))).code, 0)
    assert.match(await health(), /^ok/)
  })

  it('that is stopped meanwhile is failed, and made when it can be', async () => {
    const run = await begin(client, { name: 'later' })
    await client.publish('lab/meter/count', '1')
    limit('0')
    const failed = await end(client)
    assert.equal(failed.state, 'failed')
    assert.match(failed.reason ?? '', /its files could not be made: the file may not become larger/)
    // None can begin there, and that is told.
    const refused = (await call(client, 'run_start', { name: 'another' }))['error'] as { message: string }
    assert.equal(refused.message, 'the run cannot be recorded: the file may not become larger')
    client.drop()
    limit('unlimited')
    await client.next(({ topic, text }) => topic === 'lab/gateway' && text.includes('online'))
    assert.deepEqual(runs.ids(), [run.folder])
    assert.equal((await labgate('verify', runs.of(run))).code, 0)
  })

  it('whose folder is taken away is given up', async () => {
    const run = await begin(client)
    rmSync(runs.of(run), { recursive: true })
    const ended = await end(client)
    assert.equal(ended.state, 'failed')
    assert.match(ended.reason ?? '', /the folder is gone/)
    assert.match(await health(), /^ok/)
  })
})
