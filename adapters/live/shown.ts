/** Readings of other devices, as batches for the pages: `show` of the configuration. */
import type { Host, Latest, Ref, Watch } from '../../gateway/adapter.js'
import { pagePoint } from './codec.js'
import type { Channel } from './codec.js'
import { pointOf } from './points.js'
import { readMapping } from './targets.js'
import type { Mapping } from './targets.js'

export interface ShownOptions {
  readonly show: ReadonlyMap<string, string>
  readonly host: Host
  readonly publish: (host: string, points: ReadonlyMap<string, string>) => void
}

export class Shown {
  readonly #options: ShownOptions
  readonly #mapping: Mapping
  /** Host, then codename to point: what came in this turn. */
  readonly #waiting = new Map<string, Map<string, string>>()
  #watches: Watch[] = []

  constructor(options: ShownOptions) {
    this.#options = options
    this.#mapping = readMapping(options.show)
  }

  start(): void {
    const { host } = this.#options
    for (const [name, device] of this.#mapping.hosts)
      this.#watches.push(host.watch({ device }, (reading) => this.#arrived(name, this.#nameOf(reading), reading)))
    for (const [name, codenames] of this.#mapping.channels)
      for (const [codename, ref] of codenames) this.#watches.push(host.watch(ref, (reading) => this.#arrived(name, codename, reading)))
  }

  stop(): void {
    for (const watch of this.#watches.splice(0)) watch.cancel()
    this.#waiting.clear()
  }

  /** Does the name belong to what is shown? Of a host that shows a device, every codename does. */
  has({ host, codename }: Channel): boolean {
    return this.#mapping.hosts.has(host) || this.#mapping.channels.get(host)?.has(codename) === true
  }

  /** Of what is shown only: the point that a page gets when it subscribes. A stale one is none: it would look fresh. */
  last({ host: name, codename }: Channel): string | undefined {
    const { host } = this.#options
    const ref = this.#refOf(name, codename)
    const latest = ref && host.latest(ref.device, ref.codename)
    const point = latest && pointOf(latest)
    return point === undefined ? undefined : pagePoint(point)
  }

  #refOf(name: string, codename: string): Ref | undefined {
    const { host } = this.#options
    const one = this.#mapping.channels.get(name)?.get(codename)
    const device = this.#mapping.hosts.get(name)
    if (one !== undefined || device === undefined) return one
    const original = host.codenames(device).declared.find((each) => host.meta(device, each)?.original === codename)
    return { device, codename: original ?? codename }
  }

  #nameOf({ device, codename }: Ref): string {
    return this.#options.host.meta(device, codename)?.original ?? codename
  }

  #arrived(name: string, codename: string, reading: Latest): void {
    const point = pointOf(reading)
    if (point === undefined) return
    let points = this.#waiting.get(name)
    // Each point reaches the pages; a batch has one of a codename.
    if (points?.has(codename)) this.#flush(name)
    points = this.#waiting.get(name)
    if (points === undefined) {
      this.#waiting.set(name, (points = new Map()))
      // What one publish brings makes one batch.
      queueMicrotask(() => this.#flush(name))
    }
    points.set(codename, pagePoint(point))
  }

  #flush(name: string): void {
    const points = this.#waiting.get(name)
    if (points === undefined) return
    this.#waiting.delete(name)
    this.#options.publish(name, points)
  }
}
