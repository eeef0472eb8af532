import type { JSX } from 'preact'
import { useEffect, useMemo, useReducer, useRef, useState } from 'preact/hooks'
import { after } from '../clock.js'
import { formatUnit } from '../format.js'
import { store, useStore } from '../store.js'
import type { CodenameView } from '../store.js'
import { isLive, nameOf } from './address.js'
import type { Ref, Shown } from './address.js'
import { Curve } from './curve.js'
import { frames } from './frames.js'
import { kindOf } from './kinds.js'
import { Legend } from './legend.js'
import { ChartModel, heightFor } from './model.js'
import type { Spec } from './model.js'
import { last, secondsFrom, spanOf } from './range.js'
import { inWords, summaryOf } from './summary.js'
import { ChartTable } from './table.js'
import { Tools } from './tools.js'

export interface ChartProps {
  readonly series: readonly Ref[]
  /** RFC 3339, Unix seconds, or a negative number of seconds before now. Left out: an hour. */
  readonly from?: string | number | undefined
  /** Left out: now, and it follows. */
  readonly to?: string | number | undefined
  /** False: it does not follow, although its right edge is now. */
  readonly live?: boolean
  /** Axes of powers of ten. */
  readonly log?: boolean
  /** CSS pixels. */
  readonly height?: number
  /** Called when the window was moved, or the axes changed, by hand. */
  readonly onShown?: (shown: Shown, isLog: boolean) => void
}

const defaultSpan = 3600

export function shownOf({ from, to, live }: Pick<ChartProps, 'from' | 'to' | 'live'>): Shown {
  const now = store.now()
  const begin = secondsFrom(from === undefined ? null : String(from), now)
  const end = secondsFrom(to === undefined ? null : String(to), now)
  if (begin !== undefined && end !== undefined && end > begin) return { from: begin, to: end }
  const window = last(begin === undefined || begin >= now ? defaultSpan : now - begin, now)
  return live === false ? window : { span: Math.round(spanOf(window) * 1000) / 1000 }
}

function isSameShown(a: Shown, b: Shown): boolean {
  if (isLive(a) || isLive(b)) return isLive(a) && isLive(b) && Math.abs(a.span - b.span) < 0.01
  return Math.abs(a.from - b.from) < 0.01 && Math.abs(a.to - b.to) < 0.01
}

function specOf(ref: Ref, view: CodenameView | undefined): Spec {
  const { meta, reading } = view ?? {}
  const schema = meta?.schema as { enum?: unknown } | undefined
  const kind = kindOf({ schema, value: reading?.value, x: reading?.x })
  return {
    ref,
    kind,
    unit: formatUnit(meta?.unit ?? reading?.unit),
    digits: meta?.digits,
    isStepped: meta?.settable === true,
    among: Array.isArray(schema?.enum) ? (schema.enum as unknown[]) : undefined
  }
}

/** Codenames over time, history and what comes live behind it; those of one unit share an axis. Curves (readings with `x`) stand below. */
export function Chart({ series, from, to, live, log = false, height = 320, onShown }: ChartProps): JSX.Element {
  const names = series.map(nameOf).join('\n')
  // As long as it says the same it is the same.
  const text = useStore((s) => JSON.stringify(series.map((ref) => specOf(ref, s.find(ref.device, ref.codename)))))
  const all = useMemo(() => JSON.parse(text) as Spec[], [text])
  const specs = useMemo(() => all.filter(({ kind }) => kind !== 'xy'), [all])
  const curves = all.filter(({ kind }) => kind === 'xy')
  return (
    <div class="chart" data-series={names}>
      {specs.length === 0 ? null : <TimeChart specs={specs} from={from} to={to} live={live} log={log} height={height} onShown={onShown} />}
      {curves.map(({ ref, unit }) => (
        <Curve key={nameOf(ref)} device={ref.device} codename={ref.codename} unit={unit} height={height} />
      ))}
    </div>
  )
}

interface TimeChartProps extends Pick<ChartProps, 'from' | 'to'> {
  readonly specs: readonly Spec[]
  readonly live: boolean | undefined
  readonly log: boolean
  readonly height: number
  readonly onShown: ((shown: Shown, isLog: boolean) => void) | undefined
}

