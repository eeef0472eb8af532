/** What the page knows of the laboratory: all that the gateway retains, live, and whether that can be believed. */
import { api, onRefused } from './api.js'
import { after, every } from './clock.js'
import type { Timer } from './clock.js'
import { Asking, newId } from './store/asking.js'
import type { Op, Question } from './store/asking.js'
import { useChanging } from './store/hook.js'
import { GatewayClock } from './store/gateway-clock.js'
import { askInfo, isOutdated, mqttUrl } from './store/info.js'
import type { Connection, GatewayInfo } from './store/info.js'
import * as judge from './store/judge.js'
import type { Freshness } from './store/judge.js'
import { Link } from './store/link.js'
import { May, whyNoRun } from './store/may.js'
import type { Known } from './store/may.js'
import { Raw } from './store/raw.js'
import { Recheck } from './store/recheck.js'
import type { Everything } from './store/recheck.js'
import { Session } from './store/session.js'
import { Table } from './store/table.js'
import type { CodenameView, DeviceView } from './store/table.js'
import { Watchers } from './store/watchers.js'
import { Topics } from '../topic.js'
import { formatTime, parseTime } from '../time.js'
import type { Reading, Reply } from '../../schemas/types.js'

export type { CodenameView, DeviceView } from './store/table.js'
export type { Op, Question } from './store/asking.js'
export { newId } from './store/asking.js'
export type { Connection, GatewayInfo } from './store/info.js'
export type { Me } from './store/session.js'

export type { Freshness } from './store/judge.js'

/** Seconds between two calls of what waits for changes. */
const changesEvery = 0.2

/** Seconds without a retained message after which all have come that there are. */
const quietFor = 1

/** Seconds before what the gateway did not answer, or refused, is tried again; the last is repeated. */
const waits = [0.3, 1, 2, 4]

/** Seconds between two looks of the page at itself, and after which it has been held up so long that messages may have been missed. */
const look = 1
const heldUp = 3

/** Bytes after which some may have been missed: so many wait in the broker when it begins to let readings fall (shedOutput). */
const much = 1_048_576

