import type { Codename, Endpoint, Exact, Host, Latest, Logger, Reading, Request, Right, Site, Watch } from '../../gateway/adapter.js'
import { GatewayError } from '../../gateway/errors.js'
import { FakeClock } from './fake-clock.js'

/** All that an adapter may touch of the gateway, with a record of what it did. */
export class FakeHost implements Host {
  readonly clock = new FakeClock()
  readonly log: Logger
  readonly published: Reading[] = []
  readonly failures: Error[] = []
  readonly #site: Site
  readonly #watches = new Set<{ readonly filter: Right; readonly run: (reading: Latest) => void }>()
  readonly #endpoints: () => readonly Endpoint[]

  constructor(site: Site, endpoints: () => readonly Endpoint[] = () => []) {
    this.#site = site
    this.#endpoints = endpoints
    const nothing = (): void => undefined
    this.log = { debug: nothing, info: nothing, warn: nothing, error: nothing, child: () => this.log }
  }

  get watches(): number {
    return this.#watches.size
  }

  /** A reading of somebody else arrives. */
  arrive(reading: Reading): void {
    const latest: Latest = {
      time: this.clock.now(),
      quality: 'good',
      ...reading,
      sourceTime: reading.time !== undefined,
      old: false,
      age: 0
    }
    const wanted = ({ device, codename }: Right): boolean =>
      device === reading.device && (codename ?? reading.codename) === reading.codename
    for (const { filter, run } of this.#watches) if (wanted(filter)) run(latest)
  }

  publish(...readings: readonly Reading[]): Promise<void> {
    this.published.push(...readings)
    return Promise.resolve()
  }

  kept(): Promise<boolean> {
    return Promise.resolve(true)
  }

  note(): void {}

  notes(): ReadonlyMap<string, string> {
    return new Map()
  }

  check(): Error | undefined {
    return undefined
  }

  latest(): Latest | undefined {
    return undefined
  }

  devices(): readonly string[] {
    return [...this.#site.devices.keys()]
  }

  isOffline(): boolean {
    return false
  }

  codenames(device: string): {
    readonly declared: readonly string[]
    readonly undeclared: readonly string[]
    readonly found: readonly string[]
  } {
    return { declared: [...(this.#site.devices.get(device)?.codenames.keys() ?? [])], undeclared: [], found: [] }
  }

  meta(device: string, codename: string): Codename | undefined {
    return this.#site.devices.get(device)?.codenames.get(codename)
  }

  watch(filter: Right, run: (reading: Latest) => void): Watch {
    const watch = { filter, run }
    this.#watches.add(watch)
    return { cancel: () => this.#watches.delete(watch) }
  }

  request({ device, codename }: Request): Promise<Exact> {
    return Promise.reject(new GatewayError('UnknownCodename', `nobody carries out ${device}/${codename} here`))
  }

  checkRequest(): Error | undefined {
    return undefined
  }

  refused(): void {}

  describe(): void {}

  claim(): void {}

  release(): void {}

  endpoints(): readonly Endpoint[] {
    return this.#endpoints()
  }

  report(): void {}

  count(): void {}

  dead(): void {}

  failed(error: Error): void {
    this.failures.push(error)
  }
}
