import type { JSX } from 'preact'
import { useEffect, useRef } from 'preact/hooks'
import { formatUnit } from '../format.js'
import { store } from '../store.js'
import { airy } from './axes.js'
import { colours } from './colours.js'
import { blanks, within } from './data.js'
import { Feed } from './feed.js'
import { frames } from './frames.js'
import { bandsOf, kindOf, shadesOf } from './kinds.js'
import { paintBlanks, paintLine } from './paint.js'
import type { Box } from './paint.js'
import { fillOf, lookOf, shades } from './palette.js'
import { frameEvery, last } from './range.js'
import { extentOf, inWords, summaryOf } from './summary.js'

interface SparklineProps {
  readonly device: string
  readonly codename: string
  /** Of which the line is. */
  readonly seconds?: number
}

/** The last seconds of a codename, small. Asks the history once, when it is first seen; many of them share one timer. */
export function Sparkline({ device, codename, seconds = 300 }: SparklineProps): JSX.Element {
  const canvas = useRef<HTMLCanvasElement>(null)
  useEffect(() => (canvas.current === null ? undefined : run(canvas.current, device, codename, seconds)), [device, codename, seconds])
  return <canvas ref={canvas} class="sparkline" role="img" aria-label={`${device}/${codename}`} />
}

function run(canvas: HTMLCanvasElement, device: string, codename: string, seconds: number): () => void {
  let feed: Feed | undefined
  let isSeen = false
  let lastWords = -Infinity
  const task = frames(1000, () => {
    if (!isSeen) return
    feed ??= new Feed({ device, codename }, () => {})
    task.pace(Math.min(500, frameEvery(seconds, canvas.clientWidth)))
    paint(canvas, feed, seconds)
    const now = store.now()
    if (now - lastWords < 5) return
    lastWords = now
    canvas.setAttribute('aria-label', wordsOf(feed, seconds, now))
  })
  const seen = new IntersectionObserver((entries) => {
    isSeen = entries.at(-1)?.isIntersecting ?? false
    if (isSeen) task.soon()
  })
  seen.observe(canvas)
  return () => {
    task.cancel()
    seen.disconnect()
    feed?.stop()
  }
}

function paint(canvas: HTMLCanvasElement, feed: Feed, seconds: number): void {
  const { clientWidth: width, clientHeight: height } = canvas
  const ctx = canvas.getContext('2d')
  if (ctx === null || width === 0 || height === 0) return
  const scale = window.devicePixelRatio
  const size = [Math.round(width * scale), Math.round(height * scale)] as const
  if (canvas.width !== size[0] || canvas.height !== size[1]) [canvas.width, canvas.height] = size
  else ctx.clearRect(0, 0, ...size)
  const now = store.now()
  const shown = last(seconds, now)
  feed.show(shown, width, true)
  const samples = within(feed.track.samples(), shown)
  const shade = colours()
  const box: Box = { left: 0, top: 0, width: size[0], height: size[1] }
  const x = (time: number): number => ((time - shown.from) / seconds) * size[0]
  const view = store.find(feed.ref.device, feed.ref.codename)
  const schema = view?.meta?.schema as { enum?: unknown } | undefined
  const kind = kindOf({ schema, value: view?.reading?.value, x: view?.reading?.x })
  const lost = store.connection.state === 'connected' ? undefined : store.connection.since
  if (kind === 'state') {
    const among = Array.isArray(schema?.enum) ? (schema.enum as unknown[]) : undefined
    const bands = bandsOf(samples, lost ?? now, true)
    const shadeOf = shadesOf(
      bands.map(({ word }) => word),
      among,
      shades
    )
    for (const { from, to, word, isMixed } of bands) {
      ctx.fillStyle = isMixed ? shade.line : fillOf(shadeOf.get(word) ?? 0, shade.theme)
      ctx.fillRect(x(from), 0, Math.max(x(to) - x(from), scale), size[1])
    }
  }
  paintBlanks(ctx, blanks(samples, now), { x, y: () => 0, scale: scale * 0.75 }, box, shade, undefined, true)
  if (kind !== 'number') return
  const { min, max } = airy(extentOf([samples], shown))
  const pad = 3 * scale
  const y = (value: number): number => size[1] - pad - ((value - min) / (max - min)) * (size[1] - 2 * pad)
  const isStepped = view?.meta?.settable === true
  paintLine(ctx, samples, { x, y, scale }, { look: lookOf(0, shade.theme), width: 1.6, isStepped, colours: shade })
}

function wordsOf(feed: Feed, seconds: number, now: number): string {
  const { device, codename } = feed.ref
  const view = store.find(device, codename)
  const unit = formatUnit(view?.meta?.unit ?? view?.reading?.unit)
  return inWords(`${device}/${codename}`, summaryOf(feed.track.samples(), last(seconds, now)), unit, view?.meta?.digits, seconds)
}
