import { existsSync } from 'node:fs'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { fileURLToPath } from 'node:url'
import type { RequestHandler } from 'sirv'

/** Made by the build. */
const folder = fileURLToPath(new URL('../dashboard/', import.meta.url))

/** The dashboard's files, packed ones to who takes them. Until there are any, plain text says what else there is. */
export class Dashboard {
  readonly #folder: string
  #serve: RequestHandler | undefined

  constructor(from = folder) {
    this.#folder = from
  }

  /** False: there is no such file. */
  async answer(request: IncomingMessage, response: ServerResponse): Promise<boolean> {
    if (this.#serve === undefined && existsSync(`${this.#folder}/index.html`)) {
      const { default: sirv } = await import('sirv')
      // Names do not tell the version: browsers ask each time, and get 304.
      this.#serve = sirv(this.#folder, { gzip: true, etag: true, setHeaders: (answer) => answer.setHeader('cache-control', 'no-cache') })
    }
    if (this.#serve === undefined) return this.#without(request, response)
    let found = true
    this.#serve(request, response, () => {
      found = false
    })
    return found
  }

  #without({ url }: IncomingMessage, response: ServerResponse): boolean {
    if (url?.split('?')[0] !== '/') return false
    response.writeHead(200, { 'content-type': 'text/plain; charset=utf-8' })
    response.end(
      'labgate: the dashboard has not been built (npm run build)\nREST is under /api (/api/openapi.json), MQTT over WebSocket on /mqtt (subprotocol mqtt)\n'
    )
    return true
  }
}
