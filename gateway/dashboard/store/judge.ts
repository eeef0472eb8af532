/** How old a reading is, and whether it can be believed. */
import type { GatewayClock } from './gateway-clock.js'
import type { Connection } from './info.js'
import type { CodenameView, Table } from './table.js'
import { parseTime } from '../../time.js'

export type Freshness = 'fresh' | 'stale' | 'uncertain' | 'bad' | 'none'

/** Seconds that a reading's time may be ahead of the gateway; as gateway/latest.ts judges. */
const future = 60

/** Seconds since the reading was measured, by the gateway's clock; undefined without a reading, and when its time does not tell. */
export function ageOf({ reading, arrived }: CodenameView, clock: GatewayClock): number | undefined {
  if (reading === undefined) return undefined
  const time = parseTime(reading.time)
  const sinceArrival = arrived === undefined ? undefined : Math.max(0, clock.steady() - arrived)
  if (time === undefined) return sinceArrival
  const age = clock.now() - time
  return age < -future ? sinceArrival : Math.max(0, age)
}

/** Stale too when the reading is older than its maxAge, or its device is offline, whatever it says of itself; without a connection nothing is fresh. */
export function freshness(view: CodenameView, clock: GatewayClock, table: Table, { state }: Connection): Freshness {
  const { reading, meta } = view
  if (reading === undefined) return 'none'
  if (reading.quality === 'bad') return 'bad'
  const old = meta?.maxAge !== undefined && (ageOf(view, clock) ?? Infinity) > meta.maxAge
  const offline = table.device(view.device)?.state?.state === 'offline'
  const unknown = state !== 'connected' || table.isUnconfirmed(view)
  if (reading.quality === 'stale' || old || offline || unknown) return 'stale'
  return reading.quality === 'uncertain' ? 'uncertain' : 'fresh'
}
