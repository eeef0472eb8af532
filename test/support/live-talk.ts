/** The steps of conversations with `transport: live`: hosts send datagrams, pages subscribe and get frames, a proxy gets datagrams. */
import assert from 'node:assert/strict'
import { Sink } from './sink.js'
import { isExactList } from '../../adapters/common/exact-json.js'
import type { Exact, ExactMap } from '../../adapters/common/exact-json.js'
import { Fence, TestPage, pagesPort } from './page.js'
import type { Running } from './start.js'
import type { UdpClient } from './udp.js'

export class LiveTalk {
  readonly #proxy: Sink
  readonly #pages = new Map<string, TestPage>()

  private constructor(proxy: Sink) {
    this.#proxy = proxy
  }

  static async open(): Promise<LiveTalk> {
    return new LiveTalk(await Sink.open())
  }

  /** An entry of `adapters` with the ports of this conversation. */
  withPorts(entry: ExactMap): ExactMap {
    const ports = new Map(entry)
    if (entry.get('type') === 'live-server') ports.set('web', new Map([...((entry.get('web') ?? new Map()) as ExactMap), ['port', 0n]]))
    if (entry.has('target')) ports.set('target', new Map([...(entry.get('target') as ExactMap), ['port', BigInt(this.#proxy.port)]]))
    return ports
  }

  /** False: it is no step of this kind. `server`: the instance that hosts and pages talk to. */
  async speak(step: ExactMap, server: string, running: Running, host: UdpClient): Promise<boolean> {
    const send = async (datagram: string): Promise<void> => await host.send(running.port(server), datagram)
    const [datagram, page, wanted] = [step.get('host'), step.get('page'), step.get('proxy')]
    if (typeof datagram === 'string') await send(datagram)
    else if (typeof page === 'string') await this.#talk(step, await this.#page(page, running, server), new Fence(send))
    else if (typeof wanted === 'string') assert.equal(await this.#proxy.next(), wanted)
    else return false
    return true
  }

  async close(): Promise<void> {
    for (const page of this.#pages.values()) await page.close()
    await this.#proxy.close()
  }

  async #page(name: string, running: Running, server: string): Promise<TestPage> {
    const page = this.#pages.get(name) ?? (await TestPage.open(pagesPort(running, server)))
    this.#pages.set(name, page)
    return page
  }

  async #talk(step: ExactMap, page: TestPage, fence: Fence): Promise<void> {
    const [send, receive] = [step.get('send'), step.get('receive')]
    if (typeof send === 'string') page.send(send)
    if (receive === 'closed') assert.equal(await page.closed, 1006)
    else if (receive !== undefined) assert.deepEqual(await fence.frames(page), texts(receive))
  }
}

function texts(value: Exact): readonly Exact[] {
  return isExactList(value) ? value : [value]
}
