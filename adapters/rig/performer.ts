/** Carries out what the configuration says for a message of an experiment PC: gets, sets and calls of any device. */
import type { Codename, Exact, Host, Request } from '../../gateway/adapter.js'
import { GatewayError, asGatewayError } from '../../gateway/errors.js'
import { hideTokens } from './conceal.js'
import type { StatusName } from './events.js'
import { asksEvent, filled } from './event-arguments.js'
import { membersOf } from './members.js'
import { actionsOf } from './server-policies.js'
import type { Action, AnsweredEvent, Policy } from './server-policies.js'
import type { Turn } from './turns.js'

export interface PerformerOptions {
  readonly host: Host
  /** What the rig knows of itself, which calls are told besides the message. */
  readonly known: () => { readonly ref: string | null; readonly status: StatusName | undefined }
}

/** `replies`: of each action. `text`: the failure as in a report, `Class: text`. */
export type Performed = { readonly ok: true; readonly replies: readonly Exact[] } | { readonly ok: false; readonly text: string }

/** All of their actions are begun, whatever becomes of one: they bring things to rest. */
const goesOn: ReadonlySet<AnsweredEvent> = new Set(['EXPEND', 'EXPINTERRUPT', 'EXPCLEANUP'])

/** Characters of a failure; devices may say a lot. */
const maxText = 500

export class Performer {
  readonly #options: PerformerOptions

  constructor(options: PerformerOptions) {
    this.#options = options
  }

  /** Never rejects. */
  async carryOut(policy: Policy, turn: Turn): Promise<Performed> {
    // It waited, and an end came meanwhile.
    if (turn.work.signal.aborted) return { ok: false, text: failure([], turn) }
    const actions = actionsOf(policy)
    return goesOn.has(turn.event) ? await this.#all(actions, turn) : await this.#inTurn(actions, turn)
  }

  /** Would an action with given values be refused as it stands? The first refusal, for the log. */
  check({ op, ref, ...action }: Action): Error | undefined {
    const value = 'value' in action ? action.value : 'arguments' in action ? action.arguments : undefined
    // What a message will tell is not known yet.
    if (op === 'call' && (value === undefined || asksEvent(value))) return undefined
    return this.#options.host.checkRequest({ ...ref, op, ...(value === undefined ? {} : { value }) })
  }

  async #inTurn(actions: readonly Action[], turn: Turn): Promise<Performed> {
    const replies: Exact[] = []
    for (const [index, action] of actions.entries()) {
      try {
        replies.push(await this.#ask(action, idOf(index, actions, turn), turn))
      } catch (thrown) {
        return { ok: false, text: failure([[action, thrown]], turn) }
      }
    }
    return { ok: true, replies }
  }

