import assert from 'node:assert/strict'
import { FakeClock } from '../../../test/support/fake-clock.js'
import type { TestClient } from '../../../test/support/mqtt.js'
import { Fence, TestPage, pagesPort } from '../../../test/support/page.js'
import { start } from '../../../test/support/start.js'
import type { Running, StartOptions } from '../../../test/support/start.js'
import { UdpClient } from '../../../test/support/udp.js'

/** A gateway with an instance `live` of live-server, hosts that send to it, pages and an MQTT client that look on. */
export class LiveLab {
  /** Stands at 2017-07-14T02:41:40Z. */
  readonly clock = new FakeClock(1_500_000_100)
  readonly host = new UdpClient()
  readonly pages: TestPage[] = []
  readonly fence = new Fence(async (datagram) => await this.send(datagram))
  #running: Running | undefined
  #mqtt: TestClient | undefined

  get running(): Running {
    assert.ok(this.#running !== undefined, 'not started')
    return this.#running
  }

  get mqtt(): TestClient {
    assert.ok(this.#mqtt !== undefined, 'not started')
    return this.#mqtt
  }

  /** `options` of the instance, and what else the configuration has. */
  async start(options = '', more = 'devices: {}', startOptions: StartOptions & { readonly type?: string } = {}): Promise<void> {
    const { type = 'live-server', ...others } = startOptions
    const web = options.includes('web:') ? '' : 'web: { port: 0 }, '
    const entry = `  - { id: live, type: ${type}, port: 0, ${web}${options} }`
    this.#running = await start(`${more}\n${more.includes('adapters:') ? '' : 'adapters:'}\n${entry}`, { clock: this.clock, ...others })
    this.#mqtt = await this.#running.connect()
    await this.#mqtt.subscribe('lab/#', 'lab-dead/#')
    await this.#mqtt.settled()
    this.#mqtt.drop()
  }

  async close(): Promise<void> {
    for (const page of this.pages) await page.close()
    await this.host.close()
    await this.#running?.stop()
    assert.deepEqual(
      this.#running?.log.lines.filter(({ level }) => level === 'error'),
      []
    )
  }

  async send(datagram: string | Buffer): Promise<void> {
    await this.host.send(this.running.port('live'), datagram)
  }

  async batch(data: object, host = 'rasppi71'): Promise<void> {
    await this.send(JSON.stringify({ host, data }))
  }

  async open(...subscriptions: string[]): Promise<TestPage> {
    const page = await TestPage.open(pagesPort(this.running, 'live'))
    this.pages.push(page)
    if (subscriptions.length > 0) page.subscribe(...subscriptions)
    return page
  }

  /** A page that is known to have subscribed. */
  async looking(...subscriptions: string[]): Promise<TestPage> {
    const page = await this.open(...subscriptions)
    await this.fence.frames(page)
    return page
  }

  async reading(topic: string): Promise<Record<string, unknown>> {
    return await this.mqtt.nextJson(`lab/${topic}`)
  }

  /** Of the instance, as the gateway publishes them. */
  async counters(): Promise<Record<string, number>> {
    this.mqtt.drop()
    await this.clock.pass(10)
    // What was retained when the client subscribed may come as late as this.
    const { value } = await this.mqtt.nextJson(({ topic, retain }) => topic === 'lab/gateway/counters' && !retain)
    return (value as Record<string, Record<string, number>>)['live'] ?? {}
  }
}
