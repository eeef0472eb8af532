/** Values, ages and times as people read them. Pure. */

const thin = '\u202f'

/** A number with the digits that its meta asks for; else as many as matter. */
export function formatNumber(value: number, digits?: number): string {
  if (digits !== undefined && Math.abs(value) < 1e15) return grouped(value.toFixed(Math.min(digits, 20)))
  if (Number.isInteger(value) && Math.abs(value) < 1e15) return grouped(String(value))
  const size = Math.abs(value)
  if (size !== 0 && (size < 1e-3 || size >= 1e9)) return exponent(value.toExponential(3))
  return grouped(String(Number(value.toPrecision(size >= 1000 ? 7 : 5))))
}

function exponent(text: string): string {
  const [mantissa = '', power = '0'] = text.split('e')
  return `${mantissa.includes('.') ? mantissa.replace(/\.?0+$/, '') : mantissa}e${power.replace('+', '')}`
}

/** From five digits on, in groups of three. */
function grouped(text: string): string {
  const [whole = '', rest] = text.split('.')
  const shown = /^-?\d{5,}$/.test(whole) ? whole.replace(/\B(?=(?:\d{3})+$)/g, thin) : whole
  return (rest === undefined ? shown : `${shown}.${rest}`).replace('-', '−')
}

/** Any value in one line. Integers beyond 2^53 come as strings, and stay as they are. */
export function formatValue(value: unknown, digits?: number): string {
  if (value === undefined || value === null) return '–'
  if (typeof value === 'number') return formatNumber(value, digits)
  if (typeof value === 'boolean') return value ? 'true' : 'false'
  if (typeof value === 'string') return value === '' ? '(empty)' : value
  const text = JSON.stringify(value)
  return text.length > 400 ? `${text.slice(0, 400)}…` : text
}

/** `C` is how laboratories write °C in ASCII. */
export function formatUnit(unit: string | undefined): string {
  return unit === undefined ? '' : unit === 'C' ? '°C' : unit
}

/** Seconds as "3 s", "5 min", "2 h 10 min", "3 d". */
export function formatAge(seconds: number): string {
  const age = Math.max(0, seconds)
  if (age < 1) return '< 1 s'
  if (age < 100) return `${Math.floor(age)} s`
  const minutes = Math.floor(age / 60)
  if (minutes < 100) return `${minutes} min`
  const hours = Math.floor(minutes / 60)
  if (hours < 48) return minutes % 60 === 0 ? `${hours} h` : `${hours} h ${minutes % 60} min`
  return `${Math.floor(hours / 24)} d`
}

/** A span that may be much shorter than a second. */
export function formatDuration(seconds: number): string {
  if (seconds < 0.001) return `${Math.round(seconds * 1e6)} µs`
  if (seconds < 1) return `${formatNumber(Number((seconds * 1000).toPrecision(3)))} ms`
  if (seconds < 100) return `${formatNumber(Number(seconds.toPrecision(3)))} s`
  return formatAge(seconds)
}

const two = (value: number): string => String(value).padStart(2, '0')

/** Unix seconds in the browser's zone: "14:03:22", with the day where it is not that of `now`. */
export function formatTime(time: number, now?: number): string {
  const at = new Date(time * 1000)
  const clock = `${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())}`
  const day = `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())}`
  return now !== undefined && new Date(now * 1000).toDateString() === at.toDateString() ? clock : `${day} ${clock}`
}

/** The same in UTC, for titles. */
export function formatUtc(time: number): string {
  const at = new Date(time * 1000)
  return Number.isNaN(at.getTime()) ? '' : at.toISOString().replace('T', ' ').replace('Z', ' UTC')
}

export function formatBytes(bytes: number): string {
  const units = ['B', 'kB', 'MB', 'GB', 'TB']
  let at = 0
  let size = bytes
  while (size >= 1000 && at < units.length - 1) {
    size /= 1000
    at += 1
  }
  return `${at === 0 ? size : size.toPrecision(3)} ${units[at]}`
}
