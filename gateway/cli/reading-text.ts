/** Readings as people read them. */
import { memberSource } from '../../adapters/common/exact-json.js'
import type { Tone } from './paper.js'

export type Quality = 'good' | 'stale' | 'uncertain' | 'bad'

export interface Reading {
  readonly value: unknown
  readonly quality: Quality
  readonly time: string
  readonly unit?: string
  readonly source?: string
  readonly since?: string
  readonly uncertainty?: number
  readonly x?: unknown
  readonly error?: { readonly class: string; readonly message: string; readonly code?: string }
}

/** `GET` of one codename. */
export interface CodenameView {
  readonly device: string
  readonly codename: string
  readonly age: number | null
  /** Nothing to steer by. */
  readonly old: boolean
  readonly reading: Reading | null
  readonly meta: {
    readonly unit?: string
    readonly maxAge?: number
    readonly schema?: object
    readonly settable?: boolean
    readonly callable?: { readonly arguments?: object; readonly timeout?: number }
  }
}

/** To its last digit, as the gateway wrote it: `47.0` stays so. A text is itself. `json`: of the object that has the value as this member. */
export function valueText(json: string, member = 'value'): string {
  const found = memberSource(json, member)
  if (found === undefined) return 'null'
  return typeof found.value === 'string' ? found.value : found.source
}

/** Of a value that was read as plain JSON. */
export function plainText(value: unknown): string {
  return typeof value === 'string' ? value : (JSON.stringify(value) ?? '')
}

export const toneOf: Readonly<Record<Quality, Tone | undefined>> = { good: undefined, uncertain: 'warn', stale: 'bad', bad: 'bad' }

/** `0.4 s`, `35 s`, `5 min 3 s`, `2 h 5 min`, `3 d 4 h`. */
export function ageText(seconds: number): string {
  if (!Number.isFinite(seconds)) return '?'
  if (seconds < 0) return `-${ageText(-seconds)}`
  if (seconds < 9.95) return `${seconds.toFixed(1)} s`
  const whole = Math.round(seconds)
  const [s, min, h, d] = [whole % 60, Math.floor(whole / 60) % 60, Math.floor(whole / 3600) % 24, Math.floor(whole / 86_400)]
  if (d > 0) return `${d} d ${h} h`
  if (h > 0) return `${h} h ${min} min`
  return min > 0 ? `${min} min ${s} s` : `${s} s`
}

/** Why it is bad. */
export function errorText(error: Reading['error']): string {
  return error === undefined ? '' : `${error.class}: ${error.message}${error.code === undefined ? '' : ` (${error.code})`}`
}
