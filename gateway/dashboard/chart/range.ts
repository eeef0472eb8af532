/** The time that is shown: zooming, panning, following. Pure; times are Unix seconds. */
import { parseTime } from '../../time.js'

export interface Window {
  readonly from: number
  readonly to: number
}

/** Seconds of the shortest and the longest window. */
export const shortest = 0.5
export const longest = 20 * 366 * 86_400

/** The windows that have a button. */
export const presets = [
  { name: '5 min', says: 'the last 5 minutes', span: 300 },
  { name: '1 h', says: 'the last hour', span: 3600 },
  { name: '24 h', says: 'the last 24 hours', span: 86_400 },
  { name: '7 d', says: 'the last 7 days', span: 7 * 86_400 },
  { name: '1 y', says: 'the last year', span: 365 * 86_400 }
] as const

export function spanOf({ from, to }: Window): number {
  return to - from
}

/** The window that ends now. */
export function last(span: number, now: number): Window {
  const kept = Math.min(Math.max(span, shortest), longest)
  return { from: now - kept, to: now }
}

/** Nothing is known of the future: the window is moved, or cut, so that it does not end after now; and it is neither too short nor too long. */
export function fit({ from, to }: Window, now: number): Window {
  const span = Math.min(Math.max(to - from, shortest), longest)
  const middle = (from + to) / 2
  const end = Math.min(to - from === span ? to : middle + span / 2, now)
  return { from: end - span, to: end }
}

/** `factor` below 1 shows less time, above more; the time under `at` stays where it is. */
export function zoom(window: Window, factor: number, at: number, now: number): Window {
  const span = Math.min(Math.max(spanOf(window) * factor, shortest), longest)
  const share = Math.min(Math.max((at - window.from) / spanOf(window), 0), 1)
  return fit({ from: at - share * span, to: at + (1 - share) * span }, now)
}

/** By a share of what is shown; less than 0: back in time. */
export function pan(window: Window, share: number, now: number): Window {
  const by = spanOf(window) * share
  return fit({ from: window.from + by, to: window.to + by }, now)
}

/** Does its right edge stand at now, within what a hand can aim at? */
export function isAtNow(window: Window, now: number): boolean {
  return now - window.to <= spanOf(window) * 0.01
}

/** Milliseconds between two frames of a window that moves: no sooner than it has moved by half a pixel, and 5 a second at most; 10 where it moves fast. */
export function frameEvery(span: number, pixels: number): number {
  return Math.min(Math.max((span / Math.max(pixels, 1)) * 500, span <= 30 ? 100 : 200), 1000)
}

/** What is asked of the history: rather more than is shown, so that a small pan shows something at once. */
export interface Ask extends Window {
  readonly points: number
}

/** Share of the window that is asked for beyond each edge. */
const margin = 0.25

/** Points at most, of an answer. */
const maxPoints = 3000

export function ask(window: Window, pixels: number, now: number): Ask {
  const beyond = spanOf(window) * margin
  const to = Math.max(Math.min(window.to + beyond, now), 0)
  // Of what lies ahead nothing is known: asked is what is valid to ask.
  const from = Math.max(Math.min(window.from - beyond, to), 0)
  const points = Math.ceil((Math.max(pixels, 50) * (to - from)) / spanOf(window))
  return { from, to, points: Math.min(Math.max(points, 50), maxPoints) }
}

/**
 * Must the history be asked again? When the window leaves what was asked, has become much shorter (finer data are wanted; not when the
 * readings themselves are here) or much longer (so many are not wanted). `live`: what is missing at the right edge comes live.
 */
export function isOutgrown(had: Ask | undefined, window: Window, pixels: number, now: number, isRolled: boolean, isLive: boolean): boolean {
  if (had === undefined) return true
  const tiny = spanOf(window) * 0.002
  if (window.from < had.from - tiny) return true
  if (window.to > had.to + tiny && !isLive) return had.to < now - tiny
  const wanted = ask(window, pixels, now)
  const density = had.points / Math.max(had.to - had.from, 1e-9)
  const wantedDensity = wanted.points / Math.max(wanted.to - wanted.from, 1e-9)
  return (isRolled && wantedDensity > density * 1.4) || density > wantedDensity * 4
}

/** The end of the year 9999: what lies beyond cannot be written as a time. */
const latest = 253_402_300_799

/** What no clock can be set to is no time at all. */
const mostSeconds = 8.64e12

/**
 * A time as the addresses write it: RFC 3339, Unix seconds, or a negative number of seconds before now. Within the years 1970 to 9999;
 * undefined for what is no time.
 */
export function secondsFrom(text: string | null, now: number): number | undefined {
  if (text === null || text.trim() === '') return undefined
  const number = Number(text)
  if (Math.abs(number) > mostSeconds) return undefined
  const time = Number.isNaN(number) ? parseTime(text) : number < 0 ? now + number : number
  return time === undefined ? undefined : Math.min(Math.max(time, 0), latest)
}
