import type { Described } from './described.js'

export function grafana(_described: Described): unknown {
  return []
}
