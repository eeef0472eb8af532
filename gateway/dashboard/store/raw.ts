/** Subscriptions to any topics, for the topic browser and the dead letters. */
import { after } from '../clock.js'
import type { Timer } from '../clock.js'
import { newId } from './asking.js'
import { fits } from './fits.js'
import { Link } from './link.js'
import type { LinkOptions } from './link.js'

type Run = (topic: string, payload: Uint8Array, retain: boolean) => void

/** Seconds until a subscription that was refused is tried again. */
const again = 5

type Wire = Pick<Link, 'up' | 'start' | 'stop' | 'hurry' | 'subscribe' | 'unsubscribe'>

/** One connection for all of them, open while there is one. */
export class Raw {
  readonly #url: string
  readonly #clientId: string
  readonly #filters = new Map<string, Set<Run>>()
  readonly #onChange: () => void
  readonly #make: (options: LinkOptions) => Wire
  #link: Wire | undefined
  #trouble: string | undefined
  #retry: Timer | undefined

  constructor(url: string, clientId: string, onChange: () => void, make: (options: LinkOptions) => Wire = (options) => new Link(options)) {
    this.#url = url
    this.#clientId = clientId
    this.#onChange = onChange
    this.#make = make
  }

  /** Why nothing comes; undefined: the gateway sends all that fits. */
  get trouble(): string | undefined {
    return this.#trouble
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
      this.#retry?.cancel()
    }
  }

  hurry(): void {
    this.#link?.hurry()
  }

  #tell(trouble: string | undefined): void {
    if (trouble === this.#trouble) return
    this.#trouble = trouble
    this.#onChange()
  }

  #open(): void {
    this.#tell('the connection for this page is being made')
    this.#link = this.#make({
      url: this.#url,
      clientId: newId(this.#clientId.slice(0, 20)),
      onConnected: () => this.#subscribe([...this.#filters.keys()]),
      onLost: (reason) => this.#tell(reason),
      onMessage: (topic, payload, retain) => {
        for (const [filter, runs] of this.#filters) if (fits(filter, topic)) for (const run of runs) run(topic, payload, retain)
      }
    })
    this.#link.start()
  }

  #subscribe(filters: readonly string[]): void {
    const link = this.#link
    if (link === undefined || !link.up || filters.length === 0) return
    void link.subscribe(Object.fromEntries(filters.map((filter) => [filter, { qos: 0 as const }]))).then(
      () => {
        if (link === this.#link) this.#tell(undefined)
      },
      (error: unknown) => {
        // A connection that is lost comes back by itself, and then asks for all of them.
        if (link !== this.#link || !link.up) return
        this.#tell((error as Error).message)
        this.#retry?.cancel()
        this.#retry = after(again, () => this.#subscribe([...this.#filters.keys()]))
      }
    )
  }
}
