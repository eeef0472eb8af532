/** Puts what is known of a codename on a canvas. Everything in canvas pixels; `scale` of them are one CSS pixel. */
import type { Blank } from './data.js'
import type { Look } from './palette.js'
import { isDrawn } from './sample.js'
import type { Sample } from './sample.js'
import type { Colours } from './colours.js'

export interface Box {
  readonly left: number
  readonly top: number
  readonly width: number
  readonly height: number
}

/** From time and value to a place. */
export interface Map2 {
  readonly x: (time: number) => number
  readonly y: (value: number) => number
  readonly scale: number
}

type Context = CanvasRenderingContext2D

/** A set point holds until it is set again: drawn in steps. */
export interface LineStyle {
  readonly look: Look
  readonly width: number
  readonly isStepped: boolean
  readonly colours: Colours
}

/** The line of means, the band from lowest to highest around it, what is uncertain dotted, and a mark where it became stale. */
export function paintLine(ctx: Context, samples: readonly Sample[], map: Map2, style: LineStyle): void {
  const { x, y, scale } = map
  const { look, isStepped, width } = style
  const full = new Path2D()
  const dotted = new Path2D()
  const dots = new Path2D()
  const band = new Path2D()
  const edges: { readonly x: number; readonly low: number; readonly high: number }[] = []
  let hasBand = false
  const closeBand = (): void => {
    if (edges.length > 1 && edges.some(({ low, high }) => low !== high)) {
      edges.forEach((edge, i) => (i === 0 ? band.moveTo(edge.x, edge.high) : band.lineTo(edge.x, edge.high)))
      for (const edge of edges.toReversed()) band.lineTo(edge.x, edge.low)
      band.closePath()
      hasBand = true
    }
    edges.length = 0
  }
  let before: Sample | undefined
  samples.forEach((sample, i) => {
    if (!isDrawn(sample) || sample.value === null) {
      closeBand()
      before = undefined
      return
    }
    const [at, value] = [x(sample.time), y(sample.value)]
    const [low, high] = [y(sample.min ?? sample.value), y(sample.max ?? sample.value)]
    if (before !== undefined && before.value !== null) {
      const path = sample.trust === 'uncertain' || before.trust === 'uncertain' ? dotted : full
      path.moveTo(x(before.time), y(before.value))
      if (isStepped) path.lineTo(at, y(before.value))
      path.lineTo(at, value)
    } else {
      closeBand()
      const next = samples[i + 1]
      if (sample.ends || next === undefined || !isDrawn(next) || next.value === null) {
        // Alone between two ends: it must be seen all the same.
        if (sample.to > sample.from) {
          const wide = Math.max(x(sample.to) - x(sample.from), scale)
          band.rect(at - wide / 2, high, wide, Math.max(low - high, scale))
          hasBand = true
          full.moveTo(at - wide / 2, value)
          full.lineTo(at + wide / 2, value)
        } else dot(dots, at, value, 2.5 * scale)
      }
    }
    edges.push({ x: at, low, high })
    if (sample.ends) closeBand()
    before = sample.ends ? undefined : sample
  })
  closeBand()
  ctx.save()
  ctx.strokeStyle = look.colour
  ctx.fillStyle = look.colour
  ctx.lineJoin = 'round'
  if (hasBand) {
    ctx.globalAlpha = 0.28
    ctx.fill(band)
    // A peak of one pixel would be too faint.
    ctx.globalAlpha = 0.45
    ctx.lineWidth = scale
    ctx.stroke(band)
    ctx.globalAlpha = 1
  }
  ctx.lineWidth = width * scale
  ctx.setLineDash(look.dash.map((length) => length * scale))
  ctx.stroke(full)
  ctx.setLineDash([1.5 * scale, 4 * scale])
  ctx.stroke(dotted)
  ctx.setLineDash([])
  ctx.fill(dots)
  ctx.restore()
  paintMarks(ctx, samples, map, style)
}

function dot(path: Path2D, x: number, y: number, radius: number): void {
  path.moveTo(x + radius, y)
  path.arc(x, y, radius, 0, 2 * Math.PI)
}

/** A dot for each reading: where they are few, between two of them nothing was measured. */
export function paintDots(ctx: Context, samples: readonly Sample[], { x, y, scale }: Map2, colour: string): void {
  const dots = new Path2D()
  for (const sample of samples) if (isDrawn(sample) && sample.value !== null) dot(dots, x(sample.time), y(sample.value), 2.4 * scale)
  ctx.fillStyle = colour
  ctx.fill(dots)
}

