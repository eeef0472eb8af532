import type { Described } from './described.js'

export function asyncApi(_described: Described): unknown {
  return []
}
