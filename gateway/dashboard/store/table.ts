/** What the gateway retains, as the page holds it: a reading costs a look into a map and a decoding of bytes; it is parsed when it is shown. */
import { monotonic } from '../clock.js'
import type { Everything } from './recheck.js'
import type { Topics } from '../../topic.js'
import type { Meta, Reading, State } from '../../../schemas/types.js'

const decoder = new TextDecoder()
const encoder = new TextEncoder()
const nothing = new Uint8Array()

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
  /** When the last reading came to the gateway, by the clock of the table; undefined: it was there before the page. */
  arrived: number | undefined
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

  /** `arrived` undefined: it is retained, so nobody knows since when; the same as before is no other. */
  putReading(text: string | undefined, arrived: number | undefined): void {
    if (arrived !== undefined || text !== this.#readingText) this.arrived = arrived
    this.#readingText = text
    this.#reading = undefined
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

/** Codenames that a page holds at most, and devices; messages of further ones are counted only. */
const most = 20_000

type Place =
  | { readonly kind: 'reading' | 'meta'; readonly view: CodenameView; readonly device: DeviceView }
  | { readonly kind: 'state'; readonly device: DeviceView }

/** Everything by topic. */
export class Table {
  /** Messages that were not taken because there are too many codenames or devices. */
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
  /** Topics that came since {@link note}. */
  #noted: Set<string> | undefined
  readonly #now: () => number

  constructor(topics: Topics, now: () => number = monotonic) {
    this.#topics = topics
    this.#now = now
  }

  /** By name. */
  get devices(): readonly DeviceView[] {
    this.#sorted ??= [...this.#devices.values()].sort((a, b) => compareNames(a.device, b.device))
    return this.#sorted
  }

  device(name: string): DeviceView | undefined {
    return this.#devices.get(name)
  }

  /** The codename whose reading it was, if it was one. `retained`: it was there before. */
  put(topic: string, payload: Uint8Array, { retained = false } = {}): CodenameView | undefined {
    this.#seen?.add(topic)
    this.#noted?.add(topic)
    return this.#put(topic, payload, retained ? undefined : this.#now())
  }

  #put(topic: string, payload: Uint8Array, arrived: number | undefined): CodenameView | undefined {
    const place = this.#places.get(topic) ?? (payload.length === 0 ? undefined : this.#place(topic))
    if (place === undefined) return undefined
    const text = payload.length === 0 ? undefined : decoder.decode(payload)
    place.device.version += 1
    if (place.kind === 'state') {
      place.device.state = text === undefined ? undefined : parsed<State>(text)
      place.device.stateVersion += 1
    }
    if (place.kind === 'meta') place.view.putMeta(text)
    if (place.kind === 'reading') place.view.putReading(text, arrived)
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
    for (const topic of gone) this.#put(topic, nothing, undefined)
  }

  /** From here on is noted what comes: for {@link mend}, which leaves that alone. */
  note(): void {
    this.#noted = new Set()
  }

  /** Readings that are not what the gateway answered at `at`, and of which nothing came since it was asked: they were missed. Those of them that there are now. */
  mend({ devices }: Everything, at: number): readonly CodenameView[] | undefined {
    const noted = this.#noted
    this.#noted = undefined
    if (noted === undefined) return undefined
    const told = new Set<string>()
    const mended: CodenameView[] = []
    let isChanged = false
    for (const { device, codenames } of devices)
      for (const { codename, reading, age } of codenames) {
        const topic = reading === null ? undefined : this.#topics.reading(device, codename)
        if (topic === undefined) continue
        told.add(topic)
        if (noted.has(topic)) continue
        const view = this.device(device)?.find(codename)
        const arrived = age === null ? undefined : at - age
        const text = JSON.stringify(reading)
        if (view?.reading !== undefined && JSON.stringify(view.reading) === text) {
          view.arrived ??= arrived
          continue
        }
        isChanged = true
        const put = this.#put(topic, encoder.encode(text), arrived)
        if (put !== undefined) mended.push(put)
      }
    for (const [topic, { kind }] of this.#places)
      if (kind === 'reading' && !told.has(topic) && !noted.has(topic)) {
        this.#put(topic, nothing, undefined)
        isChanged = true
      }
    return isChanged ? mended : undefined
  }

  #place(topic: string): Place | undefined {
    const parts = this.#topics.parse(topic)
    if (parts.where !== 'root') return undefined
    if (parts.kind !== 'state' && parts.kind !== 'reading' && parts.kind !== 'meta') return undefined
    const known = this.#devices.get(parts.device)
    const held = parts.kind === 'state' ? undefined : known?.find(parts.codename)
    const isFull =
      (known === undefined && this.#devices.size >= most) || (parts.kind !== 'state' && held === undefined && this.#codenames >= most)
    if (isFull) {
      this.beyond += 1
      return undefined
    }
    const device = known ?? this.#newDevice(parts.device)
    const place: Place =
      parts.kind === 'state'
        ? { kind: 'state', device }
        : { kind: parts.kind, view: held ?? this.#newCodename(device, parts.codename), device }
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

  #newCodename(device: DeviceView, codename: string): CodenameView {
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
