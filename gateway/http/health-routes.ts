import type { FastifyInstance } from 'fastify'
import { Health } from './health.js'
import type { Askers } from './askers.js'
import type { Parts } from './parts.js'
import { hasRight, mayReadOwn } from './permission.js'

const status = { type: 'string', enum: ['ok', 'degraded', 'failing'] }

const schema = {
  title: 'Health',
  description:
    'degraded: it works in part; failing: it cannot do its work, and acknowledges nothing. Who asks without the right to more is told the status alone.',
  type: 'object',
  additionalProperties: false,
  required: ['status', 'time'],
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

const readySchema = {
  title: 'Ready',
  description: 'Whether the gateway has begun its work; how well it does it: see Health. Who may see more is told which instances.',
  type: 'object',
  additionalProperties: false,
  required: ['ready', 'reasons'],
  properties: {
    ready: { type: 'boolean' },
    reasons: { description: 'What is still to come, or has gone; for people.', type: 'array', items: { type: 'string' } }
  }
} as const

/** Also at /health, where whoever watches over programs looks for it. */
export function healthRoutes(app: FastifyInstance, parts: Parts, askers: Askers): void {
  const details = mayReadOwn('health')
  const health = new Health(parts)
  for (const url of ['/api/health', '/health'])
    app.get(
      url,
      {
        config: { permission: 'everybody' },
        schema: {
          summary: 'Is the gateway well?',
          tags: ['gateway'],
          response: { 200: schema, 503: { ...schema, description: 'It fails: see its checks.' } }
        }
      },
      async (request, reply) => {
        const { status: worst, time, checks } = health.look()
        const asker = await askers.perhaps(request.raw)
        const may = asker !== undefined && hasRight(details, asker, parts)
        return await reply.code(worst === 'failing' ? 503 : 200).send({ status: worst, time, ...(may ? { checks } : {}) })
      }
    )
  app.get(
    '/ready',
    {
      config: { permission: 'everybody' },
      schema: {
        summary: 'Has the gateway begun its work?',
        tags: ['gateway'],
        response: { 200: readySchema, 503: { ...readySchema, description: 'Not yet, or not any more.' } }
      }
    },
    async (request, reply) => {
      const { unready } = parts.operation
      const asker = await askers.perhaps(request.raw)
      const may = asker !== undefined && hasRight(details, asker, parts)
      const reasons = new Set(unready.map(({ reason, detail }) => (may ? (detail ?? reason) : reason)))
      return await reply.code(unready.length > 0 ? 503 : 200).send({ ready: unready.length === 0, reasons: [...reasons] })
    }
  )
}
