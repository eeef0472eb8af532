/** Labels of axes, and times as exact as the window makes them worth, in the zone of whoever looks. Numbers elsewhere: format.ts. Pure. */

const pad = (value: number, places = 2): string => String(value).padStart(places, '0')

/** `1.500e-7` as `1.5e−7`. */
function power(text: string): string {
  const [mantissa, exponent] = text.split('e') as [string, string]
  return `${trim(mantissa)}e${exponent.replace('+', '')}`
}

function trim(text: string): string {
  if (text.includes('e')) return power(text)
  return text.includes('.') ? text.replace(/\.?0+$/, '') : text
}

/** Labels of an axis, all with the decimals that the distance between two of them needs. */
export function numberLabels(splits: readonly (number | null)[], increment: number): string[] {
  const largest = splits.reduce<number>((most, split) => Math.max(most, Math.abs(split ?? 0)), 0)
  const digits = Math.max(0, -Math.floor(Math.log10(increment) + 1e-9))
  const isPower = largest >= 1e6 || (largest > 0 && largest < 1e-3)
  return splits.map((split) => {
    if (split === null) return ''
    if (!isPower) return minus(split.toFixed(Math.min(needed(increment, digits), 12)))
    if (Math.abs(split) < increment * 1e-6) return '0'
    const places = Math.max(0, Math.floor(Math.log10(Math.abs(split)) + 1e-9) - Math.floor(Math.log10(increment) + 1e-9))
    return minus(power(split.toExponential(Math.min(places + 1, 12))))
  })
}

const minus = (text: string): string => text.replaceAll('-', '−')

/** 2.5 needs one decimal more than its power of ten says. */
function needed(increment: number, digits: number): number {
  const scaled = increment * 10 ** digits
  return Math.abs(scaled - Math.round(scaled)) > 1e-6 ? digits + 1 : digits
}

const months = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec']

/** Labels of the axis of time: the time, and below it the date where that begins or changes. 24 hours, no order of day and month to guess. */
export function timeLabels(splits: readonly number[], increment: number): string[] {
  let day = ''
  let year = NaN
  return splits.map((split) => {
    const at = new Date(split * 1000)
    const today = `${at.getDate()} ${months[at.getMonth()]}`
    const isNew = today !== day
    const isNewYear = at.getFullYear() !== year
    day = today
    year = at.getFullYear()
    if (increment >= 28 * 86_400) return isNewYear ? `${months[at.getMonth()]}\n${year}` : `${months[at.getMonth()]}`
    if (increment >= 86_400) return isNewYear ? `${today}\n${year}` : today
    const clock = `${pad(at.getHours())}:${pad(at.getMinutes())}`
    const seconds = increment < 60 ? `:${pad(at.getSeconds())}` : ''
    const fraction = increment < 1 ? '.' + pad(at.getMilliseconds(), 3).slice(0, increment < 0.01 ? 3 : increment < 0.1 ? 2 : 1) : ''
    return `${clock}${seconds}${fraction}${isNew ? `\n${today}` : ''}`
  })
}

/** A time in full, as exact as the window makes it worth: `24 Oct 2014 13:26:55.697`. */
export function showTime(time: number, span = 60): string {
  const at = new Date(time * 1000)
  const fraction = span <= 600 ? `.${pad(at.getMilliseconds(), 3)}` : ''
  const seconds = span <= 30 * 86_400 ? `:${pad(at.getSeconds())}${fraction}` : ''
  return `${at.getDate()} ${months[at.getMonth()]} ${at.getFullYear()} ${pad(at.getHours())}:${pad(at.getMinutes())}${seconds}`
}

/** A length of time in words: `45 s`, `5 min`, `1.5 h`, `7 d`. */
export function showSpan(seconds: number): string {
  const size = Math.abs(seconds)
  const [unit, name] =
    size < 120 ? [1, 's'] : size < 7200 ? [60, 'min'] : size < 172_800 ? [3600, 'h'] : size < 63_072_000 ? [86_400, 'd'] : [31_536_000, 'y']
  return `${trim((seconds / (unit as number)).toPrecision(3))} ${name as string}`
}
