import { join } from 'node:path'
import type { Logger, Watch } from '../adapter.js'
import { folderPlace, memoryPlace } from '../history/shelf.js'
import type { Bridge as Config } from '../../schemas/types.js'
import type { Kind } from '../topic.js'
import { Aside } from './aside.js'
import { Connector } from './connector.js'
import type { Link } from './client.js'
import { Down } from './down.js'
import type { Entry, Message } from './entry.js'
import { Flight } from './flight.js'
import type { Sent } from './flight.js'
import { Journal } from './journal.js'
import { Owed } from './owed.js'
import { Pace } from './pace.js'
import type { BridgeStatus, UpstreamParts } from './parts.js'
import { Rewrite } from './rewrite.js'
import { Select } from './select.js'
import { Snapshot } from './snapshot.js'
import { Suspects } from './suspects.js'
import { Telling } from './telling.js'

/** Why a broker is left that takes everything. */
const silent = 'it takes messages and acknowledges none: look after it there'

/** Seconds that a stop waits for what is left to go. */
const farewell = 1

/** What goes up; commands never do. */
const kinds: readonly Kind[] = ['state', 'reading', 'value', 'meta', 'reply']

/** One bridge: from our broker into the journal, from the journal to their broker; and commands from there. */
export class Bridge {
  readonly id: string
  readonly #parts: UpstreamParts
  readonly #config: Config
  readonly #log: Logger
  readonly #rewrite: Rewrite
  readonly #up: Select
  readonly #journal: Journal
  readonly #connector: Connector
  readonly #down: Down
  readonly #pace: Pace
  readonly #telling: Telling
  readonly #owed = new Owed()
  readonly #client: string
  #link: Link | undefined
  /** Of this connection. */
  #snapshot: Snapshot | undefined
  #isTheirTurn = false
  /** What comes now was acknowledged by an earlier run. */
  #isRecovering = true
  /** Given, and not sent as its time has not come. */
  #held: Entry | undefined
  /** What was taken in before the connection has lower numbers; and the last number that was sent since. */
  #mark = 0
  #sentTo = 0
  readonly #underway: Flight
  /** Since it was cut off for its silence nothing was acknowledged. */
  #isSilent = false
  readonly #aside: Aside
  /** Topics there whose old value is taken back, as the new one cannot be sent. */
  readonly #clears = new Set<string>()
  readonly #suspects: Suspects
  /** The last that was ever sent: what comes up to it again may arrive twice. */
  #furthest = 0
  #waits: Watch | undefined
  /** Until what is held back is tried. */
  #tries: Watch | undefined
  #isPumping = false
  #drained: (() => void) | undefined
  #counts = { forwarded: 0, duplicates: 0, looped: 0, outdated: 0 }

