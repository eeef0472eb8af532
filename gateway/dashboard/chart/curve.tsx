/** A reading that is a curve: its values over its `x`. The last one, drawn again when the next comes. */
import type { JSX } from 'preact'
import { useEffect, useMemo, useRef } from 'preact/hooks'
import uPlot from 'uplot'
import { formatNumber } from '../format.js'
import { store, useStore } from '../store.js'
import { QualityBadge, Time } from '../ui.js'
import { airy } from './axes.js'
import { colours } from './colours.js'
import { frames } from './frames.js'
import { pointsOf } from './kinds.js'
import { font } from './paint.js'
import { lookOf } from './palette.js'
import { numberLabels } from './ticks.js'

interface CurveProps {
  readonly device: string
  readonly codename: string
  readonly unit?: string
  readonly height?: number
}

/** Points that are drawn: a canvas has no more columns. */
const most = 20_000

export function Curve({ device, codename, unit = '', height = 280 }: CurveProps): JSX.Element {
  const host = useRef<HTMLDivElement>(null)
  useStore((s) => s.find(device, codename)?.version)
  const view = store.find(device, codename)
  const reading = view?.reading
  const { xs, ys } = useMemo(() => pointsOf(reading?.value, reading?.x), [reading])
  const data = useRef({ xs, ys })
  data.current = { xs, ys }
  useEffect(() => {
    if (host.current === null) return undefined
    return draw(host.current, unit, () => data.current)
  }, [unit])
  const heights = ys.filter((y) => y !== null)
  const [low, high] = [heights.reduce((a, b) => Math.min(a, b), Infinity), heights.reduce((a, b) => Math.max(a, b), -Infinity)]
  const words =
    heights.length === 0 ? 'no points' : `${heights.length} points, lowest ${formatNumber(low)}, highest ${formatNumber(high)} ${unit}`
  return (
    <figure class="curve">
      <figcaption>
        <strong>
          {device}/{codename}
        </strong>{' '}
        {view === undefined ? null : <QualityBadge view={view} />}{' '}
        {reading === undefined ? 'no reading yet' : <Time time={reading.time} age />} <span class="muted">{words}</span>
      </figcaption>
      <div
        ref={host}
        class="chart-canvas"
        role="img"
        aria-label={`Curve of ${device}/${codename}: ${words}`}
        style={{ height: `${height}px` }}
      />
    </figure>
  )
}

interface Points {
  readonly xs: readonly number[]
  readonly ys: readonly (number | null)[]
}

function draw(host: HTMLElement, unit: string, points: () => Points): () => void {
  const axis = (label: string, side: 0 | 1 | 2 | 3): uPlot.Axis => ({
    scale: side === 2 ? 'x' : 'y',
    side,
    label,
    labelSize: 20,
    labelFont: `bold ${font(13, 1)}`,
    font: font(12, 1),
    stroke: () => colours().muted,
    grid: { stroke: () => colours().line, width: 1 },
    ticks: { stroke: () => colours().line, width: 1, size: 5 },
    ...(side === 2
      ? { size: 28 }
      : { size: (_, values) => 16 + 7 * (values ?? []).reduce((longest, value) => Math.max(longest, String(value ?? '').length), 1) }),
    values: (_plot, splits, _axis, _space, increment) => numberLabels(splits, increment)
  })
  const plot = new uPlot(
    {
      width: Math.max(host.clientWidth, 100),
      height: host.clientHeight,
      padding: [10, 14, 0, 0],
      legend: { show: false },
      scales: {
        x: { time: false },
        y: { range: (_plot, min, max) => (min === null || max === null ? [0, 1] : toRange(min, max)) }
      },
      series: [{}, { scale: 'y', width: 1.8, stroke: () => lookOf(0, colours().theme).colour }],
      axes: [axis('x', 2), axis(unit, 3)],
      cursor: { points: { show: false }, drag: { x: true, y: true, setScale: true } }
    },
    [[], []],
    host
  )
  let shown: Points | undefined
  let theme = ''
  const task = frames(200, () => {
    plot.setSize({ width: Math.max(host.clientWidth, 100), height: host.clientHeight })
    const next = points()
    if (next === shown && theme === colours().theme) return
    shown = next
    theme = colours().theme
    const step = Math.ceil(next.xs.length / most)
    const thin = <T,>(list: readonly T[]): T[] => (step > 1 ? list.filter((_, i) => i % step === 0) : [...list])
    plot.setData([thin(next.xs), thin(next.ys)])
  })
  return () => {
    task.cancel()
    plot.destroy()
  }
}

function toRange(low: number, high: number): [number, number] {
  const { min, max } = airy({ min: low, max: high })
  return [min, max]
}
