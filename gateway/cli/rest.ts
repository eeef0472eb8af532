/** The gateway's REST interface, as the commands ask it. */
import { request as requestHttp } from 'node:http'
import type { IncomingMessage } from 'node:http'
import { request as requestHttps } from 'node:https'
import { checkServerIdentity } from 'node:tls'
import { systemClock } from '../clock.js'
import { notReached } from './not-reached.js'
import { Refused, Unanswered } from './trouble.js'
import type { Place } from './where.js'

/** Seconds for a whole answer, unless told otherwise. */
const usual = 15

/** Characters of an answer that is held in memory: 100,000 codenames are 30 MB. */
const mostText = 268_435_456

export interface Question {
  /** Seconds for the whole answer, of {@link Rest.open} for its head. */
  readonly within?: number
  readonly accept?: string
  readonly signal?: AbortSignal
}

export interface Answer {
  readonly status: number
  /** Its media type. */
  readonly type: string
  readonly text: string
}

interface Problem {
  readonly detail?: string
  readonly title?: string
  readonly class?: string
  readonly code?: string
  readonly rule?: string
  readonly retryable?: boolean
  readonly maybeExecuted?: boolean
}

export class Rest {
  readonly place: Place

  constructor(place: Place) {
    this.place = place
  }

  async get<T>(path: string, question: Question = {}): Promise<T> {
    return JSON.parse(await this.text('GET', path, undefined, question)) as T
  }

  /** The body, byte for byte. Throws a Trouble that says what to do. */
  async text(method: 'GET' | 'POST', path: string, body?: string, question: Question = {}): Promise<string> {
    const { status, text, type } = await this.answer(method, path, body, question)
    if (status >= 200 && status < 300 && type.startsWith('application/json')) return text
    throw this.#refused(status, text, path)
  }

  /** Whatever it answers, refusals too. */
  async answer(method: 'GET' | 'POST', path: string, body?: string, { within = usual, ...question }: Question = {}): Promise<Answer> {
    const limit = new AbortController()
    const stop = (): void => limit.abort()
    const timer = systemClock.after(within, stop)
    question.signal?.addEventListener('abort', stop, { once: true })
    try {
      const response = await this.#send(method, path, body, { ...question, signal: limit.signal })
      return { status: response.statusCode ?? 0, type: response.headers['content-type'] ?? '', text: await whole(response) }
    } catch (error) {
      throw this.#lost(error, limit.signal.aborted && question.signal?.aborted !== true ? within : undefined, method)
    } finally {
      timer.cancel()
      question.signal?.removeEventListener('abort', stop)
    }
  }

  /** The head of a long answer has come; whoever reads it bounds the rest. */
  async open(path: string, { within = usual, accept, signal }: Question = {}): Promise<IncomingMessage> {
    const limit = new AbortController()
    const timer = systemClock.after(within, () => limit.abort())
    const stop = (): void => limit.abort()
    signal?.addEventListener('abort', stop, { once: true })
    let response: IncomingMessage | undefined
    try {
      response = await this.#send('GET', path, undefined, { signal: limit.signal, ...(accept === undefined ? {} : { accept }) })
      const status = response.statusCode ?? 0
      if (status === 200 && !/html/.test(response.headers['content-type'] ?? '')) {
        const found = response
        found.once('close', () => signal?.removeEventListener('abort', stop))
        return found
      }
      throw this.#refused(status, await whole(response), path)
    } catch (error) {
      response?.destroy()
      signal?.removeEventListener('abort', stop)
      if (error instanceof Refused) throw error
      throw this.#lost(error, limit.signal.aborted && signal?.aborted !== true ? within : undefined, 'GET')
    } finally {
      timer.cancel()
    }
  }

