import type { FastifyRequest } from 'fastify'
import { parseExact, toPlain } from '../../adapters/common/exact-json.js'
import { textOf } from '../payload.js'
import { HttpError } from './problem.js'

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Nothing of the body is told back. */
    readonly isSecret?: boolean
  }
}

/** Bodies as they came, byte for byte: what is handed on to a device must say 47 where 47 was sent, and 47.0 where that was. */
const sources = new WeakMap<FastifyRequest, Buffer>()

/** The body as it came; empty when there was none. */
export function sourceOf(request: FastifyRequest): Buffer {
  return sources.get(request) ?? Buffer.alloc(0)
}

/** JSON for the schema of the route: `{}` when the body is empty. Integers beyond 2^53 are decimal strings, as on MQTT. */
export function parseBody(request: FastifyRequest, body: Buffer | string, done: (error: Error | null, body?: unknown) => void): void {
  const bytes = typeof body === 'string' ? Buffer.from(body) : body
  sources.set(request, bytes)
  const text = textOf(bytes)
  if (text === undefined) return done(new HttpError('BadPayload', 'the body is no UTF-8 text', { rule: 'utf-8' }))
  if (text.trim() === '') return done(null, {})
  const parsed = parseExact(text)
  if (parsed.ok) return done(null, toPlain(parsed.value))
  // A password stands in it.
  const isSecret = request.routeOptions.config.isSecret === true
  const near = JSON.stringify(text.slice(Math.max(0, parsed.at - 10), parsed.at + 10))
  done(
    new HttpError('BadPayload', `the body is no JSON: ${parsed.error} at character ${parsed.at + 1}${isSecret ? '' : `, near ${near}`}`, {
      rule: 'json'
    })
  )
}
