/** A gateway that is killed in the middle of a session, on either side of it. */
import assert from 'node:assert/strict'
import { Crashing } from '../process/crashing.js'
import { TestClient } from '../support/mqtt.js'
import type { Reply } from '../support/rig-sessions.js'
import { freePort } from '../support/free-ports.js'
import { StrictController, StrictRig } from '../support/strict-peer.js'

/** Kills; 20 for a release. */
const kills = Number(process.env['LABGATE_KILLS'] ?? 2)

describe('a gateway killed in mid-session', function () {
  this.timeout(30_000 + kills * 10_000)
  let gateway: Crashing
  const closed: { close(): Promise<void> }[] = []

  afterEach(async () => {
    await gateway.program?.gone()
    for (const each of closed.splice(0)) await each.close()
  })

  async function rig(...manners: Parameters<typeof StrictRig.open>): Promise<StrictRig> {
    const opened = await StrictRig.open(...manners)
    closed.push(opened)
    return opened
  }

  /** Everything that was replied while nobody was there. */
  async function replies(clientId: string): Promise<Reply[]> {
    const client = await TestClient.connect(gateway.port, { clientId, clean: false })
    await client.settled()
    const found = client.left.filter(({ topic }) => topic.endsWith('/reply')).map(({ text }) => JSON.parse(text) as Reply)
    await client.close()
    return found
  }

  it(`as a controller answers what was under way once, as failed and maybe carried out, and says nothing twice: ${kills} kills`, async () => {
    let isHeld = true
    // The one has echoed and is at work, the other is not even heard of.
    const cameras = await rig({ answer: (message) => (message.startsWith('[2') && isHeld ? undefined : message) })
    const ephys = await rig({ isMute: true })
    gateway = new Crashing(
      'fast',
      `adapters:
  - id: room
    type: rig-client
    echoWithin: 5
    rigs: { cameras: 'udp://127.0.0.1:${cameras.port}', ephys: 'udp://127.0.0.1:${ephys.port}' }
    groups: { both: { rigs: [cameras, ephys] } }\n`
    )
    await gateway.start()
    const absent = await TestClient.connect(gateway.port, { clientId: 'absent', clean: false })
    await absent.subscribe('lab/+/+/reply')
    await absent.close()
    for (let round = 0; round < kills; round += 1) {
      const [heard, unheard] = [cameras.heard.length, ephys.heard.length]
      const client = await TestClient.connect(gateway.port)
      await client.subscribe('lab/+/+/reply')
      isHeld = false
      await client.publish('lab/cameras/init/call', { id: `init-${round}`, arguments: {} })
      await client.next(({ topic, text }) => topic === 'lab/cameras/init/reply' && text.includes('"done"'))
      isHeld = true
      const start = { exp_ref: '2024-03-14_1_subject' }
      await client.publish('lab/cameras/start/call', { id: `start-${round}`, arguments: start })
      await cameras.hears(heard + 2)
      await client.publish('lab/ephys/info/call', { id: `info-${round}`, arguments: {} })
      await ephys.hears(unheard + 1)
      // Behind the others, in line.
      await client.publish('lab/both/cleanup/call', { id: `both-${round}`, arguments: {} })
      await client.next(({ topic, text }) => topic === 'lab/both/cleanup/reply' && text.includes('"accepted"')).catch(() => undefined)
      await gateway.kill()
      await client.vanish()
      await gateway.start()
      const finals = (await replies('absent')).filter(({ phase }) => phase !== 'accepted')
      const mine = finals.filter(({ id }) => id.endsWith(`-${round}`))
      const outcome = mine.map(({ id, phase, error }) =>
        [id.slice(0, id.indexOf('-')), phase, error?.class, error?.maybeExecuted].join(' ')
      )
      assert.deepEqual(
        new Set(outcome),
        new Set(['both failed Unreachable true', 'info failed Unreachable true', 'init done  ', 'start failed Unreachable true'])
      )
      assert.equal(finals.length, 4, JSON.stringify(finals))
      assert.deepEqual([cameras.heard.length - heard, ephys.heard.length - unheard], [2, 1])
    }
    isHeld = false
    const client = await TestClient.connect(gateway.port)
    await client.subscribe('lab/+/+/reply')
    for (const [step, given] of Object.entries({ init: {}, start: { exp_ref: '2024-03-14_1_subject' }, stop: {}, cleanup: {} })) {
      await client.publish(`lab/cameras/${step}/call`, { id: step, arguments: given })
      await client.next(({ topic, text }) => topic === `lab/cameras/${step}/reply` && text.includes('"done"'))
    }
    assert.equal(cameras.died, undefined)
    await client.close()
  })

  it(`as a controller knows afterwards that a rig may run which it had just told to start: ${kills} kills`, async () => {
    const cameras = await rig({ answer: (message) => (message.startsWith('[2') ? undefined : message) })
    gateway = new Crashing(
      'fast',
      `adapters:
  - id: room
    type: rig-client
    rigs: { cameras: 'udp://127.0.0.1:${cameras.port}' }
    groups: { all: { rigs: [cameras] } }\n`
    )
    await gateway.start()
    for (let round = 0; round < kills; round += 1) {
      const heard = cameras.heard.length
      const client = await TestClient.connect(gateway.port)
      await client.subscribe('lab/+/+/reply')
      await client.publish('lab/cameras/start/call', { id: `start-${round}`, arguments: { exp_ref: '2024-03-14_1_subject' } })
      await cameras.hears(heard + 1)
      await gateway.kill()
      await client.vanish()
      await gateway.start()
      const after = await TestClient.connect(gateway.port)
      await after.subscribe('lab/all/+', 'lab/all/+/reply')
      await after.nextJson(({ topic, text }) => topic === 'lab/all/running' && text.includes('"value":"cameras"'))
      await after.publish('lab/all/interrupt/call', { id: `end-${round}`, arguments: {} })
      await after.next(({ topic, text }) => topic === 'lab/all/interrupt/reply' && text.includes('"done"'))
      await after.nextJson(({ topic, text }) => topic === 'lab/all/running' && text.includes('"value":""'))
      await after.close()
    }
  })

  it('as a rig is there again on its port, and shows nothing of before as if it were of now', async () => {
    const port = await freePort()
    gateway = new Crashing('fast', `adapters: [{ id: rig, type: rig-server, port: ${port}, device: camera }]\n`)
    await gateway.start()
    const [udp, tcp] = [await StrictController.udp(port), await StrictController.tcp(port)]
    closed.push(udp, tcp)
    await udp.ask('[1, null]')
    await tcp.ask('[32, 20]')
    await udp.ask('[2, "2024-03-14_1_subject", null]')
    await gateway.kill()
    await gateway.start()
    const client = await TestClient.connect(gateway.port)
    const shown = (await client.retained('lab/camera/+')).filter(({ text }) => text.includes('"quality"'))
    assert.ok(shown.length > 0)
    for (const { topic, text } of shown) assert.match(text, /"quality":"stale"|"value":("CONNECTED"|""|"silent")/, topic)
    // The port of a controller is the same for its whole life.
    const answer = await udp.ask('[4, []]')
    assert.match(answer, /^\[4, /)
    const again = await StrictController.tcp(port)
    closed.push(again)
    await again.ask('[64, 0, null]')
    await client.close()
  })
})
