import assert from 'node:assert/strict'
import { createSocket } from 'node:dgram'
import type { Socket } from 'node:dgram'
import { once } from 'node:events'
import { memoryUsage } from 'node:process'
import { labYaml, startLab } from '../support/lab.js'
import type { Lab } from '../support/lab.js'
import { Mosquitto } from '../support/mosquitto.js'
import { needs } from '../support/peers.js'
import { until } from '../support/until.js'
import { folder } from '../process/program.js'

/** Milliseconds that half of so many questions, one after the other, took at most. */
async function median(socket: Socket, port: number, questions: number): Promise<number> {
  const times: number[] = []
  for (let n = 0; n < questions; n++) {
    const since = performance.now()
    const answered = once(socket, 'message')
    socket.send('json_wn', port, '127.0.0.1')
    await answered
    times.push(performance.now() - since)
  }
  return times.sort((a, b) => a - b)[questions >> 1] as number
}

describe('upstream: the instruments', function () {
  this.timeout(30_000)
  let mosquitto: Mosquitto | undefined
  let lab: Lab | undefined
  const socket = createSocket('udp4')

  before(function () {
    needs(this, 'mosquitto')
  })

  after(async () => {
    socket.close()
    await lab?.stop()
    await mosquitto?.gone()
  })

  it('are answered as fast while the broker stands still and readings pile up, and the memory holds', async () => {
    mosquitto = await Mosquitto.start()
    const bridge = `{ id: far, servers: [{ host: 127.0.0.1, port: ${mosquitto.port} }] }`
    const running = await startLab({}, `gateway: { data: ${folder()} }\nupstream:\n  - ${bridge}\n${labYaml}`)
    lab = running
    const status = (): NonNullable<ReturnType<Lab['gateway']['upstream']['get']>> => {
      const found = running.gateway.upstream.get('far')
      if (found === undefined) throw new Error('there is no bridge')
      return found
    }
    await until(() => status().state === 'connected', 'the bridge does not connect')
    const host = running.scripted.host('oven')
    const port = running.port('pull-furnace')
    const feed = async (from: number, count: number): Promise<void> => {
      for (let n = from; n < from + count; n++) await host.publish({ device: 'furnace', codename: 'temperature', value: n })
    }
    await feed(0, 200)
    const before = await median(socket, port, 200)
    mosquitto.stall()
    const memory = memoryUsage().rss
    await feed(200, 20_000)
    const during = await median(socket, port, 200)
    await until(() => status().waiting >= 20_000 && status().bytes > 0, `it does not wait: ${JSON.stringify(status())}`)
    const grown = (memoryUsage().rss - memory) / 1_048_576
    // Ten times is no timing of anything, but an answer that waits for the bridge takes seconds.
    assert.ok(during < Math.max(10 * before, 20), `${during} ms, before ${before} ms`)
    assert.ok(grown < 150, `${grown} MiB more`)
    assert.equal(status().dropped, 0)
    if (process.env['LABGATE_OUTAGES'] !== undefined)
      console.log(
        `      median answer ${before.toFixed(2)} ms, while it stands still ${during.toFixed(2)} ms; ${grown.toFixed(0)} MiB more`
      )
  })
})
