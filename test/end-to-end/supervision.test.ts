import assert from 'node:assert/strict'
import { connect } from 'node:net'
import { adapterTypes } from '../../adapters/index.js'
import { checkConfig } from '../../gateway/config.js'
import { Gateway } from '../../gateway/gateway.js'
import { FakeClock } from '../support/fake-clock.js'
import { startLab } from '../support/lab.js'
import type { Lab } from '../support/lab.js'
import { RawClient } from '../support/raw-mqtt.js'
import { Scripted, hang } from '../support/scripted.js'
import { TestLog, start } from '../support/start.js'
import type { Running } from '../support/start.js'

const yaml = `
devices:
  a: { codenames: { x: { settable: true } } }
  b: { codenames: { x: { settable: true } } }
adapters:
  - { id: server, type: scripted, executes: [a], listens: true }
  - { id: dialler, type: scripted, executes: [b] }
  - { id: pull, type: data-pull-server, port: 0, device: a }
`

describe('starting and stopping', () => {
  const running: Running[] = []

  async function run(...options: Parameters<typeof startLab>): Promise<Lab> {
    const lab = await startLab(...options)
    running.push(lab)
    return lab
  }

  afterEach(async () => {
    await Promise.all(running.splice(0).map((lab) => lab.stop()))
  })

  it('one instance that fails neither delays nor stops another: MQTT, pull socket and the other instance work', async () => {
    const scripted = new Scripted()
    scripted.start = (id) => (id === 'dialler' ? Promise.resolve() : Promise.reject(new Error('address in use')))
    const lab = await run({}, yaml, scripted)
    const client = await lab.connect()
    await client.subscribe('lab/gateway', 'lab/b/x/reply')
    await client.publish('lab/b/x/set', '1')
    assert.equal((await client.nextJson('lab/b/x/reply'))['phase'], 'done')
    assert.ok(lab.port('pull') > 0)
    assert.equal((await client.nextJson(({ text }) => text.includes('degraded')))['reason'], 'server is offline: address in use')
  })

  it('a legacy listener that hangs at start holds up the MQTT listeners for no more than 1.5 s, one that dials not at all', async () => {
    for (const who of ['server', 'dialler']) {
      const scripted = new Scripted()
      const clock = new FakeClock()
      scripted.start = (id) => (id === who ? hang() : Promise.resolve())
      const before = clock.monotonic()
      let lab: Lab | undefined
      void run({ clock }, yaml, scripted).then((running) => (lab = running))
      while (lab === undefined) await clock.pass(who === 'server' ? 0.01 : 0)
      const waited = clock.monotonic() - before
      assert.ok(who === 'server' ? waited >= 1.5 : waited === 0, `${waited} s`)
      const client = await lab.connect()
      await client.subscribe('lab/gateway')
      // Everything else works.
      await client.next(({ text }) => text.includes(`"reason":"${who} is offline: not started yet"`), who)
    }
  })

  it('stop before start, twice, and during start is complete', async () => {
    const make = (scripted: Scripted): Gateway => {
      const types = [...adapterTypes, scripted.type]
      const checked = checkConfig(`broker: { tcp: { port: 0 } }\nhttp: { port: 0 }\n${yaml}`, { file: 'test.yaml', types, env: {} })
      return new Gateway({ checked, types, log: new TestLog() })
    }
    await make(new Scripted()).stop()
    for (const early of [true, false]) {
      const scripted = new Scripted()
      const gateway = make(scripted)
      let stopped: Promise<unknown> | undefined
      scripted.start = () => {
        stopped ??= Promise.all([gateway.stop(), gateway.stop()])
        return hang()
      }
      const started = gateway.start()
      if (early) stopped = gateway.stop()
      await started
      await stopped
      await gateway.stop()
      await gateway.start()
      assert.equal(gateway.address('tcp'), undefined, 'no listener was opened after the stop')
      assert.deepEqual(scripted.starts, early ? [] : ['server'])
    }
  })

  it('after a stop nothing listens any more', async () => {
    const lab = await run({}, yaml)
    await lab.stop()
    await new Promise<void>((resolve, reject) => {
      const socket = connect(lab.mqttPort, '127.0.0.1')
      socket.once('error', () => resolve())
      socket.once('connect', () => reject(new Error('somebody listens')))
    })
  })

  it('an adapter whose stop hangs delays the stop for 2 s, and the log names it', async () => {
    const scripted = new Scripted()
    const clock = new FakeClock()
    scripted.stop = (id) => (id === 'dialler' ? hang() : Promise.resolve())
    const lab = await run({ clock }, yaml, scripted)
    const stopped = lab.stop()
    while (clock.timers > 0) await clock.pass(0.5)
    await stopped
    assert.deepEqual(
      lab.log.lines.filter(({ level }) => level === 'error').map(({ fields, message }) => [fields['instance'], message]),
      [['dialler', 'the instance did not stop cleanly']]
    )
  })

  it('a port that is taken ends the start with a message that says what to do, and leaves nothing open', async () => {
    const first = await start('')
    running.push(first)
    const taken = `broker: { tcp: { port: ${first.mqttPort} } }\n`
    const says = `cannot listen on 127.0.0.1:${first.mqttPort} (broker.tcp): the port is taken: stop the other program, or choose another broker.tcp.port`
    await assert.rejects(start(taken), { message: says })
  })

  it('a client that vanishes is no news: one line at most, at debug; one that breaks the protocol is one line at info', async () => {
    const lab = await run()
    const told = (level: string): string[] =>
      lab.log.lines.filter((line) => line.level === level && line.message.includes('was cut')).map(({ message }) => message)
    const writer = await lab.connect()
    for (let i = 0; i < 3; i++) {
      const reader = await lab.connect()
      await reader.subscribe('#')
      reader.client.stream.destroy()
      for (let n = 0; n < 50; n++) await writer.publish('other/x', 'x'.repeat(1000), { qos: 0 })
    }
    const reset = await RawClient.connect(lab.mqttPort, 'reset')
    reset.socket.resetAndDestroy()
    await reset.closed()
    await writer.settled()
    assert.deepEqual(told('info'), [])
    assert.ok(told('debug').length <= 4, String(told('debug').length))
    const rude = await RawClient.connect(lab.mqttPort, 'rude')
    rude.send(Buffer.from([0xf0, 0x00]), Buffer.alloc(100, 0xff))
    await rude.closed()
    assert.deepEqual(told('info'), ['an MQTT client was cut'])
  })
})
