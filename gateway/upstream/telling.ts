import type { Broker } from '../broker/broker.js'
import type { Clock } from '../adapter.js'
import { self } from '../devices.js'
import type { Latest } from '../latest.js'
import { json } from '../payload.js'
import { formatTime } from '../time.js'
import { delivery, isOp } from '../topic.js'
import type { Kind, Topics } from '../topic.js'
import type { Entry } from './entry.js'
import { outgoing } from './payload.js'
import type { Rewrite } from './rewrite.js'

/** Seconds after which what waited is late. */
const lateAfter = 5

/** Bytes of a topic in MQTT. */
const maxTopic = 65_535

export interface TellingOptions {
  readonly clock: Clock
  readonly topics: Topics
  readonly broker: Pick<Broker, 'retained'>
  readonly latest: Latest
  readonly rewrite: Rewrite
  readonly maxHops: number
}

/** A message as it is sent, on a topic of theirs. */
export interface Told {
  readonly there: string
  readonly payload: string
  /** As it is here. */
  readonly text: string
  readonly retain: boolean
  readonly kind: Kind
}

/** What is said of an entry when its turn comes: nothing looks younger than it is. */
export class Telling {
  readonly #options: TellingOptions

  constructor(options: TellingOptions) {
    this.#options = options
  }

  isLate({ taken }: Entry): boolean {
    return taken === undefined || this.#options.clock.monotonic() - taken > lateAfter
  }

  /** `outdated`: it is not sent. `owed`: nor is it, and what is retained here stands for it. */
  of({ topic, payload, retain }: Entry, isLate: boolean): Told | 'outdated' | 'owed' | 'looped' {
    const { topics, broker, rewrite, maxHops } = this.#options
    const parsed = topics.parse(topic)
    const there = rewrite.up(topic)
    if (parsed.where !== 'root' || there === undefined || isOp(parsed.kind) || Buffer.byteLength(there) > maxTopic) return 'outdated'
    const text = payload.toString()
    const { kind } = parsed
    const isNewest = isLate && delivery[kind].retain && (broker.retained(topic) ?? '') === text
    // It has no time, and would look like what is now.
    if (isLate && text !== '' && kind === 'value') return retain ? 'owed' : 'outdated'
    // What describes a codename now was told at the beginning.
    if (isLate && text !== '' && kind === 'meta' && !isNewest) return 'outdated'
    const isOld = isLate && kind === 'reading' && isNewest && this.#isOld(parsed.device, parsed.codename)
    const isPast = isLate && kind === 'state' && !isNewest
    const told = outgoing(text, maxHops, { isLate, isOld }, kind === 'reading' || isPast)
    // A state of the past is told, and does not stand for what is.
    return told === 'looped' ? told : { there, payload: told.payload, text, retain: retain && !isPast, kind }
  }

  /** What is retained here now. `clears`: where nothing is, nothing shall be there. Of a mirror that holds always: it has no time. */
  retained(topic: string, clears: boolean): Told | undefined {
    const { topics, broker, rewrite, maxHops } = this.#options
    const there = rewrite.up(topic)
    const parsed = topics.parse(topic)
    if (there === undefined || parsed.where !== 'root') return undefined
    const text = broker.retained(topic) ?? (clears || parsed.kind === 'value' ? '' : undefined)
    if (text === undefined) return undefined
    const told = outgoing(text, maxHops, { isLate: false, isOld: false }, false)
    return told === 'looped' ? undefined : { there, payload: told.payload, text, retain: true, kind: parsed.kind }
  }

  /** What the broker says when it has lost the gateway; undefined: nothing, as that does not go up. */
  will(isWanted: (topic: string) => boolean): { topic: string; payload: string } | undefined {
    const { topics, clock, rewrite } = this.#options
    const topic = topics.state(self)
    const there = topic === undefined || !isWanted(topic) ? undefined : rewrite.up(topic)
    if (there === undefined) return undefined
    const since = formatTime(clock.now())
    const reason = `the gateway is not connected any more; it came at ${since}`
    return { topic: there, payload: json({ state: 'offline', reason, since, via: self, hops: 1 }) }
  }

  #isOld(device: string, codename: string): boolean {
    return this.#options.latest.get(device, codename)?.old === true
  }
}
