/** Readings of some codenames, in order of time, each once: also when the connection is lost on the way. */
import type { Ref } from '../adapter.js'
import { systemClock } from '../clock.js'
import { formatTime } from '../time.js'
import { RowCutter, placeOfRow } from './export-rows.js'
import type { Format } from './export-rows.js'
import { pause } from './pause.js'
import type { Rest } from './rest.js'
import { Refused, Trouble, Unanswered } from './trouble.js'

/** Seconds in which a part of an answer must come. */
const partWithin = 30

/** Seconds between two tries, growing as long as nothing comes. */
const waits = [0.1, 0.5, 1, 2]

/** Characters of readings of one microsecond that are held back; more can only be had in one go. */
const mostHeld = 16_777_216

export interface Wanted {
  readonly refs: readonly Ref[]
  /** Unix seconds. */
  readonly from: number
  readonly to: number
  readonly format: Format
  /** Seconds without any answer after which it is given up. */
  readonly patience: number
  readonly signal: AbortSignal
  /** Called with why, once for each loss. */
  readonly lost: (why: string) => void
}

/** Some rows that are complete up to a time, which is in microseconds. */
export interface Part {
  readonly rows: string
  readonly count: number
  readonly until: number
}

/**
 * All readings of the last moment are held back until one of a later moment has come: when the connection is lost, that moment is asked
 * for again and the file has them once. The first row of CSV names the columns: it is given as a part without readings.
 */
export async function* fetchRows(rest: Rest, wanted: Wanted): AsyncGenerator<Part> {
  const { patience, signal, lost } = wanted
  const state = { after: -Infinity, isHeaded: false }
  let heard = systemClock.monotonic()
  let tries = 0
  for (;;) {
    const began = state.after
    try {
      for await (const part of oneAnswer(rest, wanted, state)) {
        heard = systemClock.monotonic()
        yield part
      }
      return
    } catch (error) {
      if (signal.aborted) throw error
      const isBusy = error instanceof Refused && [429, 503].includes(error.status)
      const mayPass = isBusy || error instanceof Unanswered
      if (!mayPass) throw error
      if (state.after > began) [heard, tries] = [systemClock.monotonic(), 0]
      if (systemClock.monotonic() - heard > patience) throw error
      lost((error as Error).message)
      await pause(waits[Math.min(tries, waits.length - 1)] as number, signal)
      tries += 1
    }
  }
}

async function* oneAnswer(
  rest: Rest,
  { refs, from, to, format, signal }: Wanted,
  state: { after: number; isHeaded: boolean }
): AsyncGenerator<Part> {
  // Times are rounded to microseconds where they are written.
  const since = Number.isFinite(state.after) ? Math.max(from, (state.after - 2) / 1e6) : from
  const query = new URLSearchParams({ from: formatTime(since), to: formatTime(to), format })
  for (const { device, codename } of refs) query.append('codename', [device, codename].map(encodeURIComponent).join('/'))
  const response = await rest.open(`/api/history?${query.toString()}`, { accept: '*/*', within: 60, signal })
  response.setEncoding('utf8').setTimeout(partWithin * 1000, () => response.destroy(new Error(`nothing came for ${partWithin} s`)))
  const cutter = new RowCutter(format)
  let [isHead, place, held, size, heldCount] = [format === 'csv', -Infinity, [] as string[], 0, 0]
  let [ready, count] = ['', 0]
  try {
    for await (const chunk of response) {
      for (const row of cutter.push(String(chunk))) {
        if (isHead) {
          isHead = false
          if (!state.isHeaded) yield { rows: row, count: 0, until: from * 1e6 }
          state.isHeaded = true
          continue
        }
        const at = placeOfRow(row, format)
        if (at <= state.after) continue
        if (at > place) {
          ready += held.join('')
          count += heldCount
          ;[held, size, heldCount] = [[], 0, 0]
          place = at
        }
        held.push(row)
        heldCount += 1
        size += row.length
        if (size > mostHeld)
          throw new Trouble(
            1,
            `the readings of one moment (${formatTime(at / 1e6)}) are larger than ${mostHeld} bytes: export fewer codenames at once`
          )
      }
      if (count === 0) continue
      // Everything before the moment that is held back.
      state.after = place - 1
      yield { rows: ready, count, until: place }
      ;[ready, count] = ['', 0]
    }
  } catch (error) {
    if (error instanceof Trouble || signal.aborted) throw error
    throw new Unanswered(`the answer broke off: ${(error as Error).message}`)
  } finally {
    response.destroy()
  }
  if (cutter.isBroken) throw new Unanswered('the answer broke off within a row')
  state.after = Infinity
  yield { rows: ready + held.join(''), count: count + heldCount, until: to * 1e6 }
}
