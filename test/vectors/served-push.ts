/** Recorded talk of old push sockets, served to our push client: a socket answers what was recorded to what was recorded. */
import { setImmediate as turn } from 'node:timers/promises'
import { decodeAnswer, decodePush, decodeReturn, encodePush } from '../../adapters/data-push/codec.js'
import { dataPushClient } from '../../adapters/data-push/client.js'
import { dumps, str } from '../../adapters/common/python-text.js'
import { exactEqual, isExactMap } from '../../adapters/common/exact-json.js'
import type { Exact, ExactMap } from '../../adapters/common/exact-json.js'
import type { AdapterType, Host, Request } from '../../gateway/adapter.js'
import { checkConfig } from '../../gateway/config.js'
import { asGatewayError } from '../../gateway/errors.js'
import { Gateway } from '../../gateway/gateway.js'
import { createLog } from '../../gateway/log.js'
import { FarSocket } from '../support/far-socket.js'
import type { Outcome } from './run.js'
import { show } from './match.js'
import type { Vector } from './vector.js'

/** What becomes of an answer, by its prefix (section 5.1). */
const outcomes: Readonly<Record<string, string>> = { ACK: 'done', RET: 'done', ERROR: 'failed', EXCEP: 'failed, maybe carried out' }

/** What our client would have to be asked to send just this; undefined: it never sends that. */
interface Wanted {
  readonly form: 'json_wn' | 'raw_wn'
  /** Key of the one codename there is. */
  readonly key: string
  readonly method: string | undefined
  readonly op: 'set' | 'call'
  readonly value: Exact
}

/** Each datagram that our client can send is sent by it, and its reply compared; `served` counts these. Of all others the codec reads the answer. */
export async function servePush(vector: Vector): Promise<Outcome & { readonly served: number }> {
  const problems: string[] = []
  let served = 0
  for (const [i, step] of vector.steps.entries()) {
    // What the old program then had in its hands shows nothing of us.
    if (step.kind === 'op') continue
    const { send, expected } = step
    // Silence is not served, nor what stands for an answer; `status` is asked by nobody here.
    if (send === undefined || expected?.kind !== 'exact' || send.toString('latin1') === 'status') continue
    const wrong = read(expected.bytes)
    const name = send.toString('latin1') === 'name' ? split(expected.bytes.toString('latin1'))[1] : undefined
    const wanted = name === undefined ? wantedOf(send, vector.servers[0]) : probing
    if (wanted !== undefined && wrong.length === 0) {
      served += 1
      wrong.push(...(await play(send, expected.bytes.toString('latin1'), wanted, vector.servers[0], name)))
    }
    problems.push(...wrong.map((problem) => `step ${i + 1}, ${show(send)}\n  ${problem}`))
  }
  return { problems, better: [], unreachable: undefined, served }
}

function read(recv: Buffer): string[] {
  const [prefix, text] = split(recv.toString('latin1'))
  const answer = decodeAnswer(recv)
  const known = { ACK: 'acknowledged', RET: 'returned', ERROR: 'refused', EXCEP: 'failed' }[prefix]
  if (answer.kind === known && answer.text === text) return []
  return [`the answer ${show(recv)} was read as ${answer.kind}, ${JSON.stringify(answer.text)}`]
}

/** Before its first command the client asks for the name, if it knows which one there must be. */
const probing: Wanted = { form: 'json_wn', key: 'a', method: undefined, op: 'set', value: 1n }

function wantedOf(send: Buffer, server: ExactMap | undefined): Wanted | undefined {
  const push = decodePush(send)
  if (push.kind !== 'push') return undefined
  // Values have other spellings too (`1_000`), which are never sent.
  const sent = encodePush(push.values, push.form)
  if (!sent.ok || !sent.datagram.equals(send)) return undefined
  const { form, values } = push
  const callback = server?.get('callback')
  const isLaser = callback !== undefined && isExactMap(callback) && callback.get('kind') === 'laser'
  const method = values.get('method')
  if (isLaser && typeof method === 'string') {
    const args = new Map([...values].filter(([key]) => key !== 'method'))
    return { form, key: method, method: 'method', op: 'call', value: args }
  }
  const [first, ...more] = values
  if (first === undefined || more.length > 0) return { form, key: 'call', method: undefined, op: 'call', value: values }
  return { form, key: first[0], method: undefined, op: 'set', value: first[1] }
}