  /** Each begins when the one before has ended; but one that takes long must not keep the others from beginning in time. */
  async #all(actions: readonly Action[], turn: Turn): Promise<Performed> {
    const { clock } = this.#options.host
    const failures: [Action, unknown][] = []
    const replies: Exact[] = []
    const asked: Promise<void>[] = []
    for (const [index, action] of actions.entries()) {
      const ended = this.#ask(action, idOf(index, actions, turn), turn).then(
        (reply) => void (replies[index] = reply),
        (thrown: unknown) => void failures.push([action, thrown])
      )
      asked.push(ended)
      const share = Math.max(0, turn.due - clock.monotonic()) / (actions.length - index)
      await within(share, ended, this.#options.host)
    }
    await Promise.all(asked)
    return failures.length === 0 ? { ok: true, replies } : { ok: false, text: failure(failures, turn) }
  }

  async #ask(action: Action, id: string, turn: Turn): Promise<Exact> {
    const { host } = this.#options
    const { due, work } = turn
    const { signal } = work
    if (signal.aborted) throw new GatewayError('Expired', 'it was not begun')
    const left = due - host.clock.monotonic()
    if (left <= 0) throw new GatewayError('Timeout', 'its turn came too late; it was not begun')
    const asked: Request = { ...action.ref, op: action.op, id, within: left, patience: left, signal }
    const value = this.#valueOf(action, turn)
    return await host.request(value === undefined ? asked : { ...asked, value })
  }

  #valueOf(action: Action, turn: Turn): Exact | undefined {
    if (action.op === 'set') return action.value
    if (action.op === 'get') return undefined
    if (action.arguments !== undefined) return asksEvent(action.arguments) ? filled(action.arguments, this.#told(turn)) : action.arguments
    const { device, codename } = action.ref
    return taken(this.#told(turn), this.#options.host.meta(device, codename))
  }

  /** Never as the message's own what only the rig knows: a start without a reference must not begin the session of yesterday. */
  #told({ id, session, event, elements, controller }: Turn): ReadonlyMap<string, Exact> {
    const { ref, status } = this.#options.known()
    return new Map<string, Exact>([
      ['id', id],
      ['session', session],
      ['event', event],
      ...membersOf(event, elements),
      ['controller', controller.name],
      [
        'rig',
        new Map<string, Exact>([
          ['status', status ?? null],
          ['exp_ref', ref]
        ])
      ]
    ])
  }
}

/** What a call takes of what it could be told. Undefined: it takes no object. */
function taken(told: ReadonlyMap<string, Exact>, meta: Codename | undefined): Exact | undefined {
  const { properties, additionalProperties, type } = (meta?.callable?.arguments ?? {}) as {
    readonly properties?: object
    readonly additionalProperties?: unknown
    readonly type?: unknown
  }
  if (type !== undefined && type !== 'object') return undefined
  if (additionalProperties !== false) return told
  return new Map([...told].filter(([name]) => Object.hasOwn(properties ?? {}, name)))
}

/**
 * That of the message; what is done once more to the same codename gets one of its own, or a device that answers the first too late would
 * be taken to have done the second.
 */
function idOf(index: number, actions: readonly Action[], { id }: Turn): string {
  const isSame = ({ ref }: Action): boolean => ref.device === actions[index]?.ref.device && ref.codename === actions[index]?.ref.codename
  const nth = actions.slice(0, index + 1).filter(isSame).length
  return nth === 1 ? id : `${id}.${nth}`
}

function failure(failures: readonly (readonly [Action, unknown])[], { event, work }: Turn): string {
  const { signal } = work
  if (signal.aborted) return `Interrupted: ${String(signal.reason)} came before ${event} was carried out; part of it may be`
  const texts = failures.map(([{ ref }, thrown]) => said(`${ref.device}/${ref.codename}`, asGatewayError(thrown)))
  const [first] = texts
  const rest = texts.slice(1).map((text) => `; ${text.message}`)
  const text = `${first?.class ?? 'Internal'}: ${first?.message ?? ''}${rest.join('')}`
  return hideTokens(text.replace(/\s+/g, ' ')).slice(0, maxText)
}

/** The class and the text of a failure. A device that speaks as Python does is quoted as it is. */
function said(what: string, { class: errorClass, message }: GatewayError): { readonly class: string; readonly message: string } {
  if (errorClass === 'Timeout') return { class: 'TimeoutError', message: `no answer from ${what}: ${message}` }
  const [, own, text] = /^([A-Z]\w{0,60}(?:Error|Exception)): ([\s\S]+)$/.exec(message) ?? []
  if (errorClass === 'DeviceError' && own !== undefined && text !== undefined) return { class: own, message: text }
  return { class: errorClass, message: `${what}: ${message}` }
}

async function within(seconds: number, ended: Promise<void>, { clock }: Pick<Host, 'clock'>): Promise<void> {
  await new Promise<void>((resolve) => {
    const timer = clock.after(seconds, resolve)
    void ended.then(() => {
      timer.cancel()
      resolve()
    })
  })
}
