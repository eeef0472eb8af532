/** A session across protocols: what an experiment PC says moves instruments that have never heard of experiments. */
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { Program, project } from '../process/program.js'
import type { TestClient } from '../support/mqtt.js'
import { needs, python } from '../support/peers.js'
import { start } from '../support/start.js'
import type { Running } from '../support/start.js'
import { RigPeer } from './rig-peer.js'
import { UuServer } from './uuserver.js'

const ref = '2026-07-01_1_mouse'

interface Shown {
  readonly topic: string
  readonly body: Record<string, unknown>
}

describe('a session across protocols', function () {
  // Python takes its time to start.
  this.timeout(30_000)
  let furnace: Program
  let spectrometer: UuServer
  let running: Running
  let mqtt: TestClient
  let pc: RigPeer
  /** Everything that MQTT showed, in its order. */
  const shown: Shown[] = []

  before(function () {
    needs(this, 'python3', 'python3-flask', 'python3-numpy')
  })

  afterEach(async () => {
    await pc?.gone()
    await running?.stop()
    await spectrometer?.gone()
    await furnace?.gone()
  })

  async function open(transport: 'udp' | 'tcp'): Promise<void> {
    furnace = new Program(python, [join(project, 'test/peers/servers/furnace_like.py')])
    spectrometer = await UuServer.start('--spectrometer')
    const [, pull, push] = await furnace.says(/^\{"pull": (\d+), "push": (\d+)\}$/m)
    running = await start(`
devices:
  furnace:
    codenames:
      temperature: { maxAge: 5, schema: { type: number } }
      setpoint: { maxAge: 5, settable: true, schema: { type: number, maximum: 1200 } }
  spectrometer:
    codenames:
      start: { callable: { arguments: { type: object, properties: { session: { type: string }, exp_ref: { type: string } } } } }
      stop: { callable: {} }
      session: { schema: { type: string } }
adapters:
  - { id: furnace-in, type: data-pull-client, target: { host: 127.0.0.1, port: ${pull} }, device: furnace, period: 0.2 }
  - { id: furnace-out, type: data-push-client, target: { host: 127.0.0.1, port: ${push} }, device: furnace }
  - id: optics
    type: instserver-client
    target: { host: 127.0.0.1, port: ${spectrometer.port} }
    devices: { spectrometer: spectrometer }
    others: refuse
    poll: [{ device: spectrometer, method: get_session, period: 0.2 }]
  - id: stage
    type: rig-server
    port: 0
    device: stage
    answers:
      EXPSTART: [{ call: spectrometer/start }, { set: furnace/setpoint, value: 300 }]
      EXPEND: [{ call: spectrometer/stop, arguments: {} }, { set: furnace/setpoint, value: 20 }]
`)
    mqtt = await running.connect()
    shown.length = 0
    mqtt.client.on('message', (topic, payload) => {
      if (topic.startsWith('lab/')) shown.push({ topic, body: JSON.parse(payload.toString()) as Record<string, unknown> })
    })
    await mqtt.subscribe('lab/stage/+', 'lab/+', 'lab/furnace/+', 'lab/spectrometer/+', 'lab/+/+/reply')
    for (const device of ['furnace', 'spectrometer'])
      await mqtt.next(({ topic, text }) => topic === `lab/${device}` && text.includes('"online"'), `${device} to be online`)
    pc = RigPeer.experiment(`${transport}://127.0.0.1:${running.port('stage')}`)
  }

  async function reading(topic: string, value: number | string): Promise<void> {
    await mqtt.next((message) => message.topic === topic && (JSON.parse(message.text) as { value: unknown }).value === value, topic)
  }

  /** Of each event, with all that has its id: what MQTT showed of it, in order. And the session, which is in every id. */
  function timeline(): { readonly session: string; readonly events: readonly string[] } {
    const events = new Map<string, string[]>()
    for (const { topic, body } of shown.splice(0)) {
      if (topic === 'lab/stage/event' || topic === 'lab/stage/answer') {
        const { id, session, event } = body['value'] as Record<string, string>
        assert.equal(sessionOf(String(id)), session)
        add(String(id), `${topic.slice('lab/stage/'.length)} ${event}`)
      } else if (topic.endsWith('/reply') && body['client'] === 'stage' && body['phase'] !== 'accepted')
        add(String(body['id']), `${String(body['phase'])} ${topic.slice('lab/'.length, -'/reply'.length)}`)
    }
    const sessions = new Set([...events.keys()].map(sessionOf))
    assert.equal(sessions.size, 1, `the timeline has the sessions ${[...sessions].join(' ')}`)
    return { session: [...sessions][0] as string, events: [...events.values()].map((each) => each.join(', ')) }

    function add(id: string, what: string): void {
      const told = events.get(id)
      if (told === undefined) events.set(id, [what])
      else told.push(what)
    }
  }

  for (const transport of ['udp', 'tcp'] as const)
    it(`${transport}: EXPSTART starts a measurement of a UUServer and heats a furnace of PyExpLabSys, EXPEND ends both, under one id`, async () => {
      await open(transport)
      const sessions: string[] = []
      for (let n = 0; n < 2; n += 1) {
        const before = [await pc.do('info'), await pc.do(`init={"exp_ref": "${ref}"}`), await pc.do(`start=${ref}`)]
        await reading('lab/furnace/temperature', 300)
        const measures = await mqtt.nextJson(({ topic, text }) => topic === 'lab/spectrometer/session' && !text.includes('"value":""'))
        const after = [await pc.do('stop=[]'), await pc.do('cleanup')]
        await reading('lab/furnace/temperature', 20)
        await reading('lab/spectrometer/session', '')
        await mqtt.next(({ topic, text }) => topic === 'lab/stage/answer' && text.includes('"EXPCLEANUP"'))
        assert.deepEqual(
          [...before, ...after].map(({ what, step }) => `${what} ${String(step)}`),
          ['info', 'init', 'start', 'stop', 'cleanup'].map((step) => `done ${step}`)
        )
        const { session, events } = timeline()
        assert.deepEqual(events, [
          'event EXPINFO, answer EXPINFO',
          'event EXPINIT, answer EXPINIT',
          'event EXPSTART, done spectrometer/start, done furnace/setpoint, answer EXPSTART',
          'event EXPEND, done spectrometer/stop, done furnace/setpoint, answer EXPEND',
          'event EXPCLEANUP, answer EXPCLEANUP'
        ])
        // The instrument itself was told the session that it measures for.
        assert.equal(measures['value'], session)
        sessions.push(session)
      }
      assert.notEqual(sessions[0], sessions[1])
      assert.equal(await pc.ended(), 0)
    })

  it('an instrument that is away: the experiment PC gets a report, MQTT has the failure under the same id, and EXPEND does the rest', async () => {
    await open('udp')
    await pc.do('info')
    await spectrometer.gone()
    assert.equal((await pc.do(`start!=${ref}`)).what, 'done')
    assert.match(String((await pc.next('report'))['error']), /^Unreachable: /)
    assert.equal((await pc.do('stop!=[]')).what, 'done')
    assert.match(String((await pc.next('report'))['error']), /^Unreachable: /)
    await mqtt.next(({ topic, text }) => topic === 'lab/stage/answer' && text.includes('"EXPEND"'))
    assert.deepEqual(timeline().events, [
      'event EXPINFO, answer EXPINFO',
      'event EXPSTART, failed spectrometer/start, answer EXPSTART',
      'event EXPEND, failed spectrometer/stop, done furnace/setpoint, answer EXPEND'
    ])
  })
})

/** An id is its session and a number. */
function sessionOf(id: string): string {
  return id.slice(0, id.lastIndexOf('/'))
}
