/** Subscriptions to any topics, for the topic browser and the dead letters. */
import { newId } from './asking.js'
import { fits } from './fits.js'
import { Link } from './link.js'

type Run = (topic: string, payload: Uint8Array, retain: boolean) => void

/** One connection for all of them, open while there is one. */
export class Raw {
  readonly #url: string
  readonly #clientId: string
  readonly #filters = new Map<string, Set<Run>>()
  #link: Link | undefined

  constructor(url: string, clientId: string) {
    this.#url = url
    this.#clientId = clientId
  }

  add(filter: string, run: Run): () => void {
    const runs = this.#filters.get(filter) ?? new Set()
    this.#filters.set(filter, runs)
    runs.add(run)
    if (this.#link === undefined) this.#open()
    else if (runs.size === 1) this.#subscribe([filter])
    return () => {
      runs.delete(run)
      if (runs.size > 0 || this.#filters.get(filter) !== runs) return
      this.#filters.delete(filter)
      this.#link?.unsubscribe(filter)
      if (this.#filters.size > 0) return
      this.#link?.stop()
      this.#link = undefined
    }
  }

  hurry(): void {
    this.#link?.hurry()
  }

  #open(): void {
    this.#link = new Link({
      url: this.#url,
      clientId: newId(this.#clientId.slice(0, 20)),
      onConnected: () => this.#subscribe([...this.#filters.keys()]),
      onLost: () => {},
      onMessage: (topic, payload, retain) => {
        for (const [filter, runs] of this.#filters) if (fits(filter, topic)) for (const run of runs) run(topic, payload, retain)
      }
    })
    this.#link.start()
  }

  #subscribe(filters: readonly string[]): void {
    const link = this.#link
    if (link === undefined || !link.up || filters.length === 0) return
    // Refused or lost: nothing comes, and the banner of the page says whether the gateway is there.
    void link.subscribe(Object.fromEntries(filters.map((filter) => [filter, { qos: 0 as const }]))).catch(() => {})
  }
}
