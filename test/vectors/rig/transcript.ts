/** One recorded talk of a rig and its controller: who says what and when, how the real ends were set up, and what came of it. */
import type { Exact, ExactMap } from '../../../adapters/common/exact-json.js'
import { str } from '../../../adapters/common/python-text.js'
import { list, map } from '../ws/transcript.js'

/** Which end the gateway takes: the one that the real library had when it was recorded. */
export type Role = 'server' | 'client' | 'both'

/**
 * What a gateway in that place owes. same: the same bytes. effect: the same for the user. tolerate: it lives on. avoid: it does better.
 */
export type Owed = 'same' | 'effect' | 'tolerate' | 'avoid'

export interface Transcript {
  readonly id: string
  readonly transport: 'udp' | 'tcp'
  readonly role: Role
  readonly owed: Owed
  readonly isReplayable: boolean
  /** What the program was started with, by its name. */
  readonly setup: readonly Program[]
  readonly steps: readonly Step[]
  /** What the real rig delivered to its program. */
  readonly delivered: number
  /** Of the real controller: what came of each of its steps. */
  readonly calls: readonly Call[]
}

export interface Program {
  readonly program: string
  readonly args: readonly Exact[]
}

export interface Step {
  /** The connecting side is the client. */
  readonly from: 'client' | 'server'
  readonly peer: string
  /** Milliseconds since the first step. */
  readonly at: number
  /** Undefined: it is an event. */
  readonly bytes: Buffer | undefined
  readonly event: string | undefined
  readonly kind: string
  readonly match: 'bytes' | 'json'
}

export interface Call {
  readonly ok: boolean
  readonly error: string
  /** Elements of the answer, where one was waited for. */
  readonly data: Exact | undefined
}

export function isRigTalk(line: ExactMap): boolean {
  return line.has('transport') && line.has('role') && line.has('steps')
}

export function readTranscript(line: ExactMap): Transcript {
  const outcome = map(line.get('outcome'))
  return {
    id: text(line.get('id')),
    transport: text(line.get('transport')) as Transcript['transport'],
    role: text(line.get('role')) as Role,
    owed: text(line.get('gateway')) as Owed,
    isReplayable: line.get('replay') !== false,
    setup: list(line.get('setup')).map((each) => {
      const args = map(each)?.get('args')
      return { program: text(map(each)?.get('program')), args: typeof args === 'string' ? [args] : list(args) }
    }),
    steps: list(line.get('steps')).map((each) => readStep(map(each) ?? new Map())),
    delivered: list(outcome?.get('rig')).filter((each) => map(each)?.get('kind') === 'event').length,
    calls: list(outcome?.get('controller')).flatMap((each) => {
      const call = map(each)
      if (call?.get('kind') !== 'step') return []
      const result = call.get('result')
      return { ok: call.get('ok') === true, error: text(call.get('error')), data: map(result)?.get('data') ?? result }
    })
  }
}

function readStep(step: ExactMap): Step {
  const [plain, coded, event] = ['bytes_utf8', 'bytes_b64', 'event'].map((key) => step.get(key))
  const bytes = plain === undefined ? coded && Buffer.from(str(coded), 'base64') : Buffer.from(str(plain))
  return {
    from: text(step.get('from')) === 'client' ? 'client' : 'server',
    peer: text(step.get('peer')),
    at: Number(step.get('timing_ms') ?? 0),
    bytes: bytes instanceof Buffer ? bytes : undefined,
    event: event === undefined ? undefined : str(event),
    kind: text(step.get('kind')),
    match: step.get('match') === 'json' ? 'json' : 'bytes'
  }
}

/** The value behind an option; undefined when it is not there. */
export function option({ args }: Program, name: string): Exact | undefined {
  const at = args.indexOf(name)
  return at < 0 ? undefined : args[at + 1]
}

export function has({ args }: Program, name: string): boolean {
  return args.includes(name)
}

function text(value: Exact | undefined): string {
  return typeof value === 'string' ? value : ''
}
