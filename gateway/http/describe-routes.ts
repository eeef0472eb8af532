import type { FastifyInstance, FastifyRequest } from 'fastify'
import type { Shown } from '../describe/described.js'
import { formatNames, formats, isFormat, openApiFormat } from '../describe/index.js'
import { askerOf } from './guard.js'
import type { Parts } from './parts.js'
import { notFound } from './problem.js'
import { describeWeb } from './server.js'

const formatSchema = {
  title: 'Format',
  type: 'object',
  additionalProperties: false,
  required: ['format', 'title', 'type', 'file'],
  properties: {
    format: { description: 'Its name in the address.', type: 'string' },
    title: { description: 'What it is, for people.', type: 'string' },
    type: { description: 'Media type.', type: 'string' },
    file: { description: 'A name for it as a file.', type: 'string' }
  }
} as const

/** The gateway describes itself, as it is now: what the asker may see, and the commands that he may send. */
export function describeRoutes(app: FastifyInstance, parts: Parts): void {
  listRoute(app)
  formatRoute(app, parts)
}

function listRoute(app: FastifyInstance): void {
  const list = Object.entries({ ...formats, openapi: openApiFormat }).map(([format, { title, type, file }]) => ({
    format,
    title,
    type,
    file
  }))
  const response = {
    200: {
      type: 'object',
      additionalProperties: false,
      required: ['formats'],
      properties: { formats: { type: 'array', items: formatSchema } }
    }
  }
  app.get(
    '/api/describe',
    { config: { permission: 'known' }, schema: { summary: 'In which formats the gateway describes itself', tags: ['gateway'], response } },
    () => ({ formats: list })
  )
}

function formatRoute(app: FastifyInstance, parts: Parts): void {
  let openApi: Promise<string> | undefined
  app.get<{ Params: { format: string } }>(
    '/api/describe/:format',
    {
      config: { permission: 'filtered' },
      schema: {
        summary: 'The gateway described in one format, for the program that reads it',
        tags: ['gateway'],
        params: {
          type: 'object',
          required: ['format'],
          properties: { format: { description: 'See /api/describe.', type: 'string', minLength: 1 } }
        },
        response: {
          200: {
            description: 'The document: what the asker may see, and the commands that he may send.',
            content: { 'application/json': { schema: {} }, 'application/toml': { schema: { type: 'string' } } }
          }
        }
      }
    },
    async (request, reply) => {
      const { format } = request.params
      if (!isFormat(format))
        throw notFound(`there is no format ${JSON.stringify(format.slice(0, 60))}; there are ${formatNames.join(', ')}`)
      const { type, file } = format === 'openapi' ? openApiFormat : formats[format]
      const text =
        format === 'openapi'
          ? await (openApi ??= describeWeb(parts))
          : await parts.describing.make(parts, { format, reach: reachOf(request), shown: shownTo(request) })
      return await reply.type(`${type}; charset=utf-8`).header('content-disposition', `inline; filename="${file}"`).send(text)
    }
  )
}

function shownTo(request: FastifyRequest): Shown {
  const { sight, rights } = askerOf(request)
  return {
    state: (device) => sight.state(device),
    codename: (entry) => sight.codename(entry),
    read: (topic) => rights.mayRead(topic),
    write: (topic) => rights.mayWrite(topic)
  }
}

/** By the name under which the asker has reached the gateway other programs beside him can. */
function reachOf({ hostname }: FastifyRequest): string | undefined {
  const name = hostname.replace(/^\[|\]$/g, '')
  return name === '' ? undefined : name
}
