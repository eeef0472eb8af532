import assert from 'node:assert/strict'
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { verifyRun } from '../../gateway/runs/manifest.js'
import { needs } from '../support/peers.js'
import type { TestClient } from '../support/mqtt.js'
import { start } from '../support/start.js'
import type { Running } from '../support/start.js'
import { exampleConfig } from './example-config.js'
import { RigPeer } from './rig-peer.js'

const ref = '2026-07-01_1_mouse'

describe('config/examples/rigs.yaml', function () {
  // Python takes its time to start.
  this.timeout(30_000)
  const peers: RigPeer[] = []
  let running: Running
  let mqtt: TestClient
  let cameras: RigPeer
  let ephys: RigPeer
  /** The folder of them. */
  let runs: string
  /** What the sensor, which speaks MQTT, was told. */
  const told: unknown[] = []

  before(function () {
    needs(this, 'python3')
  })

  beforeEach(async () => {
    told.length = 0
    const far = [await RigPeer.rig(), await RigPeer.rig('--uri', 'tcp://127.0.0.1:0', '--delay', '0.03')] as const
    peers.push(far[0].peer, far[1].peer)
    ;[cameras, ephys] = [far[0].peer, far[1].peer]
    const rigs = { cameras: `udp://127.0.0.1:${far[0].port}`, ephys: `tcp://127.0.0.1:${far[1].port}` }
    const { text } = exampleConfig('rigs.yaml', { rigs })
    runs = /folder: (.*)/.exec(text)?.[1] ?? ''
    running = await start(text)
    mqtt = await running.connect()
    await mqtt.subscribe('lab/+', 'lab/+/+', 'lab/+/+/reply')
    const sensor = await running.connect()
    await sensor.subscribe('lab/lick/recording/set')
    sensor.client.on('message', (_topic, payload) => {
      const { id, value } = JSON.parse(payload.toString()) as { id: string; value: unknown }
      told.push(value)
      void sensor.publish('lab/lick/recording/reply', { id, phase: 'done', value })
    })
  })

  afterEach(async () => {
    for (const peer of peers.splice(0)) await peer.gone()
    await running?.stop()
  })

  function experiment(...steps: string[]): RigPeer {
    const [lick, room] = ['lick-rig', 'room-rig'].map((id) => `udp://127.0.0.1:${running.port(id)}`)
    const pc = new RigPeer('services', '--rig', `lick=${lick}`, '--rig', `room=${room}`, '--pause', '0.1', '--go-on', ...steps)
    peers.push(pc)
    return pc
  }

  const received = (peer: RigPeer): unknown[] => peer.said.filter(({ what }) => what === 'received').map(({ event }) => event)

  async function reads(topic: string, value: unknown): Promise<void> {
    await mqtt.next((message) => message.topic === topic && (JSON.parse(message.text) as { value: unknown }).value === value, topic)
  }

  it('an experiment PC with two URIs drives two real rigs and a sensor that speaks MQTT', async () => {
    const pc = experiment('info', `init={"exp_ref": "${ref}"}`, `start=${ref}`, 'stop=[]')
    assert.equal(await pc.ended(), 0, JSON.stringify(pc.said))
    for (const rig of [cameras, ephys]) assert.deepEqual(received(rig), ['EXPINIT', 'EXPSTART', 'EXPEND'])
    assert.deepEqual(told, [true, false])
    for (const device of ['cameras', 'ephys', 'room', 'lick-rig']) {
      await reads(`lab/${device}/exp_ref`, ref)
      await reads(`lab/${device}/status`, 'RUNNING')
      await reads(`lab/${device}/status`, 'STOPPED')
    }
    const [run = '', ...others] = readdirSync(runs)
    assert.deepEqual([run.slice(21), others], [ref, []])
    // The end is answered before the files are made.
    const made = async (): Promise<boolean> => {
      const answer = await fetch(`http://127.0.0.1:${running.httpPort}/api/runs/${run}`)
      return ((await answer.json()) as { ready: boolean }).ready
    }
    while (!(await made()));
    assert.equal((await verifyRun(join(runs, run))).ok, true)
  })

  it('an experiment PC says to real rigs behind the room, word for word, what it says to the room', async () => {
    const room = new RigPeer(
      'controller',
      `udp://127.0.0.1:${running.port('room-rig')}`,
      '--pause',
      '0.1',
      `init={"exp_ref": "${ref}", "n": [1, null]}`,
      `start=["${ref}", {"x": 1}]`,
      'stop=[]',
      'start',
      'interrupt=[{"error": "E", "line_no": [1, 2]}]'
    )
    peers.push(room)
    assert.equal(await room.ended(), 0, JSON.stringify(room.said))
    for (const rig of [cameras, ephys])
      assert.deepEqual(
        rig.said.filter(({ what }) => what === 'received').map(({ event, elements }) => [event, elements]),
        [
          ['EXPINIT', [{ exp_ref: ref, n: [1, null] }]],
          ['EXPSTART', [ref, { x: 1 }]],
          ['EXPEND', [[]]],
          // Not with the reference of the experiment before.
          ['EXPSTART', [null, null]],
          ['EXPINTERRUPT', [[{ error: 'E', line_no: [1, 2] }]]]
        ]
      )
  })

  it('whoever has MQTT stops them all, when the experiment PC is no more', async () => {
    const pc = experiment(`start=${ref}`)
    assert.equal(await pc.ended(), 0, JSON.stringify(pc.said))
    await mqtt.publish('lab/recording/interrupt/call', { id: 'stop-1', arguments: {} })
    const reply = await mqtt.nextJson(({ topic, text }) => topic === 'lab/recording/interrupt/reply' && !text.includes('"accepted"'))
    assert.equal(reply['phase'], 'done')
    for (const rig of [cameras, ephys]) assert.deepEqual(received(rig), ['EXPSTART', 'EXPINTERRUPT'])
  })

  it('a rig that does not start leaves nobody recording', async () => {
    await ephys.gone()
    const pc = experiment(`start!=${ref}`, 'wait=5')
    const report = await pc.next('report')
    assert.deepEqual([report['rig'], report['event']], ['room', 'EXPSTART'])
    assert.match(String(report['error']), /ephys/)
    await cameras.next('received', ({ event }) => event === 'EXPINTERRUPT')
    assert.deepEqual(received(cameras), ['EXPSTART', 'EXPINTERRUPT'])
  })
})
