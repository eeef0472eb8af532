import type { Arrived } from './nats-observer.js'
import type { Sender } from './nats-sender.js'

/** Milliseconds after which a reading is of the past. */
const past = 5000

/** And what a message may take that was sent before: a connection that stands still for 8 s, then the election of a leader, of up to 13 s, and one more. */
const slack = 30_000

/** What became of the readings of a gateway. */
export interface Verdict {
  readonly accepted: number
  readonly arrived: number
  /** Acknowledged by the gateway, and not at the cluster. */
  readonly lost: number
  /** Arrived for the first time behind a later one of its codename. */
  readonly disordered: number
  /** With another time than it was sent with, or with a number that nobody sent. */
  readonly wrong: number
  /** Said to be of now, and far older than that. */
  readonly young: number
  /** The same reading once more, with the same quality. */
  readonly duplicates: number
  /** Once more, as stale: what the gateway tells after its restart. */
  readonly told: number
  /** Marked as of the past. */
  readonly history: number
}

interface Reading {
  readonly value?: unknown
  readonly time?: string
  readonly quality?: string
  readonly source?: string
}

/** Judges what arrived of one gateway. */
export function judge(sender: Sender, all: readonly Arrived[]): Verdict {
  const found = { accepted: 0, arrived: 0, lost: 0, disordered: 0, wrong: 0, young: 0, duplicates: 0, told: 0, history: 0 }
  for (const [codename, sent] of sender.accepted) {
    const mine = all.filter(({ topic }) => topic === `${sender.topic}/${codename}`)
    const seen = new Set<number>()
    let last = -1
    for (const { text, at } of mine) {
      const { value, time, quality, source } = JSON.parse(text) as Reading
      const number = Number(value)
      const isFirst = !seen.has(number)
      if (sent[number] === undefined || Date.parse(sent[number].time) !== Date.parse(time ?? '')) found.wrong += 1
      if (isFirst && number < last) found.disordered += 1
      if (!isFirst && quality === 'good') found.duplicates += 1
      if (!isFirst && quality !== 'good') found.told += 1
      if (source === 'history') found.history += 1
      else if (quality === 'good' && at - Date.parse(time ?? '') > past + slack) found.young += 1
      seen.add(number)
      last = Math.max(last, number)
    }
    found.accepted += sent.length
    found.arrived += sent.filter(({ number }) => seen.has(number)).length
    found.lost += sent.filter(({ number }) => !seen.has(number)).length
  }
  return found
}
