/** Calls as messages: the arguments checked, before anything is sent, and encoded. Shared by rigs and groups. */
import { GatewayError } from '../../gateway/errors.js'
import { isExactMap } from '../common/exact-json.js'
import type { Exact, ExactMap } from '../common/exact-json.js'
import { dumps } from '../common/python-text.js'
import { classify, readPayload, statusToSend } from './codec.js'
import { holdsTokens } from './conceal.js'
import type { EventName } from './events.js'
import { isRef, refToSend } from './exp-ref.js'

/** What a call sends. */
export interface Message {
  readonly event: EventName
  /** After the event number. */
  readonly elements: readonly Exact[]
  /** An answer is waited for. */
  readonly answer: boolean
  /** Seconds for the answer, where the call says so. */
  readonly answerWithin?: number
  readonly priority?: 'interrupt' | 'stop'
}

const eventOf: ReadonlyMap<string, EventName> = new Map([
  ['init', 'EXPINIT'],
  ['start', 'EXPSTART'],
  ['stop', 'EXPEND'],
  ['interrupt', 'EXPINTERRUPT'],
  ['status', 'EXPSTATUS'],
  ['info', 'EXPINFO'],
  ['cleanup', 'EXPCLEANUP']
])

/** What the call of that codename sends. Throws a GatewayError with the code `invalid`; then nothing was sent. */
export function messageOf(codename: string, value: Exact): Message {
  const event = eventOf.get(codename)
  if (event === undefined) throw new GatewayError('UnknownCodename', `${codename} is no call that sends an event`)
  const given = argumentsOf(value)
  const seconds = secondsOf(given)
  return {
    event,
    elements: elementsOf(event, given),
    answer: given.get('answer') !== false,
    ...(seconds === undefined ? {} : { answerWithin: seconds }),
    ...priorityOf(event)
  }
}

function priorityOf(event: EventName): Pick<Message, 'priority'> {
  return event === 'EXPEND' ? { priority: 'stop' } : event === 'EXPINTERRUPT' ? { priority: 'interrupt' } : {}
}

/** Of `await`. Throws as {@link messageOf}. */
export function awaited(value: Exact): { readonly event: EventName; readonly within: number | undefined } {
  const given = argumentsOf(value)
  const named = given.get('event')
  const known = named === undefined ? undefined : classify(named)
  if (known?.ok !== true || known.name === null)
    throw invalid('event is EXPINIT, EXPSTART, EXPEND, EXPCLEANUP, EXPINTERRUPT, EXPSTATUS or EXPINFO')
  if (known.name === 'ALYX') throw new GatewayError('Forbidden', 'a login is not shown; nothing is waited for', { code: 'invalid' })
  return { event: known.name, within: secondsOf(given) }
}

/** What an expert wrote, and what a rig takes it for, EXPSTATUS where it is no message; only its echo is waited for. */
export interface RawMessage extends Message {
  readonly bytes: Buffer
}

/** Of `send`, to a rig that may take 127 for ALYX. Throws as {@link messageOf}. */
export function rawOf(value: Exact, int8 = false): RawMessage {
  const given = argumentsOf(value)
  const [json, text] = [given.get('json'), given.get('text')]
  if ((json === undefined) === (text === undefined)) throw invalid('write json (any JSON) or text')
  const bytes = Buffer.from(typeof text === 'string' ? text : dumps(json ?? null))
  const payload = readPayload(bytes, { int8 })
  if (payload.kind === 'message' && payload.event === 'ALYX' && holdsTokens(payload.elements))
    throw new GatewayError(
      'Forbidden',
      'a login is not sent for an MQTT client, nothing was sent: write alyx in the configuration of the rigs',
      {
        code: 'invalid'
      }
    )
  const { event, elements } = payload.kind === 'message' ? payload : { event: 'EXPSTATUS' as const, elements: [] }
  return { bytes, event, elements, answer: false, ...priorityOf(event) }
}

/**
 * Of the secret call `alyx`: what follows the event number, as a list, or as `elements`. An answer is waited for where it asks for a login, or
 * `answer` says so. Throws as {@link messageOf}.
 */
export function loginOf(value: Exact): { readonly elements: readonly Exact[]; readonly answer: boolean } {
  const elements = isExactMap(value) ? value.get('elements') : value
  const asks = isExactMap(value) ? value.get('answer') : undefined
  if (!Array.isArray(elements) || elements.length === 0) throw invalid('elements are a URL or null, and the users with their tokens')
  const login = elements as readonly Exact[]
  return { elements: login, answer: typeof asks === 'boolean' ? asks : !holdsTokens(login) }
}

function elementsOf(event: EventName, given: ExactMap): readonly Exact[] {
  const data = given.get('data') ?? null
  switch (event) {
    case 'EXPSTART':
      return [refOf(given), data]
    case 'EXPSTATUS':
      return [statusOf(given)]
    case 'EXPINFO':
      return [statusOf(given), checkedData(data)]
    case 'EXPINIT':
      return [checkedData(data)]
    default:
      return [data]
  }
}

function refOf(given: ExactMap): Exact {
  const ref = given.get('exp_ref')
  if (ref === undefined) throw invalid('exp_ref is missing: yyyy-mm-dd_n_subject, or null for none')
  return checkedRef(ref)
}

function checkedRef(ref: Exact): Exact {
  const sent = refToSend(ref)
  if (!sent.ok) throw invalid(`exp_ref is refused (${sent.error}: ${sent.message}): write yyyy-mm-dd_n_subject`)
  // Not what ONE, the labs' data library, would find again (section 5).
  if (sent.value !== null && !isRef(sent.value)) throw invalid(`exp_ref ${shown(sent.value)} is not of the form yyyy-mm-dd_n_subject`)
  return sent.value
}

/** iblrig tells the reference in the data of EXPINIT and EXPINFO (section 2.1). */
function checkedData(data: Exact): Exact {
  const ref = isExactMap(data) ? (data.get('exp_ref') ?? null) : null
  if (ref !== null && !isRef(ref)) throw invalid(`exp_ref ${shown(ref)} in data is not of the form yyyy-mm-dd_n_subject`)
  return data
}

function statusOf(given: ExactMap): Exact {
  const status = given.get('status')
  if (status === undefined) return 0n
  const sent = statusToSend(status)
  if (!sent.ok) throw invalid(`status ${shown(status)} is none of CONNECTED, INITIALIZED, RUNNING, STOPPED (0, 10, 20, 30)`)
  return BigInt(sent.number)
}

function argumentsOf(value: Exact): ExactMap {
  if (value === null) return new Map()
  if (!isExactMap(value)) throw invalid('the arguments are an object')
  return value
}

function secondsOf(given: ExactMap): number | undefined {
  const seconds = given.get('timeout')
  return typeof seconds === 'number' || typeof seconds === 'bigint' ? Number(seconds) : undefined
}

function shown(value: Exact): string {
  const text = dumps(value)
  return text.length > 80 ? `${text.slice(0, 80)}…` : text
}

function invalid(message: string): GatewayError {
  return new GatewayError('BadPayload', `${message}; nothing was sent`, { code: 'invalid' })
}
