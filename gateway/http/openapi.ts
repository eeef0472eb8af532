import swagger from '@fastify/swagger'
import type { FastifyInstance } from 'fastify'
import type { Config } from '../../schemas/types.js'
import { components } from './components.js'
import { cookieName } from './cookie.js'

export interface OpenApiOptions {
  readonly version: string
  readonly config: Config
}

const problem = (description: string): object => ({
  description,
  content: { 'application/problem+json': { schema: { $ref: 'Problem#' } } }
})
const problems = problem('It was refused, or failed: why, and whether to try again.')

/** Of routes that ask who one is. */
const refusals = {
  401: problem('Log in: the name or the password is wrong, the login has ended, or nobody may come in here who does not say who he is.'),
  403: problem('The role may not do this, or nobody may over this listener.'),
  429: problem('Too much at once, or too many wrong passwords: Retry-After tells when to try again.')
}

/** The description of all routes, from their schemas. `app` has none yet. */
export function describeRoutes(app: FastifyInstance, { version, config }: OpenApiOptions): void {
  const cookie = cookieName(config.gateway.name, config.http?.port ?? 0, false)
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
      components: {
        securitySchemes: {
          basic: { type: 'http', scheme: 'basic', description: 'A user of access.users, with each request.' },
          login: {
            type: 'apiKey',
            in: 'cookie',
            name: cookie,
            description: 'As /api/login sets it. Over TLS its name begins with __Host-; the number is that of the port.'
          }
        }
      },
      // Also nobody in particular, where that is allowed.
      security: [{}, { basic: [] }, { login: [] }],
      tags: ['gateway', 'access', 'devices', 'commands', 'history', 'runs', 'stories', 'adapters', 'log'].map((name) => ({ name }))
    },
    refResolver: { buildLocalReference: (json, _base, _fragment, at) => (typeof json['$id'] === 'string' ? json['$id'] : `def-${at}`) },
    transform: ({ schema, url, route }) => {
      const { response = {}, ...rest } = (schema ?? {}) as { response?: Record<string, unknown> }
      const isOpen = route.config?.permission === 'everybody'
      const own = isOpen ? { security: [{}] } : {}
      return { url, schema: { ...rest, ...own, response: { ...response, ...(isOpen ? {} : refusals), default: problems } } }
    }
  })
}
