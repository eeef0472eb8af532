import { basename } from 'node:path'
import type { Exact } from '../adapter.js'
import { ConfigError, formatProblem } from '../config.js'
import { GatewayError, told } from '../errors.js'
import { formatTime } from '../time.js'

/** Who wants the file to be read again. */
export type Trigger = 'start' | 'signal' | 'file' | 'call'

/** What came of the last reading of the file. */
export interface ReloadReport {
  /** Unix seconds. */
  readonly time: number
  readonly trigger: Trigger
  /** `started`: the gateway has; `unchanged`: the file says what is in force already; `refused`: nothing of it was applied. */
  readonly result: 'started' | 'applied' | 'unchanged' | 'refused'
  /** Why it was refused; else empty. */
  readonly reason: string
  /** What was done, in words. */
  readonly applied: readonly string[]
  /** From the reading of the file until all was in force. */
  readonly seconds: number
}

/** Problems of a file that are told at once; the log and `labgate check` have all. */
const most = 10

/** As the gateway device shows it. */
export function exactReport({ time, trigger, result, reason, applied, seconds }: ReloadReport): Exact {
  return new Map<string, Exact>([
    ['time', formatTime(time)],
    ['trigger', trigger],
    ['result', result],
    ['reason', reason],
    ['applied', [...applied]],
    ['seconds', Math.round(seconds * 1000) / 1000]
  ])
}

/** What is wrong with a file, with its places in it; where the file is concerns nobody who asks over the network. */
export function refusalOf(error: unknown): GatewayError {
  if (error instanceof GatewayError) return error
  if (!(error instanceof ConfigError)) return new GatewayError('Internal', String(error), { cause: error })
  const problems = error.problems
    .filter(({ warning }) => !warning)
    .map((problem) => formatProblem({ ...problem, file: basename(problem.file) }))
  const more = problems.length - most
  const text = problems.slice(0, most).join('; ') + (more > 0 ? `; and ${more} more` : '')
  return new GatewayError('BadPayload', text, { rule: 'configuration', cause: error })
}

export function reasonOf(error: GatewayError): string {
  return told(error)
}
