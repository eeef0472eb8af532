/** What is asked of the history, and what it answers. Times are Unix seconds. */
import type { Exact, Quality, ReadingError, Source } from '../adapter.js'

/** One reading as it is kept. */
export interface Point {
  /** When measured. */
  readonly time: number
  readonly quality: Quality
  readonly value: Exact
  /**
   * Of a stale point: when it became so, by our clock; `time` and `value` are those of the reading that grew old, and the point stands in the
   * order of this time. No line is drawn from the point before it.
   */
  readonly since?: number
  readonly unit?: string
  readonly source?: Source
  readonly error?: ReadingError
  readonly uncertainty?: number
  readonly x?: Exact
  readonly seq?: number
  readonly run?: string
}

/** Numbers of a stretch of time. Booleans count as 0 and 1; what is no number is counted only. */
export interface Bucket {
  /** Its beginning. */
  readonly time: number
  /** Readings, good and uncertain ones. */
  readonly count: number
  readonly min: number | null
  readonly max: number | null
  readonly mean: number | null
  /** Something in it was stale or bad, or the gateway was not there: no line goes on to the next. */
  readonly isGap: boolean
}

export interface Question {
  readonly device: string
  readonly codename: string
  /** From this time on. */
  readonly from: number
  /** To before this time. */
  readonly to: number
}

/** For drawing: the readings themselves where there are few enough, or else roll-ups. */
export type Plot =
  | { readonly kind: 'readings'; readonly points: readonly Point[] }
  | {
      readonly kind: 'rollups'
      /** Seconds of a bucket. */
      readonly step: number
      readonly buckets: readonly Bucket[]
    }

export interface HistoryStatus {
  readonly state: 'on' | 'off' | 'degraded'
  /** Why it is not on, and what to do. */
  readonly reason: string
  /** Readings taken and written since start. */
  readonly written: number
  /** Readings lost since start, as the disk refused or did not keep up. */
  readonly dropped: number
  /** Readings that wait to be written. */
  readonly waiting: number
  /** Bytes held, on disk or in memory. */
  readonly bytes: number
  /** Time of the oldest reading held. */
  readonly oldest: number | undefined
}
