import type { Exact, Host } from '../../gateway/adapter.js'
import { GatewayError, asGatewayError } from '../../gateway/errors.js'
import { parseExact } from '../common/exact-json.js'
import { dumps } from '../common/python-text.js'
import type { Asked } from './targets.js'

/** Seconds that an acknowledged push waits for its codename while another command runs for it. */
const patience = 30

/** A push as commands; `name` is that of its note. */
interface Accepted {
  readonly name: string
  readonly asked: readonly Asked[]
}

/**
 * Pushes that were acknowledged and wait to be carried out, one after another. Each is noted until its commands have begun, when the
 * gateway notes them itself: so that none is lost in a crash. It is not carried out after one, when nobody may want it any more.
 */
export class Backlog {
  readonly #id: string
  readonly #host: Host
  #queue: Accepted[] = []
  #noted = 0
  /** Noted, and not acknowledged yet. */
  readonly #unkept = new Set<Accepted>()
  #working = false
  /** Counts the stops. */
  #turn = 0
  /** What has not begun of the push that is being carried out. */
  #rest: Accepted | undefined

  constructor(id: string, host: Host) {
    this.#id = id
    this.#host = host
  }

  get length(): number {
    return this.#queue.length
  }

  get isWorking(): boolean {
    return this.#working
  }

  /** What an earlier run had acknowledged and not begun. */
  recover(): void {
    for (const [name, text] of this.#host.notes()) {
      const noted = parseExact(text, { words: true, maxDepth: 1100 })
      if (noted.ok) this.#abandon({ name, asked: askedOf(noted.value) }, 'the gateway ended')
      this.#host.note(name, undefined)
    }
  }

  /** Before it is acknowledged. */
  note(asked: readonly Asked[]): Accepted {
    const accepted = { name: String(++this.#noted).padStart(15, '0'), asked }
    this.#unkept.add(accepted)
    this.#host.note(accepted.name, noteOf(asked))
    return accepted
  }

  /** It is not acknowledged after all. */
  forget(accepted: Accepted): void {
    if (this.#unkept.delete(accepted)) this.#host.note(accepted.name, undefined)
  }

  /** It may be acknowledged. False: the instance was stopped meanwhile, and it is given up. */
  add(accepted: Accepted): boolean {
    if (!this.#unkept.delete(accepted)) return false
    this.#queue.push(accepted)
    this.#work().catch((error: unknown) => this.#host.failed(asGatewayError(error)))
    return true
  }

  stop(): void {
    this.#turn += 1
    // Of these nobody was told anything.
    for (const { name } of this.#unkept) this.#host.note(name, undefined)
    this.#unkept.clear()
    const [under, waiting] = [this.#rest, this.#queue]
    this.#rest = undefined
    this.#queue = []
    this.#working = false
    for (const accepted of under === undefined ? waiting : [under, ...waiting]) this.#abandon(accepted, 'the instance was stopped')
  }

  async #work(): Promise<void> {
    if (this.#working) return
    this.#working = true
    const turn = this.#turn
    for (let next = this.#queue.shift(); next !== undefined; next = this.#queue.shift()) {
      await this.#tellLength()
      for (let rest: Accepted | undefined = next; rest !== undefined && turn === this.#turn; rest = this.#rest) {
        const [first] = rest.asked
        this.#rest = this.#begun(rest)
        // An empty dict is a push like any other.
        if (first !== undefined) await this.#carryOut(first)
      }
      // Stopped meanwhile: what was left is told of already.
      if (turn !== this.#turn) return
    }
    this.#working = false
  }

  /** Its first command has begun: what is left of it. */
  #begun({ name, asked }: Accepted): Accepted | undefined {
    const left = asked.slice(1)
    this.#host.note(name, left.length > 0 ? noteOf(left) : undefined)
    return left.length > 0 ? { name, asked: left } : undefined
  }

  /** The client has its ACK#: a command of somebody else for the same codename is waited for. */
  async #carryOut(asked: Asked): Promise<void> {
    try {
      await this.#host.request({ ...asked, patience })
    } catch (error) {
      const reason = asGatewayError(error)
      const { device, codename } = asked
      this.#host.count('dropped')
      this.#host.log.warn({ device, codename, reason: reason.message }, 'an acknowledged push could not be carried out')
      this.#host.dead(asked, dumps(asked.value), reason)
    }
  }

  /** A queue length that finds no room at the broker is told with the next one. */
  async #tellLength(): Promise<void> {
    const length = { device: this.#id, codename: 'queue_length', value: BigInt(this.#queue.length), source: 'push' } as const
    if (this.#host.latest(length.device, length.codename)?.value !== length.value) await this.#host.publish(length).catch(() => {})
  }

  /** Acknowledged, and not carried out: that is told. */
  #abandon({ name, asked }: Accepted, why: string): void {
    const message = `${why} before this acknowledged push was carried out: send it again if it is still wanted`
    this.#host.count('dropped')
    for (const each of asked) {
      const { device, codename, value } = each
      this.#host.log.warn({ device, codename, value: dumps(value) }, `${why} before an acknowledged push was carried out`)
      this.#host.dead(each, dumps(value), new GatewayError('Unreachable', message))
    }
    this.#host.note(name, undefined)
  }
}

function noteOf(asked: readonly Asked[]): string {
  return dumps(asked.map(({ device, codename, op, value }) => [device, codename, op, value]))
}

function askedOf(noted: Exact): Asked[] {
  return (noted as [string, string, Asked['op'], Exact][]).map(([device, codename, op, value]) => ({ device, codename, op, value }))
}
