import assert from 'node:assert/strict'
import { join } from 'node:path'
import { ClassicLevel } from 'classic-level'
import { folder } from '../process/program.js'
import { FastClock } from '../support/fast-clock.js'
import { labYaml, startLab } from '../support/lab.js'
import type { Lab } from '../support/lab.js'
import { Mosquitto } from '../support/mosquitto.js'
import { needs } from '../support/peers.js'
import { until } from '../support/until.js'

describe('upstream: a folder that cannot be opened at the start', function () {
  let mosquitto: Mosquitto | undefined
  let lab: Lab | undefined
  let held: ClassicLevel<Buffer, Buffer> | undefined

  before(function () {
    needs(this, 'mosquitto')
  })

  after(async () => {
    await held?.close()
    await lab?.stop()
    await mosquitto?.gone()
  })

  it('delays the bridge and not the gateway, which tells it; then everything goes, in order', async () => {
    mosquitto = await Mosquitto.start()
    const data = folder()
    const text = `gateway: { data: ${data} }\nupstream:\n  - { id: faculty, servers: [{ host: 127.0.0.1, port: ${mosquitto.port} }], topic: site }\n${labYaml}`
    await mosquitto.kill()
    const first = await startLab({ clock: new FastClock(20) }, text)
    const before = await first.connect()
    for (const value of [1, 2, 3]) await before.publish('lab/weather/free', String(value))
    await first.stop()
    await mosquitto.start()
    held = new ClassicLevel(join(data, 'upstream', 'faculty'), { keyEncoding: 'buffer', valueEncoding: 'buffer' })
    await held.open()
    // Slow enough that a busy computer acknowledges in time: else what is under way is sent twice.
    const running = (lab = await startLab({ clock: new FastClock(5) }, text))
    const client = await running.connect()
    const health = (await client.retained('lab/gateway'))[0]?.text ?? ''
    assert.match(health, /upstream faculty: .*what waits is in memory/)
    await client.publish('lab/weather/free', '4')
    const seen = await mosquitto.watch('site/weather/free')
    assert.equal(running.gateway.upstream.get('faculty')?.connections, 0)
    await held.close()
    await until(() => {
      const status = running.gateway.upstream.get('faculty')
      return status?.state === 'connected' && status.waiting === 0
    }, 'it is not sent')
    await seen.settled()
    const values = seen.left.map(({ text: told }) => (JSON.parse(told) as { value: number }).value)
    // What is restored at the start is told once more.
    assert.deepEqual(
      values.filter((value, at) => value !== values[at - 1]),
      [1, 2, 3, 4]
    )
    await seen.vanish()
  })
})
