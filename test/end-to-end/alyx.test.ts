import assert from 'node:assert/strict'
import { createSocket } from 'node:dgram'
import type { Socket } from 'node:dgram'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestClient } from '../support/mqtt.js'
import { start } from '../support/start.js'
import type { Running } from '../support/start.js'
import { UdpClient } from '../support/udp.js'

const token = '4f0c5b7d9e1a'
const url = 'https://alyx.example.org'
const login = `[128, "${url}", {"j.doe": {"token": "${token}"}}]`

/** Echoes what is no report, as every rig does, and keeps what it was told. */
class FarRig {
  readonly said: string[] = []
  readonly #socket: Socket
  #told: (() => void) | undefined

  private constructor(socket: Socket) {
    this.#socket = socket
    socket.on('message', (bytes, from) => {
      this.said.push(bytes.toString())
      if (bytes[1] !== 0x30) socket.send(bytes, from.port, from.address)
      this.#told?.()
    })
  }

  static async open(): Promise<FarRig> {
    const socket = createSocket('udp4')
    socket.bind(0, '127.0.0.1')
    await once(socket, 'listening')
    return new FarRig(socket)
  }

  get port(): number {
    return this.#socket.address().port
  }

  async told(): Promise<void> {
    while (this.said.length === 0)
      await new Promise<void>((resolve) => {
        this.#told = resolve
      })
  }

  close(): void {
    this.#socket.close()
  }
}

describe('a login for Alyx that an experiment PC hands to a rig', function () {
  this.timeout(20_000)
  let data: string
  let far: FarRig
  let controller: UdpClient
  let running: Running
  let everything: TestClient

  beforeEach(async () => {
    data = mkdtempSync(join(tmpdir(), 'labgate-alyx-'))
    far = await FarRig.open()
    controller = new UdpClient()
  })

  afterEach(async () => {
    await controller.close()
    far.close()
    rmSync(data, { recursive: true, force: true })
  })

  async function open(alyx: string): Promise<void> {
    running = await start(`
gateway: { data: ${JSON.stringify(data)} }
adapters:
  - { id: stage, type: rig-server, port: 0, transports: [udp], device: stage${alyx} }
  - { id: room, type: rig-client, rigs: { cameras: "udp://127.0.0.1:${far.port}" } }
`)
    everything = await running.connect()
    await everything.subscribe('#')
    await everything.settled()
  }

  /** Everything that somebody could read, stories, kept log lines and the disk included, after the gateway has ended. */
  async function assertNowhere(): Promise<void> {
    await everything.settled()
    const seen = everything.left.map(({ topic, text }) => `${topic} ${text}`)
    for (const path of ['stories', 'log', 'dead', 'instances']) {
      const answer = await fetch(`http://127.0.0.1:${running.httpPort}/api/${path}`)
      assert.equal(answer.status, 200)
      seen.push(await answer.text())
    }
    await running.stop()
    const logged = running.log.lines.map((line) =>
      JSON.stringify(line, (_, value: unknown) => (typeof value === 'bigint' ? String(value) : value))
    )
    const written = readdirSync(data, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => readFileSync(join(entry.parentPath, entry.name), 'latin1'))
    assert.ok(seen.length > 0 && written.length > 0)
    for (const text of [...seen, ...logged, ...written]) assert.ok(!text.includes(token), text.slice(0, 300))
  }

  it('is echoed and goes no further, and no topic, log or file has the token', async () => {
    await open('')
    assert.equal(await controller.ask(running.port('stage'), login), login)
    const { value } = await everything.nextJson('lab/stage/event')
    const { event, data: shown } = value as { event: string; data: unknown }
    assert.deepEqual([event, shown], ['ALYX', [url, { 'j.doe': { token: '***' } }]])
    for (const odd of [
      login.replace('128', '129'),
      login.slice(0, -1),
      `{"token": "${token}"}`,
      `[1, {"token": "${token}"}]`,
      `[0, "failed with ${login}", 128]`
    ])
      await controller.send(running.port('stage'), odd)
    assert.equal(await controller.ask(running.port('stage'), '[32, 0]'), login.replace('128', '129'))
    await everything.settled()
    assert.deepEqual(far.said, [])
    await assertNowhere()
  })

  it('is handed on to the rig that the configuration names, and to no topic, log or file', async () => {
    await open(', alyx: cameras/alyx')
    assert.equal(await controller.ask(running.port('stage'), login), login)
    await far.told()
    assert.deepEqual(far.said, [login])
    await assertNowhere()
  })

  it('cannot be sent over MQTT', async () => {
    await open(', alyx: cameras/alyx')
    await everything.publish('lab/cameras/alyx/call', { id: 'x', arguments: { url, login: {} } })
    const { phase } = await everything.nextJson('lab/cameras/alyx/reply')
    assert.equal(phase, 'failed')
    await running.stop()
    assert.deepEqual(far.said, [])
  })
})
