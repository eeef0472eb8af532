/** Times on MQTT: RFC 3339 in UTC, up to six decimals, one form. Inside, a time is Unix seconds as a double. */

/** Years 0001 to 9999, what RFC 3339 can write. */
const earliest = -62_135_596_800
const latest = 253_402_300_799

export function isWritable(time: number): boolean {
  return time >= earliest && time <= latest
}

/** The second that was written last: most readings are of the same one. */
let lastSecond = NaN
let lastWhole = ''

/** Microseconds are what a double of today still holds. The caller sees to it that the time {@link isWritable}. */
export function formatTime(time: number): string {
  let seconds = Math.floor(time)
  let micro = Math.round((time - seconds) * 1e6)
  if (micro === 1_000_000) {
    seconds += 1
    micro = 0
  }
  if (seconds !== lastSecond) {
    lastSecond = seconds
    lastWhole = new Date(seconds * 1000).toISOString().slice(0, 19)
  }
  const whole = lastWhole
  return micro === 0 ? whole + 'Z' : `${whole}.${String(micro).padStart(6, '0').replace(/0+$/, '')}Z`
}

const pattern = /^(\d{4}-\d\d-\d\d)[Tt ](\d\d:\d\d:\d\d)(\.\d+)?([Zz]|[+-]\d\d:\d\d)$/

/** What a person is told to write. */
export const timeForm = 'RFC 3339 with a time zone, e.g. 2026-11-21T15:00:00Z or 2026-11-21T16:00:00+01:00'

/** Unix seconds, or undefined when the text is no RFC 3339 time. Reads what others write: offsets, any number of decimals. */
export function parseTime(text: string): number | undefined {
  const match = pattern.exec(text)
  if (!match) return undefined
  const [, date, time, fraction, offset] = match as unknown as [string, string, string, string | undefined, string]
  const local = Date.parse(`${date}T${time}Z`)
  const whole = Date.parse(`${date}T${time}${offset.toUpperCase()}`)
  // Date.parse takes 30 February for 2 March, and 24:00 for the next day.
  if (Number.isNaN(whole) || new Date(local).toISOString().slice(0, 19) !== `${date}T${time}`) return undefined
  return whole / 1000 + (fraction === undefined ? 0 : Number('0' + fraction))
}
