/** The steps of a recorded controller as calls of a rig's device. */
import { isExactList, isExactMap, parseExact } from '../../../adapters/common/exact-json.js'
import type { Exact } from '../../../adapters/common/exact-json.js'
import { str } from '../../../adapters/common/python-text.js'
import { list } from '../ws/transcript.js'
import { option } from './transcript.js'
import type { Program, Transcript } from './transcript.js'

export type Asked =
  | { readonly kind: 'sleep'; readonly seconds: number }
  | { readonly kind: 'call'; readonly codename: string; readonly arguments: Exact; readonly isSecret: boolean }

/** Bytes of the one message that no datagram can hold. */
const tooLong = 65_508

export function callsOf(program: Program, transcript: Transcript): Asked[] {
  const steps = option(program, '--steps') ?? null
  if (typeof steps === 'string') return [call('send', [['text', `[1, "${'x'.repeat(tooLong - 6)}"]`]])]
  return list(steps).map((step) => callOf(list(step), transcript))
}

function callOf([op = '', ...args]: readonly Exact[], transcript: Transcript): Asked {
  const [first = null, second] = args.map((arg) => whole(arg, transcript))
  const rest = second === undefined ? [] : ([['data', second]] as const)
  switch (op) {
    case 'sleep':
      return { kind: 'sleep', seconds: Number(first) }
    case 'start':
      return call(op, [['exp_ref', first], ...rest])
    case 'status':
      return call(op, [['status', first]])
    case 'info':
      return call(op, [['status', first], ...rest])
    case 'bytes':
      return call('send', [['text', first]])
    case 'raw':
      return call('send', [['json', first]])
    case 'alyx':
      return alyx(args)
    default:
      return call(str(op), [['data', first]])
  }
}

/** A login handed over, or asked for. */
function alyx([url = null, user, token]: readonly Exact[]): Asked {
  const login = user === undefined ? new Map<string, Exact>() : new Map([[str(user), new Map([['token', token ?? null]])]])
  return { kind: 'call', codename: 'alyx', arguments: [url, login], isSecret: true }
}

function call(codename: string, values: readonly (readonly [string, Exact])[]): Asked {
  return { kind: 'call', codename, arguments: new Map(values), isSecret: false }
}

/** Of a long value only the beginning was kept; the first message has it whole. */
function whole(value: Exact, { steps }: Transcript): Exact {
  const isCut = isExactMap(value) && [...value.values()].some((item) => typeof item === 'string' && item.endsWith(' characters)'))
  if (!isCut) return value
  const sent = parseExact(steps[0]?.bytes?.toString() ?? '', { words: true })
  return sent.ok && isExactList(sent.value) ? (sent.value[1] ?? null) : value
}
