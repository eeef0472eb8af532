/** What a plot shows, as the part of the address after `#/plot?`; and the address of the same data for taking home. Pure. */
import { decodeName, encodeName, namePattern } from '../../topic.js'
import { formatTime } from '../../time.js'
import { last, secondsFrom, spanOf } from './range.js'
import type { Window } from './range.js'

export interface Ref {
  readonly device: string
  readonly codename: string
}

/** Live: the last `span` seconds; else the window. */
export type Shown = { readonly span: number } | Window

export interface View {
  readonly series: readonly Ref[]
  readonly shown: Shown
  /** Axes of powers of ten. */
  readonly isLog?: boolean
}

/** Codenames of one plot. */
export const maxSeries = 12

const defaultSpan = 3600

export function isLive(shown: Shown): shown is { readonly span: number } {
  return 'span' in shown
}

export function windowOf(shown: Shown, now: number): Window {
  return isLive(shown) ? last(shown.span, now) : shown
}

/** `furnace/temperature`, each level as in a topic, so that a name may hold a slash. */
export function nameOf({ device, codename }: Ref): string {
  return `${encodeName(device) ?? device}/${encodeName(codename) ?? codename}`
}

/** Also of what was typed with a codename as it is: `oven/a/b`. */
export function refOf(name: string): Ref | undefined {
  const slash = name.indexOf('/')
  const [device, codename] = [name.slice(0, Math.max(slash, 0)), name.slice(slash + 1)]
  if (!namePattern.test(device)) return undefined
  return { device, codename: decodeName(codename) ?? codename }
}

/** Reads what may have been typed: what it does not understand is left out. */
export function readView(params: URLSearchParams, now: number): View {
  const names = [...new Set(params.getAll('c'))]
  const series = names.map((name) => refOf(name)).filter((ref) => ref !== undefined)
  const from = secondsFrom(params.get('from'), now)
  const to = secondsFrom(params.get('to'), now)
  const shown: Shown =
    to !== undefined && from !== undefined && to > from
      ? { from, to }
      : { span: from === undefined || from >= now ? defaultSpan : spanOf(last(now - from, now)) }
  return { series: series.slice(0, maxSeries), shown, ...(params.get('y') === 'log' ? { isLog: true } : {}) }
}

/** Slashes and colons stay readable. */
const encode = (text: string): string => encodeURIComponent(text).replaceAll('%2F', '/').replaceAll('%3A', ':')

export function writeView({ series, shown, isLog }: View): string {
  const names = series.map((ref) => `c=${encode(nameOf(ref))}`)
  return `#/plot?${[...names, ...timesOf(shown), ...(isLog === true ? ['y=log'] : [])].join('&')}`
}

function timesOf(shown: Shown): string[] {
  if (isLive(shown)) return [`from=-${Number(shown.span.toFixed(3))}`]
  return [`from=${encode(formatTime(shown.from))}`, `to=${encode(formatTime(shown.to))}`]
}

/** What is shown, as CSV: all readings of the window, not the points that were drawn. */
export function csvPath(series: readonly Ref[], window: Window): string {
  const names = series.map((ref) => `codename=${encode(nameOf(ref))}`)
  return `/api/history?${[...names, ...timesOf({ from: window.from, to: window.to }), 'format=csv'].join('&')}`
}

/** Where the points of one codename are asked for. */
export function historyPath({ device, codename }: Ref, { from, to, points }: Window & { readonly points: number }): string {
  const where = ['/api/devices', encodeURIComponent(device), encodeURIComponent(codename), 'history'].join('/')
  return `${where}?from=${encode(formatTime(from))}&to=${encode(formatTime(to))}&points=${points}`
}
