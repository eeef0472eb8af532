/** uPlot with our own hand on the canvas: it draws axes, grid and cursor, we draw what the readings mean. Knows no preact. */
import uPlot from 'uplot'
import { placed, steady } from './axes.js'
import type { Axis, Extent } from './axes.js'
import { formatNumber } from '../format.js'
import { colours } from './colours.js'
import { blanks, within } from './data.js'
import { laneHeight, paintLane } from './lanes.js'
import { font, paintBlanks, paintDots, paintLine } from './paint.js'
import type { Box, Map2 } from './paint.js'
import { lookOf } from './palette.js'
import type { Window } from './range.js'
import type { Sample } from './sample.js'
import { extentOf } from './summary.js'
import { numberLabels, timeLabels } from './ticks.js'

/** One codename, as it is drawn. */
export interface Drawn {
  readonly name: string
  /** Its place among all: gives its colour and line. */
  readonly place: number
  readonly samples: readonly Sample[]
  readonly isState: boolean
  readonly isStepped: boolean
  readonly among: readonly unknown[] | undefined
}

export interface Frame {
  readonly window: Window
  readonly drawn: readonly Drawn[]
  /** Members are places in `drawn`. */
  readonly axes: readonly Axis[]
  readonly now: number
  /** Axes of powers of ten, where all that is shown is above 0. */
  readonly isLog: boolean
  /** Since when the page has not been connected. */
  readonly lost: number | undefined
}

/** CSS pixels beneath the plot for the axis of time. */
const timeAxis = 40

export class Plot {
  readonly #host: HTMLElement
  #plot: uPlot | undefined
  #frame: Frame
  /** What the uPlot at hand was made for. */
  #made = ''
  /** As placed on the axis. */
  readonly #extents = new Map<string, Extent>()
  /** Scales that are of powers of ten. */
  #logs: ReadonlySet<string> = new Set()
  #size = { width: 0, height: 0 }

  constructor(host: HTMLElement, frame: Frame) {
    this.#host = host
    this.#frame = frame
  }

