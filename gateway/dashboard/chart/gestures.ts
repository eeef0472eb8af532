/** Hands on a plot: drag to zoom, shift-drag or two fingers to pan, wheel or pinch to zoom, double-click back. One finger pans, for a finger aims badly. */

export interface Hands {
  /** CSS pixels from the left edge of what is shown, here and below. */
  cursor(left: number | undefined): void
  /** While a stretch is being marked; undefined: no more. */
  marking(from: number | undefined, to: number): void
  /** A stretch was marked. */
  marked(from: number, to: number): void
  /** By so many pixels to the right. */
  pan(by: number): void
  zoom(factor: number, at: number): void
  back(): void
}

/** CSS pixels below which a drag is a click. */
const least = 6

type Mode = 'idle' | 'mark' | 'pan' | 'pinch'

/** Returns what ends it. */
export function handle(over: HTMLElement, hands: Hands): () => void {
  const fingers = new Map<number, { x: number; y: number }>()
  let mode: Mode = 'idle'
  let start = 0
  let lastX = 0
  let lastGap = 0

  const leftOf = (clientX: number): number => clientX - over.getBoundingClientRect().left
  const pair = (): { middle: number; gap: number } => {
    const [a, b] = [...fingers.values()]
    if (a === undefined || b === undefined) return { middle: 0, gap: 0 }
    return { middle: (a.x + b.x) / 2, gap: Math.max(Math.hypot(a.x - b.x, a.y - b.y), 10) }
  }
  const begin = (next: Mode): void => {
    if (mode === 'mark' && next !== 'mark') hands.marking(undefined, 0)
    mode = next
    if (next === 'pinch') {
      const { middle, gap } = pair()
      lastX = middle
      lastGap = gap
    }
  }

  const down = (event: PointerEvent): void => {
    if (event.pointerType === 'mouse' && event.button > 1) return
    const x = leftOf(event.clientX)
    fingers.set(event.pointerId, { x, y: event.clientY })
    over.setPointerCapture(event.pointerId)
    start = lastX = x
    if (fingers.size === 2) begin('pinch')
    else if (event.pointerType === 'mouse') begin(event.shiftKey || event.button === 1 ? 'pan' : 'mark')
    else begin('pan')
    if (event.pointerType === 'mouse') event.preventDefault()
    const host = over.closest<HTMLElement>('[tabindex]')
    host?.classList.add('by-hand')
    host?.focus({ preventScroll: true })
  }
  const move = (event: PointerEvent): void => {
    const x = leftOf(event.clientX)
    const finger = fingers.get(event.pointerId)
    if (finger === undefined) {
      if (event.pointerType === 'mouse') hands.cursor(x)
      return
    }
    finger.x = x
    finger.y = event.clientY
    if (mode === 'mark') {
      hands.cursor(x)
      if (Math.abs(x - start) >= least) hands.marking(start, x)
    } else if (mode === 'pan') {
      if (event.pointerType !== 'mouse' && Math.abs(x - start) < least) return
      hands.pan(x - lastX)
      lastX = x
    } else if (mode === 'pinch') {
      const { middle, gap } = pair()
      hands.pan(middle - lastX)
      hands.zoom(lastGap / gap, middle)
      lastX = middle
      lastGap = gap
    }
  }
  const up = (event: PointerEvent): void => {
    if (!fingers.delete(event.pointerId)) return
    const x = leftOf(event.clientX)
    if (event.type === 'pointercancel') begin('idle')
    else if (mode === 'mark') {
      hands.marking(undefined, 0)
      if (Math.abs(x - start) >= least) hands.marked(Math.min(start, x), Math.max(start, x))
    } else if (mode === 'pan' && event.pointerType !== 'mouse' && Math.abs(x - start) < least) hands.cursor(x)
    // A finger that stays after a pinch goes on panning from where it is.
    const [left] = fingers.values()
    mode = left === undefined ? 'idle' : 'pan'
    if (left !== undefined) start = lastX = left.x
  }
  const leave = (event: PointerEvent): void => {
    if (event.pointerType === 'mouse' && fingers.size === 0) hands.cursor(undefined)
  }
  const wheel = (event: WheelEvent): void => {
    event.preventDefault()
    const unit = event.deltaMode === 1 ? 16 : event.deltaMode === 2 ? 300 : 1
    const [sideways, along] = event.shiftKey ? [event.deltaX + event.deltaY, 0] : [event.deltaX, event.deltaY]
    if (Math.abs(sideways) > Math.abs(along)) hands.pan(-sideways * unit)
    // A pinch on a touch pad comes as a wheel with ctrl, in smaller steps.
    else hands.zoom(Math.exp(Math.max(-1, Math.min(1, along * unit * (event.ctrlKey ? 0.01 : 0.002)))), leftOf(event.clientX))
  }
  const twice = (): void => hands.back()

  over.addEventListener('pointerdown', down)
  over.addEventListener('pointermove', move)
  over.addEventListener('pointerup', up)
  over.addEventListener('pointercancel', up)
  over.addEventListener('pointerleave', leave)
  over.addEventListener('wheel', wheel, { passive: false })
  over.addEventListener('dblclick', twice)
  return () => {
    over.removeEventListener('pointerdown', down)
    over.removeEventListener('pointermove', move)
    over.removeEventListener('pointerup', up)
    over.removeEventListener('pointercancel', up)
    over.removeEventListener('pointerleave', leave)
    over.removeEventListener('wheel', wheel)
    over.removeEventListener('dblclick', twice)
  }
}
