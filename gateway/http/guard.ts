import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { isLoopback, mayConnect } from '../broker/origin.js'
import { preferred } from './accept.js'
import type { Asker, Askers } from './askers.js'
import { isOurs } from './names.js'
import type { Parts } from './parts.js'
import { expectRight } from './permission.js'
import { HttpError, notFound, notJson } from './problem.js'

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Media types that the route may answer with; left out: JSON. */
    readonly types?: readonly string[]
    /** A POST that changes nothing: also who may only look may do it. */
    readonly isHarmless?: boolean
  }
}

const json = ['application/json']
const acting: ReadonlySet<string> = new Set(['POST', 'PUT', 'PATCH', 'DELETE'])

const askers = new WeakMap<FastifyRequest, Asker>()

/** Who asks; of a route whose permission is not `everybody`. */
export function askerOf(request: FastifyRequest): Asker {
  const asker = askers.get(request)
  if (asker === undefined) throw new Error(`nobody was asked who he is: ${request.url}`)
  return asker
}

/** Looks at every request before its body is read. */
export function guard(app: FastifyInstance, parts: Parts, who: Askers): void {
  const { origins = [], names = [], readOnly = false } = parts.config.http ?? {}
  const known = [...names, ...origins]
  const routes: { readonly pattern: RegExp; readonly methods: string[] }[] = []
  app.addHook('onRoute', ({ url, method, config }) => {
    if (config?.permission === undefined) throw new Error(`${String(method)} ${url} does not say who may ask it: see permission.ts`)
    // What stands for a name, or for the rest of an address, must not be taken for the other.
    const pieces = url.split(/(:\w+|\*$)/).map((part, i) => (i % 2 === 0 ? escape(part) : part === '*' ? '.*' : '[^/]*'))
    const pattern = new RegExp(`^${pieces.join('')}$`)
    routes.push({ pattern, methods: [method].flat() })
  })

  /** Methods that this path knows. */
  const methodsOf = (path: string): string[] => [
    ...new Set(routes.filter(({ pattern }) => pattern.test(path)).flatMap(({ methods }) => methods))
  ]

  app.addHook('onRequest', async (request: FastifyRequest, reply: FastifyReply) => {
    const { method, headers, routeOptions } = request
    if (!isOurs(headers.host, known)) {
      who.refused('host', request.raw)
      throw new HttpError(
        'Forbidden',
        'nothing is answered under this name, which is not known as one of this computer: if it is one, list it under http.names',
        { status: 421, rule: 'host' }
      )
    }
    const { origin } = headers
    const isSecure = parts.config.http?.tls !== undefined
    const isAllowed = mayConnect(headers, origins, isLoopback(request.socket.localAddress ?? ''), isSecure)
    if (origin !== undefined && isAllowed) {
      // Pages of this computer and of the list may read the answers too.
      void reply.header('access-control-allow-origin', origin).header('vary', 'Origin')
    }
    const path = request.url.split('?')[0] as string
    // A reading out of a cache would look fresh.
    if (/^\/(api|health|ready|metrics)(\/|$)/.test(path)) void reply.header('cache-control', 'no-store')
    if (request.is404) {
      const methods = methodsOf(path)
      if (method === 'OPTIONS' && methods.length > 0) return await options(reply, methods, isAllowed && origin !== undefined)
      if (methods.length > 0)
        throw new HttpError('BadPayload', `this address takes ${methods.join(', ')}`, {
          status: 405,
          rule: 'method',
          headers: { allow: [...methods, 'OPTIONS'].join(', ') }
        })
      if ((method !== 'GET' && method !== 'HEAD') || /^\/api(\/|$)/.test(path))
        throw notFound('there is nothing at this address; /api/openapi.json tells what there is')
      return
    }
    if (acting.has(method)) {
      if (!isAllowed) {
        who.refused('origin', request.raw)
        throw new HttpError(
          'Forbidden',
          'a web page of another server may not act here; list its address under http.origins if it should',
          {
            rule: 'origin'
          }
        )
      }
      if (readOnly && routeOptions.config.isHarmless !== true)
        throw new HttpError('Forbidden', 'over this listener everything is seen and nothing done (http.readOnly)', { rule: 'readOnly' })
      if (!/^application\/json\s*(;|$)/i.test(headers['content-type'] ?? '')) throw notJson()
    }
    await identify(request, reply)
    const types = routeOptions.config.types ?? json
    if (preferred(headers.accept, types) === undefined)
      throw new HttpError('BadPayload', `this address answers with ${types.join(', ')}`, { status: 406, rule: 'accept' })
    // Who asks before he sends a long body is told to go on only now; see checkContinue.
    if (headers.expect !== undefined) reply.raw.writeContinue()
  })

  /** What is under way ends when the login does: also a download, or an answer that never ends. */
  async function identify(request: FastifyRequest, reply: FastifyReply): Promise<void> {
    const { permission } = request.routeOptions.config
    if (permission === undefined) throw new Error(`${request.url} does not say who may ask it`)
    if (permission === 'everybody') return
    const asker = await who.who(request.raw)
    askers.set(request, asker)
    expectRight(permission, asker, request, parts)
    if (reply.raw.closed || reply.raw.destroyed) return
    reply.raw.once(
      'close',
      who.hold(asker, () => reply.raw.destroy())
    )
  }
}

/** What a browser asks before a page of another site may send JSON. */
async function options(reply: FastifyReply, methods: readonly string[], isPage: boolean): Promise<void> {
  void reply.code(204).header('allow', [...methods, 'OPTIONS'].join(', '))
  if (isPage)
    void reply
      .header('access-control-allow-methods', methods.join(', '))
      .header('access-control-allow-headers', 'authorization, content-type, labgate-client')
      .header('access-control-max-age', '600')
  await reply.send()
}

function escape(text: string): string {
  return text.replace(/[$()*+.?[\\\]^{|}]/g, '\\$&')
}
