import assert from 'node:assert/strict'
import type { LogLine, Running } from '../support/start.js'
import { start } from '../support/start.js'
import type { TestClient } from '../support/mqtt.js'
import { UdpClient } from '../support/udp.js'
import { ScriptedClock } from '../vectors/clock.js'
import { Machine } from './machine.js'
import type { Outcome } from './machine.js'

describe('a push socket whose device takes its time', () => {
  let running: Running
  let mqtt: TestClient
  let udp: UdpClient
  let clock: ScriptedClock
  let machine: Machine

  async function lab(yaml: string): Promise<void> {
    clock = new ScriptedClock()
    clock.standStill(1.7e9)
    running = await start(yaml, { clock, types: [machine.type] })
    mqtt = await running.connect()
  }

  beforeEach(() => {
    udp = new UdpClient()
    machine = new Machine()
  })

  afterEach(async () => {
    await udp.close()
    await running.stop()
    assert.deepEqual(lines('error'), [])
  })

  const push = (datagram: string): Promise<string> => udp.ask(running.port('push'), datagram)
  const send = (datagram: string): Promise<void> => udp.send(running.port('push'), datagram)
  const answer = async (): Promise<string> => (await udp.receive()).toString('latin1')
  const lines = (level: LogLine['level']): string[] =>
    running.log.lines.filter((line) => line.level === level).map(({ message }) => message)
  const done: Outcome = { value: null }
  const laser = (rest: string): string =>
    `adapters: [{ id: laser, type: machine }, { id: push, type: data-push-server, port: 0, name: Trigger, accept: commands, ${rest} }]`
  const queued = laser('as: set, device: laser, action: enqueue')
  const call = laser('as: { call: laser/fire }, action: callback_direct, answerWithin: 1')
  const fire = 'json_wn#{"duration": 1}'

  it('lets no more than 256 pushes wait: what comes then is an ERROR#, and nothing of it is stored', async () => {
    await lab(queued)
    for (let i = 0; i <= 256; i += 1) assert.equal(await push(`raw_wn#power:int:${i}`), `ACK#{'power': ${i}}`)
    assert.equal(await push('raw_wn#power:int:299'), 'ERROR#256 pushes wait already; nothing was stored')
    const last = await running.connect()
    await last.subscribe('lab/push/last')
    assert.deepEqual((await last.nextJson('lab/push/last'))['value'], { power: 256 })
    machine.at = done
    machine.end(done)
    await machine.arrival(257)
    assert.equal(machine.said.at(-1), 'set laser/power 256')
    assert.equal(await push('raw_wn#power:int:299'), "ACK#{'power': 299}")
  })

  it('says at its stop what it had acknowledged and did not carry out', async () => {
    await lab(queued)
    await mqtt.subscribe('lab-dead/#')
    for (const value of [1, 2, 3]) await push(`raw_wn#power:int:${value}`)
    await running.gateway.stop()
    assert.deepEqual(machine.said, ['set laser/power 1'])
    assert.equal(lines('warn').filter((line) => line.startsWith('the instance was stopped before an acknowledged push')).length, 2)
    const dead = mqtt.left.map(({ topic, text }) => [topic, (JSON.parse(text) as { payload: string }).payload])
    // And the one that was being carried out, as it may have been.
    assert.deepEqual(
      dead.sort(([, a = ''], [, b = '']) => a.localeCompare(b)),
      [
        ['lab-dead/lab/laser/power', '1'],
        ['lab-dead/lab/laser/power', '2'],
        ['lab-dead/lab/laser/power', '3']
      ]
    )
  })

  it('answers in time: what comes later is dropped, said once, and never the answer to another question', async () => {
    await lab(call)
    await send(fire)
    await machine.arrival(1)
    clock.advance(1)
    assert.equal(await answer(), 'EXCEP#no result within 1 s')
    machine.end({ value: 'too late' })
    machine.at = { value: 'in time' }
    assert.equal(await push(fire), 'RET#"in time"')
    assert.deepEqual(lines('warn'), ['a result came after answerWithin and was dropped; its client has been told EXCEP#'])
  })

  it('never begins what could not be begun in time', async () => {
    await lab(call)
    for (let i = 0; i < 3; i += 1) await send(fire)
    await send('name')
    await machine.arrival(1)
    await mqtt.settled()
    clock.advance(1)
    assert.deepEqual(
      [await answer(), await answer(), await answer(), await answer()],
      [...Array<string>(3).fill('EXCEP#no result within 1 s'), 'RET#Trigger']
    )
    machine.end({ value: 1n })
    machine.at = { value: 2n }
    assert.equal(await push(fire), 'RET#2')
    assert.equal(machine.asked.length, 2)
  })

  it('answers set by set, under the keys of the push, and does not go on after the client was told that it is late', async () => {
    await lab(`adapters:
- { id: laser, type: machine }
- { id: second, type: machine }
- { id: push, type: data-push-server, port: 0, accept: commands, action: callback_direct, as: set, answerWithin: 1, channels: { one: laser/power, two: second/power } }`)
    await send('raw_wn#two:float:2;one:float:1')
    await machine.arrival(1)
    machine.end({ value: 2 })
    await machine.arrival(2)
    machine.end({ value: 1 })
    assert.equal(await answer(), 'RET#{"two": 2.0, "one": 1.0}')
    await send('raw_wn#one:float:3;two:float:4')
    await machine.arrival(3)
    clock.advance(1)
    assert.equal(await answer(), 'EXCEP#no result within 1 s')
    machine.end({ value: 3 })
    machine.at = { value: 5 }
    assert.equal(await push('raw_wn#two:float:5'), 'RET#{"two": 5.0}')
    assert.deepEqual(machine.said.slice(2), ['set laser/power 3', 'set second/power 5'])
  })

  it('stops in the middle: no answer, no result said to be late', async () => {
    await lab(call)
    await send(fire)
    await send('name')
    await machine.arrival(1)
    await running.gateway.stop()
    machine.end({ value: 1n })
    await new Promise((resolve) => setImmediate(resolve))
    assert.ok(!lines('warn').some((line) => line.startsWith('a result came after answerWithin')))
    await assert.rejects(udp.receive(50), /no answer/)
  })
})