/** Where a value became stale, the line ends with a bar: ⊣. Until then it was the last one known. */
function paintMarks(ctx: Context, samples: readonly Sample[], { x, y, scale }: Map2, { colours }: LineStyle): void {
  ctx.save()
  for (const sample of samples) {
    if (sample.trust !== 'stale' || sample.value === null) continue
    const at = y(sample.value)
    const [from, to] = sample.restored === true ? [x(sample.measured), x(sample.measured)] : [x(sample.measured), x(sample.time)]
    ctx.strokeStyle = colours.muted
    ctx.lineWidth = 1.5 * scale
    ctx.setLineDash([2 * scale, 3 * scale])
    ctx.beginPath()
    ctx.moveTo(from, at)
    ctx.lineTo(to, at)
    ctx.stroke()
    ctx.setLineDash([])
    ctx.strokeStyle = colours.stale
    ctx.lineWidth = 2.5 * scale
    ctx.beginPath()
    ctx.moveTo(to - 6 * scale, at)
    ctx.lineTo(to, at)
    ctx.moveTo(to, at - 6 * scale)
    ctx.lineTo(to, at + 6 * scale)
    ctx.stroke()
  }
  ctx.restore()
}

const hatches = new Map<string, CanvasPattern>()

/** Stripes: not a colour alone. */
function hatch(ctx: Context, colour: string, scale: number): CanvasPattern | string {
  const key = `${colour} ${scale}`
  const found = hatches.get(key)
  if (found !== undefined) return found
  const size = Math.round(8 * scale)
  const tile = document.createElement('canvas')
  tile.width = size
  tile.height = size
  const pen = tile.getContext('2d')
  if (pen === null) return colour
  pen.strokeStyle = colour
  pen.lineWidth = 1.4 * scale
  for (const shift of [-size, 0, size]) {
    pen.beginPath()
    pen.moveTo(shift - 1, size + 1)
    pen.lineTo(shift + size + 1, -1)
    pen.stroke()
  }
  const pattern = ctx.createPattern(tile, 'repeat')
  if (pattern === null) return colour
  if (hatches.size > 40) hatches.clear()
  hatches.set(key, pattern)
  return pattern
}

const words: Readonly<Record<Blank['trust'], string>> = { stale: 'stale', bad: 'no value', gap: 'no data' }

/** What is not known is hatched, in the box that is the codename's; with a word where there is room. */
export function paintBlanks(
  ctx: Context,
  blanks: readonly Blank[],
  { x, scale }: Map2,
  box: Box,
  colours: Colours,
  colour?: string,
  isSmall = false
): void {
  ctx.save()
  const right = box.left + box.width
  for (const blank of blanks) {
    const from = Math.max(x(blank.from), box.left)
    const to = Math.min(x(blank.to), right)
    if (to - from < scale) continue
    ctx.globalAlpha = colour === undefined ? 0.38 : 0.9
    ctx.fillStyle = hatch(
      ctx,
      colour ?? (blank.trust === 'bad' ? colours.bad : blank.trust === 'stale' ? colours.stale : colours.muted),
      scale
    )
    ctx.fillRect(from, box.top, to - from, box.height)
    ctx.globalAlpha = 1
    if (blank.trust === 'bad' && colour === undefined) paintCross(ctx, from, box.top + box.height - 9 * scale, scale, colours.bad)
    const text = words[blank.trust]
    if (box.height < 14 * scale || isSmall || to - from < (text.length * 7 + 14) * scale) continue
    paintWord(ctx, text, (from + to) / 2, box.top + box.height - 12 * scale, scale, colours)
  }
  ctx.restore()
}

function paintCross(ctx: Context, x: number, y: number, scale: number, colour: string): void {
  const arm = 4 * scale
  ctx.strokeStyle = colour
  ctx.lineWidth = 2 * scale
  ctx.beginPath()
  ctx.moveTo(x - arm, y - arm)
  ctx.lineTo(x + arm, y + arm)
  ctx.moveTo(x + arm, y - arm)
  ctx.lineTo(x - arm, y + arm)
  ctx.stroke()
}

export const font = (size: number, scale: number): string =>
  `${size * scale}px system-ui, -apple-system, 'Segoe UI', Roboto, 'DejaVu Sans', sans-serif`

function paintWord(ctx: Context, text: string, x: number, y: number, scale: number, colours: Colours): void {
  ctx.font = font(12, scale)
  ctx.textAlign = 'center'
  ctx.textBaseline = 'middle'
  const wide = ctx.measureText(text).width + 10 * scale
  ctx.fillStyle = colours.panel
  ctx.fillRect(x - wide / 2, y - 9 * scale, wide, 18 * scale)
  ctx.fillStyle = colours.muted
  ctx.fillText(text, x, y)
}
