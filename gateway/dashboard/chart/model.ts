/** What a chart shows and how it moves: the window, its feeds and the plot. Knows no preact. */
import { store } from '../store.js'
import { isLive, nameOf, windowOf } from './address.js'
import type { Ref, Shown } from './address.js'
import { axesOf, roomFor } from './axes.js'
import type { Axes } from './axes.js'
import { colours } from './colours.js'
import { nearest } from './data.js'
import { Feed } from './feed.js'
import { frames } from './frames.js'
import type { Frames } from './frames.js'
import { handle } from './gestures.js'
import type { Kind } from './kinds.js'
import { laneHeight } from './lanes.js'
import { Plot } from './plot.js'
import type { Drawn } from './plot.js'
import { fit, frameEvery, isAtNow, pan, spanOf, zoom } from './range.js'
import type { Window } from './range.js'
import type { Sample } from './sample.js'

/** What is known of a codename that is drawn. */
export interface Spec {
  readonly ref: Ref
  readonly kind: Kind
  readonly unit: string
  readonly digits: number | undefined
  readonly isStepped: boolean
  readonly among: readonly unknown[] | undefined
}

/** Windows that double-click goes back through. */
const maxBack = 50

export class ChartModel {
  readonly #host: HTMLElement
  readonly #plot: Plot
  readonly #frames: Frames
  readonly #notify: () => void
  readonly #sized: ResizeObserver
  readonly #seen: IntersectionObserver
  readonly #feeds = new Map<string, Feed>()
  readonly #back: Shown[] = []
  readonly #hidden = new Set<string>()
  #specs: readonly Spec[] = []
  #shown: Shown
  #axes: Axes = { axes: [], left: [], why: undefined }
  #isLog = false
  #isSeen = true
  #isChanged = true
  #theme = ''
  #release: (() => void) | undefined
  #handled: HTMLElement | undefined
  #lastMove = -Infinity
  /** The window was moved, or the axes changed, by hand or by a button. */
  onMoved: ((shown: Shown, isLog: boolean) => void) | undefined

