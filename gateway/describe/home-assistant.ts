import type { Described } from './described.js'

export function homeAssistant(_described: Described): unknown {
  return []
}
