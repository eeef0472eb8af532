/** Why something cannot be done now; undefined: it may be tried. */
import type { Op } from './asking.js'
import type { Connection, GatewayInfo } from './info.js'
import type { Everything } from './recheck.js'
import type { Me } from './session.js'
import type { CodenameView } from './table.js'
import type { Topics } from '../../topic.js'

export interface Known {
  readonly connection: Connection
  readonly info: GatewayInfo | undefined
  readonly me: Me | undefined
}

export class May {
  /** Of codenames of which not everything may be done, what may. */
  readonly #limited = new Map<string, readonly string[]>()
  #hasHeard = false

  /** What was known is of somebody else. */
  forget(): void {
    this.#limited.clear()
    this.#hasHeard = false
  }

  learn({ devices }: Everything, topics: Topics): void {
    this.forget()
    this.#hasHeard = true
    for (const { device, codenames } of devices)
      for (const { codename, may } of codenames) {
        const topic = may === undefined ? undefined : topics.reading(device, codename)
        if (topic !== undefined && may !== undefined) this.#limited.set(topic, may)
      }
  }

  whyNoCommand({ topic }: CodenameView, op: Op, known: Known): string | undefined {
    const why = whyNothing(known)
    if (why !== undefined || known.me === undefined) return why
    const { may, role } = known.me
    const limited = this.#limited.get(topic)
    if (limited !== undefined) return limited.includes(op) ? undefined : `the role ${role} may not do this`
    if (may.command === 'all') return undefined
    if (may.command === 'none' && op !== 'get') return `the role ${role} may not do this`
    return this.#hasHeard ? undefined : notSaid
  }
}

export function whyNoRun(what: 'start' | 'stop', known: Known): string | undefined {
  const why = whyNothing(known)
  if (why !== undefined || known.me === undefined) return why
  const { may, role } = known.me
  return (what === 'start' ? may.startRuns : may.stopRuns) ? undefined : `the role ${role} may not ${what} runs`
}

const notSaid = 'the gateway has not yet said what you may do'

function whyNothing({ connection, info, me }: Known): string | undefined {
  if (connection.state !== 'connected') return 'not connected to the gateway'
  if (info === undefined || me === undefined) return notSaid
  return me.readOnly ? 'the gateway is read-only here (http.readOnly)' : undefined
}
