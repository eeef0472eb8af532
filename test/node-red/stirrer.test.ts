import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { project } from '../process/program.js'
import type { TestClient } from '../support/mqtt.js'
import { start } from '../support/start.js'
import type { Running } from '../support/start.js'
import { UdpClient } from '../support/udp.js'
import { NodeRed, flowFile, needsNodeRed } from './node-red.js'

const readme = readFileSync(join(project, 'config/examples/node-red/README.md'), 'utf8')
const config = /```yaml\n([\s\S]*?)```/.exec(readme)?.[1]?.replace(/\bport: \d+/g, 'port: 0') ?? ''
const twenty = Array.from({ length: 20 }, (_, at) => at + 1)

describe('config/examples/node-red/stirrer.json in Node-RED', function () {
  // Node-RED takes two seconds to start.
  this.timeout(60_000)
  const nodeRed = new NodeRed()
  let running: Running
  let client: TestClient
  let measure: string

  before(async function () {
    needsNodeRed(this)
    running = await start(config)
    const nodes = flowFile('stirrer.json', running.mqttPort)
    measure = nodes.find(({ type }) => type === 'inject')?.id as string
    client = await running.connect({ clientId: 'notebook' })
    await client.subscribe('lab/stirrer', 'lab/stirrer/speed', 'lab/stirrer/setpoint', 'lab/stirrer/setpoint/reply')
    await nodeRed.start()
    await nodeRed.deploy(nodes)
    await client.next('lab/stirrer/speed')
  })

  after(async () => {
    await nodeRed.gone()
    await running?.stop()
  })

  const set = async (id: string, value: number): Promise<unknown[]> => {
    await client.publish('lab/stirrer/setpoint/set', { id, value })
    const reply = await client.nextJson(({ topic, text }) => topic.endsWith('/reply') && text.includes(`"${id}"`))
    return [reply['phase'], reply['value'], (reply['error'] as { class: string } | undefined)?.class]
  }

  it('gives readings: 20 come with time, unit and quality', async () => {
    for (const _ of twenty) {
      await nodeRed.inject(measure)
      const reading = await client.nextJson('lab/stirrer/speed')
      assert.deepEqual(
        [reading['quality'], reading['unit'], typeof reading['value'], reading['source']],
        ['good', 'rpm', 'number', 'client']
      )
    }
  })

  it('takes commands: 20 are done, each is answered with its id, and its reading follows', async () => {
    for (const at of twenty) {
      assert.deepEqual(await set(`c${at}`, at * 10), ['done', at * 10, undefined])
      assert.equal((await client.nextJson('lab/stirrer/setpoint'))['value'], at * 10)
    }
    assert.deepEqual(await set('fast', 2000), ['failed', undefined, 'RangeError'])
  })

  it('is set and read by old clients', async () => {
    const udp = new UdpClient()
    try {
      assert.equal(await udp.ask(running.port('stirrer-push'), 'raw_wn#setpoint:float:750'), "ACK#{'setpoint': 750.0}")
      await client.next(({ topic, text }) => topic === 'lab/stirrer/setpoint' && text.includes('"value":750'))
      assert.match(await udp.ask(running.port('stirrer-pull'), 'setpoint#raw'), /,750\.0$/)
    } finally {
      await udp.close()
    }
  })

  it('is offline while Node-RED is away: commands fail, readings are stale; then both work again', async () => {
    await nodeRed.end()
    await client.next(({ topic, text }) => topic === 'lab/stirrer' && text.includes('"offline"'))
    assert.deepEqual(await set('lost', 100), ['failed', undefined, 'Unreachable'])
    await client.next(({ topic, text }) => topic === 'lab/stirrer/speed' && text.includes('"stale"'))
    client.drop()
    await nodeRed.start()
    await client.next(({ topic, text }) => topic === 'lab/stirrer/speed' && text.includes('"good"'))
    assert.deepEqual(await set('again', 200), ['done', 200, undefined])
  })
})
