/** Takes the place of a UUServer: its clients list, trigger and read the devices of the gateway. A front: it holds no right. */
import { setMaxListeners } from 'node:events'
import type { Adapter, AdapterType, Endpoint, Exact, Host } from '../../gateway/adapter.js'
import { GatewayError, asGatewayError } from '../../gateway/errors.js'
import { foreign, notAllowed, notFound, options, refusal } from '../common/http-answers.js'
import { HttpFront } from '../common/http-front.js'
import type { HttpAnswer, HttpRequest } from '../common/http-listener.js'
import * as codec from './codec.js'
import schema from './config.schema.json' with { type: 'json' }
import { alphabetical } from './methods.js'
import { Performer } from './performer.js'
import { Runs } from './runs.js'
import { serverPlan } from './server-plan.js'
import { Shown } from './shown.js'
import type { InstserverServerConfig } from './types.js'

/** Bytes of a request's body. */
const maxBody = 1 << 20

/** Methods that may run at once, and of which is known how they ended. */
const maxStates = 10_000

/** Seconds for which a list is told again as it was. */
const listedFor = 1

/** Seconds for a device that is said to be offline to show whether it is there. */
const offlineWithin = 2

/** Methods of HTTP by path; of a path that stands for reading alone HEAD and OPTIONS come along (section 1). */
const readOnly = 'GET, HEAD, OPTIONS'
const allowed: ReadonlyMap<string, string> = new Map([
  ['/', readOnly],
  ['/List', readOnly],
  ['/Trigger', 'OPTIONS, POST'],
  ['/Read', `${readOnly}, POST`]
])
const devicePath = /^\/Devices\/([^/]+)$/

export const instserverServer: AdapterType<InstserverServerConfig> = {
  type: 'instserver-server',
  configSchema: schema.$defs['instserver-server'],
  plan: serverPlan,
  create: (config, host) => new InstserverServer(config, host)
}

class InstserverServer implements Adapter {
  readonly #config: InstserverServerConfig
  readonly #host: Host
  readonly #front: HttpFront
  readonly #shown: Shown
  readonly #performer: Performer
  readonly #runs: Runs
  #stopped = new AbortController()
  #isFull = false
  #listed: { readonly at: number; readonly text: string } | undefined

