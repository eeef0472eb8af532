import assert from 'node:assert/strict'
import type { Browser, Page } from 'playwright-core'
import { Program, folder, main, write } from '../process/program.js'
import { openChromium } from '../support/chromium.js'
import { TestClient } from '../support/mqtt.js'
import { needs } from '../support/peers.js'
import { UdpClient } from '../support/udp.js'
import { serveLivePage } from './live-page.js'
import type { LivePage } from './live-page.js'
import { Storm } from './storm.js'

/** Milliseconds of the storm. */
const stormy = Number(process.env['LABGATE_STORM_MS'] ?? 3000)

interface Told {
  readonly loads: number
  readonly errors: number
  readonly frames: number
  readonly points: readonly (readonly [string, number, number])[]
}

/** The gateway in a process of its own, on ports that stay the same over a restart. */
class Gateway {
  #program: Program | undefined
  #ports = { mqtt: 0, udp: 0, web: 0 }
  readonly #file = `${folder()}/live.yaml`

  get ports(): { readonly mqtt: number; readonly udp: number; readonly web: number } {
    return this.#ports
  }

  async start(): Promise<void> {
    const { mqtt, udp, web } = this.#ports
    write(
      this.#file,
      `broker: { tcp: { port: ${mqtt} } }
devices: { furnace: { codenames: { temperature: {} } } }
adapters:
  - { id: live, type: live-server, port: ${udp}, web: { port: ${web} }, show: { oven: furnace } }
`
    )
    const program = new Program(process.execPath, [main, 'start', '--config', this.#file])
    this.#program = program
    const port = async (what: RegExp): Promise<number> => Number((await program.says(what))[1])
    this.#ports = {
      mqtt: await port(/MQTT over TCP on 127\.0\.0\.1:(\d+)/),
      udp: await port(/LiveSocket hosts on udp 127\.0\.0\.1:(\d+)/),
      web: await port(/live web pages on ws 127\.0\.0\.1:(\d+)/)
    }
    await program.says(/ready/)
  }

  get output(): string {
    return `${this.#program?.stdout ?? ''}${this.#program?.stderr ?? ''}`
  }

  /** As by a crash. */
  async kill(): Promise<void> {
    await this.#program?.gone()
  }
}

describe('a live page in Chromium', function () {
  this.timeout(60_000 + 2 * stormy)
  let browser: Browser | undefined
  let pages: LivePage | undefined
  let page: Page
  let host: UdpClient
  const gateway = new Gateway()

  before(async function () {
    needs(this, 'chromium')
    await gateway.start()
    host = new UdpClient()
    pages = await serveLivePage()
    browser = await openChromium()
    page = await browser.newPage()
    page.setDefaultTimeout(10_000)
    const channels = ['rasppi71:sine1', 'rasppi71:state', 'oven:temperature']
    await page.goto(pages.url(`ws://127.0.0.1:${gateway.ports.web}/`, channels))
  })

  after(async () => {
    await browser?.close()
    await pages?.close()
    await host?.close()
    await gateway.kill()
  })

  const send = async (datagram: string): Promise<void> => await host.send(gateway.ports.udp, datagram)
  const sine = async (y: number | string, x = 1450096534.070234): Promise<void> =>
    await send(`{"host": "rasppi71", "data": {"sine1": [${x}, ${y}]}}`)
  const told = async (): Promise<Told> => await page.evaluate('told')
  const cell = (channel: string): ReturnType<Page['locator']> => page.locator('tr', { hasText: channel }).locator('td').nth(2)

  /** Sends it until the page shows it: a datagram may come before the page has subscribed. */
  async function shows(channel: string, text: string, again: () => Promise<void>): Promise<void> {
    for (let i = 0; i < 100; i += 1) {
      await again()
      try {
        await cell(channel).getByText(text, { exact: true }).waitFor({ timeout: 200 })
        return
      } catch (error) {
        if (i === 99) throw error
      }
    }
  }

  it('shows live values with their time', async () => {
    await shows('rasppi71:sine1', '3.64e-1', async () => await sine(0.3636318999681013))
    assert.equal(await page.locator('tr', { hasText: 'sine1' }).locator('td').nth(1).textContent(), '2015-12-14T12:35:34.070Z')
    await shows('rasppi71:state', 'running', async () => await send('{"host": "rasppi71", "data": {"state": [1450096534.07, "running"]}}'))
  })

  it('shows the readings of an MQTT device under the name of a host', async () => {
    const mqtt = await TestClient.connect(gateway.ports.mqtt)
    await mqtt.publish('lab/furnace/temperature', '21.5')
    await shows('oven:temperature', '2.15e+1', async () => await Promise.resolve())
    await mqtt.close()
  })

  it('bears NaN, which the original would have killed it with', async () => {
    await shows('rasppi71:sine1', 'null', async () => await sine('NaN'))
    await shows('rasppi71:sine1', '5.00e-1', async () => await sine(0.5))
    assert.equal((await told()).errors, 0)
  })

  it('clears its figure at a reset', async () => {
    assert.ok((await told()).points.length > 0)
    await send('{"host": "rasppi71", "data": {"sine1": "RESET"}}')
    await page.waitForFunction('told.points.length === 0')
    assert.equal(await cell('rasppi71:sine1').textContent(), '5.00e-1', 'the table skips it')
  })

  it('goes on through a storm of hostile datagrams and pages, and so does MQTT', async () => {
    const mqtt = await TestClient.connect(gateway.ports.mqtt)
    await mqtt.subscribe('lab/furnace/temperature')
    const before = await told()
    const storm = new Storm()
    await storm.start(gateway.ports.udp, gateway.ports.web)
    let values = 0
    let slowest = 0
    for (const end = performance.now() + stormy; performance.now() < end;) {
      values += 1
      await sine(values, 1450096534 + values)
      const asked = performance.now()
      await mqtt.publish('lab/furnace/temperature', String(values))
      await mqtt.next(({ text }) => text.includes(`"value":${values}}`), `reading ${values}`)
      slowest = Math.max(slowest, performance.now() - asked)
      await new Promise((resolve) => setTimeout(resolve, 20))
    }
    await storm.stop()
    // What comes last is shown, and the page never lost its connection.
    await shows('rasppi71:sine1', '1.00e+6', async () => await sine(1e6))
    const after = await told()
    const seen = new Set(after.points.filter(([channel]) => channel === 'rasppi71:sine1').map(([, , y]) => y))
    const came = Array.from({ length: values }, (_, i) => i + 1).filter((value) => seen.has(value)).length
    console.log(
      `      ${storm.sent} hostile datagrams and ${storm.pages} hostile pages in ${stormy / 1000} s; ` +
        `the page saw ${came} of ${values} values meanwhile, the slowest MQTT round trip took ${slowest.toFixed(0)} ms`
    )
    assert.deepEqual([after.loads, after.errors], [before.loads, 0])
    assert.ok(storm.sent > 1000 && storm.pages > 10, `${storm.sent} datagrams, ${storm.pages} pages`)
    // A kernel's queue that is full loses datagrams, also the good ones.
    assert.ok(came > values / 5, `${came} of ${values}`)
    assert.ok(gateway.output.split('\n').length < 60, 'the log was flooded')
    await mqtt.close()
  })

  it('turns red when the gateway is killed, and comes back when that does', async () => {
    const { loads } = await told()
    await gateway.kill()
    await page.waitForFunction(`document.body.style.background === 'red' || told.loads > ${loads}`)
    await gateway.start()
    await page.waitForFunction(`told.loads > ${loads}`)
    await shows('rasppi71:sine1', '7.50e-1', async () => await sine(0.75))
    assert.equal((await told()).errors, 0)
  })
})
