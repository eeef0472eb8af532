import type { Clock, Codename, Command, Exact, Host, Logger, Op, Reading, Watch } from '../../../gateway/adapter.js'

/** A clock that stands until `pass` is called. */
export class FakeClock implements Clock {
  /** Seconds by which each timer comes late, as on a busy computer. */
  lateness = 0
  #now = 0
  readonly #timers = new Set<{ at: number; run: () => void }>()

  now(): number {
    return 1.7e9 + this.#now
  }

  monotonic(): number {
    return this.#now
  }

  after(seconds: number, run: () => void): Watch {
    const timer = { at: this.#now + seconds + this.lateness, run }
    this.#timers.add(timer)
    return { cancel: () => this.#timers.delete(timer) }
  }

  get timers(): number {
    return this.#timers.size
  }

  /** Lets time pass, timer by timer, and what each of them sets off. */
  async pass(seconds: number): Promise<void> {
    const end = this.#now + seconds
    await settle()
    for (let next = this.#next(end); next !== undefined; next = this.#next(end)) {
      this.#timers.delete(next)
      this.#now = Math.max(this.#now, next.at)
      next.run()
      await settle()
    }
    this.#now = end
  }

  #next(end: number): { at: number; run: () => void } | undefined {
    const [first] = [...this.#timers].filter((timer) => timer.at <= end).sort((a, b) => a.at - b.at)
    return first
  }
}

/** Lets everything run that waits for nothing but its turn. */
export function settle(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}

/** What a simulator needs of the host, with what it got. */
export class FakeHost {
  readonly clock = new FakeClock()
  readonly published: (Reading & { at: number })[] = []
  readonly warnings: string[] = []
  readonly counted = new Map<string, number>()
  /** When set, `publish` is refused with it. */
  refusal: Error | undefined

  get host(): Host {
    return {
      log: this.#logger(),
      clock: this.clock,
      publish: (...readings: readonly Reading[]) => this.#publish(readings),
      count: (counter: string, by = 1) => void this.counted.set(counter, (this.counted.get(counter) ?? 0) + by),
      failed: (error: Error) => {
        throw error
      }
    } as Partial<Host> as Host
  }

  /** Values published for a codename, in order. */
  values(device: string, codename: string): Exact[] {
    return this.published.filter((reading) => reading.device === device && reading.codename === codename).map((reading) => reading.value)
  }

  last(device: string, codename: string): Exact | undefined {
    return this.values(device, codename).at(-1)
  }

  #publish(readings: readonly Reading[]): Promise<void> {
    if (this.refusal !== undefined) return Promise.reject(this.refusal)
    this.published.push(...readings.map((reading) => ({ ...reading, at: this.clock.monotonic() })))
    return Promise.resolve()
  }

  #logger(): Logger {
    const nothing = (): void => undefined
    const warn = (_: object, message: string): void => void this.warnings.push(message)
    return { debug: nothing, info: nothing, warn, error: nothing, child: () => this.#logger() }
  }
}

let commands = 0

export function command(op: Op, device: string, codename: string, value: Exact = null): Command {
  commands += 1
  return { id: `test-${commands}`, op, device, codename, value, client: 'test' }
}

/** Bigints and maps as JSON Schema knows them. */
export function toPlain(value: Exact): unknown {
  if (typeof value === 'bigint') return Number(value)
  if (value instanceof Map)
    return Object.fromEntries([...(value as ReadonlyMap<string, Exact>)].map(([key, member]) => [key, toPlain(member)]))
  if (Array.isArray(value)) return (value as readonly Exact[]).map(toPlain)
  return value
}

export function schemaOf(codenames: ReadonlyMap<string, Codename>, codename: string): object {
  return codenames.get(codename)?.schema ?? {}
}
