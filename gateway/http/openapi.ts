import swagger from '@fastify/swagger'
import type { FastifyInstance } from 'fastify'
import { components } from './components.js'

export interface OpenApiOptions {
  readonly version: string
}

const problems = {
  description: 'It was refused, or failed: why, and whether to try again.',
  content: { 'application/problem+json': { schema: { $ref: 'Problem#' } } }
}

/** The description of all routes, from their schemas. `app` has none yet. */
export function describeRoutes(app: FastifyInstance, { version }: OpenApiOptions): void {
  for (const component of components()) app.addSchema(component)
  void app.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: {
        title: 'labgate',
        description:
          'The REST interface of the gateway. Times are RFC 3339 in UTC. Names in addresses are percent-encoded. Whatever has a status of 400 or more is a Problem.',
        version,
        license: { name: 'MIT', identifier: 'MIT' }
      },
      servers: [{ url: '/' }],
      tags: ['gateway', 'devices', 'commands', 'history', 'runs', 'stories', 'adapters', 'log'].map((name) => ({ name }))
    },
    refResolver: { buildLocalReference: (json, _base, _fragment, at) => (typeof json['$id'] === 'string' ? json['$id'] : `def-${at}`) },
    transform: ({ schema, url }) => {
      const { response = {}, ...rest } = (schema ?? {}) as { response?: Record<string, unknown> }
      return { url, schema: { ...rest, response: { ...response, default: problems } } }
    }
  })
}