export class Store {
  readonly #clientId = newId('dashboard')
  readonly #link: Link
  readonly #changed = new Set<() => void>()
  readonly #watchers = new Watchers()
  readonly #may = new May()
  /** Who looks. */
  readonly session: Session
  #asking: Asking
  #raw: Raw | undefined
  readonly #clock = new GatewayClock()
  readonly #recheck: Recheck
  #topics = new Topics('lab')
  #table = this.#newTable()
  #connection: Connection
  #info: GatewayInfo | undefined
  #reload = false
  #uptime: string | undefined
  #learning: Promise<string | undefined> | undefined
  /** Counts connections, so that what an earlier one began is given up. */
  #turn = 0
  #isSettled = false
  #looked = this.#clock.steady()
  #sleeps = 0
  #bytes = 0
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
    this.#asking = new Asking(this.#link, this.#clientId, () => this.now())
    this.#recheck = new Recheck({
      ask: async (signal) => {
        // With the time, and with what may be done: both may have been changed.
        await this.#learn()
        const everything = await api.get<Everything>('/api/devices', signal)
        this.#may.learn(everything, this.#topics)
        return everything
      },
      table: () => (this.#connection.state === 'connected' && this.#isSettled ? this.#table : undefined),
      now: () => this.#clock.steady(),
      after,
      isVisible: () => document.visibilityState !== 'hidden',
      onMended: (views) => {
        this.#change()
        for (const view of views) this.#watchers.tell(view)
      }
    })
    this.session = new Session({
      onIn: (isOther) => this.#in(isOther),
      onOut: () => this.#out(),
      onChange: () => this.#change()
    })
    onRefused(() => void this.session.look())
  }

  start(): void {
    this.#learning = this.#learn()
    // Who must log in is not turned away first.
    void this.#learning.then(() => {
      if (this.session.wanted === 'no' && this.#connection.state === 'connecting') this.#link.start()
    })
    every(look, () => this.#look())
    window.addEventListener('online', () => this.#hurry())
    document.addEventListener('visibilitychange', () => {
      this.#recheck.now()
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
    return this.#clock.now()
  }

  ageOf(view: CodenameView): number | undefined {
    return judge.ageOf(view, this.#clock)
  }

  freshness(view: CodenameView): Freshness {
    return judge.freshness(view, this.#clock, this.#table, this.#connection)
  }

  /** Called after changes, at most five times a second, and once a second at least. */
  onChange(run: () => void): () => void {
    this.#changed.add(run)
    return () => void this.#changed.delete(run)
  }

  /** Every reading of a codename as it comes; not the one that is there already. */
  watch(device: string, codename: string, run: (reading: Reading, view: CodenameView) => void): () => void {
    return this.#watchers.add(this.#topics.reading(device, codename) ?? '', run)
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
    this.#raw ??= new Raw(mqttUrl(this.#info?.mqtt), `${this.#clientId}-raw`, () => this.#change())
    return this.#raw.add(filter, run)
  }

  /** Why {@link raw} hears nothing; undefined: it does, or nobody asks. */
  get rawTrouble(): string | undefined {
    return this.#raw?.trouble
  }

  /** Why a control is disabled; undefined: it may act. */
  whyNoCommand(view: CodenameView, op: Op): string | undefined {
    return this.#may.whyNoCommand(view, op, this.#known)
  }

  whyNoRun(what: 'start' | 'stop'): string | undefined {
    return whyNoRun(what, this.#known)
  }

  get #known(): Known {
    return { connection: this.#connection, info: this.#info, me: this.session.me }
  }

  /** What was there is of somebody else, who may see other things. */
  #in(isOther: boolean): void {
    if (isOther) {
      this.#table = this.#newTable()
      this.#may.forget()
    }
    if (this.#connection.state === 'connecting') return
    this.#link.stop()
    this.#link.start()
  }

  #out(): void {
    this.#turn += 1
    this.#link.stop()
    this.#lost('nobody is logged in')
  }

  /** Connected is who knows who the gateway is, and has its subscriptions: tried until then, or until the connection is lost. */
  async #connected(): Promise<void> {
    this.#turn += 1
    const turn = this.#turn
    for (let tries = 0; ; tries += 1) {
      const why = await this.#begin()
      if (turn !== this.#turn || !this.#link.up) return
      if (why === undefined) break
      this.#notConnected(why)
      await new Promise<void>((resolve) => after(waits[Math.min(tries, waits.length - 1)] as number, resolve))
      if (turn !== this.#turn || !this.#link.up) return
    }
    this.#connection = { state: 'connected', since: this.now(), reason: '' }
    this.#settle()
    this.#change()
  }

  /** Undefined when the gateway sends what it retains; else why not. */
  async #begin(): Promise<string | undefined> {
    // The first answer was asked for while the connection was made.
    const learning = this.#learning ?? this.#learn()
    this.#learning = undefined
    const why = await learning
    if (why !== undefined) return why
    void this.#compare()
    this.#table.renew()
    this.#isSettled = false
    this.#lastRetained = this.#clock.steady()
    try {
      // Readings come often and are superseded: QoS 0, and what is missed is found by asking. States and metas come once.
      await this.#link.subscribe({
        [this.#topics.pattern('state').replace(placeholders, '+')]: { qos: 1 },
        [this.#topics.pattern('meta').replace(placeholders, '+')]: { qos: 1 },
        [this.#topics.pattern('reading').replace(placeholders, '+')]: { qos: 0 }
      })
      return undefined
    } catch (error) {
      return (error as Error).message
    }
  }

  /** What vanished while the page did not listen: gone when all that is retained has come. */
  #settle(): void {
    this.#settling?.cancel()
    this.#settling = after(quietFor, () => {
      if (!this.#link.up) return
      if (this.#clock.steady() - this.#lastRetained < quietFor) return this.#settle()
      this.#table.settle()
      this.#isSettled = true
      this.#recheck.now()
      this.#change()
    })
  }

  /** Undefined when the gateway has said who it is; else why not: an older answer does not count for a new connection. */
  async #learn(): Promise<string | undefined> {
    const asked = this.#clock.steady()
    try {
      const [info] = await Promise.all([askInfo(), this.session.look()])
      if (this.session.me === undefined) return 'nobody is logged in'
      this.#info = info
      const time = parseTime(info.time)
      if (time !== undefined) this.#clock.answered(time, asked)
      if (info.root !== this.#topics.root) {
        this.#topics = new Topics(info.root)
        this.#table = this.#newTable()
      }
      this.#uptime = this.#topics.reading('gateway', 'uptime')
      return undefined
    } catch {
      return 'the gateway has not said yet who it is and what may be done'
    }
  }

  #newTable(): Table {
    return new Table(this.#topics, () => this.#clock.steady())
  }

  async #compare(): Promise<void> {
    this.#reload = (await isOutdated()) ?? this.#reload
    if (this.#reload) this.#change()
  }

  #lost(reason: string): void {
    // It may be that the login has ended.
    if (this.session.wanted === 'no') void this.session.look()
    this.#asking.lost()
    this.#settling?.cancel()
    this.#notConnected(reason)
  }

  #notConnected(reason: string): void {
    const since = this.#connection.state === 'lost' ? this.#connection.since : this.now()
    this.#connection = { state: 'lost', since, reason }
    this.#change()
  }

  /** Ages go on also when nothing comes; and whoever was held up or asleep may have missed something. */
  #look(): void {
    const now = this.#clock.steady()
    const { sleeps } = this.#clock
    if (now - this.#looked > heldUp || sleeps !== this.#sleeps) this.#recheck.now()
    else if (this.#bytes > much && this.#recheck.soon()) this.#bytes = 0
    this.#looked = now
    this.#sleeps = sleeps
    this.#change()
  }

  #message(topic: string, payload: Uint8Array, retain: boolean): void {
    this.#bytes += payload.length
    if (retain) this.#lastRetained = this.#clock.steady()
    if (this.#asking.heard(topic, payload)) return
    const view = this.#table.put(topic, payload, { retained: retain })
    this.#change()
    if (view === undefined) return
    // One that is said again as stale has its old time.
    if (topic === this.#uptime && !retain && view.reading?.quality === 'good') {
      const time = parseTime(view.reading.time)
      if (time !== undefined) this.#clock.heard(time)
    }
    if (!retain) this.#watchers.tell(view)
  }

  #hurry(): void {
    // Another page may have logged in meanwhile.
    if (this.session.wanted !== 'no') void this.session.look()
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

/** The one store of the page. */
export const store = new Store()

export const ageOf = (view: CodenameView): number | undefined => store.ageOf(view)
export const freshness = (view: CodenameView): Freshness => store.freshness(view)

/** See {@link useChanging}. */
export function useStore<T>(select: (store: Store) => T): T {
  return useChanging(store, select)
}
