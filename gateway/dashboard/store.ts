/** What the page knows of the laboratory: all that the gateway retains, live, and whether that can be believed. */
import { useEffect, useReducer, useRef } from 'preact/hooks'
import { api } from './api.js'
import { after, every, monotonic, wall } from './clock.js'
import type { Timer } from './clock.js'
import { Asking, newId } from './store/asking.js'
import type { Op, Question } from './store/asking.js'
import { Link } from './store/link.js'
import { Raw } from './store/raw.js'
import { Table } from './store/table.js'
import type { CodenameView, DeviceView } from './store/table.js'
import { Topics } from '../topic.js'
import { formatTime, parseTime } from '../time.js'
import type { Reading, Reply } from '../../schemas/types.js'

export type { CodenameView, DeviceView } from './store/table.js'
export type { Op, Question } from './store/asking.js'
export { newId } from './store/asking.js'

/** `GET /api`. */
export interface GatewayInfo {
  readonly name: string
  readonly version: string
  readonly root: string
  readonly time: string
  readonly since: string
  readonly mqtt: string
  readonly may: { readonly command: boolean }
  readonly history: boolean
  readonly runs: boolean
}

export interface Connection {
  readonly state: 'connecting' | 'connected' | 'lost'
  /** Unix seconds of the gateway. */
  readonly since: number
  /** For people; empty while connected. */
  readonly reason: string
}

export type Freshness = 'fresh' | 'stale' | 'uncertain' | 'bad' | 'none'

/** Seconds between two calls of what waits for changes. */
const changesEvery = 0.2

/** Seconds without a retained message after which all have come that there are. */
const quietFor = 1

/** Seconds that a reading's time may be ahead of the gateway; as gateway/latest.ts judges. */
const future = 60

export class Store {
  readonly #clientId = newId('dashboard')
  readonly #link: Link
  readonly #changed = new Set<() => void>()
  readonly #watched = new Map<string, Set<(reading: Reading, view: CodenameView) => void>>()
  #asking: Asking
  #raw: Raw | undefined
  #topics = new Topics('lab')
  #table = new Table(this.#topics)
  #connection: Connection
  #info: GatewayInfo | undefined
  #reload = false
  /** Add it to the page's monotonic seconds for the gateway's Unix seconds. */
  #offset = wall() - monotonic()
  #uptime: string | undefined
  #learning: Promise<void> | undefined
  #dirty = false
  #isSoon = false
  #settling: Timer | undefined
  #lastRetained = 0

