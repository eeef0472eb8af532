import assert from 'node:assert/strict'
import { cp, readFile, readdir, rename } from 'node:fs/promises'
import { join } from 'node:path'
import { ClassicLevel } from 'classic-level'
import { format } from '../../gateway/broker/store/format.js'
import { Crashing } from '../process/crashing.js'
import { Program, main, project } from '../process/program.js'
import { TestClient } from '../support/mqtt.js'
import { OpenHistory } from '../support/open-history.js'
import { RawClient, packets } from '../support/raw-mqtt.js'

const fixtures = join(project, 'test/faults/fixtures')

interface Written {
  /** Messages of the flood that were acknowledged before the kill. */
  readonly acked: number
  readonly native: string
}

/** A folder as another version left it, which was killed; and the gateway to read it. */
async function left(name: string): Promise<{ gateway: Crashing; written: Written }> {
  const folder = join(fixtures, name)
  const written = JSON.parse(await readFile(join(folder, 'written.json'), 'utf8')) as Written
  const gateway = new Crashing('fast', written.native)
  for (const store of ['store', 'history']) {
    const to = join(gateway.data, store)
    await cp(join(folder, store), to, { recursive: true })
    for (const file of await readdir(to)) await rename(join(to, file), join(to, file.slice(0, -'.bin'.length)))
  }
  return { gateway, written }
}

describe('a data folder of an earlier version', function () {
  this.timeout(20_000)
  let gateway: Crashing | undefined
  const clients: RawClient[] = []
  afterEach(async () => {
    for (const each of clients.splice(0)) each.close()
    await gateway?.program?.gone()
  })

  async function back(id: string): Promise<RawClient> {
    const client = await RawClient.connect(gateway?.port ?? 0, id, { clean: false })
    clients.push(client)
    assert.ok(client.sessionPresent, id)
    return client
  }

  it('is there for every format that there was', async () => {
    const folders = (await readdir(fixtures)).filter((name) => name.startsWith('format-'))
    assert.deepEqual(
      folders.sort(),
      Array.from({ length: format.number }, (_, index) => `format-${index + 1}`)
    )
  })

  for (let number = 1; number <= format.number; number++)
    it(`is read: format ${number}`, async () => {
      const { gateway: other, written } = await left(`format-${number}`)
      gateway = other
      const history = await OpenHistory.open(gateway.data)
      assert.deepEqual([history.log.lines, (await history.readings('native', 'power')).map(({ value }) => value)], [[], [47.5]])
      await history.close()
      await gateway.start()

      // All that waited, in order; the repetition that comes now is known as such.
      const sender = await back('sender')
      sender.send(packets.publish('q/b', 'two', { qos: 2, id: 5, dup: true }))
      await sender.next('pubrec')
      const control = await TestClient.connect(gateway.port)
      await control.subscribe('lab/native/power/reply')
      await control.publish('q/end', 'end')
      const texts: string[] = []
      const absent = await back('absent')
      await new Promise<void>((resolve) => {
        absent.onPublish = ({ topic, text, qos, id = 0 }) => {
          texts.push(`${topic} ${text} ${qos}`)
          absent.send(qos === 2 ? packets.pubrec(id) : packets.puback(id))
          if (topic === 'q/end') resolve()
        }
        absent.onPubrec = () => {}
        absent.onPubrel = (id) => absent.send(packets.pubcomp(id))
      })
      const flood = texts.filter((text) => text.startsWith('q/flood'))
      assert.deepEqual(texts.slice(0, 2), ['q/a one 1', 'q/b two 2'])
      assert.deepEqual(
        flood,
        Array.from(flood, (_, index) => `q/flood ${index} 1`)
      )
      assert.ok(flood.length >= written.acked, `${flood.length} of ${written.acked}`)
      assert.deepEqual(texts.slice(2 + flood.length), ['w/will gone 1', 'q/end end 1'])

      const half = await back('half')
      await half.next('pubrel')
      const [first] = await half.has(1)
      assert.deepEqual([first?.text, first?.dup, half.received.length], ['first', true, 1])

      const retained = new Map((await control.retained('r/#', 'lab/native/+')).map(({ topic, text }) => [topic, text]))
      assert.equal(retained.get('r/one'), 'retained')
      const reading = JSON.parse(retained.get('lab/native/power') ?? '{}') as Record<string, unknown>
      assert.deepEqual(
        [reading['value'], reading['time'], reading['quality'], reading['source']],
        [47.5, '2026-01-02T03:04:05.25Z', 'stale', 'restored']
      )
      await control.vanish()
    })

  it('that is newer is refused by name, with exit code 1; nothing in it is changed', async () => {
    const { gateway: other } = await left(`format-${format.number}`)
    gateway = other
    const path = join(gateway.data, 'store')
    const rows = async (change?: (level: ClassicLevel) => Promise<void>): Promise<string[]> => {
      const level = new ClassicLevel(path)
      await level.open()
      await change?.(level)
      const all = await level.iterator().all()
      await level.close()
      return all.map(([key, value]) => `${key} ${value}`)
    }
    const before = await rows((level) => level.put('!format', '{"format":1000,"labgate":"9.8.7"}'))
    const program = new Program(process.execPath, [main, 'start', '--config', gateway.file, '--log-format', 'json'])
    const { code, stdout } = await program.ended()
    assert.equal(code, 1, stdout)
    assert.match(stdout, /the data folder .*data \(gateway\.data\) was written by labgate 9\.8\.7 in format 1000/)
    assert.deepEqual(await rows(), before)
  })

  it('whose history is newer goes on without it, and tells; nothing in it is changed', async () => {
    const { gateway: other } = await left(`format-${format.number}`)
    gateway = other
    const level = new ClassicLevel(join(gateway.data, 'history'))
    await level.put('!', '{"format":1000,"labgate":"9.8.7"}')
    const before = await level.iterator().all()
    await level.close()
    await gateway.start()
    const client = await TestClient.connect(gateway.port)
    await client.subscribe('lab/gateway/history_state')
    await client.next(({ text }) => /written by labgate 9\.8\.7 in format 1000/.test(text))
    await client.publish('lab/native/power', '48')
    await client.vanish()
    await gateway.kill('SIGTERM')
    await level.open()
    assert.deepEqual(await level.iterator().all(), before)
    await level.close()
  })
})
