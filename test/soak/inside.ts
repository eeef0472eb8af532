/**
 * Loaded into the gateway before its own code (`node --import`): what only its own process knows goes to a file, and names that end in
 * .soak.test mean what another file says: this computer (no such file), nothing (`gone`), or nothing after a long time (`hangs`).
 */
import dns from 'node:dns'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { syncBuiltinESMExports } from 'node:module'

export interface Inside {
  /** Bytes: the least of the last minute, which is nearest to what is in use. */
  readonly heap: number
  /** Sockets, timers and requests that Node.js knows of. */
  readonly resources: number
}

/** Milliseconds. */
const [lookEvery, hanging] = [5000, 20_000]

const [figures, names] = [process.env['LABGATE_SOAK_FIGURES'], process.env['LABGATE_SOAK_NAMES'] ?? '']

const heaps: number[] = []

if (figures !== undefined)
  setInterval(() => {
    heaps.push(process.memoryUsage().heapUsed)
    if (heaps.length > 60_000 / lookEvery) heaps.shift()
    const told: Inside = { heap: Math.min(...heaps), resources: process.getActiveResourcesInfo().length }
    try {
      writeFileSync(figures, JSON.stringify(told))
    } catch {
      // A full disk is one of the faults.
    }
  }, lookEvery).unref()

type Found = (error: Error | null, address?: unknown, family?: number) => void

const real = dns.lookup as (name: string, options: object, found: Found) => void

function lookup(name: string, given: { all?: boolean } | Found, last?: Found): void {
  const [options, found] = typeof given === 'function' ? [{}, given] : [given, last as Found]
  if (!name.endsWith('.soak.test')) return real(name, options, found)
  const state = existsSync(names) ? readFileSync(names, 'utf8') : ''
  const answer = (): void => {
    if (state !== '') found(Object.assign(new Error(`getaddrinfo ENOTFOUND ${name}`), { code: 'ENOTFOUND' }))
    else if (options.all === true) found(null, [{ address: '127.0.0.1', family: 4 }])
    else found(null, '127.0.0.1', 4)
  }
  setTimeout(answer, state === 'hangs' ? hanging : 0)
}

Object.assign(dns, { lookup })
syncBuiltinESMExports()
