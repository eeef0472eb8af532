import type { FastifyInstance } from 'fastify'
import { Health } from './health.js'
import type { Parts } from './parts.js'

const status = { type: 'string', enum: ['ok', 'degraded', 'failing'] }

const schema = {
  title: 'Health',
  description: 'degraded: it works in part; failing: it cannot do its work, and acknowledges nothing.',
  type: 'object',
  additionalProperties: false,
  required: ['status', 'time', 'checks'],
  properties: {
    status: { description: 'That of the worst check.', ...status },
    time: { description: 'Now.', type: 'string', format: 'date-time' },
    checks: {
      type: 'array',
      items: {
        type: 'object',
        additionalProperties: false,
        required: ['name', 'status', 'reason'],
        properties: {
          name: { type: 'string' },
          status,
          reason: { description: 'What is the matter, and what to do; for people.', type: 'string' },
          since: { description: 'Since when it is in this state.', type: 'string', format: 'date-time' }
        }
      }
    }
  }
} as const

/** Also at /health, where whoever watches over programs looks for it. */
export function healthRoutes(app: FastifyInstance, parts: Parts): void {
  const health = new Health(parts)
  for (const url of ['/api/health', '/health'])
    app.get(
      url,
      {
        schema: {
          summary: 'Is the gateway well?',
          tags: ['gateway'],
          response: { 200: schema, 503: { ...schema, description: 'It fails: see its checks.' } }
        }
      },
      async (_request, reply) => {
        const found = health.look()
        return await reply.code(found.status === 'failing' ? 503 : 200).send(found)
      }
    )
}
