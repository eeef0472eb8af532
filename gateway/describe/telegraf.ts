import type { Described } from './described.js'

export function telegraf(_described: Described): unknown {
  return []
}
