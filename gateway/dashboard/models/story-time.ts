/** The time axis of a command's story. Durations are seconds since it was asked. */

/** Steps so near to each other that they are one mark. */
export interface Mark {
  /** From 0 to 1 along the axis. */
  readonly position: number
  /** Places in the list of moments. */
  readonly of: readonly number[]
}

/** Share of the axis below which two marks are one. */
const near = 0.035

/** The length of the axis: to the last moment, and never nothing. */
export function axisLength(moments: readonly number[]): number {
  return Math.max(0.001, ...moments.filter(Number.isFinite))
}

export function marks(moments: readonly number[], length = axisLength(moments)): Mark[] {
  const sorted = moments.map((after, at) => ({ at, position: Math.min(1, Math.max(0, after / length)) }))
  sorted.sort((a, b) => a.position - b.position || a.at - b.at)
  const found: { position: number; of: number[] }[] = []
  for (const { at, position } of sorted) {
    const last = found.at(-1)
    if (last !== undefined && position - last.position < near) last.of.push(at)
    else found.push({ position, of: [at] })
  }
  return found
}

/** Round times along an axis, three to six of them, zero included. */
export function ticks(length: number): number[] {
  const rough = length / 5
  const power = 10 ** Math.floor(Math.log10(rough))
  const step = ([1, 2, 5, 10].find((factor) => factor * power >= rough) ?? 10) * power
  const count = Math.floor(length / step + 1e-9)
  return Array.from({ length: count + 1 }, (_, i) => Number((i * step).toPrecision(12)))
}

/** A duration as people read it, fine enough for steps of a command: `0.4 ms`, `12 ms`, `1.25 s`, `2 min 5 s`. */
export function preciseDuration(seconds: number): string {
  if (!Number.isFinite(seconds)) return '–'
  const sign = seconds < 0 ? '−' : ''
  const ms = Math.abs(seconds) * 1000
  if (ms === 0) return '0 ms'
  if (ms < 9.95) return `${sign}${ms < 0.095 ? Number(ms.toFixed(3)) : Number(ms.toFixed(1))} ms`
  if (ms < 999.5) return `${sign}${ms.toFixed(0)} ms`
  const all = ms / 1000
  if (all < 9.995) return `${sign}${all.toFixed(2)} s`
  if (all < 119.95) return `${sign}${all.toFixed(1)} s`
  const whole = Math.round(all)
  return `${sign}${Math.floor(whole / 60)} min ${whole % 60} s`
}
