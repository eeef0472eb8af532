import assert from 'node:assert/strict'
import { readdirSync, readlinkSync } from 'node:fs'
import { join } from 'node:path'
import type { Run } from '../../gateway/runs/types.js'
import { verifyRun } from '../../gateway/runs/manifest.js'
import { folder } from '../process/program.js'
import type { TestClient } from '../support/mqtt.js'
import { start } from '../support/start.js'
import type { Running } from '../support/start.js'
import { until } from '../support/until.js'
import { RunFolder, call, runOf } from './recorder.js'

describe('runs that are begun and ended at the same moment', () => {
  let running: Running
  let runs: RunFolder
  let client: TestClient

  beforeEach(async () => {
    runs = new RunFolder(join(folder(), 'runs'))
    running = await start(`http: { port: 0 }\nruns: { folder: ${runs.path} }`)
    client = await running.connect({ clientId: 'me' })
    await client.publish('lab/meter/count', '5')
    // Whoever asks twice at once must not subscribe in between.
    await client.subscribe('lab/gateway/run_start/reply', 'lab/gateway/run_stop/reply')
  })
  afterEach(async () => await running.stop())

  const openFiles = (): string[] => readdirSync('/proc/self/fd').filter((fd) => linkOf(fd).startsWith(runs.path))

  it('are whole, however soon the end comes after the beginning', async () => {
    for (let n = 0; n < 5; n += 1) {
      const name = `r${n}`
      const begun = call(client, 'run_start', { name })
      if (n > 0) await new Promise((resolve) => setTimeout(resolve, n))
      const [, stopped] = await Promise.all([begun, call(client, 'run_stop', { name })])
      const run = runOf(stopped)
      await runs.made(run)
      assert.equal((await verifyRun(runs.of(run))).ok, true)
      assert.equal(runs.lines(run, 'readings.ndjson').length, 1)
    }
    // The manifest is there before the last file is closed.
    await until(() => openFiles().length === 0, 'files of runs stay open')
    assert.deepEqual(
      running.log.lines.filter(({ level }) => level === 'error'),
      []
    )
  })

  it('are whole when the gateway stops while one begins', async () => {
    void client.publish('lab/gateway/run_start/call', { arguments: { name: 'late' } })
    await client.publish('lab/meter/count', '6')
    await running.gateway.stop()
    for (const id of runs.ids()) {
      const record = JSON.parse(runs.text({ folder: id }, 'run.json')) as { state: string }
      assert.equal(record.state, 'cut off')
    }
    assert.deepEqual(openFiles(), [])
  })

  it('are begun and ended two at a time, over MQTT and over HTTP', async () => {
    const begun = await Promise.all(['a', 'b', 'c'].map(async (name) => runOf(await call(client, 'run_start', { name }))))
    const ended = await Promise.all(begun.slice(1).map(async ({ id }) => runOf(await call(client, 'run_stop', { id }))))
    assert.deepEqual(
      ended.map(({ name, state, ready }) => [name, state, ready]),
      [
        ['b', 'complete', false],
        ['c', 'complete', false]
      ]
    )
    const post = async (path: string, body: object): Promise<[number, Run]> => {
      const answer = await fetch(`http://127.0.0.1:${running.httpPort}/api/runs${path}`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(body)
      })
      return [answer.status, (await answer.json()) as Run]
    }
    const [one, other] = await Promise.all([post('', { name: 'one' }), post('', { name: 'other' })])
    assert.deepEqual([one[0], other[0]], [201, 201])
    const stopped = await Promise.all([one, other].map(async ([, { id }]) => (await post(`/${id}/stop`, {}))[0]))
    assert.deepEqual(stopped, [200, 200])
    assert.equal(runs.ids().length, 5)
    await Promise.all(
      runs
        .ids()
        .filter((id) => !id.endsWith('_a'))
        .map(async (id) => await runs.made({ folder: id }))
    )
  })
})

function linkOf(fd: string): string {
  try {
    return readlinkSync(`/proc/self/fd/${fd}`)
  } catch {
    return ''
  }
}
