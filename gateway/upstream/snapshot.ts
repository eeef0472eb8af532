import { self } from '../devices.js'
import type { Devices } from '../devices.js'
import { below } from '../topic.js'
import type { Topics } from '../topic.js'

/**
 * What is retained here, asked for bit by bit after a connection: the states and descriptions first, the readings when all that waited has gone, as they
 * are newer. Of readings those are left out that went over this connection, or wait to.
 */
export class Snapshot {
  readonly #devices: Devices
  readonly #topics: Topics
  readonly #known: Iterator<string>
  readonly #readings: Iterator<string>
  /** Readings and mirrors that went over this connection or wait to; undefined: all have been asked for. */
  #seen: Set<string> | undefined = new Set()

  /** Not all has been asked for. */
  hasKnown = true

  constructor(devices: Devices, topics: Topics) {
    this.#devices = devices
    this.#topics = topics
    this.#known = this.#describe()
    this.#readings = this.#read()
  }

  /** The topic of a reading that needs not be asked for. */
  saw(topic: string): void {
    this.#seen?.add(topic)
  }

  /** The next state or description; undefined: that was all. */
  nextKnown(): string | undefined {
    const topic = next(this.#known)
    this.hasKnown = topic !== undefined
    return topic
  }

  get hasReadings(): boolean {
    return this.#seen !== undefined
  }

  nextReading(): string | undefined {
    for (let topic = next(this.#readings); topic !== undefined; topic = next(this.#readings))
      if (this.#seen?.has(topic) === false) return topic
    this.#seen = undefined
    return undefined
  }

  /** As they are now: others come and go while these are asked about. */
  #names(): string[] {
    return [...this.#devices.names()]
  }

  /** Devices that come meanwhile tell of themselves. */
  *#describe(): Generator<string> {
    for (const device of [self, ...this.#devices.names()].filter((name, at) => at === 0 || name !== self)) {
      const topic = this.#topics.state(device)
      if (topic !== undefined) yield topic
    }
    for (const device of this.#names()) for (const entry of this.#devices.codenames(device)) yield below(entry.topic, 'meta')
  }

  *#read(): Generator<string> {
    for (const device of this.#names())
      for (const entry of this.#devices.codenames(device)) {
        yield entry.topic
        if (entry.meta.retainMirror === true) yield below(entry.topic, 'value')
      }
  }
}

function next(topics: Iterator<string>): string | undefined {
  const found = topics.next()
  return found.done === true ? undefined : found.value
}
