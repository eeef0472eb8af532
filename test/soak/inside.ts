/**
 * Loaded into the gateway before its own code (`node --import`): what only its own process knows goes to a file, and names that end in
 * .soak.test mean what another file says: this computer (no such file), nothing (`gone`), or nothing after a long time (`hangs`).
 */
import { promises as dns } from 'node:dns'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { syncBuiltinESMExports } from 'node:module'

export interface Inside {
  /** Bytes. */
  readonly heap: number
  /** Sockets, timers and requests that Node.js knows of. */
  readonly resources: number
}

/** Milliseconds. */
const [lookEvery, hanging] = [5000, 20_000]

const [figures, names] = [process.env['LABGATE_SOAK_FIGURES'], process.env['LABGATE_SOAK_NAMES'] ?? '']

if (figures !== undefined)
  setInterval(() => {
    const told: Inside = { heap: process.memoryUsage().heapUsed, resources: process.getActiveResourcesInfo().length }
    try {
      writeFileSync(figures, JSON.stringify(told))
    } catch {
      // A full disk is one of the faults.
    }
  }, lookEvery).unref()

const real = dns.lookup

async function lookup(name: string, options?: { all?: boolean }): Promise<unknown> {
  if (!name.endsWith('.soak.test')) return await real(name, options ?? {})
  const state = existsSync(names) ? readFileSync(names, 'utf8') : ''
  if (state === 'hangs') await new Promise((resolve) => setTimeout(resolve, hanging))
  if (state !== '') throw Object.assign(new Error(`getaddrinfo ENOTFOUND ${name}`), { code: 'ENOTFOUND' })
  const found = { address: '127.0.0.1', family: 4 }
  return options?.all === true ? [found] : found
}

Object.assign(dns, { lookup })
syncBuiltinESMExports()
