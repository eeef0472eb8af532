/** Carries out what the configuration says for a message of an experiment PC: gets, sets and calls of any device. */
import type { Codename, Exact, Host, Request } from '../../gateway/adapter.js'
import { GatewayError, asGatewayError } from '../../gateway/errors.js'
import { isExactList, isExactMap } from '../common/exact-json.js'
import { concealed } from './conceal.js'
import type { StatusName } from './events.js'
import { actionsOf } from './server-policies.js'
import type { Action, AnsweredEvent, Policy } from './server-policies.js'
import { hideTokens } from './tokens.js'
import type { Turn } from './turns.js'

export interface PerformerOptions {
  readonly host: Host
  /** What calls are told besides the message. */
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
    const actions = actionsOf(policy)
    return goesOn.has(turn.event) ? await this.#all(actions, turn) : await this.#inTurn(actions, turn)
  }

  /** Would an action with given values be refused as it stands? The first refusal, for the log. */
  check({ op, ref, ...action }: Action): Error | undefined {
    const value = 'value' in action ? action.value : 'arguments' in action ? action.arguments : undefined
    if (op === 'call' && value === undefined) return undefined
    return this.#options.host.checkRequest({ ...ref, op, ...(value === undefined ? {} : { value }) })
  }

  async #inTurn(actions: readonly Action[], turn: Turn): Promise<Performed> {
    const replies: Exact[] = []
    for (const action of actions) {
      try {
        replies.push(await this.#ask(action, turn))
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
      const ended = this.#ask(action, turn).then(
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

  async #ask(action: Action, turn: Turn): Promise<Exact> {
    const { host } = this.#options
    const { id, due, work } = turn
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
    if (action.arguments !== undefined) return action.arguments
    const { device, codename } = action.ref
    return taken(this.#told(turn), this.#options.host.meta(device, codename))
  }

  #told({ id, session, event, elements, controller }: Turn): ReadonlyMap<string, Exact> {
    const { ref, status } = this.#options.known()
    return new Map<string, Exact>([
      ['id', id],
      ['session', session],
      ['event', event],
      ['exp_ref', ref],
      ['status', status ?? null],
      ['data', concealed(event, elements).map(finite)],
      ['controller', controller.name]
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

/** NaN has no place in a command to a device that speaks MQTT. */
function finite(value: Exact): Exact {
  if (typeof value === 'number') return Number.isFinite(value) ? value : null
  if (isExactList(value)) return value.map(finite)
  return isExactMap(value) ? new Map(Array.from(value, ([name, item]) => [name, finite(item)])) : value
}

function failure(failures: readonly (readonly [Action, unknown])[], { event, work }: Turn): string {
  const { signal } = work
  if (signal.aborted) return `Interrupted: ${String(signal.reason)} came before ${event} was carried out; part of it may be`
  const texts = failures.map(([{ ref }, thrown]): [string, string] => {
    const error = asGatewayError(thrown)
    const what = `${ref.device}/${ref.codename}`
    return error.class === 'Timeout'
      ? ['TimeoutError', `no answer from ${what}: ${error.message}`]
      : [error.class, `${what}: ${error.message}`]
  })
  const [first] = texts
  const text = `${first?.[0] ?? 'Internal'}: ${texts.map(([, said]) => said).join('; ')}`
  return hideTokens(text.replace(/\s+/g, ' ')).slice(0, maxText)
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
