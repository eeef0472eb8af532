import type { Clock, Logger, Watch } from '../adapter.js'
import type { Broker } from '../broker/broker.js'
import type { Config } from '../config.js'
import { json } from '../payload.js'
import { Topics } from '../topic.js'
import type { Piecewise } from './describer.js'
import { isDiscoveryTopic, isOurs, statusTopic } from './home-assistant-topics.js'

export interface DiscoveryOptions {
  readonly clock: Clock
  readonly log: Logger
  readonly broker: Pick<Broker, 'publish' | 'retained' | 'allRetained' | 'tap'>
  readonly config: Pick<Config, 'broker' | 'homeAssistant'>
  readonly describe: () => Piecewise
}

/** Seconds until what has changed is told, as more often comes with it; and between two times that it is told. */
const settle = 2
const every = 30

/** Seconds after Home Assistant said that it has started: it has subscribed to everything then. */
const greetAfter = 1

/**
 * Announces all devices to Home Assistant, retained: at start, when it has started itself, and with restraint when a device or a codename
 * appears, changes or goes. What is announced no more is cleared, also what an earlier run announced with another configuration.
 */
export class Discovery {
  readonly #options: DiscoveryOptions
  /** Topics at which something of ours is retained. */
  readonly #told = new Set<string>()
  #timer: Watch | undefined
  /** Monotonic. */
  #last = -Infinity
  /** Everything is said again, also what is retained so. */
  #again = false
  #isBusy = false
  #isStopped = false

  constructor(options: DiscoveryOptions) {
    this.#options = options
  }

  /** Once what is kept on disk is read. Where discovery is off, only what an earlier run announced is cleared. */
  async start(): Promise<void> {
    const { broker, config } = this.#options
    const { discovery, prefix } = config.homeAssistant
    for (const { topic = '', payload } of broker.allRetained())
      if (isDiscoveryTopic(topic) && isOurs(String(payload))) this.#told.add(topic)
    if (!discovery) {
      for (const topic of this.#told) this.#clear(topic)
      return
    }
    await this.#tell()
    broker.tap(new Topics(config.broker.root).filter('meta'), () => this.#later(settle))
    broker.tap(statusTopic(prefix), ({ payload }) => {
      if (String(payload) !== 'online') return
      this.#again = true
      this.#later(greetAfter)
    })
  }

  stop(): void {
    this.#isStopped = true
    this.#timer?.cancel()
  }

  #later(seconds: number): void {
    if (this.#timer !== undefined || this.#isStopped) return
    const { clock } = this.#options
    const wait = Math.max(seconds, this.#last + every - clock.monotonic())
    this.#timer = clock.after(wait, () => {
      this.#timer = undefined
      if (this.#isBusy) return this.#later(settle)
      this.#tell().catch((error: unknown) => this.#options.log.error({ err: error }, 'Home Assistant could not be told of the devices'))
    })
  }

  async #tell(): Promise<void> {
    this.#isBusy = true
    try {
      await this.#tellAll()
    } finally {
      this.#isBusy = false
      this.#last = this.#options.clock.monotonic()
    }
  }

  async #tellAll(): Promise<void> {
    const { broker, describe, log } = this.#options
    const { discoveriesOf } = await import('./home-assistant.js')
    const again = this.#again
    this.#again = false
    const { rest, devices } = describe()
    const now = new Set<string>()
    for await (const device of devices) {
      if (this.#isStopped) return
      for (const [topic, message] of discoveriesOf(device, rest)) {
        const payload = json(message)
        now.add(topic)
        if (again || broker.retained(topic) !== payload) broker.publish(topic, payload, 'meta')
      }
    }
    const gone = [...this.#told].filter((topic) => !now.has(topic))
    for (const topic of gone) this.#clear(topic)
    const isNews = gone.length > 0 || now.size !== this.#told.size
    for (const topic of now) this.#told.add(topic)
    if (isNews) log.info({ messages: now.size, cleared: gone.length }, 'Home Assistant is told of the devices')
  }

  #clear(topic: string): void {
    this.#told.delete(topic)
    this.#options.broker.publish(topic, '', 'meta')
  }
}
