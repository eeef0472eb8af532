import { Readable, pipeline } from 'node:stream'
import { constants, createGzip } from 'node:zlib'
import type { FastifyInstance } from 'fastify'
import type { Clock, Watch } from '../adapter.js'
import { GatewayError } from '../errors.js'
import { contentTypes, openMetrics, scrape, textFormat } from '../metrics/scrape.js'
import type { Format } from '../metrics/scrape.js'
import { preferred } from './accept.js'
import { askerOf } from './guard.js'
import type { Parts } from './parts.js'
import { hasRight, mayReadOwn } from './permission.js'
import { Shares, sharerOf } from './shares.js'

/** Scrapes under way; of one asker half as many. */
const maxScrapes = 8

/** Seconds for which a scraper may take nothing. */
const patience = 30

/** A twentieth of the size, for a third of the time that all takes. */
const gzip = { level: constants.Z_BEST_SPEED }

const formats: readonly Format[] = [textFormat, openMetrics]

/** Where Prometheus looks for it. Who asks sees the codenames that he may read. */
export function metricsRoutes(app: FastifyInstance, parts: Parts): void {
  const { broker, clock } = parts
  const ofGateway = mayReadOwn('health')
  const shares = new Shares(maxScrapes)
  app.get(
    '/metrics',
    {
      config: { permission: 'filtered', types: formats },
      schema: {
        summary: 'All codenames and the gateway itself, for Prometheus',
        description: 'Text format 0.0.4, or OpenMetrics 1.0 for who asks for that.',
        tags: ['gateway'],
        response: {
          200: { description: 'The series', content: Object.fromEntries(formats.map((type) => [type, { schema: { type: 'string' } }])) }
        }
      }
    },
    async (request, reply) => {
      const leave = shares.take(sharerOf(request))
      if (leave === undefined) {
        broker.hit('maxStreams')
        throw new GatewayError('RateLimited', `already ${maxScrapes} scrapes are under way, or ${maxScrapes / 2} of the same asker`, {
          rule: 'maxStreams'
        })
      }
      const asker = askerOf(request)
      const format = preferred(request.headers.accept, formats) === openMetrics ? openMetrics : textFormat
      const told = scrape(parts, { format, sight: asker.sight, own: hasRight(ofGateway, asker, parts) })
      const slow = new AbortController()
      const pieces = Readable.from(patient(told, clock, slow), { objectMode: false })
      // A piece that nobody takes is not asked for: the generator does not see the end.
      slow.signal.addEventListener('abort', () => pieces.destroy(slow.signal.reason as Error), { once: true })
      reply.raw.once('close', () => {
        pieces.destroy()
        leave()
      })
      void reply
        .type(contentTypes[format])
        .header('vary', [reply.getHeader('vary'), 'Accept', 'Accept-Encoding'].filter(Boolean).join(', '))
      const accepts = request.headers['accept-encoding']
      if (accepts === undefined || preferred(accepts, ['identity', 'gzip']) !== 'gzip') return await reply.send(pieces)
      void reply.header('content-encoding', 'gzip')
      return await reply.send(pipeline(pieces, createGzip(gzip), () => {}))
    }
  )
}

/** Gives up when nothing was asked for in a while. */
async function* patient(told: AsyncGenerator<string>, clock: Clock, slow: AbortController): AsyncGenerator<string> {
  let idle: Watch | undefined
  try {
    for await (const one of told) {
      idle?.cancel()
      idle = clock.after(patience, () => slow.abort(new GatewayError('Timeout', `the scraper took nothing for ${patience} s`)))
      yield one
    }
  } finally {
    idle?.cancel()
  }
}
