/** File descriptors of this process: each connection takes one, and files must find some too. A leaf: adapters use it as well. */
import { readFileSync } from 'node:fs'
import type { Socket } from 'node:net'

/** Most that are kept back for files (store, history, runs), and the part of few. */
const mostKept = 256
const partKept = 4

/** How many the system grants, as `ulimit -n` says it. Undefined where nobody knows: not on Linux, or there is no limit. */
export function descriptorLimit(): number | undefined {
  try {
    const limit = Number(/^Max open files +(\d+)/m.exec(readFileSync('/proc/self/limits', 'utf8'))?.[1])
    return Number.isInteger(limit) ? limit : undefined
  } catch {
    return undefined
  }
}

/** How many of so many connections may take. */
export function forConnections(limit: number): number {
  return limit - Math.min(mostKept, Math.ceil(limit / partKept))
}

/**
 * Was it given one of the last that are kept for files? A system gives the lowest that is free, so its number tells how many are in use,
 * whoever has them. `most`: see {@link forConnections}.
 */
export function isScarce(socket: Socket, most: number): boolean {
  const { fd } = (socket as { readonly _handle?: { readonly fd?: number } | null })._handle ?? {}
  return fd !== undefined && fd >= most
}

/** Descriptors for connections; endless where no limit is known. */
export function mostDescriptors(): number {
  const limit = descriptorLimit()
  return limit === undefined ? Infinity : forConnections(limit)
}

/** Of what the program has open anyway: its listeners, standard streams, and what Node itself needs. */
const ownOpen = 32

/** Lowers `maxConnections` to what can be; the figures of it, or undefined when there are enough. */
export function fitDescriptors(limits: { maxConnections: number }): { descriptors: number; maxConnections: number } | undefined {
  const limit = descriptorLimit()
  if (limit === undefined) return undefined
  const most = Math.max(1, forConnections(limit) - ownOpen)
  if (limits.maxConnections <= most) return undefined
  limits.maxConnections = most
  return { descriptors: limit, maxConnections: most }
}