function TimeChart({ specs, from, to, live, log, height, onShown }: TimeChartProps): JSX.Element {
  const host = useRef<HTMLDivElement>(null)
  const [model, setModel] = useState<ChartModel>()
  const [, render] = useReducer((count: number, _action: undefined) => count + 1, 0)
  const told = useRef(onShown)
  told.current = onShown
  const wanted = useMemo(() => shownOf({ from, to, ...(live === undefined ? {} : { live }) }), [from, to, live])
  const first = useRef(wanted)
  /** What we told last comes back as what is wanted, when the hand may have moved on. */
  const own = useRef<Shown>(undefined)
  useEffect(() => {
    if (host.current === null) return undefined
    let pending: { cancel: () => void } | undefined
    const made = new ChartModel(host.current, first.current, () => render(undefined))
    // The address is written when the hand rests: a browser allows a hundred times in half a minute.
    made.onMoved = (shown, isLog) => {
      pending?.cancel()
      pending = after(0.3, () => {
        own.current = shown
        told.current?.(shown, isLog)
      })
    }
    // Legend and words follow what comes, slower than the picture.
    const legend = frames(250, () => render(undefined))
    setModel(made)
    return () => {
      pending?.cancel()
      legend.cancel()
      made.destroy()
    }
  }, [])
  useEffect(() => model?.set(specs), [model, specs])
  useEffect(() => {
    if (model === undefined || (own.current !== undefined && isSameShown(own.current, wanted))) return
    own.current = undefined
    if (!isSameShown(model.shown, wanted)) model.show(wanted, { isQuiet: true })
  }, [model, wanted])
  useEffect(() => {
    if (model !== undefined && model.isLog !== log) model.setLog(log, { isQuiet: true })
  }, [model, log])
  return (
    <>
      {model === undefined ? null : <Tools model={model} specs={specs} isPlotPage={onShown !== undefined} />}
      <div
        ref={host}
        class="chart-canvas"
        // A plot is moved by keys as a slider is.
        tabIndex={0}
        role="group"
        aria-roledescription="plot"
        aria-label={`Plot of ${specs.map(({ ref }) => nameOf(ref)).join(', ')}. Left and right arrow move it in time, plus and minus zoom, L follows what comes, backspace goes back.`}
        style={{ height: `${heightFor(specs, height)}px` }}
        onKeyDown={(event) => model !== undefined && onKey(event, model)}
      />
      {model === undefined ? null : (
        <>
          <Notes model={model} specs={specs} />
          <Legend model={model} specs={specs} />
          <Words model={model} specs={specs} />
          <ChartTable model={model} specs={specs} />
        </>
      )}
    </>
  )
}

function onKey(event: KeyboardEvent & { readonly currentTarget: HTMLElement }, model: ChartModel): void {
  if (event.altKey || event.ctrlKey || event.metaKey) return
  // From here on it is of use to see where the keys go.
  event.currentTarget.classList.remove('by-hand')
  const { key } = event
  if (key === 'ArrowLeft') model.pan(-0.2)
  else if (key === 'ArrowRight') model.pan(0.2)
  else if (key === '+' || key === '=') model.zoom(0.5)
  else if (key === '-') model.zoom(2)
  else if (key === 'l' || key === 'L') model.setLive(!model.isLive)
  else if (key === 'Backspace') model.back()
  else return
  event.preventDefault()
}

interface PartProps {
  readonly model: ChartModel
  readonly specs: readonly Spec[]
}

/** What is missing, and why. */
function Notes({ model, specs }: PartProps): JSX.Element {
  const isKept = store.info()?.history !== false
  const troubles = new Map<string, string[]>()
  for (const { ref } of specs) {
    const { trouble } = model.feed(ref) ?? {}
    if (trouble !== undefined) troubles.set(trouble.message, [...(troubles.get(trouble.message) ?? []), nameOf(ref)])
  }
  return (
    <div class="chart-notes" role="status">
      {isKept ? null : <p>This gateway keeps no history: shown is what came since the page was opened.</p>}
      {model.why === undefined ? null : <p>Too many units: {model.why}</p>}
      {model.even.length === 0 ? null : <p>No axis of powers of ten for {model.even.join(', ')}: there are values of 0 or below.</p>}
      {[...troubles].map(([message, names]) => (
        <p key={message}>
          No history of {names.join(', ')}: {message}
        </p>
      ))}
    </div>
  )
}

/** For those who cannot see it; said anew every five seconds at most, and not aloud. */
function Words({ model, specs }: PartProps): JSX.Element {
  const kept = useRef({ at: -Infinity, state: '', lines: [] as string[] })
  const now = store.now()
  const state = specs.map(({ ref }) => `${nameOf(ref)} ${model.isHidden(ref)} ${model.feed(ref)?.track.loaded?.asked}`).join()
  if (now - kept.current.at > 5 || state !== kept.current.state) {
    const { window } = model
    const lines = specs
      .filter(({ ref }) => !model.isHidden(ref))
      .map(({ ref, unit, digits }) =>
        inWords(nameOf(ref), summaryOf(model.feed(ref)?.track.samples() ?? [], window), unit, digits, spanOf(window))
      )
    kept.current = { at: now, state, lines }
  }
  return (
    <ul class="unseen chart-words">
      {kept.current.lines.map((line) => (
        <li key={line}>{line}</li>
      ))}
    </ul>
  )
}
