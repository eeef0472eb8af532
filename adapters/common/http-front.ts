/** A front of old HTTP clients: a listener whose requests are counted, and whose refusals are told. It knows no protocol and no device. */
import type { Endpoint, Host } from '../../gateway/adapter.js'
import { HttpListener } from './http-listener.js'
import type { HttpAnswer, HttpRequest, Refused } from './http-listener.js'
import { refusal } from './http-answers.js'
import { RarelyEach } from './rarely.js'
import { Sources } from './sources.js'
import type { SourceRules } from './sources.js'

/** Seconds for a request to come. */
const requestWithin = 10

/** Seconds between two lines of the log about the same trouble. */
const toldEvery = 10

export interface HttpFrontOptions {
  readonly config: SourceRules & {
    readonly id: string
    readonly host: string
    readonly port: number
    readonly maxConnections: number
    readonly origins: readonly string[]
  }
  readonly host: Host
  /** For endpoints and the log. */
  readonly type: string
  /** What it is, in the log. */
  readonly name: string
  /** Bytes of a request's body. */
  readonly maxBody: number
  /** What a page of another server may do once its server is listed under origins. */
  readonly acts: string
  /** What the log says of a request at which `answer` rejects. */
  readonly failure: string
  readonly answer: (request: HttpRequest) => HttpAnswer | Promise<HttpAnswer>
}

export class HttpFront {
  readonly #options: HttpFrontOptions
  readonly #listener: HttpListener
  readonly #sources: Sources
  readonly #trouble: RarelyEach<Refused>
  #lastActivity = 0

  constructor(options: HttpFrontOptions) {
    const { config, host, maxBody, failure } = options
    this.#options = options
    const sources = new Sources({ config, host })
    this.#sources = sources
    this.#trouble = new RarelyEach(host.clock, toldEvery)
    this.#listener = new HttpListener({
      host: config.host,
      port: config.port,
      maxConnections: config.maxConnections,
      maxBody,
      requestWithin,
      sources: {
        mayCome: (address) => sources.mayConnect(address),
        isFree: (address) => sources.isFree(address),
        scarce: (address) => sources.scarce(address)
      },
      origins: config.origins,
      answer: async (request) => await this.#answer(request),
      onRefused: (why, who) => this.#refused(why, who),
      onError: (error) => host.log.error({ err: error }, failure)
    })
  }

  /** Rejects when the address is taken or not ours. */
  async open(signal: AbortSignal): Promise<void> {
    const { config, host, type, name } = this.#options
    this.#lastActivity = host.clock.now()
    await this.#listener.open(signal)
    const { port } = this.#listener
    host.log.info({ protocol: 'tcp', host: config.host, port, type }, `${name} on tcp ${config.host}:${port}`)
  }

  async close(): Promise<void> {
    await this.#listener.close()
  }

  endpoint(): Endpoint {
    const { config, type } = this.#options
    const { id: name, host, port } = config
    return { protocol: 'tcp', host, port: this.#listener.port ?? port, name, type, lastActivity: this.#lastActivity }
  }

  async #answer(request: HttpRequest): Promise<HttpAnswer> {
    const { host } = this.#options
    host.count('received')
    this.#lastActivity = host.clock.now()
    // Counted as refused there.
    if (!this.#sources.mayAsk(request.address)) return refusal(tooMany, 429)
    const answer = await this.#options.answer(request)
    host.count(answer.status < 400 || answer.status >= 500 ? 'answered' : 'refused')
    return answer
  }

  #refused(why: Refused, who: string): void {
    const { host, maxBody, acts } = this.#options
    // What was answered is counted there.
    if (why !== 'origin' && why !== 'host') host.count('refused')
    const alike = this.#trouble.pass(why)
    if (alike !== undefined) host.log.warn({ who, ...(alike > 0 ? { alike } : {}) }, reasonsOf(maxBody, acts)[why])
  }
}

const tooMany = { class: 'RateLimited', message: 'too many requests of this address (maxSourceRate): ask less often' } as const

function reasonsOf(maxBody: number, acts: string): Readonly<Record<Refused, string>> {
  return {
    connections: 'a connection was closed to make room for another: raise maxConnections, or find who opens so many',
    body: `a request was refused: its body has more than ${maxBody} bytes`,
    slow: `a connection was closed: its client did not send its request within ${requestWithin} s, or did not take its answer`,
    bad: 'a connection was closed: what came is no HTTP request',
    host: 'a request was refused, as it asks for a name that is not known as one of this computer: if it is, list http://NAME under origins',
    origin: `a web page of another server was refused: list its server under origins if it may ${acts}`
  }
}
