/** A gateway in a process of its own, for tests that try to break it; told what to do over Node's own channel. */
import { readFileSync } from 'node:fs'
import { adapterTypes } from '../../adapters/index.js'
import type { Logger } from '../../gateway/adapter.js'
import { systemClock } from '../../gateway/clock.js'
import { checkConfig } from '../../gateway/config.js'
import { Gateway } from '../../gateway/gateway.js'
import { ScriptedClock } from '../vectors/clock.js'

export interface Started {
  readonly mqtt: number
  readonly http: number
  /** Of live web pages. */
  readonly pages: number
  /** By instance. */
  readonly ports: Readonly<Record<string, number>>
}

export interface Figures {
  /** Bytes, after garbage collection. */
  readonly rss: number
  readonly heap: number
  readonly warnings: number
  readonly errors: readonly string[]
}

export type Order = 'figures' | 'advance' | 'stop'

const file = process.argv[2] as string
const errors: string[] = []
let warnings = 0
let pages = 0

const log: Logger = {
  debug: () => {},
  info: (fields) => {
    const { type, port } = fields as { type?: string; port?: number }
    if (type === 'live web pages') pages = port ?? 0
  },
  warn: () => void (warnings += 1),
  error: (fields, message) => void errors.push(`${message} ${describe(fields)}`),
  child: () => log
}

function describe(fields: object): string {
  const { err } = fields as { err?: Error }
  return err instanceof Error ? (err.stack ?? err.message) : JSON.stringify(fields)
}

const scripted = new ScriptedClock()
const clock = process.argv[3] === 'real' ? systemClock : scripted
const checked = checkConfig(readFileSync(file, 'utf8'), { file, types: adapterTypes, env: {} })
const gateway = new Gateway({ checked, types: adapterTypes, log, clock })

process.on('message', (order: Order) => {
  if (order === 'advance') {
    // What the gateway says of itself every ten seconds, it says now.
    scripted.advance(11)
    process.send?.('advanced')
  } else if (order === 'figures') {
    for (let i = 0; i < 3; i += 1) globalThis.gc?.()
    const { rss, heapUsed } = process.memoryUsage()
    process.send?.({ rss, heap: heapUsed, warnings, errors } satisfies Figures)
  } else
    gateway.stop().then(
      () => process.disconnect(),
      (error: unknown) => {
        throw error
      }
    )
})

await gateway.start()
const ports = Object.fromEntries(checked.config.adapters.map(({ id }) => [id, gateway.endpoint(id)?.port ?? 0]))
process.send?.({ mqtt: gateway.address('tcp')?.port ?? 0, http: gateway.address('http')?.port ?? 0, pages, ports } satisfies Started)
