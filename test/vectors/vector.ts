/** One recorded case: what was sent to which socket, and what came back (format in the README of the recordings, pyexplabsys.md). */
import { isExactList, isExactMap } from '../../adapters/common/exact-json.js'
import type { Exact, ExactMap } from '../../adapters/common/exact-json.js'
import { str } from '../../adapters/common/python-text.js'

export interface Vector {
  readonly id: string
  readonly kind: string
  readonly tier: string
  readonly dialect: string
  /** The first is `to: 0`. */
  readonly servers: readonly ExactMap[]
  /** Unix seconds at which the clock stands still. */
  readonly clock: number | undefined
  /** Seconds that an answer may take. */
  readonly wait: number
  readonly steps: readonly Step[]
  /** The case as it is written, for kinds that have steps of their own. */
  readonly line: ExactMap
}

export type Step = Talk | Operation

/** A datagram out, a datagram back; either may be missing. */
export interface Talk {
  readonly kind: 'talk'
  readonly send: Buffer | undefined
  /** Undefined: nobody waits. */
  readonly expected: Expected | undefined
  readonly client: number
  readonly to: number
}

export type Expected =
  | { readonly kind: 'silence' }
  | { readonly kind: 'exact'; readonly bytes: Buffer }
  | { readonly kind: 'regex'; readonly pattern: string }
  | { readonly kind: 'json-shape'; readonly sample: string; readonly schema: string | undefined }
  | { readonly kind: 'sha256'; readonly digest: string; readonly length: number }

/** What the program that owns the socket does. */
export interface Operation {
  readonly kind: 'op'
  readonly op: string
  readonly args: readonly Exact[]
  readonly to: number
  /** Undefined: nothing is said of it. */
  readonly result: Exact | undefined
  readonly raises: string | undefined
  /** The datagram that a LiveSocket sends to its proxy. */
  readonly emit: Expected | undefined
}

/** Seconds that an answer may take where the recording does not say. */
const defaultWait = 2

/** Undefined when the line is no case of this format. Throws when it asks for what this player does not know. */
export function readVector(line: ExactMap): Vector | undefined {
  const server = line.get('server')
  const kind = isMap(server) ? server.get('kind') : undefined
  const [id, tier, dialect] = ['id', 'tier', 'dialect'].map((key) => line.get(key))
  if (!isMap(server) || typeof kind !== 'string' || typeof id !== 'string' || typeof tier !== 'string' || typeof dialect !== 'string')
    return undefined
  const clock = line.get('clock')
  return {
    id,
    kind,
    tier,
    dialect,
    servers: [server, ...list(line.get('more_servers')).filter(isExactMap)],
    clock: clock === undefined || clock === null ? undefined : Number(clock),
    wait: Number(line.get('wait') ?? defaultWait),
    steps: [...list(line.get('before')), ...list(line.get('steps'))].filter(isExactMap).map(readStep),
    line
  }
}

function readStep(step: ExactMap): Step {
  const to = Number(step.get('to') ?? 0)
  const op = step.get('op')
  if (typeof op === 'string') {
    const raises = step.get('raises')
    return {
      kind: 'op',
      op,
      to,
      args: list(step.get('args')),
      result: step.get('result'),
      raises: typeof raises === 'string' ? raises : undefined,
      emit: step.has('emit') ? readExpected(new Map([...step, ['recv', step.get('emit') ?? null]])) : undefined
    }
  }
  const send = step.get('send')
  return {
    kind: 'talk',
    send: typeof send === 'string' ? bytes(send, step.get('enc')) : undefined,
    expected: step.get('no_wait') === true ? undefined : readExpected(step),
    client: Number(step.get('client') ?? 0),
    to
  }
}

function readExpected(step: ExactMap): Expected {
  const digest = step.get('recv_sha256')
  if (typeof digest === 'string') return { kind: 'sha256', digest, length: Number(step.get('recv_len')) }
  const recv = step.get('recv')
  if (typeof recv !== 'string') return { kind: 'silence' }
  const schema = step.get('schema')
  switch (step.get('match') ?? 'exact') {
    case 'exact':
      return { kind: 'exact', bytes: bytes(recv, step.get('recv_enc')) }
    case 'regex':
      return { kind: 'regex', pattern: str(step.get('pattern') ?? '') }
    case 'json-shape':
      return { kind: 'json-shape', sample: recv, schema: typeof schema === 'string' ? schema : undefined }
    default:
      throw new Error(`this player knows no match ${str(step.get('match') ?? null)}`)
  }
}

function bytes(text: string, encoding: Exact | undefined): Buffer {
  return Buffer.from(text, encoding === 'base64' ? 'base64' : 'utf8')
}

function list(value: Exact | undefined): readonly Exact[] {
  return value !== undefined && isExactList(value) ? value : []
}

function isMap(value: Exact | undefined): value is ExactMap {
  return value !== undefined && isExactMap(value)
}
