import type { Rights } from '../access/identity.js'
import type { Devices, Entry } from '../devices.js'
import { GatewayError } from '../errors.js'
import { encodeName } from '../topic.js'
import type { Topics } from '../topic.js'

interface Seen {
  readonly devices: Devices
  readonly topics: Topics
}

/**
 * What somebody may see, by topics. A codename is what its reading is: who may read that sees its description too. What may not be seen is
 * as if it were not there: the same answer, word for word, so that nobody learns the names of what is hidden.
 */
export class Sight {
  readonly #rights: Rights
  readonly #seen: Seen
  #all: boolean | undefined

  constructor(rights: Rights, seen: Seen) {
    this.#rights = rights
    this.#seen = seen
  }

  /** Everything below the root: nothing need be asked about one by one. */
  get all(): boolean {
    this.#all ??= this.#rights.maySubscribe(this.#seen.topics.everything) === 'all'
    return this.#all
  }

  codename({ topic }: Entry): boolean {
    return this.all || this.#rights.mayRead(topic)
  }

  state(device: string): boolean {
    if (this.all) return true
    const topic = this.#seen.topics.state(device)
    return topic !== undefined && this.#rights.mayRead(topic)
  }

  /** Its state, or one of its codenames at least. */
  device(device: string): boolean {
    return this.state(device) || this.#seen.devices.codenames(device).some((entry) => this.codename(entry))
  }

  /** Everything of a device, also its commands. */
  whole(device: string): boolean {
    const level = encodeName(device)
    return this.all || (level !== undefined && this.#rights.maySubscribe(this.#seen.topics.ofDevice(level)) === 'all')
  }

  expectDevice(device: string): void {
    const { devices } = this.#seen
    if (this.all) return devices.expectDevice(device)
    if (!devices.has(device) || !this.device(device)) throw hidden('UnknownDevice')
  }

  /** The codename, declared or not; throws when there is none to be seen. */
  expect(device: string, codename: string): Entry {
    const { devices } = this.#seen
    if (this.all) return devices.expectAny(device, codename)
    const entry = devices.find(device, codename)
    if (entry !== undefined && this.codename(entry)) return entry
    throw hidden(devices.has(device) && this.device(device) ? 'UnknownCodename' : 'UnknownDevice')
  }

  /** Before a command: who may send it need not see the codename, but learns no other name by trying. */
  expectFor(may: boolean, device: string, codename: string): void {
    if (this.all || (may && this.#seen.devices.find(device, codename) !== undefined)) return
    this.expect(device, codename)
  }
}

function hidden(errorClass: 'UnknownDevice' | 'UnknownCodename'): GatewayError {
  return new GatewayError(errorClass, `there is no such ${errorClass === 'UnknownDevice' ? 'device' : 'codename'}, or you may not see it`)
}
