import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { Crashing } from '../process/crashing.js'
import { labgate } from '../process/program.js'
import { TestClient } from '../support/mqtt.js'
import { RunFolder, begin } from './recorder.js'

describe('a run whose gateway is killed', function () {
  this.timeout(30_000)
  let gateway: Crashing

  afterEach(async () => await gateway.program?.gone())

  it('is completed at the next start: all but the last second is there, it says that it was cut off, and it can be verified', async () => {
    gateway = new Crashing('fast')
    await gateway.start()
    const runs = new RunFolder(join(gateway.data, 'runs'))
    const client = await TestClient.connect(gateway.port)
    const run = await begin(client, { name: 'killed' })
    let sent = 0
    const times: number[] = []
    while (times.length === 0 || performance.now() - (times[0] as number) < 1700) {
      await client.publish('lab/meter/count', JSON.stringify({ value: (sent += 1) }))
      times.push(performance.now())
    }
    const killed = performance.now()
    await gateway.kill()
    await client.vanish()
    assert.ok(!existsSync(join(runs.of(run), 'manifest.json')))
    assert.equal((await labgate('verify', runs.of(run))).code, 2)

    await gateway.start()
    await gateway.program?.says(/"msg":"ready"/)
    for (let n = 0; n < 500 && !existsSync(join(runs.of(run), 'manifest.json')); n += 1)
      await new Promise((resolve) => setTimeout(resolve, 10))
    const verified = await labgate('verify', runs.of(run))
    assert.equal(verified.code, 0, verified.stderr)
    const lines = runs.lines(run, 'readings.ndjson')
    const last = Number(lines.at(-1)?.['value'])
    // Every one of them up to the last, which was not a second ago.
    assert.deepEqual(
      lines.map(({ value }) => value),
      Array.from({ length: last }, (_, n) => n + 1)
    )
    assert.ok(killed - (times[last] ?? killed) < 1000, `${last} of ${sent}`)
    const record = JSON.parse(runs.text(run, 'run.json')) as Record<string, unknown>
    assert.equal(record['state'], 'cut off')
    assert.equal(record['ended'], lines.at(-1)?.['at'])
    assert.match(String(record['reason']), /^the gateway ended without stopping it/)
    assert.equal(record['readings'], last)
    console.log(
      `      ${last} of ${sent} readings are there; the last one is of ${Math.round(killed - (times[last - 1] ?? 0))} ms before the kill`
    )
  })
})
