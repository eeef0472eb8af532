import type { FastifyReply, FastifyRequest } from 'fastify'
import type { Op, Ref } from '../adapter.js'
import { addressOf } from '../broker/connections.js'
import { askerOf } from './guard.js'
import type { Parts } from './parts.js'
import { problemOf, problemType } from './problem.js'

/** Of each route that carries out a command. */
export const commandHeaders = {
  type: 'object',
  properties: {
    'labgate-client': {
      description: 'Who asks, in one word; ids of commands are its own. Left out: whoever asks as this user, or from this address.',
      type: 'string',
      pattern: '^[A-Za-z0-9][A-Za-z0-9_.-]{0,62}$'
    }
  }
}

export interface Told extends Ref {
  readonly op: Op
  readonly payload: Buffer
  readonly id: string | undefined
}

/** The same as over MQTT: checked, carried out, replied to and told. `answer` is given the reply; what failed is a problem. */
export async function carryOut(
  { desk }: Parts,
  told: Told,
  request: FastifyRequest,
  reply: FastifyReply,
  answer: (json: string) => FastifyReply
): Promise<FastifyReply> {
  const gone = new AbortController()
  reply.raw.once('close', () => gone.abort())
  const outcome = await desk.ask({ ...told, client: clientOf(request), rights: askerOf(request).rights, signal: gone.signal })
  if ('reply' in outcome) return await answer(outcome.reply)
  const { status, headers, body } = problemOf(outcome.error, outcome.id)
  return await reply.code(status).headers(headers).type(problemType).send(body)
}

/** As replies, stories and runs name it: the user, or the address of who does not say who he is. */
function clientOf(request: FastifyRequest): string {
  const { 'labgate-client': given } = request.headers
  const who = askerOf(request).identity.user ?? addressOf(request.socket)
  return typeof given === 'string' ? `http:${given}@${who}` : `http:${who}`
}
