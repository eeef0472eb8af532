import type { IncomingMessage, ServerResponse } from 'node:http'
import helmet from '@fastify/helmet'
import fastify from 'fastify'
import type { FastifyInstance, FastifyReply } from 'fastify'
import { addressOf } from '../broker/connections.js'
import { isOpen } from '../broker/origin.js'
import { GatewayError } from '../errors.js'
import { Askers } from './askers.js'
import { parseBody } from './body.js'
import { Dashboard } from './dashboard.js'
import { askerOf, guard } from './guard.js'
import type { Parts } from './parts.js'
import { Places } from './places.js'
import { asHttpError, notFound, problemOf, problemType } from './problem.js'
import type { HttpError } from './problem.js'
import { routes } from './routes.js'
import { shapeFault } from './shape.js'
import { validatorCompiler } from './validate.js'

/** What the HTTP listener asks. */
export interface Web {
  readonly app: FastifyInstance
  readonly askers: Askers
  handle(request: IncomingMessage, response: ServerResponse): void
  close(): Promise<void>
}

/** Characters of one name in an address, as sent. */
const maxParamLength = 3000

/** REST and the dashboard. Opens nothing: who listens hands over the requests. */
export async function createWeb(parts: Parts): Promise<Web> {
  const { clock } = parts
  const askers = createAskers(parts)
  const app = createApp(parts, askers)
  await app.ready()
  const places = new Places({ clock })
  return {
    app,
    askers,
    handle: (request, response) => {
      const fault = shapeFault(request)
      if (fault !== undefined) return refuse(response, fault)
      const refusal = places.take(request, response)
      if (refusal === undefined) return app.routing(request, response)
      parts.broker.hit('maxRequests')
      refuse(response, refusal)
    },
    close: async () => {
      askers.stop()
      await app.close()
    }
  }
}

/** What `/api/openapi.json` answers, as text. */
export async function describeWeb(parts: Parts): Promise<string> {
  const askers = createAskers(parts)
  try {
    return await describe(parts, askers)
  } finally {
    askers.stop()
  }
}

function createAskers({ access, clock, config, devices, topics }: Parts): Askers {
  const { http = { host: '', origins: [] } } = config
  const { sessionTime } = config.access
  const { name } = config.gateway
  return new Askers({ access, clock, devices, topics, open: isOpen(http), name, sessionTime, origins: http.origins })
}

/** `prepare`: what is registered before any route. */
function createApp(parts: Parts, askers: Askers, prepare: (app: FastifyInstance) => void = () => {}): FastifyInstance {
  const { log, config } = parts
  const dashboard = new Dashboard()
  const validator = validatorCompiler()
  let described: Promise<string> | undefined
  // Made when somebody asks for it, by an application that answers nothing: a start must be quick.
  const description = (): Promise<string> => (described ??= describe(parts, askers))
  const app = fastify({
    logger: false,
    bodyLimit: config.broker.limits.maxPacket,
    routerOptions: { maxParamLength },
    // With these from the beginning Fastify does not even load its own.
    schemaController: {
      compilersFactory: {
        // Its type is that of another Ajv.
        buildValidator: () => validator as never,
        // Answers are written as they are: nothing is dropped or converted.
        buildSerializer: () => () => (data) => JSON.stringify(data)
      }
    },
    frameworkErrors: (error, _request, reply) => void tell(reply, error)
  })
  const tell = (reply: FastifyReply, thrown: unknown): FastifyReply => {
    const error = asHttpError(thrown)
    if (error.class === 'Internal') log.error({ err: error.cause ?? error }, 'the web server failed on a request')
    const { status, headers, body } = problemOf(error)
    // Who waits to be told to go on, and is not, may send the body all the same: nobody would know where the next request begins.
    if (reply.request.headers.expect !== undefined) void reply.header('connection', 'close')
    return reply.code(status).headers(headers).type(problemType).send(body)
  }
  app.setErrorHandler((error, request, reply) => {
    if (error instanceof GatewayError && error.rule === 'rights')
      parts.access.refused('request', { listener: 'http', address: addressOf(request.socket), user: askerOf(request).identity.user })
    return tell(reply, error)
  })
  app.setNotFoundHandler(async (request, reply) => {
    void reply.hijack()
    if (await dashboard.answer(request.raw, reply.raw)) return
    const { status, body } = problemOf(notFound('there is nothing at this address; /api/openapi.json tells what there is'))
    reply.raw.writeHead(status, { 'content-type': problemType, 'content-length': Buffer.byteLength(body) })
    reply.raw.end(body)
  })
  app.removeAllContentTypeParsers()
  app.addContentTypeParser('application/json', { parseAs: 'buffer' }, parseBody)
  void app.register(helmet, {
    // Neither upgrade-insecure-requests nor HSTS: the gateway serves plain HTTP, and may be asked by another way over TLS. Nor HSTS where it
    // serves TLS itself: it holds for a name with all its ports, and would shut out whatever else this computer serves without TLS; and with
    // a certificate of one's own making no browser would let anybody in any more once it has expired.
    strictTransportSecurity: false,
    contentSecurityPolicy: {
      useDefaults: false,
      directives: {
        defaultSrc: ["'none'"],
        scriptSrc: ["'self'"],
        styleSrc: ["'self'"],
        imgSrc: ["'self'", 'data:', 'blob:'],
        fontSrc: ["'self'"],
        connectSrc: ["'self'"],
        manifestSrc: ["'self'"],
        baseUri: ["'none'"],
        formAction: ["'none'"],
        frameAncestors: ["'none'"]
      }
    }
  })
  guard(app, parts, askers)
  prepare(app)
  void app.register(async (inner) => {
    await Promise.resolve()
    routes(inner, parts, askers)
    inner.get(
      '/api/openapi.json',
      {
        config: { permission: 'known' },
        schema: {
          summary: 'This description (OpenAPI 3.1)',
          tags: ['gateway'],
          response: { 200: { description: 'OpenAPI 3.1', type: 'object', additionalProperties: true } }
        }
      },
      async (_request, reply) => await reply.type('application/json; charset=utf-8').send(await description())
    )
  })
  return app
}

function refuse(response: ServerResponse, refusal: HttpError): void {
  const { status, headers, body } = problemOf(refusal)
  response.writeHead(status, { ...headers, 'content-type': problemType, 'content-length': Buffer.byteLength(body), connection: 'close' })
  response.end(body)
}

async function describe(parts: Parts, askers: Askers): Promise<string> {
  const { describeRoutes } = await import('./openapi.js')
  const app = createApp(parts, askers, (empty) => describeRoutes(empty, parts))
  await app.ready()
  const text = JSON.stringify(app.swagger())
  await app.close()
  return text
}
