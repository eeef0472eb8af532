import type { Config } from '../config.js'
import type { Bridge } from './bridge.js'
import type { BridgeStatus, UpstreamParts } from './parts.js'

/** All bridges. What they need is loaded when there is one. */
export class Upstream {
  readonly #isWanted: boolean
  #bridges: readonly Bridge[] = []

  constructor(config: Config['upstream']) {
    this.#isWanted = config.length > 0
  }

  /** From now on everything that is to go up is taken in. Never rejects. */
  async open(parts: UpstreamParts): Promise<void> {
    if (!this.#isWanted) return
    const { Bridge } = await import('./bridge.js')
    this.#bridges = parts.config.upstream.map((config) => new Bridge(config, parts))
    await Promise.all(this.#bridges.map((bridge) => bridge.open()))
  }

  dial(): void {
    for (const bridge of this.#bridges) bridge.dial()
  }

  /** To be called when nothing more is published. */
  async stop(): Promise<void> {
    await Promise.all(this.#bridges.map((bridge) => bridge.stop()))
  }

  /** By id; empty: there are no bridges. */
  status(): ReadonlyMap<string, BridgeStatus> {
    return new Map(this.#bridges.map((bridge) => [bridge.id, bridge.status()]))
  }
}
