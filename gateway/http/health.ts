import { performance } from 'node:perf_hooks'
import type { EventLoopUtilization } from 'node:perf_hooks'
import { formatTime } from '../time.js'
import type { Parts } from './parts.js'

type Status = 'ok' | 'degraded' | 'failing'

export interface Check {
  readonly name: string
  readonly status: Status
  /** What is the matter, and what to do; empty when all is well. */
  readonly reason: string
  /** RFC 3339. */
  readonly since?: string
}

/** Worst last. */
const order: readonly Status[] = ['ok', 'degraded', 'failing']

/** Share of its bound above which a queue is said to be long. */
const long = 0.5

/** Share of the time above which the process is said to have too much to do. */
const busy = 0.9

/** Seconds over which the load is taken, at least. */
const loadOver = 1

/** Is the gateway well? Each check says what is the matter, in words. */
export class Health {
  readonly #parts: Parts
  #utilization: EventLoopUtilization = performance.eventLoopUtilization()
  #load = 0
  #at: number

  constructor(parts: Parts) {
    this.#parts = parts
    this.#at = parts.clock.monotonic()
  }

  look(): { status: Status; time: string; checks: readonly Check[] } {
    const checks = [
      this.#disk(),
      this.#queue(),
      this.#loop(),
      this.#clock(),
      this.#history(),
      this.#runs(),
      ...this.#users(),
      ...this.#certificates(),
      ...this.#configuration(),
      ...this.#upstream(),
      ...this.#instances()
    ]
    const worst = Math.max(...checks.map(({ status }) => order.indexOf(status)))
    return { status: order[worst] as Status, time: formatTime(this.#parts.clock.now()), checks }
  }

  #disk(): Check {
    const { broker, config } = this.#parts
    const { data } = config.gateway
    const { diskFailure } = broker
    if (diskFailure === undefined)
      return { name: 'disk', status: 'ok', reason: data === undefined ? 'everything is in memory (no gateway.data)' : '' }
    const reason = `cannot write to gateway.data (${withoutPath(diskFailure.message)}): nothing is acknowledged until it works again; free space on the disk, or mend it`
    return { name: 'disk', status: 'failing', reason }
  }

  #queue(): Check {
    const { queueLength, maxQueue } = this.#parts.broker
    if (queueLength < maxQueue * long) return { name: 'queue', status: 'ok', reason: '' }
    return {
      name: 'queue',
      status: 'degraded',
      reason: `${queueLength} messages of the gateway wait for the broker (at most ${maxQueue}): readings come faster than they can be passed on`
    }
  }

  #loop(): Check {
    const { clock } = this.#parts
    const now = clock.monotonic()
    if (now - this.#at >= loadOver) {
      const before = this.#utilization
      this.#utilization = performance.eventLoopUtilization()
      this.#load = performance.eventLoopUtilization(this.#utilization, before).utilization
      this.#at = now
    }
    if (this.#load < busy) return { name: 'load', status: 'ok', reason: '' }
    return {
      name: 'load',
      status: 'degraded',
      reason: `the process was busy for ${Math.round(this.#load * 100)} % of the time: answers may be late; let it do less, or move it to a faster computer`
    }
  }

  #clock(): Check {
    const { isDoubtful, status } = this.#parts.operation.clockSync
    return { name: 'clock', status: isDoubtful ? 'degraded' : 'ok', reason: withoutPath(status.reason) }
  }

  #history(): Check {
    const { state, reason } = this.#parts.history.status()
    return { name: 'history', status: state === 'degraded' ? 'degraded' : 'ok', reason }
  }

  #runs(): Check {
    const problems = this.#parts.runs.problems()
    const [first] = problems
    if (first === undefined) return { name: 'runs', status: 'ok', reason: '' }
    const reason = problems.map(({ run, reason: why }) => `${run}: ${withoutPath(why)}`).join('; ')
    return { name: 'runs', status: 'degraded', reason, since: formatTime(Math.min(...problems.map(({ since }) => since))) }
  }

  /** None where there are none. */
  #users(): Check[] {
    const { hasUsers, trouble } = this.#parts.access
    return hasUsers ? [{ name: 'users', status: trouble === undefined ? 'ok' : 'degraded', reason: trouble ?? '' }] : []
  }

  /** None where there is no TLS. */
  #certificates(): Check[] {
    const { certificates } = this.#parts
    if (certificates.states().length === 0) return []
    const troubles = certificates.troubles()
    const status = troubles.some((one) => one.status === 'failing') ? 'failing' : troubles.length > 0 ? 'degraded' : 'ok'
    return [{ name: 'certificates', status, reason: troubles.map(({ reason }) => withoutPath(reason)).join('; ') }]
  }

  /** The gateway works as it did: what it was not given to do is no fault of its own. */
  #configuration(): Check[] {
    const { trouble } = this.#parts.reload
    if (trouble === undefined) return []
    const reason = `the configuration file was read again and not applied, what was in force goes on: ${withoutPath(trouble)}`
    return [{ name: 'configuration', status: 'ok', reason }]
  }

  /** None where there are no bridges. */
  #upstream(): Check[] {
    return [...this.#parts.upstream.troubles()].map(([id, { reason, since }]) => ({
      name: `upstream ${id}`,
      status: reason === undefined ? 'ok' : 'degraded',
      reason: withoutPath(reason ?? ''),
      since: formatTime(since)
    }))
  }

  #instances(): Check[] {
    return [...this.#parts.states.instances()].map(([id, { state, reason, since }]) => {
      const name = `instance ${id}`
      if (state === 'online' || state === 'disabled')
        return { name, status: 'ok', reason: state === 'online' ? '' : reason, since: formatTime(since) }
      return { name, status: 'degraded', reason: `${state}: ${reason}`, since: formatTime(since) }
    })
  }
}

/** Where the folder is concerns nobody who asks over the network. */
function withoutPath(message: string): string {
  return message.replace(/['"]?(?:[A-Za-z]:)?(?:[\\/][^\s'":,]+)+['"]?/g, '…')
}
