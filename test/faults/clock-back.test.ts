import assert from 'node:assert/strict'
import { FakeClock } from '../support/fake-clock.js'
import { MemoryDisk } from '../support/memory-disk.js'
import { RawClient, packets } from '../support/raw-mqtt.js'
import type { Received } from '../support/raw-mqtt.js'
import { start } from '../support/start.js'
import type { Running } from '../support/start.js'

const year = 365 * 86_400
const each = 50

describe('a clock that is set between two runs', function () {
  this.timeout(15_000)
  const running: Running[] = []
  const clients: RawClient[] = []
  afterEach(async () => {
    for (const client of clients.splice(0)) client.close()
    await Promise.all(running.splice(0).map((gateway) => gateway.stop()))
  })

  async function connect(gateway: Running, id: string, options = {}): Promise<RawClient> {
    const client = await RawClient.connect(gateway.mqttPort, id, { clean: false, ...options })
    clients.push(client)
    return client
  }

  /** Numbers of both kinds of QoS to the same topic, and the last one retained elsewhere. */
  async function publish(gateway: Running, from: number): Promise<void> {
    const client = await gateway.connect()
    for (let number = from; number < from + each; number++) {
      await client.publish('q/numbers', String(number), { qos: number % 2 === 0 ? 1 : 2 })
      await client.publish('r/last', String(number), { retain: true })
    }
    await client.vanish()
  }

  // The same time once more; back by a year; on by one, and back; and a computer without a battery, which begins in 1970.
  for (const jumps of [[0], [-year], [year, -2 * year], [-1_700_000_000]])
    it(`neither loses nor mixes up what is queued: ${jumps.map((seconds) => `${Math.round(seconds / 86_400)} days`).join(', ')}`, async () => {
      let disk = new MemoryDisk()
      const clock = new FakeClock()
      const open = async (): Promise<Running> => {
        const gateway = await start('devices: {}', { openDisk: disk.open, clock })
        running.push(gateway)
        return gateway
      }
      let gateway = await open()
      const first = await connect(gateway, 'absent')
      first.send(packets.subscribe(1, ['q/#', 2]))
      await first.next('suback')
      first.close()
      await publish(gateway, 0)
      let published = each
      for (const seconds of jumps) {
        // As a crash leaves it: what waits still has the numbers of the run before.
        disk = disk.copy()
        clock.jump(seconds)
        gateway = await open()
        await publish(gateway, published)
        published += each
      }
      const got: Received[] = []
      const back = await RawClient.connect(gateway.mqttPort, 'absent', { clean: false })
      clients.push(back)
      await new Promise<void>((resolve) => {
        const take = (packet: Received): void => {
          got.push(packet)
          back.send(packet.qos === 2 ? packets.pubrec(packet.id ?? 0) : packets.puback(packet.id ?? 0))
          if (got.length === published) resolve()
        }
        for (const packet of back.received.splice(0)) take(packet)
        back.onPubrec = () => {}
        back.onPubrel = (id) => back.send(packets.pubcomp(id))
        back.onPublish = take
      })
      await back.settled()
      assert.deepEqual(
        got.map(({ text }) => Number(text)),
        Array.from({ length: published }, (_, number) => number)
      )
      const [retained] = await (await gateway.connect()).retained('r/last')
      assert.equal(retained?.text, String(published - 1))
    })
})