  async #send(
    method: string,
    path: string,
    body: string | undefined,
    { accept = 'application/json', signal }: Question
  ): Promise<IncomingMessage> {
    const { url, authorization, ca, own } = this.place
    const headers = {
      accept,
      'user-agent': 'labgate-cli',
      ...(body === undefined ? {} : { 'content-type': 'application/json', 'content-length': String(Buffer.byteLength(body)) }),
      ...(authorization === undefined ? {} : { authorization })
    }
    const trust = {
      ...(ca === undefined ? {} : { ca, allowPartialTrustChain: true }),
      checkServerIdentity: (host: string, certificate: Parameters<typeof checkServerIdentity>[1]) =>
        own !== undefined && certificate.fingerprint256 === own.fingerprint256 ? undefined : checkServerIdentity(host, certificate)
    }
    return await new Promise((resolve, reject) => {
      const options = { method, headers, agent: false as const, ...(signal === undefined ? {} : { signal }) }
      const request = url.startsWith('https:')
        ? requestHttps(url + path, { ...options, ...trust }, resolve)
        : requestHttp(url + path, options, resolve)
      request.once('error', reject)
      request.end(body)
    })
  }

  #lost(error: unknown, tooLong: number | undefined, method: string): Unanswered {
    const text =
      tooLong === undefined
        ? notReached(error as NodeJS.ErrnoException, this.place)
        : `${this.place.url} did not answer within ${tooLong} s: the gateway, or the network, has too much to do; try again, and see: labgate doctor`
    const { code, syscall } = error as NodeJS.ErrnoException
    const isSent =
      method === 'POST' && (tooLong !== undefined || (code !== 'ECONNREFUSED' && syscall !== 'getaddrinfo' && syscall !== 'connect'))
    return new Unanswered(isSent ? `${text}\nIt may have been carried out all the same: look before you do it again.` : text)
  }

  #refused(status: number, text: string, path: string): Refused {
    const { user, url } = this.place
    const problem = problemOf(text)
    if (problem === undefined) {
      const what =
        status >= 300 && status < 400
          ? 'leads elsewhere; give that address as --url'
          : 'is no answer of a gateway: something else is there, or a proxy before it'
      return new Refused(status, undefined, `${url} answered ${status}, which ${what}`)
    }
    const { class: name, detail = problem.title ?? `status ${status}` } = problem
    if (status === 401)
      return new Refused(
        status,
        name,
        user === undefined
          ? `${url} wants to know who asks (${detail}): give --user NAME, and the password when asked, in LABGATE_PASSWORD, or with --password-stdin`
          : `${url} does not let ${user} in: ${detail}`
      )
    if (problem.rule === 'path' && status === 404)
      return new Refused(status, name, `${url} knows no ${path}: its version is another than that of this command`)
    const next =
      problem.maybeExecuted === true
        ? '\nIt may have been carried out all the same: look before you do it again.'
        : problem.retryable === true
          ? '\nTrying again may help.'
          : ''
    const code = problem.code === undefined ? '' : ` (${problem.code})`
    return new Refused(status, name, `${name === undefined ? '' : `${name}: `}${detail}${code}${next}`)
  }
}

function problemOf(text: string): Problem | undefined {
  try {
    const problem: unknown = JSON.parse(text)
    return typeof problem === 'object' && problem !== null && 'status' in problem ? (problem as Problem) : undefined
  } catch {
    return undefined
  }
}

async function whole(response: IncomingMessage): Promise<string> {
  response.setEncoding('utf8')
  let text = ''
  for await (const chunk of response) {
    text += String(chunk)
    if (text.length > mostText) throw new Error(`the answer is longer than ${mostText} characters`)
  }
  return text
}

/** `/api/devices/furnace/a%2Fb`: each name is one segment. A path cannot name what is empty or only dots; that becomes a name that nobody has. */
export function pathOf(...segments: readonly string[]): string {
  const names = segments.map((name) => (/^\.{0,2}$/.test(name) ? `%25${name.replaceAll('.', '2E')}` : encodeURIComponent(name)))
  return ['/api', ...names].join('/')
}
