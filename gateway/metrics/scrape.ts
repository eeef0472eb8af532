import type { Metric, RegistryContentType } from 'prom-client'
import type { Parts } from '../http/parts.js'
import type { Sight } from '../http/sight.js'
import { codenameSeries } from './codename-series.js'
import { gatewayFamilies } from './gateway-families.js'

export const textFormat = 'text/plain'
export const openMetrics = 'application/openmetrics-text'

/** With their versions, as Prometheus looks for them. */
export const contentTypes = {
  [textFormat]: 'text/plain; version=0.0.4; charset=utf-8',
  [openMetrics]: 'application/openmetrics-text; version=1.0.0; charset=utf-8'
} as const

export type Format = keyof typeof contentTypes

export interface Scrape {
  readonly format: Format
  /** Whose codenames. */
  readonly sight: Sight
  /** The gateway's own, too. */
  readonly own: boolean
}

/** All that is told at one scrape, in pieces, so that neither memory nor the event loop is held by it. Nothing is computed between scrapes. */
export async function* scrape(parts: Parts, { format, sight, own }: Scrape): AsyncGenerator<string> {
  yield* codenameSeries(parts, sight)
  if (own) yield await ownText(parts, format)
  if (format === openMetrics) yield '# EOF\n'
}

/** Loaded by the first scrape. */
async function ownText(parts: Parts, format: Format): Promise<string> {
  const { Registry } = (await import('prom-client')).default
  const registry = new Registry<RegistryContentType>()
  registry.setContentType(contentTypes[format])
  for (const family of await gatewayFamilies(parts)) {
    // What prom-client asks of a metric: it writes the name of a counter anew for OpenMetrics, and asks afterwards.
    const metric = { ...family, aggregator: 'omit', get: async () => await Promise.resolve(metric), reset: () => {} }
    registry.registerMetric(metric as unknown as Metric)
  }
  const text = await registry.metrics()
  return format === openMetrics ? text.replace(/# EOF\n$/, '') : text
}
