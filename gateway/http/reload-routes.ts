import type { FastifyInstance } from 'fastify'
import { parseExact, toPlain } from '../../adapters/common/exact-json.js'
import { self } from '../devices.js'
import { carryOut, commandHeaders } from './command-answer.js'
import type { Parts } from './parts.js'
import { mayCallOwn } from './permission.js'

const words = { type: 'array', items: { type: 'string' } } as const

export const reloadSchema = {
  title: 'Reload',
  description: 'What came of it; with check: what would.',
  type: 'object',
  additionalProperties: false,
  required: ['result'],
  properties: {
    result: { description: 'unchanged: the file says what is in force.', type: 'string', enum: ['applied', 'unchanged', 'good'] },
    time: { description: 'When the file was read.', type: 'string', format: 'date-time' },
    trigger: { type: 'string' },
    reason: { type: 'string' },
    applied: { description: 'What was done, for people.', ...words },
    seconds: { description: 'That it took.', type: 'number', minimum: 0 },
    would: { description: 'What would be done, for people.', ...words }
  }
} as const

export function reloadRoutes(app: FastifyInstance, parts: Parts): void {
  app.post(
    '/api/reload',
    {
      config: { permission: mayCallOwn('reload') },
      schema: {
        summary: 'Read the configuration file again',
        description: 'As the call reload of the gateway device: the file is applied whole, or not at all, and the answer says why.',
        tags: ['gateway'],
        headers: commandHeaders,
        body: {
          type: 'object',
          additionalProperties: false,
          properties: { check: { description: 'true: only tell what would be done.', type: 'boolean' } }
        },
        response: { 200: reloadSchema }
      }
    },
    async (request, reply) => {
      const payload = Buffer.from(JSON.stringify({ arguments: request.body as object }))
      return await carryOut(parts, { device: self, codename: 'reload', op: 'call', payload, id: undefined }, request, reply, (json) => {
        const parsed = parseExact(json)
        const { value } = (parsed.ok ? toPlain(parsed.value) : {}) as { value?: unknown }
        return reply.code(200).send(value)
      })
    }
  )
}
