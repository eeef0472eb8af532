/** A plot of one codename as SVG: least and greatest of each moment, held until the next reading, and open where nothing is known. */

/** Moments: as many as are points across. */
const columns = 600

/** Points. */
const height = 120
const margin = { left: 64, right: 24, top: 8, bottom: 22 }

export interface PlotRange {
  /** Unix seconds. */
  readonly from: number
  readonly to: number
}

export class Plot {
  readonly #range: PlotRange
  readonly #min = new Float64Array(columns).fill(Infinity)
  readonly #max = new Float64Array(columns).fill(-Infinity)
  readonly #first = new Float64Array(columns)
  readonly #last = new Float64Array(columns)
  /** From some moment in it on nothing was known, for a while at least. */
  readonly #breaks = new Uint8Array(columns)
  /** Nothing is known at its end. */
  readonly #isOpen = new Uint8Array(columns)
  /** Unix seconds of the last reading, and of the last break. */
  readonly #lastTime = new Float64Array(columns).fill(-Infinity)
  readonly #breakTime = new Float64Array(columns).fill(-Infinity)
  /** Readings whose time lies outside of the run. */
  outside = 0

  constructor(range: PlotRange) {
    this.#range = range
  }

  /** `initial`: it was so before the run, and is when it begins. */
  add(time: number, value: number, initial: boolean): void {
    const at = initial ? 0 : this.#column(time)
    if (at === undefined) {
      this.outside += 1
      return
    }
    if (this.#min[at] === Infinity) this.#first[at] = value
    this.#last[at] = value
    // Good again, be it a moment after.
    if (time >= (this.#breakTime[at] as number)) this.#isOpen[at] = 0
    this.#lastTime[at] = Math.max(time, this.#lastTime[at] as number)
    if (value < (this.#min[at] as number)) this.#min[at] = value
    if (value > (this.#max[at] as number)) this.#max[at] = value
  }

  break(time: number): void {
    const at = this.#column(time)
    if (at === undefined) return
    this.#breaks[at] = 1
    if (time >= (this.#lastTime[at] as number)) this.#isOpen[at] = 1
    this.#breakTime[at] = Math.max(time, this.#breakTime[at] as number)
  }

  /** Undefined: there is nothing to draw. `label` is for those who do not see it. */
  svg(label: string): string | undefined {
    const least = this.#min.reduce((one, other) => Math.min(one, other), Infinity)
    const most = this.#max.reduce((one, other) => Math.max(one, other), -Infinity)
    if (least > most) return undefined
    const pad = most === least ? Math.abs(most) * 0.05 || 1 : (most - least) * 0.05
    const [low, high] = [least - pad, most + pad]
    const y = (value: number): string => short(margin.top + ((high - value) / (high - low)) * height)
    const [width, bottom] = [margin.left + columns + margin.right, margin.top + height]
    const ticks = ticksOf(low, high, 4)
    const times = timeTicks(this.#range)
    const x = (time: number): string =>
      short(margin.left + ((time - this.#range.from) / Math.max(this.#range.to - this.#range.from, 1e-6)) * columns)
    return [
      `<svg viewBox="0 0 ${width} ${bottom + margin.bottom}" role="img" aria-label="${label}">`,
      ...ticks.map((tick) => `<path class="grid" d="M${margin.left} ${y(tick)}h${columns}"/>`),
      ...ticks.map((tick) => `<text x="${margin.left - 6}" y="${y(tick)}" class="y">${shown(tick)}</text>`),
      ...times.map(([time, text]) => `<text x="${x(time)}" y="${bottom + 16}" class="x">${text}</text>`),
      `<path class="frame" d="M${margin.left} ${margin.top}V${bottom}H${margin.left + columns}"/>`,
      `<path class="gap" d="${this.#gaps(bottom)}"/>`,
      `<path class="line" d="${this.#path(y)}"/>`,
      '</svg>'
    ].join('')
  }

  #column(time: number): number | undefined {
    const { from, to } = this.#range
    if (!(time >= from && time <= to)) return undefined
    return Math.min(columns - 1, Math.floor(((time - from) / Math.max(to - from, 1e-6)) * columns))
  }

  #path(y: (value: number) => string): string {
    const parts: string[] = []
    let isDrawing = false
    for (let at = 0; at < columns; at += 1) {
      const [min, max] = [this.#min[at] as number, this.#max[at] as number]
      const x = margin.left + at + 0.5
      if (min <= max) {
        parts.push(`${isDrawing ? `H${x}V` : `M${x} `}${y(this.#first[at] as number)}`)
        if (min < max) parts.push(`V${y(min)}V${y(max)}V${y(this.#last[at] as number)}`)
        // A single reading is a point.
        parts.push('h0.5')
        isDrawing = true
      }
      if (this.#isOpen[at] === 1 && isDrawing) {
        parts.push(`H${x}`)
        isDrawing = false
      }
    }
    if (isDrawing) parts.push(`H${margin.left + columns}`)
    return parts.join('')
  }

  /** Marks below the line where it ends, be it only for a moment. */
  #gaps(bottom: number): string {
    return Array.from(this.#breaks, (is, at) => (is === 1 ? `M${margin.left + at + 0.5} ${bottom}v-6` : '')).join('')
  }
}

/** Round numbers between these, about so many. */
export function ticksOf(low: number, high: number, count: number): number[] {
  const rough = (high - low) / count
  if (!(rough > 0) || !Number.isFinite(rough)) return []
  const power = 10 ** Math.floor(Math.log10(rough))
  const step = [1, 2, 5, 10].map((factor) => factor * power).find((each) => each >= rough) as number
  const first = Math.ceil(low / step)
  const ticks = Array.from({ length: count * 3 }, (_, n) => (first + n) * step).filter((tick) => tick <= high)
  return ticks.map((tick) => Number(tick.toPrecision(12)))
}

/** `90 s`, `12 min`, `3.5 h` since the start: round numbers of the unit that suits the whole. */
function timeTicks({ from, to }: PlotRange): [number, string][] {
  const whole = to - from
  const [by, unit] = whole > 172_800 ? [86_400, 'd'] : whole > 7200 ? [3600, 'h'] : whole > 300 ? [60, 'min'] : [1, 's']
  return ticksOf(0, whole / by, 6).map((tick) => [from + tick * by, `${tick} ${unit}`])
}

/** As a person reads it. */
export function shown(value: number): string {
  return String(Number(value.toPrecision(6)))
}

function short(value: number): string {
  return String(Math.round(value * 10) / 10)
}
