/** The callbacks that the recorded push sockets had, with the error texts that Python gave them. */
import { setTimeout as delay } from 'node:timers/promises'
import { isExactList, isExactMap } from '../../adapters/common/exact-json.js'
import type { Exact, ExactMap } from '../../adapters/common/exact-json.js'
import { repr, str, typeName } from '../../adapters/common/python-text.js'
import { GatewayError } from '../../gateway/errors.js'
import { PythonError, Unreachable } from './unreachable.js'
import { decodeValue, Foreign } from './values.js'

/** Gets the very dict that the socket keeps as `last`, as in the original. What it throws is the text of the exception. */
export type Callback = (dict: Map<string, Exact>, signal: AbortSignal) => Exact | Promise<Exact>

/** `spec` as in the recordings: `{"kind": "echo"}` and so on. */
export function callbackOf(spec: Exact, returnFormat: string, now: () => number): Callback {
  if (!isExactMap(spec)) {
    const refusal = new PythonError('ValueError', `Value for callback: '${str(spec)}' is not callable`)
    throw new Unreachable('a callback is the name of a call in the configuration, never a value', refusal)
  }
  const kind = spec.get('kind')
  switch (kind) {
    case 'echo':
      return (dict) => dict
    case 'return':
      return returning(spec.get('value') ?? null, returnFormat, now)
    case 'raise':
      return () => {
        throw raised(messageOf(str(spec.get('type') ?? 'Exception'), decodeValue(spec.get('args') ?? [], now())))
      }
    case 'sleep':
      return async (dict, signal) => {
        await delay(Number(spec.get('seconds')) * 1000, undefined, { signal })
        return dict
      }
    case 'pop':
      return (dict) => pop(dict, str(spec.get('key') ?? ''))
    case 'laser':
      return laser()
    default:
      throw new Unreachable(`no such callback is scripted: ${repr(kind ?? null)}`)
  }
}

function raised(text: string): GatewayError {
  return new GatewayError('DeviceError', text)
}

/** A value that Python's json cannot encode fails when it is returned; the gateway has no such value, so the callback itself says so. */
function returning(written: Exact, returnFormat: string, now: () => number): Callback {
  try {
    decodeValue(written, now())
  } catch (error) {
    if (!(error instanceof Foreign) || returnFormat !== 'json') throw error
    return () => {
      throw raised(`Object of type ${error.type} is not JSON serializable`)
    }
  }
  return () => decodeValue(written, now())
}

/** str(exception) */
function messageOf(type: string, args: Exact): string {
  const [first, second, ...more] = isExactList(args) ? args : []
  if (first === undefined) return ''
  if (second === undefined) return type === 'KeyError' ? repr(first) : str(first)
  const isOs = /^(OSError|IOError|EnvironmentError|.*(Permission|FileNotFound|FileExists|Connection|Timeout|Process).*Error)$/.test(type)
  if (isOs && more.length === 0) return `[Errno ${str(first)}] ${str(second)}`
  return `(${[first, second, ...more].map(repr).join(', ')})`
}

function pop(dict: Map<string, Exact>, key: string): Exact {
  const value = dict.get(key)
  if (value === undefined) throw raised(repr(key))
  dict.delete(key)
  return value
}

/** The example of the original's documentation: the name of a method in the dict, its arguments beside it. */
function laser(): Callback {
  const known = new Set(['power', 'focus'])
  const methods = new Map<string, (settings: ExactMap) => Exact>([
    [
      'update_settings',
      (settings) => {
        for (const key of settings.keys()) if (!known.has(key)) throw raised(`Not settings for key: ${key}`)
        return `Updated settings with: ${repr(settings)}`
      }
    ],
    [
      'state',
      (settings) => {
        const extra = [...settings.keys()].find((key) => key !== 'state')
        if (extra !== undefined) throw raised(`Laser.state() got an unexpected keyword argument '${extra}'`)
        const state = settings.get('state')
        if (state === undefined) throw raised("Laser.state() missing 1 required positional argument: 'state'")
        return `State set to: ${str(state)}`
      }
    ]
  ])
  return (dict) => {
    const name = pop(dict, 'method')
    if (typeof name !== 'string') throw raised(`attribute name must be string, not '${typeName(name)}'`)
    const method = methods.get(name)
    if (method === undefined) throw raised(`'Laser' object has no attribute '${name}'`)
    return method(dict)
  }
}
