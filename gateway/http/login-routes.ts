import type { FastifyInstance } from 'fastify'
import type { Askers } from './askers.js'
import { askerOf } from './guard.js'
import { meOf, meSchema } from './me.js'
import type { Parts } from './parts.js'

/** Bytes of a login. */
const bodyLimit = 8192

interface Given {
  readonly user: string
  readonly password: string
}

/** A login of the dashboard, and its end. Also over a listener that is read-only: it changes nothing but who looks. */
export function loginRoutes(app: FastifyInstance, parts: Parts, askers: Askers): void {
  app.get(
    '/api/me',
    { config: { permission: 'known' }, schema: { summary: 'Who asks, and what he may do', tags: ['access'], response: { 200: meSchema } } },
    async (request) => await Promise.resolve(meOf(askerOf(request), parts))
  )

  app.post<{ Body: Given }>(
    '/api/login',
    {
      bodyLimit,
      config: { permission: 'everybody', isHarmless: true, isSecret: true },
      schema: {
        summary: 'Log in; the answer sets a cookie',
        description:
          'For pages; programs send Authorization: Basic with each request. The login ends after access.sessionTime, with a logout, with the gateway, and when its user is removed or gets another role or password.',
        tags: ['access'],
        body: {
          type: 'object',
          additionalProperties: false,
          required: ['user', 'password'],
          properties: {
            user: { description: 'Name of the user.', type: 'string', minLength: 1, maxLength: 63 },
            password: { description: 'Its password.', type: 'string', maxLength: 1024 }
          }
        },
        response: { 200: meSchema }
      }
    },
    async (request, reply) => {
      const { user, password } = request.body
      const { asker, cookie } = await askers.login(user, password, request.raw)
      void reply.header('set-cookie', cookie)
      return meOf(asker, parts)
    }
  )

  app.post(
    '/api/logout',
    {
      bodyLimit,
      config: { permission: 'everybody', isHarmless: true },
      schema: {
        summary: 'Log out: what is open in this login is closed',
        tags: ['access'],
        body: { type: 'object', additionalProperties: false },
        response: { 204: { description: 'There is no login any more.', type: 'null' } }
      }
    },
    async (request, reply) => await reply.header('set-cookie', askers.logout(request.raw)).code(204).send()
  )
}
