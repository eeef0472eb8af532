/** What is told under one name, as prom-client writes it. */
import type { Histogram } from './histogram.js'

export interface Sample {
  readonly labels: Readonly<Record<string, string>>
  readonly value: number
  /** Where it differs from the family's: buckets, sum and count of a histogram. */
  readonly metricName?: string
}

/** Names of counters end in `_total`. */
export interface Family {
  readonly name: string
  readonly help: string
  readonly type: 'counter' | 'gauge' | 'histogram'
  readonly values: readonly Sample[]
}

type Values = number | bigint | Iterable<readonly [Readonly<Record<string, string>>, number | bigint]>

export function gauge(name: string, help: string, values: Values): Family {
  return { name, help, type: 'gauge', values: samples(values) }
}

export function counter(name: string, help: string, values: Values): Family {
  return { name, help, type: 'counter', values: samples(values) }
}

export function histogram(
  name: string,
  help: string,
  all: Iterable<readonly [labels: Readonly<Record<string, string>>, histogram: Histogram]>
): Family {
  const values: Sample[] = []
  for (const [labels, one] of all) {
    const below = one.cumulative()
    one.bounds.forEach((bound, at) =>
      values.push({ metricName: `${name}_bucket`, labels: { ...labels, le: number(bound) }, value: below[at] ?? 0 })
    )
    values.push(
      { metricName: `${name}_bucket`, labels: { ...labels, le: '+Inf' }, value: one.count },
      { metricName: `${name}_sum`, labels, value: one.sum },
      { metricName: `${name}_count`, labels, value: one.count }
    )
  }
  return { name, help, type: 'histogram', values }
}

/** One for each member that there may be: 1 for what is, 0 for the others. */
export function* states<S extends string>(
  all: readonly S[],
  now: S,
  labels: Readonly<Record<string, string>>,
  name: string
): Generator<readonly [Record<string, string>, number]> {
  for (const one of all) yield [{ ...labels, [name]: one }, one === now ? 1 : 0]
}

/** As OpenMetrics wants bounds: with a point. */
function number(value: number): string {
  return Number.isInteger(value) ? value.toFixed(1) : String(value)
}

function samples(values: Values): Sample[] {
  if (typeof values === 'number' || typeof values === 'bigint') return [{ labels: {}, value: Number(values) }]
  return Array.from(values, ([labels, value]) => ({ labels, value: Number(value) }))
}