  constructor(host: HTMLElement, shown: Shown, notify: () => void) {
    this.#host = host
    this.#shown = shown
    this.#notify = notify
    this.#plot = new Plot(host, { window: this.window, drawn: [], axes: [], now: store.now(), isLog: false, lost: undefined })
    this.#frames = frames(100, () => this.#frame())
    this.#sized = new ResizeObserver(() => this.#changed())
    this.#sized.observe(host)
    this.#seen = new IntersectionObserver((entries) => {
      this.#isSeen = entries.at(-1)?.isIntersecting ?? true
      this.#changed()
    })
    this.#seen.observe(host)
  }

  get shown(): Shown {
    return this.#shown
  }

  get window(): Window {
    const now = store.now()
    const window = windowOf(this.#shown, now)
    return isLive(this.#shown) ? this.#withAhead(window, now) : window
  }

  get isLive(): boolean {
    return isLive(this.#shown)
  }

  /** Time under the cursor. */
  get cursor(): number | undefined {
    return this.#plot.cursor
  }

  /** Why some are not drawn. */
  get why(): string | undefined {
    return this.#axes.why
  }

  /** Units that have no axis of powers, although that was asked for. */
  get even(): readonly string[] {
    return this.#plot.even
  }

  feed(ref: Ref): Feed | undefined {
    return this.#feeds.get(nameOf(ref))
  }

  isHidden(ref: Ref): boolean {
    return this.#hidden.has(nameOf(ref))
  }

  toggle(ref: Ref): void {
    const name = nameOf(ref)
    if (!this.#hidden.delete(name)) this.#hidden.add(name)
    this.#changed()
    this.#notify()
  }

  /** What the cursor means for this codename. */
  at(ref: Ref, time: number): Sample | undefined {
    const samples = this.feed(ref)?.track.samples() ?? []
    return nearest(samples, time, (spanOf(this.window) / this.#plot.pixels) * 40)
  }

  set(specs: readonly Spec[]): void {
    this.#specs = specs
    const names = new Set(specs.map(({ ref }) => nameOf(ref)))
    for (const [name, feed] of this.#feeds) {
      if (names.has(name)) continue
      feed.stop()
      this.#feeds.delete(name)
    }
    for (const { ref } of specs) {
      const name = nameOf(ref)
      if (!this.#feeds.has(name)) this.#feeds.set(name, new Feed(ref, (isUrgent) => this.#fed(isUrgent)))
    }
    this.#changed()
  }

  /** Goes there; `isBack`: that is no step to go back from. */
  show(shown: Shown, { isBack = false, isQuiet = false } = {}): void {
    const now = store.now()
    // The address was changed: the browser's own back button knows the way.
    if (isQuiet) this.#back.length = 0
    else if (!isBack && now - this.#lastMove > 0.7) {
      this.#back.push(this.#shown)
      if (this.#back.length > maxBack) this.#back.shift()
    }
    // The first move by hand is a step of its own, however soon after.
    this.#lastMove = isQuiet ? -Infinity : now
    this.#shown = shown
    this.#changed()
    this.#frames.now()
    if (!isQuiet) this.onMoved?.(shown, this.#isLog)
    this.#notify()
  }

  back(): void {
    const before = this.#back.pop()
    if (before !== undefined) this.show(before, { isBack: true })
  }

  get isLog(): boolean {
    return this.#isLog
  }

  /** Axes of powers of ten, for what spans many of them. */
  setLog(isOn: boolean, { isQuiet = false } = {}): void {
    this.#isLog = isOn
    this.#changed()
    if (!isQuiet) this.onMoved?.(this.#shown, isOn)
    this.#notify()
  }

  get canGoBack(): boolean {
    return this.#back.length > 0
  }

  zoom(factor: number, at?: number): void {
    const { window } = this
    const now = store.now()
    // Live stays live: its right edge is now, whatever is zoomed.
    if (this.isLive) {
      const isNear = at === undefined || isAtNow({ from: window.from, to: window.to - (window.to - at) * 0.2 }, now)
      if (isNear) return this.show({ span: spanOf(zoom(window, factor, window.to, now)) })
    }
    this.#go(zoom(window, factor, at ?? (window.from + window.to) / 2, now))
  }

  pan(share: number): void {
    if (this.isLive && share >= 0) return
    this.#go(pan(this.window, share, store.now()))
  }

  setLive(isOn: boolean): void {
    if (isOn !== this.isLive) this.show(isOn ? { span: spanOf(this.window) } : this.window)
  }

  destroy(): void {
    this.#frames.cancel()
    this.#sized.disconnect()
    this.#seen.disconnect()
    this.#release?.()
    for (const feed of this.#feeds.values()) feed.stop()
    this.#plot.destroy()
  }

  /** A window that is moved to now follows it from then on. */
  #go(window: Window): void {
    const now = store.now()
    this.show(isAtNow(window, now) && !this.isLive ? { span: spanOf(window) } : window)
  }

  /** A source whose clock is ahead of ours is shown all the same, up to the minute that the gateway believes it. */
  #withAhead(window: Window, now: number): Window {
    let end = now
    for (const feed of this.#feeds.values()) {
      const last = feed.track.samples().at(-1)?.time ?? 0
      if (last > end && last < now + 60) end = last
    }
    return { from: window.from + end - now, to: end }
  }

  #fed(isUrgent: boolean): void {
    this.#isChanged = true
    if (isUrgent) this.#frames.soon()
  }

  #changed(): void {
    this.#isChanged = true
    this.#frames.soon()
  }

  #frame(): void {
    const { theme } = colours()
    if (theme !== this.#theme) this.#isChanged = true
    this.#theme = theme
    if (!this.#isSeen || !(this.#isChanged || this.isLive)) return
    this.#isChanged = false
    const lost = store.connection.state === 'connected' ? undefined : store.connection.since
    const { window } = this
    const { clientWidth: width, clientHeight: height } = this.#host
    this.#plot.resize(width, height)
    const { pixels } = this.#plot
    for (const [name, feed] of this.#feeds) if (!this.#hidden.has(name)) feed.show(window, pixels, this.isLive)
    const drawn = this.#specs.flatMap((spec, place): (Drawn & { readonly unit: string })[] => {
      const name = nameOf(spec.ref)
      if (this.#hidden.has(name)) return []
      const samples = this.#feeds.get(name)?.track.samples() ?? []
      const { isStepped, among, kind, unit } = spec
      return [{ name, place, samples, isState: kind === 'state', isStepped, among, unit }]
    })
    this.#axes = axesOf(
      drawn.map(({ unit, isState }) => ({ unit, isNumber: !isState })),
      roomFor(width)
    )
    this.#plot.draw({ window, drawn, axes: this.#axes.axes, now: store.now(), isLog: this.#isLog, lost })
    this.#frames.pace(this.isLive ? frameEvery(spanOf(window), pixels) : 1000)
    this.#hands()
  }

  /** The plot is made anew when its axes change. */
  #hands(): void {
    const { over } = this.#plot
    if (over === this.#handled || over === undefined) return
    this.#release?.()
    this.#handled = over
    const perPixel = (): number => spanOf(this.window) / this.#plot.pixels
    this.#release = handle(over, {
      cursor: (left) => {
        this.#plot.moveCursor(left ?? -10)
        this.#notify()
      },
      marking: (from, to) => this.#plot.select(from ?? 0, from === undefined ? 0 : to),
      marked: (from, to) => this.#go(fit({ from: this.#plot.timeAt(from), to: this.#plot.timeAt(to) }, store.now())),
      pan: (by) => this.pan((-by * perPixel()) / spanOf(this.window)),
      zoom: (factor, at) => this.zoom(factor, this.#plot.timeAt(at)),
      back: () => this.back()
    })
  }
}

/** CSS pixels: lanes need theirs, whatever is asked for. */
export function heightFor(specs: readonly Spec[], wanted: number): number {
  const lanes = specs.filter(({ kind }) => kind === 'state').length
  const numbers = specs.some(({ kind }) => kind === 'number')
  return numbers || lanes === 0 ? Math.max(wanted, lanes * laneHeight + 180) : lanes * laneHeight + 70
}
