import assert from 'node:assert/strict'
import { ReloadLab, watching } from '../support/reload-lab.js'
import { Scripted } from '../support/scripted.js'
import { UdpClient } from '../support/udp.js'
import { until } from '../support/until.js'

const one = `${watching}devices:
  oven: { codenames: { t: { maxAge: 60, schema: { type: number } }, setpoint: { settable: true } } }
adapters:
  - { id: ovens, type: scripted, feeds: [oven], executes: [oven/setpoint] }
  - { id: page, type: data-pull-server, port: 0, device: oven }
`
const other = `${watching}devices:
  oven: { codenames: { t: { maxAge: 30, schema: { type: number, maximum: 7 } }, p: { retainMirror: true }, setpoint: { settable: true } } }
  pump: { codenames: { speed: { schema: { type: integer } } } }
adapters:
  - { id: ovens, type: scripted, feeds: [oven], executes: [oven/setpoint] }
  - { id: pumps, type: scripted, feeds: [pump] }
  - { id: pump-page, type: data-pull-server, port: 0, device: pump }
  - { id: rig, type: simulator, instruments: { furnace: { model: furnace } } }
  - { id: page, type: data-pull-server, port: 0, device: oven }
`

describe('20 reloads to and fro', function () {
  this.timeout(60_000)
  const scripted = new Scripted()
  const lab = new ReloadLab([scripted.type])

  after(async () => await lab.stop())

  function resources(): Record<string, number> {
    const counts: Record<string, number> = {}
    // What a timer is for cannot be seen; there are some of a file that was just read.
    for (const kind of process.getActiveResourcesInfo().filter((name) => name !== 'FSReqPromise' && name !== 'Immediate'))
      counts[kind] = (counts[kind] ?? 0) + 1
    return counts
  }

  it('leak nothing: sockets, timers, listeners, devices, what is retained', async () => {
    await lab.begin(one)
    const udp = new UdpClient()
    const look = async (): Promise<object> => ({
      retained: [...(await lab.retained('lab/#')).keys()].filter((topic) => !topic.startsWith('lab/gateway')).sort(),
      count: lab.gateway.retainedCount,
      endpoints: lab.gateway.endpoints().map(({ name, protocol }) => `${protocol} ${name}`),
      schemas: lab.validators.size,
      signals: process.eventNames().map((name) => `${String(name)} ${process.listenerCount(name)}`)
    })
    const go = async (text: string): Promise<void> => {
      lab.write(text)
      await lab.gateway.reload('call')
      await scripted.host('ovens').publish({ device: 'oven', codename: 't', value: 5 })
      if (text === other) {
        await scripted.host('ovens').publish({ device: 'oven', codename: 'p', value: 5 })
        await scripted.host('pumps').publish({ device: 'pump', codename: 'speed', value: 5n })
        assert.match(await udp.ask(lab.gateway.endpoint('pump-page')?.port ?? 0, 'speed#raw'), /,5$/)
      }
    }
    // Both once: what is made once for ever is made.
    await go(other)
    await go(one)
    // Nothing is under way: the file was written long ago.
    await new Promise((resolve) => setTimeout(resolve, 250))
    const before = await look()
    const open = resources()
    const seconds: number[] = []
    for (let round = 0; round < 10; round += 1)
      for (const text of [other, one]) {
        const began = performance.now()
        await go(text)
        seconds.push(performance.now() - began)
      }
    assert.deepEqual(await look(), before)
    await until(() => Object.entries(resources()).every(([kind, count]) => count <= (open[kind] ?? 0)), 'something is left open').catch(
      () => assert.deepEqual(resources(), open)
    )
    assert.equal(scripted.hosts.size, 2)
    await udp.close()
    console.log(`      ${seconds.length} reloads, each in ${Math.round(seconds.reduce((sum, each) => sum + each, 0) / seconds.length)} ms`)
  })
})
