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
