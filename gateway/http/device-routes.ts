import { Readable } from 'node:stream'
import type { FastifyInstance, FastifyReply } from 'fastify'
import type { Op } from '../adapter.js'
import { sourceOf } from './body.js'
import { carryOut, commandHeaders } from './command-answer.js'
import { askerOf } from './guard.js'
import type { Parts } from './parts.js'
import { mayCommand } from './permission.js'
import { codenameView, devicePieces, devicesPieces, inTurns } from './views.js'

interface Device {
  readonly device: string
}

interface Codename extends Device {
  readonly codename: string
}

const name = { type: 'string', minLength: 1 }
const params = {
  type: 'object',
  required: ['device', 'codename'],
  properties: {
    device: { description: 'Name of the device, percent-encoded.', ...name },
    codename: { description: 'Name of the codename, percent-encoded.', ...name }
  }
}
/** The three commands and what they are for. */
const ops: Readonly<Record<Op, string>> = {
  set: 'Set a codename, and wait for the reply',
  get: 'Have a codename read now, and wait for the reply',
  call: 'Call a codename, and wait for the reply'
}

/** Devices and codenames, and what they are told to do. */
export function deviceRoutes(app: FastifyInstance, parts: Parts): void {
  app.get(
    '/api/devices',
    {
      config: { permission: 'filtered' },
      schema: {
        summary: 'All devices with their codenames and last readings',
        tags: ['devices'],
        response: {
          200: {
            description: 'The devices, those of the configuration first.',
            type: 'object',
            additionalProperties: false,
            required: ['devices'],
            properties: { devices: { type: 'array', items: { $ref: 'Device#' } } }
          }
        }
      }
    },
    (request, reply) => answer(reply, inTurns(devicesPieces(parts, askerOf(request))))
  )

  app.get<{ Params: Device }>(
    '/api/devices/:device',
    {
      config: { permission: 'filtered' },
      schema: {
        summary: 'One device',
        tags: ['devices'],
        params: { type: 'object', required: ['device'], properties: { device: params.properties.device } },
        response: { 200: { $ref: 'Device#' } }
      }
    },
    (request, reply) => {
      const { device } = request.params
      const asker = askerOf(request)
      asker.sight.expectDevice(device)
      return answer(reply, inTurns(devicePieces(device, parts, asker)))
    }
  )

  app.get<{ Params: Codename }>(
    '/api/devices/:device/:codename',
    {
      config: { permission: 'filtered' },
      schema: { summary: 'One codename', tags: ['devices'], params, response: { 200: { $ref: 'Codename#' } } }
    },
    (request, reply) => {
      const asker = askerOf(request)
      const { device, codename } = request.params
      return answer(reply, codenameView(asker.sight.expect(device, codename), parts, asker))
    }
  )

  for (const op of Object.keys(ops) as Op[])
    app.post<{ Params: Codename; Body: { readonly id?: string } | undefined }>(
      `/api/devices/:device/:codename/${op}`,
      {
        config: { permission: mayCommand(op) },
        schema: {
          summary: ops[op],
          description:
            'Who hangs up ends the waiting, not the command. The same id from the same client is answered again, not carried out again.',
          tags: ['commands'],
          params,
          headers: commandHeaders,
          body: { $ref: `${op[0]?.toUpperCase()}${op.slice(1)}Command#` },
          response: { 200: { $ref: 'Reply#' } }
        }
      },
      async (request, reply) => {
        const told = { ...request.params, op, payload: sourceOf(request), id: request.body?.id }
        return await carryOut(parts, told, request, reply, (json) => answer(reply, json))
      }
    )
}

function answer(reply: FastifyReply, json: string | AsyncIterable<string>): FastifyReply {
  const body = typeof json === 'string' ? json : Readable.from(json, { objectMode: false })
  return reply.type('application/json; charset=utf-8').send(body)
}