  constructor(config: InstserverServerConfig, host: Host) {
    const { patience, maxResultBytes: maxBytes } = config
    this.#config = config
    this.#host = host
    this.#shown = new Shown(config, host)
    this.#performer = new Performer({ host, patience })
    this.#runs = new Runs({ maxBytes, maxStates, dropped: () => this.#dropped() })
    this.#front = new HttpFront({
      config,
      host,
      type: 'instserver',
      name: 'a UUServer',
      maxBody,
      acts: 'trigger',
      failure: 'a request was answered with an error; please report it',
      answer: (request) => this.#route(request)
    })
  }

  async start(signal: AbortSignal): Promise<void> {
    this.#stopped = new AbortController()
    // Every run that is under way listens for it.
    setMaxListeners(0, this.#stopped.signal)
    await this.#front.open(signal)
  }

  async stop(): Promise<void> {
    this.#stopped.abort(new GatewayError('Unreachable', 'the instance was stopped'))
    this.#runs.clear()
    this.#isFull = false
    this.#listed = undefined
    await this.#front.close()
  }

  endpoint(): Endpoint {
    return this.#front.endpoint()
  }

  #route(request: HttpRequest): HttpAnswer | Promise<HttpAnswer> {
    const { path, method, query, body } = request
    const [, device] = devicePath.exec(path) ?? []
    const allow = device === undefined ? allowed.get(path) : readOnly
    if (allow === undefined) return notFound()
    if (!allow.split(', ').includes(method)) return notAllowed(allow)
    if (method === 'OPTIONS') return options(allow)
    if (path === '/Trigger') return this.#trigger(request)
    if (path === '/Read') return this.#read(method === 'POST' ? codec.decodeReadBody(body) : codec.decodeReadQuery(query))
    if (path === '/List') return text(this.#list())
    return text(device === undefined ? codec.mainPage : this.#page(device))
  }

  /** With a hundred thousand codenames it takes a good part of a second to make. */
  #list(): string {
    const now = this.#host.clock.monotonic()
    if (this.#listed === undefined || now - this.#listed.at >= listedFor) {
      const methods = this.#shown.names().map((name): [string, string[]] => [name, alphabetical(this.#shown.methods(name)?.keys() ?? [])])
      this.#listed = { at: now, text: codec.encodeList(new Map(methods)) }
    }
    return this.#listed.text
  }

  #page(name: string): string {
    const methods = this.#shown.methods(name)
    return methods === undefined ? codec.unknownDevicePage : codec.encodeDevicePage(name, alphabetical(methods.keys()))
  }

  /** Answers at once: 0 means started, and nothing more. What comes of it is read. The order of checks is that of section 3.2. */
  async #trigger(request: HttpRequest): Promise<HttpAnswer> {
    if (request.isForeign) return foreign(request)
    const asked = codec.decodeTrigger(request.body)
    if (!asked.ok) return refusal(new GatewayError('BadPayload', asked.reason))
    const methods = this.#shown.methods(asked.name)
    if (methods === undefined) return message('unknownDevice')
    if (asked.method === undefined) return refusal(new GatewayError('BadPayload', 'method is missing'))
    const method = typeof asked.method === 'string' ? methods.get(asked.method) : undefined
    if (method === undefined) return message('unknownMethod')
    const key = keyOf(asked.name, asked.method as string)
    if (this.#config.readOnly && method.op !== 'get') {
      this.#host.count('refused')
      return refusal(new GatewayError('Forbidden', 'devices are only looked at here (readOnly); nothing was done', { rule: 'readOnly' }))
    }
    if (this.#runs.isRunning(key)) return message('alreadyRuns')
    if (!this.#runs.hasRoom) {
      const error = new GatewayError('RateLimited', `already ${maxStates} methods run; nothing was done`)
      this.#runs.fail(key, failure(error))
      return refusal(error)
    }
    let refused: GatewayError | undefined
    const run = this.#performer
      .run(method, asked.argument, this.#stopped.signal)
      .then((value) => this.#result(value))
      .catch((thrown: unknown) => failure((refused = asGatewayError(thrown))))
    const ended = this.#runs.begin(key, run)
    // It is tried all the same: what makes the device offline may be another of its instances.
    if (this.#host.isOffline(method.device)) await this.#soon(ended)
    return refused?.class === 'Unreachable' ? refusal(refused) : message('started')
  }

  #result(value: Exact): HttpAnswer {
    const body = codec.encodeResult(value, this.#config.arrays)
    if (body !== undefined) return { status: 200, body }
    return failure(new GatewayError('DeviceError', `the method returned the text "${codec.running}", which here means that it still runs`))
  }

  #read(asked: codec.Read | codec.Bad): HttpAnswer {
    if (!asked.ok) return refusal(new GatewayError('BadPayload', asked.reason))
    const state = this.#runs.state(keyOf(asked.name, asked.method))
    switch (state?.phase) {
      case 'running':
        return { status: 200, body: codec.runningPickle }
      case 'ended':
        return state.answer
      case 'dropped':
        return refusal(
          new GatewayError('RateLimited', 'there was no room to keep the result (maxResultBytes): trigger it again, and read it sooner'),
          404
        )
      case undefined:
        return refusal(this.#nothing(asked), 404)
    }
  }

  /** Why there is nothing to read (policy P3). */
  #nothing({ name, method }: codec.Read): GatewayError {
    const methods = this.#shown.methods(name)
    if (methods === undefined) return new GatewayError('UnknownDevice', 'there is no such device; /List names them')
    if (!methods.has(method)) return new GatewayError('UnknownCodename', 'the device has no such method; /List names them')
    return new GatewayError('Stale', 'the method has not been triggered here since the gateway started')
  }

  #dropped(): void {
    this.#host.count('dropped')
    if (this.#isFull) return
    this.#isFull = true
    this.#host.log.warn(
      { maxResultBytes: this.#config.maxResultBytes },
      'results are dropped, as there is no room to keep them, and who reads them is told so: raise maxResultBytes, or read sooner'
    )
  }

  /** Resolves when the run has ended, or has not for some time. */
  async #soon(ended: Promise<void>): Promise<void> {
    await new Promise<void>((resolve) => {
      const timer = this.#host.clock.after(offlineWithin, resolve)
      void ended.then(() => {
        timer.cancel()
        resolve()
      })
    })
  }
}

function keyOf(name: string, method: string): string {
  return JSON.stringify([name, method])
}

function text(body: string): HttpAnswer {
  return { status: 200, body }
}

function message(kind: keyof typeof codec.messages): HttpAnswer {
  return text(codec.encodeMessage(codec.messages[kind]))
}

/** What `/Read` says of a run that failed, and never an older value (policy P5). */
function failure(error: GatewayError): HttpAnswer {
  return refusal(error, error.class === 'Timeout' ? 504 : error.class === 'Unreachable' ? 502 : 500)
}
