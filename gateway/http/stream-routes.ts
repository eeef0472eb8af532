import type { FastifyInstance } from 'fastify'
import { askerOf } from './guard.js'
import type { Parts } from './parts.js'
import { HttpError } from './problem.js'
import { sharerOf } from './shares.js'

export const eventStream = 'text/event-stream'

interface Filter {
  readonly device?: string
  readonly codename?: string
}

/** Readings as they come. */
export function streamRoutes(app: FastifyInstance, parts: Parts): void {
  const { streams } = parts
  app.get<{ Querystring: Filter }>(
    '/api/readings',
    {
      exposeHeadRoute: false,
      config: { types: [eventStream], permission: 'filtered' },
      schema: {
        summary: 'Readings and states as they come',
        description:
          'Server-Sent Events: `reading` (a Reading with device and codename) and `state` (a State with device); first the last ones, then each that comes. ' +
          'What came while nobody was connected is not sent again (Last-Event-ID says nothing here): ask the history. Who reads too slowly is cut off, and who has logged out.',
        tags: ['devices'],
        querystring: {
          type: 'object',
          additionalProperties: false,
          properties: {
            device: { description: 'Only of this device.', type: 'string' },
            codename: { description: 'Only of this codename of the device.', type: 'string' }
          }
        },
        response: { 200: { description: 'Until one of both sides ends it.', content: { [eventStream]: { schema: { type: 'string' } } } } }
      }
    },
    (request, reply) => {
      const { device, codename } = request.query
      if (codename !== undefined && device === undefined)
        throw new HttpError('BadPayload', 'a codename is one of a device: give ?device= too', {
          rule: 'dependentRequired',
          path: '?codename'
        })
      const { sight } = askerOf(request)
      if (device !== undefined) sight.expectDevice(device)
      if (device !== undefined && codename !== undefined) sight.expect(device, codename)
      const leave = streams.admit(sharerOf(request))
      reply.raw.once('close', leave)
      if (reply.raw.closed || reply.raw.destroyed) leave()
      const headers = { 'content-type': `${eventStream}; charset=utf-8`, 'cache-control': 'no-store', 'x-accel-buffering': 'no' }
      void reply.hijack()
      for (const [header, value] of Object.entries(reply.getHeaders())) if (value !== undefined) reply.raw.setHeader(header, value)
      reply.raw.writeHead(200, headers)
      streams.begin(reply.raw, { device, codename, sight }, parts)
    }
  )
}