  constructor(config: Config, parts: UpstreamParts) {
    const { clock, topics, broker, contract } = parts
    this.id = config.id
    this.#parts = parts
    this.#config = config
    this.#log = parts.log.child({ upstream: config.id })
    this.#client = `upstream:${config.id}`
    this.#rewrite = new Rewrite(topics, config.topic, config.dots === 'encode')
    this.#up = new Select(topics, config.up)
    this.#pace = new Pace(clock, config.maxRate)
    this.#suspects = new Suspects(clock)
    this.#telling = new Telling({ ...parts, rewrite: this.#rewrite, maxHops: config.maxHops })
    const down = new Select(topics, config.down)
    const { publish } = broker
    this.#down = new Down({ clock, topics, contract, publish, rewrite: this.#rewrite, up: this.#up, down, client: this.#client })
    const { data } = parts.config.gateway
    const { maxBytes, maxAge } = config.queue
    this.#journal = new Journal({
      clock,
      log: this.#log,
      place: data === undefined ? memoryPlace : folderPlace(join(data, 'upstream', config.id), maxBytes),
      maxBytes,
      maxAge,
      ready: () => this.#pump(),
      dropped: (message, isTooLarge) => this.#dropped(message, isTooLarge),
      changed: parts.changed
    })
    this.#aside = new Aside(this.#journal, this.#log)
    this.#underway = new Flight(clock, () => this.#cut())
    this.#connector = new Connector({
      clock,
      log: this.#log,
      config,
      clientId: config.clientId ?? `labgate-${parts.config.gateway.name}-${config.id}`,
      will: () => this.#telling.will((topic) => this.#up.has(topic)),
      subscribe: (['set', 'get', 'call', 'history'] as const)
        .map((op) => topics.filter(op))
        .filter((filter) => down.mayHave(filter))
        .flatMap((filter) => this.#rewrite.up(filter) ?? []),
      received: (topic, payload, retain) => this.#down.receive(topic, payload, retain),
      connected: (link) => this.#connected(link),
      lost: (isTheirs) => this.#lost(isTheirs),
      changed: parts.changed
    })
  }

  /** What is on the disk; from now on everything is taken in. */
  async open(): Promise<void> {
    const { broker, topics } = this.#parts
    await this.#journal.open()
    for (const kind of kinds) {
      const filter = topics.filter(kind)
      // The answer to what came down always goes up.
      const isWanted = this.#up.mayHave(filter) || (kind === 'reply' && this.#config.down.length > 0)
      if (isWanted) broker.tap(filter, ({ topic, payload, retain }) => this.#take(topic, payload, retain, kind))
    }
  }

  /** From now on what comes is new. */
  recovered(): void {
    this.#isRecovering = false
  }

  /** Calls `run` when everything that came so far is on the disk, or the disk refuses. */
  whenKept(run: () => void): void {
    this.#journal.kept.when(run)
  }

  /** As soon as it is known what waits: there it is better offline than told what is new before what is old. */
  dial(): void {
    this.#journal.whenOpened(() => this.#connector.start())
  }

  /** What waits is sent as far as that is quick, and is kept. */
  async stop(): Promise<void> {
    await this.#journal.flush()
    if (this.#link !== undefined && this.#journal.waiting > 0) {
      const { clock } = this.#parts
      await new Promise<void>((resolve) => {
        const timer = clock.after(farewell, resolve)
        this.#drained = () => {
          timer.cancel()
          resolve()
        }
        this.#pump()
      })
    }
    // Who has not heard that we stop is told by the will.
    await this.#connector.stop(this.#journal.waiting === 0)
    this.#link = undefined
    this.#waits?.cancel()
    this.#tries?.cancel()
    this.#underway.clear()
    await this.#journal.close()
  }

  status(): BridgeStatus {
    const { waiting, bytes, dropped, damaged, failure } = this.#journal
    const { state, reason, server, since, connections } = this.#connector
    const { commands, refused } = this.#down
    const why = reason === '' && this.#isSilent ? silent : reason
    return {
      state,
      reason: why,
      failure,
      server,
      since,
      waiting,
      bytes,
      dropped,
      damaged,
      ...this.#counts,
      unsendable: this.#aside.count,
      connections,
      commands,
      refused
    }
  }

  /** For each message of the broker: cheap, never throws, waits for nothing. */
  #take(topic: string, payload: Buffer | string, retain: boolean, kind: Kind): void {
    const bytes = typeof payload === 'string' ? Buffer.from(payload) : payload
    const isOurs = kind === 'reply' && this.#isOurs(bytes)
    if (isOurs) this.#down.replied(topic, bytes)
    if (!this.#up.has(topic) && !isOurs) return
    this.#pace.came()
    if (!this.#journal.take({ topic, payload: bytes, retain }, this.#isRecovering)) return
    if (kind === 'reading' || kind === 'value') this.#snapshot?.saw(topic)
    this.#owed.settle(topic)
  }

  /** A reply to what came down. */
  #isOurs(payload: Buffer): boolean {
    return this.#config.down.length > 0 && payload.includes(`"client":${JSON.stringify(this.#client)}`)
  }

  #connected(link: Link): void {
    const { devices, topics } = this.#parts
    this.#link = link
    this.#snapshot = new Snapshot(devices, topics)
    this.#mark = this.#journal.next
    this.#sentTo = 0
    this.#pump()
  }

  #lost(isTheirs: boolean): void {
    const sent = this.#underway.all
    const topics = new Set(sent.map(({ told }) => told.there))
    const topic = isTheirs ? this.#suspects.lost(topics, this.#parts.clock.monotonic() - this.#underway.sentAt) : undefined
    if (topic !== undefined) this.#condemn(topic, sent)
    this.#underway.clear()
    this.#link = undefined
    this.#snapshot = undefined
    this.#held = undefined
    this.#journal.rewind()
    this.#owed.lost()
    this.#waits?.cancel()
    this.#waits = undefined
  }

  /** The broker takes all but this. */
  #condemn(there: string, [sent]: readonly Sent[]): void {
    const isWhole = this.#suspects.has(there)
    if (isWhole) this.#clears.delete(there)
    if (sent === undefined || sent.told.text === '') return
    this.#aside.bad(sent, isWhole)
    if (!isWhole && sent.told.retain) this.#clears.add(there)
  }

  /** Sends as much as may be under way. */
  #pump(): void {
    if (this.#isPumping || this.#link === undefined) return
    this.#isPumping = true
    const due = this.#suspects.due()
    if (due.length > 0) this.#aside.release((topic) => due.includes(this.#rewrite.up(topic) ?? ''))
    try {
      while (this.#underway.hasRoom(this.#suspects.isAlone) && this.#sendOne());
    } finally {
      this.#isPumping = false
    }
    if (this.#journal.waiting === 0) this.#drained?.()
  }

  /** It takes everything and acknowledges nothing. */
  #cut(): void {
    this.#isSilent = true
    this.#link?.cut(silent)
  }

  /** False: there is nothing to send now. What is known of the devices and what waits take turns, so that neither waits for all of the other. */
  #sendOne(): boolean {
    const [clear] = this.#clears
    if (clear !== undefined && !this.#suspects.wantsWitness(clear)) {
      this.#clears.delete(clear)
      this.#send({ topic: clear, told: { there: clear, payload: '', text: '', retain: true, kind: 'reading' }, entry: undefined }, () => {})
      return true
    }
    this.#isTheirTurn = !this.#isTheirTurn
    if (this.#isTheirTurn && this.#sendKnown()) return true
    const entry = this.#held ?? this.#aside.next((topic) => this.#suspects.wantsWitness(this.#rewrite.up(topic) ?? ''))
    this.#held = undefined
    if (entry !== undefined) return this.#sendEntry(entry)
    return this.#sendKnown() || this.#sendReading()
  }

  #sendKnown(): boolean {
    return this.#snapshot?.hasKnown === true && this.#sendFirst(() => this.#snapshot?.nextKnown(), false)
  }

  /** When all has gone that waited at the connection, for that is older. */
  #sendReading(): boolean {
    const hasGone = this.#sentTo >= this.#mark - 1 || this.#journal.waiting === 0
    if (!hasGone) return false
    return (
      (this.#snapshot?.hasReadings === true && this.#sendFirst(() => this.#snapshot?.nextReading(), false)) ||
      (!this.#owed.isEmpty &&
        this.#sendFirst(
          () => this.#owed.next(),
          true,
          (topic) => this.#owed.acknowledged(topic)
        ))
    )
  }

  /** The first that is wanted there. */
  #sendFirst(next: () => string | undefined, clears: boolean, acknowledged?: (topic: string) => void): boolean {
    if (!this.#mayPace()) return false
    for (let topic = next(); topic !== undefined; topic = next()) {
      const named = topic
      if (this.#sendRetained(named, clears, () => acknowledged?.(named))) return true
    }
    return false
  }

  /** False: a pump follows. */
  #mayPace(): boolean {
    if (this.#pace.take()) return true
    this.#pumpSoon(this.#pace.wait)
    return false
  }

  #pumpSoon(seconds: number): void {
    this.#waits ??= this.#parts.clock.after(seconds, () => {
      this.#waits = undefined
      this.#pump()
    })
  }

  #sendRetained(topic: string, clears: boolean, acknowledged = (): void => {}): boolean {
    const told = this.#up.has(topic) ? this.#telling.retained(topic, clears) : undefined
    if (told === undefined || this.#suspects.has(told.there) || this.#aside.isBad(topic, told.text)) {
      acknowledged()
      return false
    }
    this.#send({ told, topic, entry: undefined }, acknowledged)
    return true
  }

  #sendEntry(entry: Entry): boolean {
    const isLate = this.#telling.isLate(entry)
    if (isLate && !this.#mayPace()) {
      this.#held = entry
      return false
    }
    const told = this.#telling.of(entry, isLate)
    if (told === 'owed') this.#owe(entry.topic, entry.seq + 1)
    this.#sentTo = entry.seq
    if (typeof told === 'string') {
      this.#counts[told === 'looped' ? told : 'outdated'] += 1
      this.#journal.done(entry)
      return true
    }
    if (this.#suspects.has(told.there)) {
      this.#aside.put(entry)
      this.#tries ??= this.#parts.clock.after(this.#suspects.wait ?? 0, () => {
        this.#tries = undefined
        this.#pump()
      })
      return true
    }
    if (entry.seq <= this.#furthest) this.#counts.duplicates += 1
    this.#furthest = Math.max(entry.seq, this.#furthest)
    this.#owed.passed(entry.topic, entry.seq)
    if (told.kind === 'reading' || told.kind === 'value') this.#snapshot?.saw(entry.topic)
    this.#send({ told, topic: entry.topic, entry }, () => this.#journal.done(entry))
    return true
  }

  /** What is retained here goes when all has gone that waits now, for that is older. */
  #owe(topic: string, from: number): void {
    this.#owed.add(topic, from)
    this.#mark = Math.max(this.#mark, this.#journal.next)
  }

  /** It was too large for the journal, or the oldest where there was no room. */
  #dropped({ topic, payload, retain }: Message, isTooLarge: boolean): void {
    if (retain) {
      // The oldest goes first: whatever of its topic still waits is newer.
      this.#owe(topic, isTooLarge ? this.#journal.next : 0)
      this.#pumpSoon(0)
    }
    if (isTooLarge) this.#aside.tooLarge(topic, payload.length)
  }

  #send(sent: Sent, acknowledged: () => void): void {
    const { there, payload, retain } = sent.told
    const link = this.#link
    if (link === undefined) return
    const heard = this.#underway.add(sent)
    const wasWitnessing = this.#suspects.isAlone
    link.publish(there, payload, retain, () => {
      if (this.#link !== link) return
      heard()
      this.#isSilent = false
      this.#suspects.acknowledged(there)
      this.#counts.forwarded += 1
      acknowledged()
      // What was passed over for it.
      if (wasWitnessing && this.#underway.size === 0) {
        this.#held = undefined
        this.#journal.rewind()
      }
      this.#pump()
    })
  }
}
