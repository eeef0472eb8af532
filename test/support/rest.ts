import { request } from 'node:http'
import type { IncomingHttpHeaders } from 'node:http'

export interface RestAnswer {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly text: string
  /** The body as JSON; fails when it is none. */
  readonly json: Record<string, unknown>
}

export interface RestOptions {
  readonly method?: string
  /** Sent as they are, `host` too. */
  readonly headers?: Readonly<Record<string, string>>
  /** An object is sent as JSON; a text or bytes as they are. */
  readonly body?: string | Buffer | object
  readonly signal?: AbortSignal
}

/** Asks a gateway on this computer as a program does: fetch of Node sets Host and Origin itself, and follows redirects. */
export async function rest(port: number, path: string, options: RestOptions = {}): Promise<RestAnswer> {
  const { method = 'GET', headers = {}, body, signal } = options
  const bytes = body === undefined || typeof body === 'string' || Buffer.isBuffer(body) ? body : JSON.stringify(body)
  return await new Promise<RestAnswer>((resolve, reject) => {
    const asked = request({ port, host: '127.0.0.1', path, method, headers, agent: false, ...(signal && { signal }) }, (answer) => {
      const chunks: Buffer[] = []
      answer.on('data', (chunk: Buffer) => chunks.push(chunk))
      answer.on('error', reject)
      answer.on('end', () => {
        const text = Buffer.concat(chunks).toString()
        resolve({
          status: answer.statusCode ?? 0,
          headers: answer.headers,
          text,
          get json() {
            return JSON.parse(text) as Record<string, unknown>
          }
        })
      })
    })
    asked.on('error', reject)
    asked.end(bytes)
  })
}

/** POST of JSON. */
export async function post(port: number, path: string, body: string | Buffer | object, options: RestOptions = {}): Promise<RestAnswer> {
  const headers = { 'content-type': 'application/json', ...options.headers }
  return await rest(port, path, { ...options, method: 'POST', headers, body })
}
