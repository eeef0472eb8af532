import type { Exact, Host, Ref, Watch } from '../../gateway/adapter.js'

export interface ForwarderOptions {
  readonly host: Host
  /** Key on the legacy side to the codename whose readings it carries. */
  readonly channels: ReadonlyMap<string, Ref>
  /** Seconds between two pushes of one key, at least. */
  readonly period: number
  /**
   * Pushes it when there is room, and counts what became of it. `take` gives the value as it is then; undefined: there is none worth it,
   * which is counted. Never rejects.
   */
  readonly send: (key: string, take: () => Exact | undefined) => Promise<void>
}

/**
 * Sends readings of other devices on, one push at a time. Of a key only the newest value waits, and what is not good, or has become old
 * meanwhile, is not sent at all: a push carries no time and no quality, so its receiver would take it for fresh and sure.
 */
export class Forwarder {
  readonly #options: ForwarderOptions
  /** Keys whose last reading is still to be sent, the longest waiting first. */
  readonly #waiting = new Set<string>()
  /** Monotonic seconds of the last push, by key. */
  readonly #sent = new Map<string, number>()
  #watches: Watch[] = []
  #timer: Watch | undefined
  #sending = false
  /** Counts the stops. */
  #turn = 0

  constructor(options: ForwarderOptions) {
    this.#options = options
  }

  start(): void {
    const { channels, host } = this.#options
    this.#watches = [...channels].map(([key, ref]) => host.watch(ref, () => this.#arrived(key)))
  }

  stop(): void {
    this.#turn += 1
    for (const watch of this.#watches.splice(0)) watch.cancel()
    this.#timer?.cancel()
    this.#waiting.clear()
    this.#sent.clear()
    this.#sending = false
  }

  #arrived(key: string): void {
    // The one that waited is not sent any more.
    if (this.#waiting.has(key)) this.#options.host.count('dropped')
    this.#waiting.add(key)
    this.#next()
  }

  #next(): void {
    if (this.#sending) return
    const { clock } = this.#options.host
    const now = clock.monotonic()
    const dues = [...this.#waiting].map((key) => ({ key, due: (this.#sent.get(key) ?? -Infinity) + this.#options.period }))
    const ready = dues.find(({ due }) => due <= now)
    if (ready !== undefined) return void this.#send(ready.key)
    this.#timer?.cancel()
    if (dues.length > 0) this.#timer = clock.after(Math.min(...dues.map(({ due }) => due)) - now, () => this.#next())
  }

  async #send(key: string): Promise<void> {
    const turn = this.#turn
    this.#sending = true
    await this.#options.send(key, () => (turn === this.#turn ? this.#take(key) : undefined))
    // Stopped meanwhile.
    if (turn !== this.#turn) return
    this.#sending = false
    this.#next()
  }

  #take(key: string): Exact | undefined {
    const { channels, host } = this.#options
    this.#waiting.delete(key)
    const { device, codename } = channels.get(key) as Ref
    const latest = host.latest(device, codename)
    if (latest === undefined || latest.old || latest.quality !== 'good') {
      host.count('dropped')
      return undefined
    }
    this.#sent.set(key, host.clock.monotonic())
    return latest.value
  }
}