async function play(send: Buffer, recv: string, wanted: Wanted, server: ExactMap | undefined, name: string | undefined): Promise<string[]> {
  const { form, key, method, op, value } = wanted
  const old = await FarSocket.open()
  old.respond = (text) => (name !== undefined && text !== 'name' ? 'ACK#' : recv)
  const options: [string, Exact][] = [
    ['id', 'client'],
    ['type', 'data-push-client'],
    [
      'target',
      new Map<string, Exact>([
        ['host', '127.0.0.1'],
        ['port', BigInt(old.port)]
      ])
    ],
    ['channels', new Map([[key, 'old/it']])],
    ['form', form],
    ['returnFormat', str(server?.get('return_format') ?? 'json')],
    ['probe', null],
    ...(method === undefined ? [] : [['method', method] as [string, Exact]]),
    ...(name === undefined ? [] : [['name', name] as [string, Exact]])
  ]
  const yaml = `broker: { tcp: { port: 0 } }
devices: { old: { codenames: { it: { settable: true, callable: {} } } } }
adapters: [${dumps(new Map(options))}, { id: asker, type: asker }]`
  const asker = new Asking()
  const types = [dataPushClient as unknown as AdapterType, asker.type]
  const gateway = new Gateway({
    checked: checkConfig(yaml, { file: 'served', types, env: {} }),
    types,
    log: createLog({ level: 'silent' })
  })
  try {
    await gateway.start()
    // What dials is not waited for.
    await turn()
    const [prefix, text] = split(name === undefined ? recv : 'ACK#')
    const outcome = await asker.ask({ device: 'old', codename: 'it', op, value })
    const asked = old.texts[0] ?? 'nothing'
    const problems =
      asked === send.toString('latin1') ? [] : [`expected the client to send ${show(send)}\n  it sent ${JSON.stringify(asked)}`]
    if (outcome.word !== outcomes[prefix]) problems.push(`expected ${outcomes[prefix]}\n  got      ${outcome.word}: ${outcome.message}`)
    const expected = valueOf(prefix, text, wanted, str(server?.get('return_format') ?? 'json'))
    if (outcome.word === 'done' && !exactEqual(outcome.value ?? null, expected))
      problems.push(`expected the value ${dumps(expected)}\n  got      ${dumps(outcome.value ?? null)}`)
    if (outcome.message !== undefined && text !== '' && outcome.message !== text)
      problems.push(`expected the text ${JSON.stringify(text)}\n  got      ${JSON.stringify(outcome.message)}`)
    return problems
  } finally {
    await gateway.stop()
    await old.close()
  }
}

/** What was set is told where it was acknowledged, or returned under its own key. */
function valueOf(prefix: string, text: string, { op, key, value }: Wanted, format: string): Exact {
  if (prefix === 'ACK') return op === 'set' ? value : null
  if (format === 'string') return text
  const returned = decodeReturn(text, format === 'raw' ? 'raw' : 'json')
  if (!returned.ok) return null
  const own = op === 'set' && isExactMap(returned.value) && returned.value.size === 1 ? returned.value.get(key) : undefined
  return own ?? returned.value
}

function split(recv: string): [prefix: string, text: string] {
  const hash = recv.indexOf('#')
  return [recv.slice(0, Math.max(hash, 0)), recv.slice(hash + 1)]
}

/** An instance that asks commands with exact values, which MQTT could not carry. */
class Asking {
  #host: Host | undefined

  readonly type: AdapterType = {
    type: 'asker',
    configSchema: { type: 'object', additionalProperties: false },
    plan: () => ({}),
    create: (_config, host) => {
      this.#host = host
      return { start: () => Promise.resolve(), stop: () => Promise.resolve() }
    }
  }

  async ask(request: Request): Promise<{ readonly word: string; readonly message?: string; readonly value?: Exact }> {
    try {
      const value = await this.#host?.request(request)
      return { word: 'done', value: value ?? null }
    } catch (thrown) {
      const { maybeExecuted, message } = asGatewayError(thrown)
      return { word: maybeExecuted ? 'failed, maybe carried out' : 'failed', message }
    }
  }
}
