import assert from 'node:assert/strict'
import type { Bucket, Point } from '../../gateway/history/types.js'

/** What a bucket of these readings is, by hand. */
export function bucketOf(time: number, points: readonly Pick<Point, 'quality' | 'value'>[]): Bucket {
  const counted = points.filter(({ quality }) => quality === 'good' || quality === 'uncertain')
  const numbers = counted.flatMap(({ value }) =>
    typeof value === 'number' || typeof value === 'bigint' || typeof value === 'boolean' ? [Number(value)] : []
  )
  const isGap = counted.length < points.length
  if (numbers.length === 0) return { time, count: counted.length, min: null, max: null, mean: null, isGap }
  const mean = numbers.reduce((some, more) => some + more, 0) / numbers.length
  return { time, count: counted.length, min: Math.min(...numbers), max: Math.max(...numbers), mean, isGap }
}

/** Buckets of readings, by hand. */
export function bucketsOf(points: readonly Point[], step: number): Bucket[] {
  const groups = new Map<number, Point[]>()
  for (const point of points) {
    const index = Math.floor((point.since ?? point.time) / step)
    const group = groups.get(index) ?? []
    groups.set(index, group)
    group.push(point)
  }
  return [...groups].sort(([a], [b]) => a - b).map(([index, group]) => bucketOf(index * step, group))
}

/** The same, but for the rounding of the mean. */
export function assertAlike(found: readonly Bucket[], wanted: readonly Bucket[]): void {
  const exact = (buckets: readonly Bucket[]): unknown[] =>
    buckets.map(({ time, count, min, max, isGap }) => ({ time, count, min, max, isGap }))
  assert.deepEqual(exact(found), exact(wanted))
  for (const [index, { mean, min, max }] of wanted.entries()) {
    const got = found[index]?.mean ?? null
    if (mean === null || got === null) assert.equal(got, mean)
    else assert.ok(Math.abs(got - mean) <= 1e-9 * Math.max(Math.abs(min ?? 0), Math.abs(max ?? 0), 1e-300), `${got} is not ${mean}`)
  }
}
