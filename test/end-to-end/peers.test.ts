import assert from 'node:assert/strict'
import { execFile, spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { promisify } from 'node:util'
import { startLab } from '../support/lab.js'
import type { Lab } from '../support/lab.js'
import { needs, python } from '../support/peers.js'

const run = promisify(execFile)

/** The lines of a program, one by one. */
class Lines {
  readonly child: ChildProcess
  readonly #lines: AsyncIterator<string>

  constructor(command: string, ...args: string[]) {
    this.child = spawn(command, args, { stdio: ['ignore', 'pipe', 'inherit'] })
    this.#lines = createInterface({ input: this.child.stdout as NodeJS.ReadableStream })[Symbol.asyncIterator]()
  }

  async next(fits: RegExp): Promise<string> {
    for (;;) {
      const { value, done } = await this.#lines.next()
      if (done === true) throw new Error(`the program ended before ${String(fits)}`)
      if (fits.test(value)) return value
    }
  }

  async end(): Promise<void> {
    if (this.child.exitCode !== null || this.child.signalCode !== null) return
    this.child.kill()
    await once(this.child, 'close')
  }
}

describe('programs that people use', function () {
  this.timeout(15_000)
  let lab: Lab
  let lines: Lines | undefined

  beforeEach(async () => {
    lab = await startLab()
  })

  afterEach(async () => {
    await lines?.end()
    lines = undefined
    await lab.stop()
  })

  const pub = async (...args: string[]): Promise<unknown> => await run('mosquitto_pub', ['-p', String(lab.mqttPort), ...args])

  it('mosquitto_pub sets, mosquitto_sub sees the reply', async function () {
    needs(this, 'mosquitto_pub', 'mosquitto_sub')
    lines = new Lines('mosquitto_sub', '-p', String(lab.mqttPort), '-v', '-t', 'lab/furnace/setpoint/#')
    await lines.next(/meta/)
    await pub('-t', 'lab/furnace/setpoint/set', '-m', '300')
    assert.match(await lines.next(/reply/), /"op":"set","phase":"done",.*"value":300\}$/)
  })

  it('mosquitto_pub gives a reading at QoS 0, 1 and 2, and its will is one too', async function () {
    needs(this, 'mosquitto_pub', 'mosquitto_sub')
    lines = new Lines('mosquitto_sub', '-p', String(lab.mqttPort), '-v', '-t', 'lab/weather/#')
    await lines.next(/meta/)
    for (const qos of ['0', '1', '2']) {
      await pub('-q', qos, '-t', 'lab/weather/wind', '-m', `1${qos}`)
      assert.match(await lines.next(/^lab\/weather\/wind \{/), new RegExp(`"quality":"good".*"value":1${qos}\\}$`))
    }
    const will = ['--will-topic', 'lab/weather/wind', '--will-payload', '99']
    const doomed = new Lines('mosquitto_sub', '-p', String(lab.mqttPort), '-t', 'lab/weather/wind/meta', ...will)
    await doomed.next(/./)
    doomed.child.kill('SIGKILL')
    assert.match(await lines.next(/"value":99\}$/), /"source":"client"/)
  })

  it('mosquitto_pub -r cannot retain a command; mosquitto_sub shows the dead letter', async function () {
    needs(this, 'mosquitto_pub', 'mosquitto_sub')
    lines = new Lines('mosquitto_sub', '-p', String(lab.mqttPort), '-v', '-t', 'lab-dead/#', '-t', 'lab/weather/wind/meta')
    await lines.next(/meta/)
    await pub('-r', '-t', 'lab/furnace/setpoint/set', '-m', '300')
    const [topic, ...text] = (await lines.next(/^lab-dead/)).split(' ')
    const letter = JSON.parse(text.join(' ')) as Record<string, unknown>
    assert.deepEqual([topic, letter['class'], letter['payload']], ['lab-dead/lab/furnace/setpoint/set', 'Retained', '300'])
    assert.equal(lab.scripted.commands.length, 0)
  })

  it('a paho program is a native device: it gets its command as JSON and replies', async function () {
    needs(this, 'python3-paho-mqtt')
    const program = `
import json, sys
import paho.mqtt.client as mqtt
make = lambda: mqtt.Client(mqtt.CallbackAPIVersion.VERSION1, "driver") if hasattr(mqtt, "CallbackAPIVersion") else mqtt.Client("driver")
def on_connect(client, *_):
    client.subscribe("lab/stage/position/set", 1)
def on_subscribe(client, *_):
    client.publish("lab/stage/position", "1.5", 1)
    print("ready", flush=True)
def on_message(client, _, message):
    command = json.loads(message.payload)
    client.publish("lab/stage/position/reply", json.dumps({"id": command["id"], "value": command["value"] * 2}), 1)
client = make()
client.on_connect, client.on_subscribe, client.on_message = on_connect, on_subscribe, on_message
client.connect("127.0.0.1", int(sys.argv[1]))
client.loop_forever()
`
    lines = new Lines(python, '-c', program, String(lab.mqttPort))
    await lines.next(/ready/)
    const client = await lab.connect({ clientId: 'nb7' })
    await client.subscribe('lab/stage/#')
    await client.next(({ topic, text }) => topic === 'lab/stage' && text.includes('"online"'))
    await client.publish('lab/stage/position/set', '10')
    const { value, client: who } = await client.nextJson('lab/stage/position/reply')
    assert.deepEqual([value, who], [20, 'nb7'])
  })
})