  /** Units that were to have an axis of powers, and cannot. */
  get even(): readonly string[] {
    const { axes, isLog } = this.#frame
    return isLog ? axes.filter(({ scale }) => !this.#logs.has(scale)).map(({ unit }) => unit) : []
  }

  /** What receives the pointer; undefined before the first frame. */
  get over(): HTMLElement | undefined {
    return this.#plot?.over
  }

  /** CSS pixels of the time shown. */
  get pixels(): number {
    return this.#plot?.over.clientWidth ?? Math.max(this.#size.width - 60, 100)
  }

  timeAt(left: number): number {
    const { from, to } = this.#frame.window
    return from + (left / Math.max(this.pixels, 1)) * (to - from)
  }

  /** Where the cursor stands; undefined: nowhere. */
  get cursor(): number | undefined {
    const left = this.#plot?.cursor.left
    return left === undefined || left < 0 ? undefined : this.timeAt(left)
  }

  moveCursor(left: number): void {
    this.#plot?.setCursor({ left, top: 10 })
  }

  select(from: number, to: number): void {
    this.#plot?.setSelect({ left: Math.min(from, to), top: 0, width: Math.abs(to - from), height: this.#plot.over.clientHeight }, false)
  }

  resize(width: number, height: number): void {
    if (width === this.#size.width && height === this.#size.height) return
    this.#size = { width, height }
    this.#plot?.setSize(this.#size)
  }

  draw(frame: Frame): void {
    this.#frame = frame
    if (this.#size.width < 40) return
    this.#logs = frame.isLog ? this.#positive() : new Set()
    const made = JSON.stringify([
      frame.axes.map(({ unit, side, members }) => [unit, side, members.length === 1 ? members[0] : -1]),
      ...this.#logs
    ])
    if (made !== this.#made) this.#build(made)
    this.#range()
    this.#plot?.setScale('x', { min: frame.window.from, max: frame.window.to })
  }

  destroy(): void {
    this.#plot?.destroy()
    this.#plot = undefined
    this.#made = ''
  }

  #build(made: string): void {
    this.destroy()
    this.#made = made
    this.#extents.clear()
    this.#range()
    const { axes } = this.#frame
    const scales: uPlot.Scales = {
      x: { time: true, range: () => [this.#frame.window.from, this.#frame.window.to] }
    }
    for (const { scale } of axes)
      scales[scale] = { range: () => this.#rangeOf(scale), ...(this.#logs.has(scale) ? { distr: 3, log: 10 } : {}) }
    if (axes.length === 0) scales['y'] = { range: () => [0, 1] }
    const first = axes[0]?.scale ?? 'y'
    this.#plot = new uPlot(
      {
        ...this.#size,
        padding: [10, axes.some(({ side }) => side === 'right') ? 0 : 28, 0, axes.length === 0 ? 8 : 0],
        legend: { show: false },
        scales,
        // One line that is not drawn: it makes uPlot range its scales.
        series: [{}, { scale: first, paths: () => null, points: { show: false } }],
        axes: [this.#timeAxis(), ...(axes.length === 0 ? [{ scale: 'y', show: false }] : axes.map((axis, i) => this.#valueAxis(axis, i)))],
        cursor: { x: true, y: false, points: { show: false }, drag: { x: false, y: false, setScale: false }, bind: unbound },
        select: { show: true, left: 0, top: 0, width: 0, height: 0 },
        // One that was given up may still have a frame to draw.
        hooks: { draw: [(plot) => plot === this.#plot && this.#paint(plot)] }
      },
      [
        [0, 1e10],
        [0, 0]
      ],
      this.#host
    )
  }

  #timeAxis(): uPlot.Axis {
    return {
      scale: 'x',
      size: timeAxis,
      space: 84,
      font: font(12, 1),
      stroke: () => colours().muted,
      grid: { stroke: () => colours().line, width: 1 },
      ticks: { stroke: () => colours().line, width: 1, size: 5 },
      values: (_plot, splits, _axis, _space, increment) => timeLabels(splits, increment)
    }
  }

  #valueAxis({ scale, unit, side, members }: Axis, place: number): uPlot.Axis {
    const [only] = members
    const own = members.length === 1 ? this.#frame.drawn[only as number]?.place : undefined
    return {
      scale,
      side: side === 'left' ? 3 : 1,
      label: unit,
      labelSize: 20,
      labelGap: 2,
      labelFont: `bold ${font(13, 1)}`,
      font: font(12, 1),
      gap: 4,
      space: 34,
      size: (_plot, values) => 16 + 7 * (values ?? []).reduce((most, value) => Math.max(most, String(value ?? '').length), 1),
      stroke: () => (own === undefined ? colours().muted : lookOf(own, colours().theme).colour),
      grid: { show: place === 0, stroke: () => colours().line, width: 1, filter: (_plot, splits) => this.#filter(scale, splits) },
      ticks: { stroke: () => colours().line, width: 1, size: 5, filter: (_plot, splits) => this.#filter(scale, splits) },
      filter: (_plot, splits) => this.#filter(scale, splits),
      values: (_plot, splits, _axis, _space, increment) =>
        this.#logs.has(scale) ? splits.map((split) => (split === null ? '' : formatNumber(split))) : numberLabels(splits, increment)
    }
  }

  #range(): void {
    const { axes } = this.#frame
    for (const { scale, members } of axes) {
      const isLog = this.#logs.has(scale)
      const extent = this.#extentOf(members)
      const wanted = extent && { min: placed(extent.min, isLog), max: placed(extent.max, isLog) }
      this.#extents.set(scale, steady(this.#extents.get(scale), wanted))
    }
  }

  #extentOf(members: readonly number[]): Extent | undefined {
    const { drawn, window } = this.#frame
    return extentOf(
      members.map((member) => drawn[member]?.samples ?? []),
      window
    )
  }

  /** Scales on which all is above 0. */
  #positive(): Set<string> {
    const { axes } = this.#frame
    return new Set(axes.filter(({ members }) => (this.#extentOf(members)?.min ?? 0) > 0).map(({ scale }) => scale))
  }

  /** Above it are the lanes of states. Of an axis of powers only those are told, unless there are too few. */
  #filter(scale: string, splits: readonly number[]): (number | null)[] {
    const isLog = this.#logs.has(scale)
    const { min, max } = this.#extents.get(scale) ?? { min: -Infinity, max: Infinity }
    return splits.map((split) => {
      const place = placed(split, isLog)
      if (place > max || (isLog && max - min > 2 && Math.abs(place - Math.round(place)) > 1e-9)) return null
      return split
    })
  }

  /** The lines leave room for the lanes above them. */
  #rangeOf(scale: string): [number, number] {
    const { min, max } = this.#extents.get(scale) ?? { min: 0, max: 1 }
    const height = Math.max(this.#size.height - timeAxis - 10, 60)
    const lanes = Math.min(this.#lanes * laneHeight, height * 0.8)
    const top = min + ((max - min) * height) / (height - lanes)
    return this.#logs.has(scale) ? [10 ** min, 10 ** top] : [min, top]
  }

  get #lanes(): number {
    return this.#frame.drawn.filter(({ isState }) => isState).length
  }

  #paint(plot: uPlot): void {
    const { ctx, bbox: box } = plot
    const { drawn, axes, window, now, lost } = this.#frame
    const scale = uPlot.pxRatio
    const perSecond = box.width / (window.to - window.from)
    const x = (time: number): number => box.left + (time - window.from) * perSecond
    const shade = colours()
    // Nothing is known of what comes, nor of what was while the page was not connected.
    const end = Math.min(lost ?? now, window.to)
    ctx.save()
    ctx.beginPath()
    ctx.rect(box.left, box.top, box.width, box.height)
    ctx.clip()
    const parts = drawn.map((one) => ({ ...one, samples: within(one.samples, window) }))
    const lines = parts.filter((_, i) => axes.some(({ members }) => members.includes(i)))
    const flat: Map2 = { x, y: () => 0, scale }
    const lanes = parts.filter(({ isState }) => isState)
    lanes.forEach(({ samples, name, place, among }, i) => {
      const { colour } = lookOf(place, shade.theme)
      const lane = { name, colour, samples, among, end, holds: true }
      const band = paintLane(ctx, lane, i, flat, box, shade)
      paintBlanks(ctx, blanks(samples, Math.min(now, window.to)), flat, band, shade)
    })
    const below: Box = { ...box, top: box.top + lanes.length * laneHeight * scale, height: box.height - lanes.length * laneHeight * scale }
    lines.forEach(({ samples, place }, i) => {
      const blank = blanks(samples, Math.min(now, window.to))
      if (lines.length === 1) return paintBlanks(ctx, blank, flat, below, shade)
      // Of several, each has a strip of its own along the bottom.
      const high = 8 * scale
      const strip = { ...below, top: below.top + below.height - (lines.length - i) * (high + 2 * scale), height: high }
      paintBlanks(ctx, blank, flat, strip, shade, lookOf(place, shade.theme).colour)
    })
    if (lost !== undefined && lines.length > 1)
      paintBlanks(
        ctx,
        [
          {
            from: lines.reduce((latest, { samples }) => Math.max(latest, samples.at(-1)?.time ?? lost), lost),
            to: Math.min(now, window.to),
            trust: 'gap'
          }
        ],
        flat,
        below,
        shade
      )
    for (const { scale: name, members } of axes) {
      const map: Map2 = { x, y: (value) => plot.valToPos(value, name, true), scale }
      for (const member of members) {
        const one = parts[member]
        if (one === undefined) continue
        const look = lookOf(one.place, shade.theme)
        paintLine(ctx, one.samples, map, { look, width: 1.8, isStepped: one.isStepped, colours: shade })
        if (one.samples.length * 10 * scale < box.width) paintDots(ctx, one.samples, map, look.colour)
      }
    }
    ctx.restore()
  }
}

/** Pointer and touch are ours: see gestures.ts. */
const unbound: uPlot.Cursor.Bind = {
  mousedown: () => null,
  mouseup: () => null,
  click: () => null,
  dblclick: () => null
}
