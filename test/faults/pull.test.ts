import assert from 'node:assert/strict'
import { createSocket } from 'node:dgram'
import type { Socket } from 'node:dgram'
import { once } from 'node:events'
import type { TestClient } from '../support/mqtt.js'
import { start } from '../support/start.js'
import type { Running, StartOptions } from '../support/start.js'
import { UdpClient } from '../support/udp.js'
import { ScriptedClock } from '../vectors/clock.js'

describe('a pull socket', () => {
  let running: Running
  let mqtt: TestClient
  let udp: UdpClient
  let clock: ScriptedClock

  async function lab(yaml: string, options: StartOptions = {}): Promise<void> {
    clock = new ScriptedClock()
    clock.standStill(1.7e9)
    running = await start(yaml, { clock, ...options })
    mqtt = await running.connect()
  }

  beforeEach(() => {
    udp = new UdpClient()
  })

  afterEach(async () => {
    await udp.close()
    await running.stop()
    assert.deepEqual(
      running.log.lines.filter(({ level }) => level === 'error'),
      []
    )
  })

  const ask = (question: string, instance = 'pull'): Promise<string> => udp.ask(running.port(instance), question)

  describe('under load', () => {
    it('answers a burst of 500 from one client, in order', async () => {
      await lab('devices: { d: { codenames: {} } }\nadapters: [{ id: pull, type: data-pull-server, port: 0, device: d }]')
      await Promise.all(Array.from({ length: 500 }, (_, i) => mqtt.publish(`lab/d/c${i}`, String(i), { qos: 0 })))
      await mqtt.settled()
      const client = await burst(
        running.port('pull'),
        Array.from({ length: 500 }, (_, i) => `c${i}#raw`)
      )
      assert.deepEqual(
        client,
        Array.from({ length: 500 }, (_, i) => `1700000000.0,${i}`)
      )
    })

    it('answers 50 clients at once, each with its own answers in order', async () => {
      await lab('devices: { d: { codenames: {} } }\nadapters: [{ id: pull, type: data-pull-server, port: 0, device: d }]')
      await Promise.all(Array.from({ length: 50 }, (_, i) => mqtt.publish(`lab/d/c${i}`, String(i), { qos: 0 })))
      await mqtt.settled()
      const questions = (i: number): string[] => ['name', `c${i}#raw`, 'x', `c${i}#json`, 'codenames_raw', `c${i}#raw`]
      const answers = await Promise.all(Array.from({ length: 50 }, (_, i) => burst(running.port('pull'), questions(i))))
      for (const [i, each] of answers.entries())
        assert.deepEqual(each, ['', `1700000000.0,${i}`, 'UNKNOWN_COMMMAND', `[1700000000.0, ${i}]`, '', `1700000000.0,${i}`])
    })

    it('stops in the middle of a burst without a word', async () => {
      await lab('devices: { d: { codenames: {} } }\nadapters: [{ id: pull, type: data-pull-server, port: 0, device: d }]')
      const port = running.port('pull')
      for (let i = 0; i < 200; i += 1) void udp.send(port, 'name')
      await udp.receive()
      await running.gateway.stop()
      assert.deepEqual(
        running.log.lines.filter(({ level }) => level === 'warn' || level === 'error'),
        []
      )
    })
  })

  describe('on a port that is taken', () => {
    it('says so on lab/gateway with what to do, lets the others work, and comes up when the port is free', async () => {
      const occupant = createSocket('udp4')
      occupant.bind(0, '127.0.0.1')
      await once(occupant, 'listening')
      const { port } = occupant.address()
      await lab(
        `devices: { d: { codenames: { a: {} } } }
adapters:
  - { id: blocked, type: data-pull-server, port: ${port}, name: Late, device: d }
  - { id: pull, type: data-pull-server, port: 0, name: Fine, device: d }`,
        { schedule: { first: 0.05, factor: 1, longest: 0.05, jitter: 0 } }
      )
      clock.letRun()
      assert.equal(await ask('name'), 'Fine')
      await mqtt.subscribe('lab/gateway')
      const state = await mqtt.nextJson('lab/gateway')
      assert.equal(state['state'], 'degraded')
      assert.match(
        String(state['reason']),
        new RegExp(`blocked is offline: udp 127\\.0\\.0\\.1:${port} is taken: stop the other program, or choose another port`)
      )
      assert.deepEqual(Object.keys((JSON.parse(await ask('status')) as { socket_server_status: object }).socket_server_status), [
        String(running.port('pull'))
      ])
      await new Promise<void>((resolve) => occupant.close(() => resolve()))
      await mqtt.next(({ text }) => text.includes('"state":"online"'), 'lab/gateway online')
      assert.equal(await ask('name', 'blocked'), 'Late')
    })
  })
})

/** Sends all before it reads any answer; resolves with as many answers. */
async function burst(port: number, questions: readonly string[]): Promise<string[]> {
  const socket: Socket = createSocket('udp4')
  const answers: string[] = []
  try {
    socket.bind(0, '127.0.0.1')
    await once(socket, 'listening')
    socket.setRecvBufferSize(1 << 20)
    const all = new Promise<void>((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error(`${answers.length} of ${questions.length} answers came`)), 3000)
      socket.on('message', (answer) => {
        answers.push(answer.toString('latin1'))
        if (answers.length < questions.length) return
        clearTimeout(timer)
        resolve()
      })
    })
    for (const question of questions) socket.send(question, port, '127.0.0.1')
    await all
    return answers
  } finally {
    socket.close()
  }
}
