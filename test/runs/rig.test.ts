import assert from 'node:assert/strict'
import { join } from 'node:path'
import { folder, labgate } from '../process/program.js'
import type { TestClient } from '../support/mqtt.js'
import { RigLine } from '../support/rig-line.js'
import { start } from '../support/start.js'
import type { Running } from '../support/start.js'
import { RunFolder, begin } from './recorder.js'

const ref = '2026-11-21_1_mouse'

describe('a run of a rig', function () {
  this.timeout(20_000)
  let running: Running
  let client: TestClient
  let runs: RunFolder
  const lines: RigLine[] = []

  afterEach(async () => {
    for (const line of lines.splice(0)) await line.close()
    await running?.stop()
  })

  async function lab(starts = '{ call: gateway/run_start }'): Promise<RigLine> {
    runs = new RunFolder(join(folder(), 'runs'))
    running = await start(`
runs: { folder: ${runs.path} }
devices: { lick: { codenames: { count: {} } }, other: { codenames: { level: {} } } }
adapters:
  - id: stage
    type: rig-server
    port: 0
    device: stage
    answers:
      EXPSTART: [${starts}]
      EXPEND: [{ call: gateway/run_stop }]
      EXPINTERRUPT: [{ call: gateway/run_stop }]
`)
    client = await running.connect()
    return await controller()
  }

  async function controller(): Promise<RigLine> {
    const line = await RigLine.controller('udp', running.port('stage'))
    lines.push(line)
    return line
  }

  /** Says a message as experiment PCs do; resolves with the answer. */
  async function tell(line: RigLine, message: readonly unknown[]): Promise<unknown[]> {
    const text = JSON.stringify(message)
    line.say(Buffer.from(text))
    assert.equal(await line.now(), text)
    const answer = String(await line.now())
    if (!answer.startsWith('[0')) line.say(Buffer.from(answer))
    return JSON.parse(answer) as unknown[]
  }

  it('begins with EXPSTART, has the name of the experiment, ends with EXPEND, and can be verified', async () => {
    const pc = await lab()
    assert.equal((await tell(pc, [2, ref, null]))[0], 2)
    await client.publish('lab/lick/count', '7')
    assert.equal((await tell(pc, [4, []]))[0], 4)
    const [id] = runs.ids()
    const run = { folder: id as string }
    const record = JSON.parse(runs.text(run, 'run.json')) as Record<string, unknown>
    assert.deepEqual(
      [record['name'], record['expRef'], record['by'], record['state'], record['reason']],
      [ref, ref, 'stage', 'complete', 'stopped by stage']
    )
    assert.match(String(id), /Z_2026-11-21_1_mouse$/)
    const codenames = runs.lines(run, 'readings.ndjson').map(({ device, codename }) => `${String(device)}/${String(codename)}`)
    for (const wanted of ['lick/count', 'stage/exp_ref', 'stage/event']) assert.ok(codenames.includes(wanted), codenames.join(' '))
    await runs.made(run)
    assert.equal((await labgate('verify', runs.of(run))).code, 0)
  })

  it('is one: whatever is said again, by whomever, and whatever the network doubles', async () => {
    const pc = await lab()
    await tell(pc, [2, ref, null])
    // The network: the same bytes again, which is echoed, and answered once more at most.
    pc.say(Buffer.from(JSON.stringify([2, ref, null])))
    const other = await controller()
    await tell(other, [2, ref, { again: true }])
    await tell(other, [2, null, null])
    assert.equal(runs.ids().length, 1)
    const ended = await tell(other, [16, [{ error: 'E' }]])
    assert.equal(ended[0], 16)
    // Nothing is on: an end is no failure, and begins nothing.
    assert.equal((await tell(other, [4, ['once more']]))[0], 4)
    assert.equal(runs.ids().length, 1)
  })

  it('ends when the rig begins another experiment; what somebody else records goes on', async () => {
    const pc = await lab()
    const mine = await begin(client, { name: 'mine' })
    await tell(pc, [2, ref, null])
    await tell(pc, [2, '2026-11-21_2_mouse', null])
    await tell(pc, [4, []])
    const records = runs.ids().map((id) => JSON.parse(runs.text({ folder: id }, 'run.json')) as Record<string, unknown>)
    assert.deepEqual(
      records.map(({ name, state, reason }) => [name, state, reason]).sort((a, b) => (String(a[0]) < String(b[0]) ? -1 : 1)),
      [
        [ref, 'complete', 'stage began the experiment 2026-11-21_2_mouse'],
        ['2026-11-21_2_mouse', 'complete', 'stopped by stage'],
        ['mine', 'running', undefined]
      ]
    )
    assert.ok(runs.ids().includes(mine.folder))
  })

  it('covers what its arguments say, with what the message tells in their places', async () => {
    const pc = await lab(
      '{ call: gateway/run_start, arguments: { exp_ref: { $event: exp_ref }, note: { $event: controller }, devices: [lick] } }'
    )
    await tell(pc, [2, ref, null])
    await client.publish('lab/lick/count', '7')
    await client.publish('lab/other/level', '1')
    await tell(pc, [4, []])
    const record = JSON.parse(runs.text({ folder: runs.ids()[0] as string }, 'run.json')) as Record<string, unknown>
    assert.deepEqual([record['name'], record['devices'], record['readings']], [ref, ['lick'], 1])
    assert.match(String(record['note']), /^127\.0\.0\.1:\d+$/)
    assert.ok(!running.log.lines.some(({ message }) => message.includes('will be refused')))
  })
})
