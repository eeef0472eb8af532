import assert from 'node:assert/strict'
import type { Change, Disk } from '../../gateway/broker/store/disk.js'
import { MemoryDisk } from '../support/memory-disk.js'
import { start } from '../support/start.js'
import type { Running } from '../support/start.js'
import { Publisher, Subscriber } from './strict-clients.js'

const publishers = 2
const failures = 6

/** Of every three writes one fails; every second one of these although all of it has been written, as a sync may. */
class Flaky extends MemoryDisk {
  writes = 0
  failed = 0

  readonly flaky = async (): Promise<Disk> => {
    const disk = await this.open()
    return {
      ...disk,
      write: async (changes: readonly Change[], sync: boolean) => {
        const fails = ++this.writes % 3 === 0
        if (!fails || this.failed % 2 === 0) await disk.write(changes, sync)
        if (!fails) return
        this.failed += 1
        throw Object.assign(new Error('EIO: i/o error'), { code: 'EIO' })
      }
    }
  }
}

describe('a disk of which any write may fail', function () {
  this.timeout(20_000)
  const running: Running[] = []
  let all: Publisher[]
  let subscribers: Subscriber[]
  beforeEach(() => {
    all = Array.from({ length: publishers }, (_, index) => new Publisher(index))
    subscribers = [new Subscriber('absent-1', 1, publishers), new Subscriber('absent-2', 2, publishers)]
  })
  afterEach(async () => {
    for (const each of [...all, ...subscribers]) each.close()
    await Promise.all(running.splice(0).map((gateway) => gateway.stop()))
  })

  for (const durability of ['fast', 'strict'])
    it(`loses nothing that was acknowledged, and nothing comes twice at QoS 2: ${durability}`, async () => {
      const yaml = `broker: { tcp: { port: 0 }, durability: ${durability} }\ndevices: {}`
      const disk = new Flaky()
      const gateway = await start(yaml, { openDisk: disk.flaky })
      running.push(gateway)
      for (const each of subscribers) {
        await each.connect(gateway.mqttPort)
        await each.subscribe()
        each.close()
      }
      for (const each of all) await each.connect(gateway.mqttPort)
      while (disk.failed < failures) await all[0]?.acknowledged()
      // A crash, as far as the disk is concerned: after this nothing counts.
      const left = disk.copy()
      const acked = all.map((each) => each.acked.length)
      for (const each of all) each.close()

      const second = await start(yaml, { openDisk: left.open })
      running.push(second)
      for (const each of subscribers) await each.connect(second.mqttPort)
      const client = await second.connect()
      await client.publish('k/marker', durability)
      for (const each of subscribers) {
        assert.ok(await each.drained(durability, 5000))
        assert.deepEqual([each.lost(all), each.twice, each.reordered], [[], 0, 0])
      }
      assert.ok(acked.every((count) => count > 0))
    })
})
