/** REST of the gateway that served the page. Paths are relative, so that a reverse proxy may put everything under a prefix. */
import { after } from './clock.js'

/** RFC 9457, with what the gateway adds. */
export interface Problem {
  readonly title?: string
  readonly status?: number
  readonly detail?: string
  readonly class?: string
  readonly retryable?: boolean
  readonly maybeExecuted?: boolean
  readonly rule?: string
  readonly path?: string
}

export class ApiError extends Error {
  override readonly name = 'ApiError'
  /** 0: no answer came at all. */
  readonly status: number
  readonly problem: Problem
  /** Seconds after which it may be tried again. */
  readonly retryAfter: number | undefined

  constructor(status: number, problem: Problem, retryAfter?: number) {
    super(problem.detail ?? problem.title ?? `the gateway answered ${status}`)
    this.status = status
    this.problem = problem
    this.retryAfter = retryAfter
  }
}

let refused = (): void => {}

/** Calls `run` when the gateway wants to know who asks: a login has ended. */
export function onRefused(run: () => void): void {
  refused = run
}

/** These deal with it themselves. */
const asksWho = /^\/api\/(me|login|logout)$/

/** Seconds that an answer may take to begin. */
const within = 20

/** For links and downloads: `api/…` below wherever the page is. */
export function apiUrl(path: string): string {
  const rest = path.replace(/^\/?(?:api(?=[/?]|$)\/?)?/, '')
  return rest === '' || rest.startsWith('?') ? `api${rest}` : `api/${rest}`
}

/**
 * `devices/furnace/a%2Fb` of names; each is one segment. A path cannot name what is empty or only dots (browsers take `%2E%2E` for `..`):
 * that becomes a name which the gateway does not know, and never another path.
 */
export function apiPath(...segments: readonly string[]): string {
  return segments.map((name) => (/^\.{0,2}$/.test(name) ? `%25${name.replaceAll('.', '2E')}` : encodeURIComponent(name))).join('/')
}

async function ask(method: string, path: string, options: { body?: unknown; signal?: AbortSignal | undefined }): Promise<Response> {
  const limit = new AbortController()
  const timer = after(within, () => limit.abort())
  const stop = (): void => limit.abort()
  if (options.signal?.aborted === true) stop()
  options.signal?.addEventListener('abort', stop)
  try {
    const response = await fetch(apiUrl(path), {
      method,
      signal: limit.signal,
      cache: 'no-store',
      headers: { accept: 'application/json', ...(options.body === undefined ? {} : { 'content-type': 'application/json' }) },
      ...(options.body === undefined ? {} : { body: JSON.stringify(options.body) })
    })
    if (response.ok) return response
    const wait = Number(response.headers.get('retry-after') ?? NaN)
    if (response.status === 401 && !asksWho.test(path)) refused()
    throw new ApiError(response.status, await problemOf(response), wait > 0 ? wait : undefined)
  } catch (error) {
    if (error instanceof ApiError || options.signal?.aborted === true) throw error
    throw new ApiError(0, {
      title: 'No answer',
      detail: 'the gateway does not answer: is it running, and is the network up?',
      retryable: true
    })
  } finally {
    timer.cancel()
    options.signal?.removeEventListener('abort', stop)
  }
}

async function problemOf(response: Response): Promise<Problem> {
  try {
    const problem: unknown = await response.json()
    if (typeof problem === 'object' && problem !== null) return problem
  } catch {
    // Not ours: a proxy's page.
  }
  return { status: response.status, title: response.statusText === '' ? `status ${response.status}` : response.statusText }
}

export const api = {
  /** `path` as the README writes it, with or without `/api/`. Throws {@link ApiError}; an abort throws as fetch does. */
  async get<T>(path: string, signal?: AbortSignal): Promise<T> {
    return (await (await ask('GET', path, { signal })).json()) as T
  },

  async post<T>(path: string, body: unknown = {}, signal?: AbortSignal): Promise<T> {
    const answer = await ask('POST', path, { body, signal })
    return (answer.status === 204 ? undefined : await answer.json()) as T
  }
}
