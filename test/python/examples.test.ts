import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { GatewayError } from '../../gateway/errors.js'
import { Program, folder, project, withFreePorts } from '../process/program.js'
import type { Ended } from '../process/program.js'
import { startLab } from '../support/lab.js'
import type { Lab } from '../support/lab.js'
import { needs, python } from '../support/peers.js'
import { Relay } from '../node-red/relay.js'
import { start } from '../support/start.js'
import type { Running } from '../support/start.js'

const examples = join(project, 'config/examples/python')

/** A furnace of which nothing is measured any more. */
const stale = `
devices:
  furnace:
    codenames:
      temperature: { unit: °C, maxAge: 0.01, schema: { type: number } }
      setpoint: { unit: °C, settable: true, timeout: 1, schema: { type: number, maximum: 1200 } }
adapters:
  - { id: oven, type: scripted, feeds: [furnace], executes: [furnace] }
`

/** Runs an example, from beginning to end, in a folder of its own. */
async function run(name: string, { mqttPort, httpPort }: Running): Promise<Ended & { folder: string }> {
  const own = folder()
  const env = { LABGATE_MQTT_PORT: String(mqttPort), LABGATE_URL: `http://127.0.0.1:${httpPort}`, PYTHONIOENCODING: 'utf-8' }
  // The last readings come at once; the tests need not look on for longer.
  const text = readFileSync(join(examples, name), 'utf8').replace('seconds=2', 'seconds=0.3')
  const program = new Program(python, ['-W', 'error', '-c', `import os; os.chdir(${JSON.stringify(own)})\n${text}`], { env })
  try {
    return { ...(await program.ended()), folder: own }
  } finally {
    await program.gone()
  }
}

describe('the Python examples', function () {
  // Python takes its time to start.
  this.timeout(20_000)
  let demo: Running
  let lab: Lab

  before(async () => {
    demo = await start(withFreePorts('gateway.yaml'))
    lab = await startLab({}, stale)
    await lab.scripted.host('oven').publish({ device: 'furnace', codename: 'temperature', value: 1234.5 })
  })

  beforeEach(() => {
    lab.scripted.execute = ({ value }) => Promise.resolve(value)
  })

  after(async () => {
    await lab.stop()
    await demo.stop()
  })

  const notebooks = ['paho_example.py', 'rest_example.py'] as const

  for (const name of notebooks) {
    const peer = name === 'paho_example.py' ? 'python3-paho-mqtt' : 'python3'

    it(`${name} runs against the demo: readings, a value, a set with its reply, a refusal`, async function () {
      needs(this, peer)
      const { code, stdout, stderr, folder: own } = await run(name, demo)
      assert.equal(code, 0, stderr)
      assert.match(stdout, /^ *temperature +-?\d[\d.]* °C$/m)
      assert.match(stdout, /^the furnace has -?\d[\d.]* °C$/m)
      assert.match(stdout, /^set to 40(\.0)?$/m)
      assert.match(stdout, /^refused: RangeError: value must be <= 1200 \(got 9999\)$/m)
      if (name === 'paho_example.py') return
      assert.match(stdout, /^furnace online$/m)
      assert.match(stdout, /^temperature: \d+ values from -?[\d.]+ to -?[\d.]+$/m)
      assert.match(stdout, /^exported \d+ bytes$/m)
      assert.match(
        readFileSync(join(own, 'furnace.csv'), 'utf8'),
        /^\uFEFF?time,device,codename,quality,value,unit,.*\r?\n.*,furnace,temperature,good,/
      )
    })

    it(`${name} shows as stale what is stale`, async function () {
      needs(this, peer)
      const { code, stdout, stderr } = await run(name, lab)
      assert.equal(code, 0, stderr)
      assert.match(stdout, /^ *temperature +1234\.5 °C \(STALE, measured 20\d\d-.*Z\)$/m)
      assert.doesNotMatch(stdout, /1234\.5 °C$/m)
      const told = name === 'paho_example.py' ? 'not fresh: furnace/temperature: ' : 'the furnace has '
      assert.match(stdout, new RegExp(`^${told}1234\\.5 °C \\(STALE, measured .*\\)$`, 'm'))
    })

    it(`${name} ends with an exception when a command fails that it counts on`, async function () {
      needs(this, peer)
      lab.scripted.execute = () => Promise.reject(new GatewayError('DeviceError', 'thermocouple open'))
      const { code, stdout, stderr } = await run(name, lab)
      assert.equal(code, 1)
      assert.match(stderr, /CommandFailed: DeviceError: thermocouple open\s*$/)
      assert.doesNotMatch(stdout, /set to/)
    })

    it(`${name} is made of cells, as notebooks are`, () => {
      const lines = readFileSync(join(examples, name), 'utf8').split('\n')
      assert.equal(lines[0], '# %% [markdown]')
      assert.ok(lines.filter((line) => line === '# %%').length >= 4)
    })
  }

  it('paho_example.py gives up after its time limit, and says that it may have been done', async function () {
    needs(this, 'python3-paho-mqtt')
    const text = readFileSync(join(examples, 'paho_example.py'), 'utf8').split('# ## Readings, with their quality')[0] ?? ''
    const more = `
lab = Lab()
lab._client.unsubscribe(f"{ROOT}/+/+/reply")
try:
    lab.set("furnace", "setpoint", 7, timeout=0.3)
except CommandFailed as failure:
    print(failure.error_class, failure.retryable, failure.maybe_executed, len(lab._waiting))
lab.close()
`
    const program = new Program(python, ['-c', text + more], { env: { LABGATE_MQTT_PORT: String(lab.mqttPort) } })
    const { stdout, stderr } = await program.ended()
    assert.equal(stdout, 'Timeout True True 0\n', stderr)
  })

  it('paho_example.py has no good value when the gateway falls silent without a word', async function () {
    needs(this, 'python3-paho-mqtt')
    const text = readFileSync(join(examples, 'paho_example.py'), 'utf8').split('# ## Readings, with their quality')[0] ?? ''
    const more = `
lab = Lab()
def value():
    try:
        return lab.value("furnace", "temperature")
    except NotFresh as reason:
        return reason
while (first := value()) != 21.5:
    time.sleep(0.01)
print("good", flush=True)
while (last := value()) == 21.5:
    time.sleep(0.01)
print(last, flush=True)
lab.close()
`
    const own = await startLab({}, stale.replace('maxAge: 0.01', 'maxAge: 1.5'))
    const relay = await Relay.to(own.mqttPort)
    const program = new Program(python, ['-c', text + more], {
      env: { LABGATE_MQTT_PORT: String(relay.port), PYTHONIOENCODING: 'utf-8' }
    })
    try {
      let isGood = false
      const said = program.says(/good/).then(() => (isGood = true))
      while (!isGood) {
        await own.scripted.host('oven').publish({ device: 'furnace', codename: 'temperature', value: 21.5 })
        await Promise.race([said, new Promise((resolve) => setTimeout(resolve, 100))])
      }
      relay.deaf = relay.mute = true
      assert.match((await program.says(/furnace\/temperature: .*/))[0], /21\.5 °C \(STALE, NOTHING CAME FOR \d+ S, measured /)
    } finally {
      await program.gone()
      await relay.close()
      await own.stop()
    }
  })
})
