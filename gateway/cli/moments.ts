/** `--from` and `--to`. */
import { formatTime, parseTime } from '../time.js'
import { Trouble } from './trouble.js'

const units: Readonly<Record<string, number>> = { s: 1, m: 60, min: 60, h: 3600, d: 86_400, w: 604_800 }

/** Of 1973; what is smaller is no time of a reading. */
const leastUnix = 1e8

/** Unix seconds. `now`: by the clock of the gateway. Times without a zone are of this computer. */
export function momentOf(given: string, now: number, option: string): number {
  const text = given.trim()
  if (text === 'now') return now
  const ago = /^-(\d+(?:\.\d+)?)\s*(s|min|m|h|d|w)?$/.exec(text) ?? /^(\d+(?:\.\d+)?)\s*(s|min|m|h|d|w)$/.exec(text)
  if (ago !== null) return now - Number(ago[1]) * (units[ago[2] ?? 's'] as number)
  if (/^\d+(\.\d+)?$/.test(text) && Number(text) < 1e11) {
    // 2026 and 20261121 are meant as dates.
    if (Number(text) >= leastUnix) return Number(text)
    throw new Trouble(2, `--${option} ${given}: as Unix seconds that is ${formatTime(Number(text))}; write a date as 2026-11-21`)
  }
  const time = parseTime(text) ?? local(text)
  if (time !== undefined) return time
  throw new Trouble(
    2,
    `--${option} ${JSON.stringify(given)} is no time; write -90, -1h or -7d for so long ago, 2026-11-21, "2026-11-21 15:00" (of this computer), 2026-11-21T14:00:00Z, or Unix seconds`
  )
}

function local(text: string): number | undefined {
  const [, year, month, day, hour = '0', minute = '0', second = '0'] =
    /^(\d{4})-(\d\d)-(\d\d)(?:[T ](\d\d):(\d\d)(?::(\d\d(?:\.\d+)?))?)?$/.exec(text) ?? []
  if (year === undefined) return undefined
  const numbers = [year, month, day, hour, minute].map(Number) as [number, number, number, number, number]
  const at = new Date(numbers[0], numbers[1] - 1, ...(numbers.slice(2) as [number, number, number]))
  const isReal =
    at.getMonth() === numbers[1] - 1 &&
    at.getDate() === numbers[2] &&
    // An hour that the clocks leave out in spring is none.
    at.getHours() === numbers[3] &&
    numbers[3] < 24 &&
    numbers[4] < 60 &&
    Number(second) < 60
  return isReal ? at.getTime() / 1000 + Number(second) : undefined
}