  constructor() {
    this.#connection = { state: 'connecting', since: this.now(), reason: 'the page has just been opened' }
    this.#link = new Link({
      url: mqttUrl(),
      clientId: this.#clientId,
      onConnected: () => void this.#connected(),
      onLost: (reason) => this.#lost(reason),
      onMessage: (topic, payload, retain) => this.#message(topic, payload, retain)
    })
    this.#asking = new Asking(this.#link, this.#clientId, () => formatTime(this.now()))
  }

  start(): void {
    this.#learning = this.#learn()
    this.#link.start()
    // Ages go on also when nothing comes.
    every(1, () => this.#change())
    window.addEventListener('online', () => this.#hurry())
    document.addEventListener('visibilitychange', () => {
      if (document.visibilityState === 'visible') this.#hurry()
    })
  }

  get connection(): Connection {
    return this.#connection
  }

  /** The gateway serves another version of this page than the one that is open. */
  get mustReload(): boolean {
    return this.#reload
  }

  /** Codenames that came beyond what a page holds. */
  get beyond(): number {
    return this.#table.beyond
  }

  /** Changes whenever a device or a codename comes or goes. */
  get structure(): string {
    return `${this.#topics.root} ${this.#table.structure}`
  }

  get topics(): Topics {
    return this.#topics
  }

  /** Undefined until the gateway has answered. */
  info(): GatewayInfo | undefined {
    return this.#info
  }

  /** By name. The list and its members keep their identity; see `version` of each. */
  devices(): readonly DeviceView[] {
    return this.#table.devices
  }

  device(name: string): DeviceView | undefined {
    return this.#table.device(name)
  }

  find(device: string, codename: string): CodenameView | undefined {
    return this.#table.device(device)?.find(codename)
  }

  /** The gateway's clock, Unix seconds. */
  now(): number {
    return monotonic() + this.#offset
  }

  /** Seconds since the reading was measured, by the gateway's clock; undefined without a reading. */
  ageOf(view: CodenameView): number | undefined {
    const { reading } = view
    if (reading === undefined) return undefined
    const time = parseTime(reading.time)
    const sinceArrival = monotonic() - view.arrived
    if (time === undefined) return sinceArrival
    const age = this.now() - time
    return age < -future ? sinceArrival : Math.max(0, age)
  }

  /** Stale too when the reading is older than its maxAge, or its device is offline, whatever it says of itself; without a connection nothing is fresh. */
  freshness(view: CodenameView): Freshness {
    const { reading } = view
    if (reading === undefined) return 'none'
    if (reading.quality === 'bad') return 'bad'
    const maxAge = view.meta?.maxAge
    const old = maxAge !== undefined && (this.ageOf(view) ?? 0) > maxAge
    const offline = this.#table.device(view.device)?.state?.state === 'offline'
    const unknown = this.#connection.state !== 'connected' || this.#table.isUnconfirmed(view)
    if (reading.quality === 'stale' || old || offline || unknown) return 'stale'
    return reading.quality === 'uncertain' ? 'uncertain' : 'fresh'
  }

  /** Called after changes, at most five times a second, and once a second at least. */
  onChange(run: () => void): () => void {
    this.#changed.add(run)
    return () => void this.#changed.delete(run)
  }

  /** Every reading of a codename as it comes; not the one that is there already. */
  watch(device: string, codename: string, run: (reading: Reading, view: CodenameView) => void): () => void {
    const topic = this.#topics.reading(device, codename) ?? ''
    const watchers = this.#watched.get(topic) ?? new Set()
    this.#watched.set(topic, watchers)
    watchers.add(run)
    return () => {
      watchers.delete(run)
      if (watchers.size === 0 && this.#watched.get(topic) === watchers) this.#watched.delete(topic)
    }
  }

  /** Exactly one `done` or `failed`; never rejects. */
  async command(op: Op, device: string, codename: string, question: Question = {}): Promise<Reply> {
    const view = this.find(device, codename)
    if (view !== undefined) return await this.#asking.ask(op, view, question)
    const error = { class: 'UnknownCodename', message: `there is no ${device}/${codename}`, retryable: false } as const
    return { client: this.#clientId, id: question.id ?? newId(), op, phase: 'failed', time: formatTime(this.now()), error }
  }

  /** Any topics, over a connection of their own, so that a flood there does not delay what the other pages show. */
  raw(filter: string, run: (topic: string, payload: Uint8Array, retain: boolean) => void): () => void {
    this.#raw ??= new Raw(mqttUrl(this.#info?.mqtt), `${this.#clientId}-raw`)
    return this.#raw.add(filter, run)
  }

  /** Why a control is disabled; undefined: it may act. */
  whyNoCommand(): string | undefined {
    if (this.#connection.state !== 'connected') return 'not connected to the gateway'
    if (this.#info === undefined) return 'the gateway has not yet said what you may do'
    return this.#info.may.command ? undefined : 'the gateway is read-only here (http.readOnly)'
  }

  async #connected(): Promise<void> {
    // The first answer was asked for while the connection was made.
    await (this.#learning ?? this.#learn())
    this.#learning = undefined
    if (!this.#link.up) return
    this.#table.renew()
    this.#lastRetained = monotonic()
    try {
      // Readings come often and are superseded: QoS 0. States and metas come once.
      await this.#link.subscribe({
        [this.#topics.pattern('state').replace(placeholders, '+')]: { qos: 1 },
        [this.#topics.pattern('meta').replace(placeholders, '+')]: { qos: 1 },
        [this.#topics.pattern('reading').replace(placeholders, '+')]: { qos: 0 }
      })
    } catch {
      return // The connection is lost again, or will be: that is told there.
    }
    this.#connection = { state: 'connected', since: this.now(), reason: '' }
    this.#settle()
    this.#change()
  }

  /** What vanished while the page did not listen: gone when all that is retained has come. */
  #settle(): void {
    this.#settling?.cancel()
    this.#settling = after(quietFor, () => {
      if (!this.#link.up) return
      if (monotonic() - this.#lastRetained < quietFor) return this.#settle()
      this.#table.settle()
      this.#change()
    })
  }

  async #learn(): Promise<void> {
    const asked = monotonic()
    try {
      const info = await api.get<GatewayInfo>('/api')
      this.#info = info
      this.#tune(parseTime(info.time), (monotonic() - asked) / 2)
      if (info.root !== this.#topics.root) {
        this.#topics = new Topics(info.root)
        this.#table = new Table(this.#topics)
      }
    } catch {
      // An older answer holds; the connection that follows says whether the gateway is there.
    }
    this.#uptime = this.#topics.reading('gateway', 'uptime')
    void this.#compare()
  }

  /** Is this page still the one that is served? */
  async #compare(): Promise<void> {
    const own = document.querySelector('meta[name=labgate-build]')?.getAttribute('content')
    try {
      const text = await (await fetch('index.html', { cache: 'no-store' })).text()
      const served = /name="labgate-build" content="([^"]+)"/.exec(text)?.[1]
      this.#reload = served !== undefined && own !== served
      if (this.#reload) this.#change()
    } catch {
      // Asked again at the next connection.
    }
  }

  #tune(time: number | undefined, underway: number): void {
    if (time !== undefined) this.#offset = time + underway - monotonic()
  }

  #lost(reason: string): void {
    this.#asking.lost()
    this.#settling?.cancel()
    const since = this.#connection.state === 'lost' ? this.#connection.since : this.now()
    this.#connection = { state: 'lost', since, reason }
    this.#change()
  }

  #message(topic: string, payload: Uint8Array, retain: boolean): void {
    if (retain) this.#lastRetained = monotonic()
    if (this.#asking.heard(topic, payload)) return
    const view = this.#table.put(topic, payload)
    this.#change()
    if (view === undefined) return
    // One that is said again as stale has its old time.
    if (topic === this.#uptime && !retain && view.reading?.quality === 'good') this.#tune(parseTime(view.reading.time), 0)
    const watchers = this.#watched.get(topic)
    if (watchers === undefined || retain) return
    const { reading } = view
    if (reading !== undefined) for (const run of watchers) run(reading, view)
  }

  #hurry(): void {
    this.#link.hurry()
    this.#raw?.hurry()
    this.#change()
  }

  #change(): void {
    this.#dirty = true
    if (this.#isSoon) return
    this.#isSoon = true
    after(changesEvery, () => {
      this.#isSoon = false
      if (!this.#dirty || document.visibilityState === 'hidden') return
      this.#dirty = false
      for (const run of this.#changed) run()
    })
  }
}

const placeholders = /<[^>]*>/g

/** Relative to the page, so that a reverse proxy may put everything under a prefix. */
function mqttUrl(path = '/mqtt'): string {
  const url = new URL(path.replace(/^\//, ''), new URL('.', location.href))
  url.protocol = url.protocol === 'https:' ? 'wss:' : 'ws:'
  url.hash = ''
  return url.href
}

/** The one store of the page. */
export const store = new Store()

export const ageOf = (view: CodenameView): number | undefined => store.ageOf(view)
export const freshness = (view: CodenameView): Freshness => store.freshness(view)

/**
 * Renders again after changes, at most five times a second; a plain value that stays the same does not. Large lists give each
 * member a plain value that tells when it changes (see `version`), and do not render again themselves. Not by `shouldComponentUpdate`
 * nor by elements that are kept: Preact's old trees then hold the newer ones, and the page grows for ever.
 */
export function useStore<T>(select: (store: Store) => T): T {
  const [, render] = useReducer((count: number, _action: undefined) => count + 1, 0)
  const value = select(store)
  const held = useRef({ select, value })
  held.current = { select, value }
  useEffect(
    () =>
      store.onChange(() => {
        const { select: now, value: before } = held.current
        const next = now(store)
        if ((typeof next === 'object' && next !== null) || !Object.is(next, before)) render(undefined)
      }),
    []
  )
  return value
}
