import type { Account } from './audit.js'
import type { RoundTrips } from './control.js'
import type { Crowd } from './crowd.js'
import { median, mebi } from './figures.js'

export interface Minute {
  readonly number: number
  /** That it took. */
  readonly seconds: number
  readonly fault: string
  readonly trouble: readonly string[]
  /** Bytes. */
  readonly rss: number
  readonly heap: number
  readonly files: number
  readonly resources: number
  readonly store: number
  readonly history: number
  /** Milliseconds: the worst p99 of ten seconds. */
  readonly delay: number
  /** A second. */
  readonly readings: number
  readonly trips: RoundTrips
  readonly account: Account
  readonly crowd: Crowd
  readonly unexpected: number
}

/** What may be more in the last third than in the first. */
const bounds = { rss: 64 << 20, heap: 24 << 20, files: 24, resources: 24, store: 32 << 20 }

/** Bytes of history that a reading may take. */
const bytesPerReading = 200

const columns: readonly (readonly [title: string, width: number, show: (minute: Minute) => string])[] = [
  ['min', 3, ({ number }) => String(number)],
  ['fault', -18, ({ fault }) => fault],
  ['rss MiB', 7, ({ rss }) => mebi(rss)],
  ['heap', 6, ({ heap }) => mebi(heap)],
  ['fds', 4, ({ files }) => String(files)],
  ['handles', 7, ({ resources }) => String(resources)],
  ['store MiB', 9, ({ store }) => mebi(store)],
  ['history', 7, ({ history }) => mebi(history)],
  ['loop p99 ms', 11, ({ delay }) => delay.toFixed(1)],
  ['readings/s', 10, ({ readings }) => readings.toFixed(0)],
  ['p50 ms', 6, ({ trips }) => trips.p50.toFixed(1)],
  ['p99', 7, ({ trips }) => trips.p99.toFixed(1)],
  ['max', 7, ({ trips }) => trips.max.toFixed(0)],
  ['acked', 7, ({ account }) => String(account.acknowledged)],
  ['unseen', 6, ({ account }) => String(account.unseen)],
  ['missed', 6, ({ account }) => String(account.missed)],
  ['commands', 8, ({ account }) => String(account.answered)],
  ['open', 4, ({ account }) => String(account.unanswered)],
  ['crowd got/s', 11, ({ crowd, seconds }) => (crowd.received / seconds).toFixed(0)],
  ['answered', 11, ({ crowd }) => `${crowd.answered}/${crowd.asked}`],
  ['exits', 5, ({ unexpected }) => String(unexpected)]
]

const pad = (text: string, width: number): string => (width < 0 ? text.padEnd(-width) : text.padStart(width))

export const head = columns.map(([title, width]) => pad(title, width)).join(' ')

export function line(minute: Minute): string {
  const trouble = minute.trouble.map((text) => `\n    ${text}`).join('')
  return columns.map(([, width, show]) => pad(show(minute), width)).join(' ') + trouble
}

/** Whether all held, and why. The first sixth is for warming up. */
export function verdict(minutes: readonly Minute[], account: Account, exits: readonly string[]): { text: string; holds: boolean } {
  const warm = minutes.slice(Math.floor(minutes.length / 6))
  const third = Math.floor(warm.length / 3)
  const [first, last] = [warm.slice(0, third), warm.slice(warm.length - third)]
  const lines: string[] = []
  let holds = true
  const judge = (name: string, found: string, bound: string, good: boolean): void => {
    lines.push(`${good ? 'holds ' : 'BROKEN'}  ${name.padEnd(42)} ${found.padStart(24)}   ${bound}`)
    holds &&= good
  }
  if (third === 0) lines.push('too short for growth: three minutes at least')
  else {
    const grown = (of: (minute: Minute) => number): [number, number] => [median(first.map(of)), median(last.map(of))]
    for (const [name, key, show] of [
      ['resident memory, MiB', 'rss', mebi],
      ['heap, MiB', 'heap', mebi],
      ['open files', 'files', String],
      ['handles', 'resources', String],
      ['store, MiB', 'store', mebi]
    ] as const) {
      const [before, after] = grown((minute) => minute[key])
      judge(
        `${name}: first third, last third`,
        `${show(before)}, ${show(after)}`,
        `at most ${show(bounds[key])} more`,
        after - before <= bounds[key]
      )
    }
    const [one, other] = [minutes[0] as Minute, minutes.at(-1) as Minute]
    const readings = minutes.slice(1).reduce((sum, minute) => sum + minute.readings * minute.seconds, 0)
    const each = (other.history - one.history) / readings
    judge('history, bytes a reading', each.toFixed(1), `at most ${bytesPerReading}`, each <= bytesPerReading)
  }
  judge('acknowledged messages and pushes lost', `${account.unseen} of ${account.acknowledged}`, 'none', account.unseen === 0)
  judge('retained messages older than acknowledged', String(account.forgotten), 'none', account.forgotten === 0)
  judge('first copies out of order', String(account.disorder), 'none', account.disorder === 0)
  judge('messages a connected decent client missed', String(account.missed), 'none', account.missed === 0)
  judge(
    'acknowledged commands without reply',
    `${account.unanswered} of ${account.unanswered + account.answered}`,
    'none',
    account.unanswered === 0
  )
  judge('unexpected exits', exits.length === 0 ? '0' : exits.join('; '), 'none', exits.length === 0)
  const trouble = minutes.flatMap(({ number, trouble: all }) => all.map((text) => `minute ${number}: ${text}`))
  judge('faults that could not be made or undone', String(trouble.length), 'none', trouble.length === 0)
  return { text: [...lines, ...trouble, holds ? 'ALL HOLDS' : 'NOT ALL HOLDS'].join('\n'), holds }
}
