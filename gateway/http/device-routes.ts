import { Readable } from 'node:stream'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { addressOf } from '../broker/connections.js'
import type { Op } from '../adapter.js'
import { sourceOf } from './body.js'
import type { Parts } from './parts.js'
import { problemOf, problemType } from './problem.js'
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
const headers = {
  type: 'object',
  properties: {
    'labgate-client': {
      description: 'Who asks, in one word; ids of commands are its own. Left out: whoever asks from this address.',
      type: 'string',
      pattern: '^[A-Za-z0-9][A-Za-z0-9_.-]{0,62}$'
    }
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
  const { devices } = parts

  app.get(
    '/api/devices',
    {
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
    (_request, reply) => answer(reply, inTurns(devicesPieces(parts)))
  )

  app.get<{ Params: Device }>(
    '/api/devices/:device',
    {
      schema: {
        summary: 'One device',
        tags: ['devices'],
        params: { type: 'object', required: ['device'], properties: { device: params.properties.device } },
        response: { 200: { $ref: 'Device#' } }
      }
    },
    ({ params: { device } }, reply) => {
      devices.expectDevice(device)
      return answer(reply, inTurns(devicePieces(device, parts)))
    }
  )

  app.get<{ Params: Codename }>(
    '/api/devices/:device/:codename',
    { schema: { summary: 'One codename', tags: ['devices'], params, response: { 200: { $ref: 'Codename#' } } } },
    ({ params: { device, codename } }, reply) => answer(reply, codenameView(devices.expectAny(device, codename), parts))
  )

  for (const op of Object.keys(ops) as Op[])
    app.post<{ Params: Codename; Body: { readonly id?: string } | undefined }>(
      `/api/devices/:device/:codename/${op}`,
      {
        schema: {
          summary: ops[op],
          description:
            'Who hangs up ends the waiting, not the command. The same id from the same client is answered again, not carried out again.',
          tags: ['commands'],
          params,
          headers,
          body: { $ref: `${op[0]?.toUpperCase()}${op.slice(1)}Command#` },
          response: { 200: { $ref: 'Reply#' } }
        }
      },
      async (request, reply) => await command(parts, op, request, reply)
    )
}

async function command(
  { desk }: Parts,
  op: Op,
  request: FastifyRequest<{ Params: Codename; Body: { readonly id?: string } | undefined }>,
  reply: FastifyReply
): Promise<FastifyReply> {
  const gone = new AbortController()
  reply.raw.once('close', () => gone.abort())
  const { device, codename } = request.params
  const outcome = await desk.ask({
    device,
    codename,
    op,
    payload: sourceOf(request),
    id: request.body?.id,
    client: clientOf(request),
    signal: gone.signal
  })
  if ('reply' in outcome) return answer(reply, outcome.reply)
  const { status, headers: more, body } = problemOf(outcome.error, outcome.id)
  return reply.code(status).headers(more).type(problemType).send(body)
}

/** As replies and stories name it. */
function clientOf({ headers: { 'labgate-client': given }, socket }: FastifyRequest): string {
  const address = addressOf(socket)
  return typeof given === 'string' ? `http:${given}@${address}` : `http:${address}`
}

function answer(reply: FastifyReply, json: string | AsyncIterable<string>): FastifyReply {
  const body = typeof json === 'string' ? json : Readable.from(json, { objectMode: false })
  return reply.type('application/json; charset=utf-8').send(body)
}
