/** What the gateway retains, as the page holds it: a reading costs a look into a map and a decoding of bytes; it is parsed when it is shown. */
import { monotonic } from '../clock.js'
import type { Topics } from '../../topic.js'
import type { Meta, Reading, State } from '../../../schemas/types.js'

const decoder = new TextDecoder()

function parsed<T>(text: string): T | undefined {
  try {
    return JSON.parse(text) as T
  } catch {
    return undefined
  }
}

/** One codename. Its identity stays the same while it lives; `version` counts what came. */
export class CodenameView {
  readonly device: string
  readonly codename: string
  readonly topic: string
  /** Monotonic seconds of the page at which the last reading came. */
  arrived = 0
  version = 0
  #metaText: string | undefined
  #meta: Meta | undefined
  #readingText: string | undefined
  #reading: Reading | undefined

  constructor(device: string, codename: string, topic: string) {
    this.device = device
    this.codename = codename
    this.topic = topic
  }

  get meta(): Meta | undefined {
    if (this.#meta === undefined && this.#metaText !== undefined) this.#meta = parsed(this.#metaText)
    return this.#meta
  }

  get reading(): Reading | undefined {
    if (this.#reading === undefined && this.#readingText !== undefined) this.#reading = parsed(this.#readingText)
    return this.#reading
  }

  /** As it came. */
  get readingText(): string | undefined {
    return this.#readingText
  }

  get isEmpty(): boolean {
    return this.#metaText === undefined && this.#readingText === undefined
  }

  putReading(text: string | undefined): void {
    this.#readingText = text
    this.#reading = undefined
    this.arrived = monotonic()
    this.version += 1
  }

  putMeta(text: string | undefined): void {
    if (text === this.#metaText) return
    this.#metaText = text
    this.#meta = undefined
    this.version += 1
  }
}

/** One device. Its identity stays the same while it lives; `version` counts what came for it or one of its codenames. */
export class DeviceView {
  readonly device: string
  state: State | undefined
  version = 0
  /** Counts what came for its state. */
  stateVersion = 0
  readonly #byName = new Map<string, CodenameView>()
  #sorted: readonly CodenameView[] | undefined

  constructor(device: string) {
    this.device = device
  }

  /** By name. */
  get codenames(): readonly CodenameView[] {
    this.#sorted ??= [...this.#byName.values()].sort((a, b) => compareNames(a.codename, b.codename))
    return this.#sorted
  }

  get size(): number {
    return this.#byName.size
  }

  find(codename: string): CodenameView | undefined {
    return this.#byName.get(codename)
  }

  add(view: CodenameView): void {
    this.#byName.set(view.codename, view)
    this.#sorted = undefined
    this.version += 1
  }

  remove(codename: string): void {
    this.#byName.delete(codename)
    this.#sorted = undefined
    this.version += 1
  }
}

const collator = new Intl.Collator('en', { numeric: true })

/** ch2 before ch10. */
export function compareNames(a: string, b: string): number {
  return collator.compare(a, b)
}

/** Codenames that a page holds at most; beyond, further ones are counted only. */
const most = 20_000

type Place =
  | { readonly kind: 'reading' | 'meta'; readonly view: CodenameView; readonly device: DeviceView }
  | { readonly kind: 'state'; readonly device: DeviceView }

/** Everything by topic. */
export class Table {
  /** Distinct codenames that were not taken because there are too many: at most counted, never kept. */
  beyond = 0
  /** Counts devices and codenames that came or went. */
  structure = 0
  readonly #topics: Topics
  readonly #places = new Map<string, Place>()
  readonly #devices = new Map<string, DeviceView>()
  #sorted: readonly DeviceView[] | undefined
  #codenames = 0
  /** Topics that came since {@link renew}. */
  #seen: Set<string> | undefined

  constructor(topics: Topics) {
    this.#topics = topics
  }

  /** By name. */
  get devices(): readonly DeviceView[] {
    this.#sorted ??= [...this.#devices.values()].sort((a, b) => compareNames(a.device, b.device))
    return this.#sorted
  }

  device(name: string): DeviceView | undefined {
    return this.#devices.get(name)
  }

  /** The codename whose reading it was, if it was one. */
  put(topic: string, payload: Uint8Array): CodenameView | undefined {
    this.#seen?.add(topic)
    const place = this.#places.get(topic) ?? (payload.length === 0 ? undefined : this.#place(topic))
    if (place === undefined) return undefined
    const text = payload.length === 0 ? undefined : decoder.decode(payload)
    place.device.version += 1
    if (place.kind === 'state') {
      place.device.state = text === undefined ? undefined : parsed<State>(text)
      place.device.stateVersion += 1
    }
    if (place.kind === 'meta') place.view.putMeta(text)
    if (place.kind === 'reading') place.view.putReading(text)
    if (text === undefined) this.#forget(topic, place)
    return place.kind === 'reading' && text !== undefined ? place.view : undefined
  }

  /** From here on is noted what comes; {@link settle} then removes all else. */
  renew(): void {
    this.#seen = new Set()
  }

  /** Not said again since the connection came back: nobody knows whether it still holds. */
  isUnconfirmed(view: CodenameView): boolean {
    return this.#seen !== undefined && !this.#seen.has(view.topic)
  }

  /** What the gateway did not say again is no more. */
  settle(): void {
    const seen = this.#seen
    this.#seen = undefined
    if (seen === undefined) return
    const gone = [...this.#places.keys()].filter((topic) => !seen.has(topic))
    for (const topic of gone) this.put(topic, new Uint8Array())
  }

  #place(topic: string): Place | undefined {
    const parts = this.#topics.parse(topic)
    if (parts.where !== 'root') return undefined
    if (parts.kind !== 'state' && parts.kind !== 'reading' && parts.kind !== 'meta') return undefined
    const device = this.#devices.get(parts.device) ?? this.#newDevice(parts.device)
    let place: Place
    if (parts.kind === 'state') place = { kind: 'state', device }
    else {
      const view = device.find(parts.codename) ?? this.#newCodename(device, parts.codename)
      if (view === undefined) return undefined
      place = { kind: parts.kind, view, device }
    }
    this.#places.set(topic, place)
    return place
  }

  #newDevice(name: string): DeviceView {
    const device = new DeviceView(name)
    this.#devices.set(name, device)
    this.structure += 1
    this.#sorted = undefined
    return device
  }

  #newCodename(device: DeviceView, codename: string): CodenameView | undefined {
    if (this.#codenames >= most) {
      this.beyond += 1
      return undefined
    }
    this.#codenames += 1
    this.structure += 1
    const view = new CodenameView(device.device, codename, this.#topics.reading(device.device, codename) ?? '')
    device.add(view)
    return view
  }

  #forget(topic: string, place: Place): void {
    this.#places.delete(topic)
    const { device } = place
    this.structure += 1
    if (place.kind !== 'state' && place.view.isEmpty && device.find(place.view.codename) === place.view) {
      device.remove(place.view.codename)
      this.#codenames -= 1
    }
    if (device.size > 0 || device.state !== undefined) return
    this.#devices.delete(device.device)
    this.#sorted = undefined
  }
}
