import type { Exact } from '../adapter.js'
import type { Config } from '../config.js'
import { formatTime } from '../time.js'
import type { Bridge } from './bridge.js'
import type { BridgeStatus, UpstreamParts } from './parts.js'

/** Seconds that a broker may be away before the gateway says that it is not well. */
const patience = 60

/** All bridges. What they need is loaded when there is one. */
export class Upstream {
  readonly isWanted: boolean
  #parts: UpstreamParts | undefined
  #bridges: readonly Bridge[] = []
  /** The broker publishes; before, nobody could be told. */
  #mayTell = false

  constructor(config: Config['upstream']) {
    this.isWanted = config.length > 0
  }

  /** From now on everything that is to go up is taken in. Never rejects. */
  async open(parts: UpstreamParts): Promise<void> {
    if (!this.isWanted) return
    const { Bridge } = await import('./bridge.js')
    this.#parts = parts
    this.#bridges = parts.config.upstream.map((config) => new Bridge(config, { ...parts, changed: () => this.#tell() }))
    await Promise.all(this.#bridges.map((bridge) => bridge.open()))
    // What a client was told is kept goes up, even when this ends before the bridge has written it.
    parts.broker.alsoKept((run) => this.#bridges.reduce((then, bridge) => () => bridge.whenKept(then), run)())
  }

  /** The broker has published what an earlier run had acknowledged. */
  recovered(): void {
    this.#mayTell = true
    for (const bridge of this.#bridges) bridge.recovered()
    if (this.#failed !== undefined) this.#tell()
  }

  /** Not awaited by anybody: a broker that is away delays nothing. */
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

  /** What is wrong with each, and what to do; undefined: nothing. A short absence is what a bridge is for. */
  troubles(): ReadonlyMap<string, { readonly reason: string | undefined; readonly since: number }> {
    const now = this.#parts?.clock.now() ?? 0
    const found = [...this.status()].map(([id, { state, reason, since, server, failure }]) => {
      const isAway = state !== 'connected' && state !== 'stopped' && now - since > patience
      const away = isAway
        ? `${server} is away: ${reason || 'no answer yet'}; what is to go there is kept, and it is tried again`
        : undefined
      const silent = state === 'connected' && reason !== '' ? `${server}: ${reason}; what is to go there is kept` : undefined
      return [id, { reason: failure ?? away ?? silent, since }] as const
    })
    return new Map(found)
  }

  get #failed(): string | undefined {
    const [failed] = [...this.status()].filter(([, { failure }]) => failure !== undefined)
    return failed && `upstream ${failed[0]}: ${failed[1].failure}`
  }

  #tell(): void {
    if (!this.#mayTell) return
    this.#parts?.changed()
    this.#parts?.states.own(this.#failed, 'upstream')
  }

  /** As a reading of the gateway. */
  told(): Exact {
    return new Map(
      [...this.status()].map(([id, { since, failure, ...rest }]): [string, Exact] => {
        const members = Object.entries({ ...rest, since: formatTime(since), ...(failure === undefined ? {} : { failure }) })
        return [id, new Map(members.map(([name, value]): [string, Exact] => [name, typeof value === 'number' ? BigInt(value) : value]))]
      })
    )
  }
}
