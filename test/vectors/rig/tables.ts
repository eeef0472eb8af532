/** Recorded tables of pure functions: what is made of an event number, a status, a reference, an address. */
import { lookup } from 'node:dns/promises'
import { exactEqual, isExactMap } from '../../../adapters/common/exact-json.js'
import type { Exact, ExactMap } from '../../../adapters/common/exact-json.js'
import { dumps, str } from '../../../adapters/common/python-text.js'
import { classify, statusToSend } from '../../../adapters/rig/codec.js'
import { isRef, refToSend } from '../../../adapters/rig/exp-ref.js'
import { readUri } from '../../../adapters/rig/uri.js'
import type { Outcome } from '../run.js'
import { map } from '../ws/transcript.js'

export function isRigTable(line: ExactMap): boolean {
  return line.has('table') && line.has('input')
}

type Result = { readonly value: Exact } | { readonly error: string; readonly message: string }

export async function playTable(line: ExactMap): Promise<Outcome> {
  const [result, error] = [line.get('result'), line.get('error')]
  const outcome = (...problems: string[]): Outcome => ({ problems, better: [], unreachable: undefined })
  // `udp://::1:11001` comes of it, which the library itself cannot read again (section 1).
  if (str(line.get('input') ?? '').startsWith('IPv6Address('))
    return { ...outcome(), unreachable: 'an address object of Python; in a configuration an address is text' }
  const came = await made(str(line.get('table') ?? ''), inputOf(line.get('input') ?? null), map(line.get('options')) ?? new Map())
  if (came === undefined) return outcome(`there is no table ${str(line.get('table') ?? '')}`)
  if (error === undefined) {
    if ('error' in came) return outcome(`${came.error}: ${came.message}, expected ${dumps(result ?? null)}`)
    return exactEqual(came.value, result ?? null) ? outcome() : outcome(`${dumps(came.value)}, expected ${dumps(result ?? null)}`)
  }
  if (!('error' in came)) return outcome(`${dumps(came.value)}, expected ${str(error)}`)
  const message = str(line.get('message') ?? '')
  const [wanted, got] = [`${str(error)}: ${message}`, `${came.error}: ${came.message}`]
  // What is no name is refused without asking a name server.
  const isSame = wanted === got || (came.error === error && message.startsWith('Failed to resolve'))
  return isSame ? outcome() : outcome(`${got}, expected ${wanted}`)
}

async function made(table: string, input: Exact, options: ExactMap): Promise<Result | undefined> {
  switch (table) {
    case 'event': {
      const event = classify(input)
      return event.ok ? { value: [BigInt(event.number), event.name] } : event
    }
    case 'status-to-send': {
      const status = statusToSend(input)
      return status.ok ? { value: [BigInt(status.number), status.name] } : status
    }
    case 'ref-to-send':
      return refToSend(input)
    case 'exp-ref-check-ONE':
      return { value: isRef(input) }
    case 'uri':
      return await address(str(input), options)
    default:
      return undefined
  }
}

/** Names are looked up unless it is switched off, IPv4 only. */
async function address(text: string, options: ExactMap): Promise<Result> {
  const [proc, port] = [options.get('default_proc'), options.get('default_port')]
  const resolve = options.get('resolve_host') !== false
  const read = readUri(text, {
    resolve,
    ...(proc === undefined ? {} : { proc: str(proc) }),
    ...(port === undefined ? {} : { port: Number(port) })
  })
  if (!read.ok) return { error: 'ValueError', message: read.message }
  const host = resolve ? await ipv4(read.host) : read.host
  if (host === undefined) return { error: 'ValueError', message: `Failed to resolve IP for hostname "${read.host}"` }
  return { value: `${read.proc}://${host}:${read.port}` }
}

async function ipv4(name: string): Promise<string | undefined> {
  try {
    return (await lookup(name, { family: 4 })).address
  } catch {
    return undefined
  }
}

/** Objects of Python stand there as text: an address, and a date, which Python writes in the form of ISO 8601. */
function inputOf(input: Exact): Exact {
  if (isExactMap(input)) return new Map(Array.from(input, ([name, value]) => [name, inputOf(value)]))
  if (typeof input !== 'string') return input
  const [, address] = /^IPv4Address\((.*)\)$/.exec(input) ?? []
  const [, year, month = '', day = ''] = /^date\((\d+), (\d+), (\d+)\)$/.exec(input) ?? []
  return address ?? (year === undefined ? input : [year, month.padStart(2, '0'), day.padStart(2, '0')].join('-'))
}
