/** Scripts and browsers of an old Flask program ask us: each address is a reading, a get, a set or a call. A front: it holds no right. */
import type { Adapter, AdapterType, Endpoint, Exact, Host, Ref, Request } from '../../gateway/adapter.js'
import { GatewayError, asGatewayError, freshValue } from '../../gateway/errors.js'
import { foreign, notAllowed, notFound, options, refusal } from '../common/http-answers.js'
import { HttpFront } from '../common/http-front.js'
import type { HttpAnswer, HttpRequest } from '../common/http-listener.js'
import { argumentsOf, routesOf, serverPlan } from './actions.js'
import type { Action, Form } from './actions.js'
import { decodeBody, decodeConverted, decodeForm, encodeAnswer, shaped } from './codec.js'
import type { Decoded } from './codec.js'
import schema from './config.schema.json' with { type: 'json' }
import { Lane } from './lane.js'
import { Routes } from './routes.js'
import type { Found } from './routes.js'
import type { HttpRoutesServerConfig } from './types.js'

export const httpRoutesServer: AdapterType<HttpRoutesServerConfig> = {
  type: 'http-routes-server',
  configSchema: schema.$defs['http-routes-server'],
  plan: serverPlan,
  create: (config, host) => new HttpRoutesServer(config, host)
}

/** Bytes of a body: the arguments of one call. */
const maxBody = 1 << 16

/** How much of its time a client may spend before a set or call that is followed by a get; the rest is for these. */
const waitsFor = 0.9

class HttpRoutesServer implements Adapter {
  readonly #config: HttpRoutesServerConfig
  readonly #host: Host
  readonly #routes: Routes<Action>
  readonly #front: HttpFront
  /** By device and codename: nothing that is asked here may come between an action and what is got `then`. */
  readonly #lanes: ReadonlyMap<string, Lane>

  constructor(config: HttpRoutesServerConfig, host: Host) {
    this.#config = config
    this.#host = host
    const routes = routesOf(config)
    this.#routes = new Routes(routes)
    this.#lanes = lanesOf(
      routes.map(({ action }) => action),
      { clock: host.clock, max: config.maxConnections }
    )
    this.#front = new HttpFront({
      config,
      host,
      type: 'http-routes',
      name: 'addresses of a Flask program',
      maxBody,
      acts: 'steer',
      failure: 'an address could not be answered',
      answer: async (request) => await this.#routed(request)
    })
  }

  async start(signal: AbortSignal): Promise<void> {
    await this.#front.open(signal)
  }

  async stop(): Promise<void> {
    await this.#front.close()
  }

  endpoint(): Endpoint {
    return this.#front.endpoint()
  }

  async #routed(request: HttpRequest): Promise<HttpAnswer> {
    const { method, path } = request
    const found = this.#routes.find(method, path)
    switch (found.kind) {
      case 'nothing':
        return notFound()
      case 'method':
        return notAllowed(found.allow)
      case 'options':
        return options(found.allow)
      case 'route':
        try {
          return await this.#act(found.action, found.found, request)
        } catch (error) {
          return refusal(asGatewayError(error))
        }
    }
  }

  async #act(action: Action, found: readonly Found[], request: HttpRequest): Promise<HttpAnswer> {
    if (action.kind === 'text') return { status: 200, body: action.text }
    if (action.kind === 'read') return answerOf(this.#read(action.ref), action.form)
    if (request.isForeign) return foreign(request)
    const { op, ref, after, form } = action
    if (op === 'get') return answerOf(await this.#get(ref, this.#config.answerWithin, request), form)
    // Asking what an action would say must not do it (policy P9).
    if (request.method === 'HEAD') return { status: 200, body: '' }
    const asked = this.#asked(op, ref, found, request)
    const refused = this.#host.checkRequest(asked)
    if (refused !== undefined) {
      this.#host.refused(asked, refused)
      throw refused
    }
    const { answerWithin } = this.#config
    const began = this.#host.clock.monotonic()
    const left = (): number => Math.round((answerWithin - (this.#host.clock.monotonic() - began)) * 1000) / 1000
    const perform = async (): Promise<Exact> => {
      const value = await this.#request(asked, left(), request)
      return after === undefined ? value : await this.#readBack(after, left(), request)
    }
    const lane = this.#lanes.get(nameOf(ref))
    return answerOf(await (lane?.command(perform, request.endSignal, answerWithin * waitsFor) ?? perform()), form)
  }

  /** Two who want one codename at once: the second waits for its turn, as before an original that answers one after the other. */
  async #request(asked: Request, within: number, { signal, endSignal }: HttpRequest): Promise<Exact> {
    return await this.#host.request({ ...asked, within, patience: within, signal, turnSignal: endSignal })
  }

  /** Where the codename takes no commands, as nobody declared it, its last reading is all there is. */
  async #get(ref: Ref, within: number, request: HttpRequest): Promise<Exact> {
    const refused = this.#host.checkRequest({ op: 'get', ...ref })
    if (refused === undefined) return await this.#request({ op: 'get', ...ref }, within, request)
    if (asGatewayError(refused).class === 'UnknownCodename') return this.#read(ref)
    throw refused
  }

  async #readBack(ref: Ref, left: number, request: HttpRequest): Promise<Exact> {
    try {
      if (left <= 0) throw new GatewayError('Timeout', `no time was left to get ${nameOf(ref)}`)
      return await this.#get(ref, left, request)
    } catch (thrown) {
      const { class: errorClass, message } = asGatewayError(thrown)
      throw new GatewayError(errorClass, `${message}; what was asked before it is done`, { maybeExecuted: true, cause: thrown })
    }
  }

  #asked(op: 'set' | 'call', ref: Ref, found: readonly Found[], request: HttpRequest): Request {
    const meta = this.#host.meta(ref.device, ref.codename)
    if (op === 'set') {
      const [first] = found as readonly [Found]
      return { op, ...ref, value: taken(decodeConverted(first.kind, first.text, meta?.schema)) }
    }
    const { properties } = argumentsOf(meta)
    const { body, headers, query } = request
    const { json, form } = taken(decodeBody(body, headers['content-type'] ?? ''))
    const values = new Map<string, Exact>(json)
    for (const [name, text] of [...(form ?? []), ...decodeForm(query)]) values.set(name, shaped(text, properties[name]))
    for (const { name, kind, text } of found) values.set(name, taken(decodeConverted(kind, text, properties[name])))
    return { op, ...ref, value: values }
  }

  /** From memory; a value that is not fresh is no answer. */
  #read({ device, codename }: Ref): Exact {
    const { maxAge } = this.#host.meta(device, codename) ?? {}
    return freshValue(this.#host.latest(device, codename), { device, codename, maxAge, isOffline: this.#host.isOffline(device) })
  }
}

function lanesOf(actions: readonly Action[], { clock, max }: { clock: Host['clock']; max: number }): Map<string, Lane> {
  const refs = actions.flatMap((action) => (action.kind === 'ask' && action.after !== undefined ? [nameOf(action.ref)] : []))
  return new Map(refs.map((target) => [target, new Lane({ clock, max, target })]))
}

function nameOf({ device, codename }: Ref): string {
  return `${device}/${codename}`
}

function taken<T>(decoded: Decoded<T>): T {
  if (!decoded.ok) throw new GatewayError('BadPayload', decoded.message)
  return decoded.value
}

function answerOf(value: Exact, form: Form): HttpAnswer {
  const body = encodeAnswer(value, form)
  if (body === undefined) throw new GatewayError('DeviceError', 'the value has half a character in it, for which there are no bytes')
  return { status: 200, body }
}
