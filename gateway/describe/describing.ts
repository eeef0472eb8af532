import { hostname } from 'node:os'
import { nextTurn } from '../history/turn.js'
import type { Parts } from '../http/parts.js'
import { devicesOf, restOf } from './described.js'
import type { Address, DescribedDevice, Shown, Surrounding } from './described.js'
import { Describer } from './describer.js'
import type { Piecewise } from './describer.js'
import { Discovery } from './discovery.js'
import type { FormatName } from './index.js'

type Listener = 'tcp' | 'tls' | 'http'

export interface Wanted {
  readonly format: FormatName
  /** By which who asks reaches this computer; left out: its own name. */
  readonly reach: string | undefined
  readonly shown: Shown
}

/** What the running gateway tells of itself: to who asks over HTTP, and to Home Assistant. */
export class Describing {
  readonly #address: (listener: Listener) => Address | undefined
  readonly #describer = new Describer()
  #discovery: Discovery | undefined

  /** `address`: where a listener really is. */
  constructor(address: (listener: Listener) => Address | undefined) {
    this.#address = address
  }

  /** Once the listeners are open. */
  async start(parts: Parts): Promise<void> {
    this.#discovery = new Discovery({ ...parts, describe: () => this.#now(parts, hostname()) })
    await this.#discovery.start()
  }

  async stop(): Promise<void> {
    this.#discovery?.stop()
    await this.#describer.stop()
  }

  /** A document as UTF-8. Rejects with RateLimited when too many want one. */
  async make(parts: Parts, { format, reach = hostname(), shown }: Wanted): Promise<Buffer> {
    return await this.#describer.make(format, () => this.#now(parts, reach, shown))
  }

  #now(parts: Parts, reach: string, shown?: Shown): Piecewise {
    const found = (['tcp', 'tls', 'http'] as const).flatMap((listener): [Listener, Address][] => {
      const address = this.#address(listener)
      return address === undefined ? [] : [[listener, address]]
    })
    const { version } = parts
    const surrounding = { version, reach, addresses: Object.fromEntries(found), ...(shown === undefined ? {} : { shown }) }
    return { rest: restOf(parts, surrounding), devices: inTurns(parts, surrounding) }
  }
}

/** Readings and commands must not wait for somebody who looks. */
async function* inTurns(parts: Parts, surrounding: Surrounding): AsyncGenerator<DescribedDevice, undefined> {
  for (const device of devicesOf(parts, surrounding)) {
    yield device
    await nextTurn()
  }
  return undefined
}
