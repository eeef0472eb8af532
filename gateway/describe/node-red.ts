import type { Described } from './described.js'

export function nodeRedFlow(_described: Described): unknown {
  return []
}
