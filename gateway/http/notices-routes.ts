import type { FastifyInstance } from 'fastify'
import deadLetterSchema from '../../schemas/dead-letter.schema.json' with { type: 'json' }
import type { DeadLetter } from '../../schemas/types.js'
import { help } from '../dead-help.js'
import type { Place } from '../dead-help.js'
import { levels } from '../notices.js'
import type { Level } from '../notices.js'
import { formatTime } from '../time.js'
import { askerOf } from './guard.js'
import type { Parts } from './parts.js'
import { mayReadOwn, refuseNone } from './permission.js'

const { time, errorClass } = deadLetterSchema.$defs

const lineSchema = {
  title: 'Log line',
  type: 'object',
  additionalProperties: false,
  required: ['n', 'time', 'level', 'message', 'fields'],
  properties: {
    n: { description: 'Counts all lines since start.', type: 'integer' },
    time: { ...time, description: 'When it was written.' },
    level: { type: 'string', enum: levels },
    message: { type: 'string' },
    instance: { description: 'The instance that wrote it. Left out: the gateway.', type: 'string' },
    fields: { description: 'What else it tells; what is long is cut.', type: 'object' }
  }
} as const

const letterSchema = {
  title: 'Dead letter and help',
  type: 'object',
  additionalProperties: false,
  required: [...deadLetterSchema.required, 'n', 'help'],
  properties: {
    ...deadLetterSchema.properties,
    class: errorClass,
    time: { ...time, description: 'When it was refused.' },
    n: { description: 'Counts all dead letters since start.', type: 'integer' },
    help: { description: 'What to do, for people.', type: 'string' }
  }
}

export function noticesRoutes(app: FastifyInstance, parts: Parts): void {
  logRoute(app, parts)
  deadRoute(app, parts)
}

function logRoute(app: FastifyInstance, { notices }: Parts): void {
  const schema = {
    summary: 'The last lines of the log',
    description: 'At most 1000, and none that the level of the log leaves out.',
    tags: ['gateway'],
    querystring: {
      type: 'object',
      additionalProperties: false,
      properties: {
        after: {
          description: 'Only lines with a larger n. Larger than `last` of the answer: the gateway was started anew.',
          type: 'integer',
          minimum: 0
        },
        level: { description: 'Only lines of this level and worse.', type: 'string', enum: levels }
      }
    },
    response: {
      200: {
        type: 'object',
        additionalProperties: false,
        required: ['lines', 'last'],
        properties: {
          lines: { description: 'The oldest first.', type: 'array', items: lineSchema },
          last: { description: 'The n of the last line that was written.', type: 'integer' }
        }
      }
    }
  } as const
  const config = { permission: mayReadOwn('log') }
  app.get<{ Querystring: { after?: number; level?: Level } }>('/api/log', { config, schema }, async ({ query: { after, level } }) => ({
    lines: notices.lines(after, level).map((line) => ({ ...line, time: formatTime(line.time) })),
    last: notices.lineCount
  }))
}

function deadRoute(app: FastifyInstance, parts: Parts): void {
  const schema = {
    summary: 'The last messages that were refused, and how to mend them',
    tags: ['gateway'],
    querystring: {
      type: 'object',
      additionalProperties: false,
      properties: { limit: { description: 'At most so many, the last ones.', type: 'integer', minimum: 1, maximum: 500 } }
    },
    response: {
      200: {
        type: 'object',
        additionalProperties: false,
        required: ['letters', 'total'],
        properties: {
          letters: { description: 'The last ones first.', type: 'array', items: letterSchema },
          total: { description: 'Dead letters since start; for who may not see all of them, those here.', type: 'integer' }
        }
      }
    }
  } as const
  const { notices, topics } = parts
  app.get<{ Querystring: { limit?: number } }>('/api/dead', { config: { permission: 'filtered' }, schema }, async (request) => {
    const { rights } = askerOf(request)
    refuseNone(askerOf(request), topics.deadLetters)
    const isWhole = rights.maySubscribe(topics.deadLetters) === 'all'
    const { limit = 100 } = request.query
    const letters = notices
      .letters(isWhole ? limit : Infinity)
      .map(({ n, payload }) => ({ n, letter: JSON.parse(payload) as DeadLetter }))
      .filter(
        ({ letter }) =>
          isWhole || (rights.mayRead(topics.dead(letter.topic)) && (letter.topic.startsWith('$') || rights.mayRead(letter.topic)))
      )
    return {
      letters: letters.slice(0, limit).map(({ n, letter }) => ({ ...letter, n, help: help(letter, placeOf(letter.topic, parts)) })),
      total: isWhole ? notices.letterCount : letters.length
    }
  })
}

/** Undefined: the topic names no device. */
function placeOf(topic: string, { topics, devices }: Parts): Place | undefined {
  const parsed = topics.parse(topic)
  if (parsed.where !== 'root') return undefined
  const { device, codename, kind } = parsed
  const owner = devices.options(device)?.client
  if (kind === 'state') return { device, owner, feeder: devices.holders(device).values().next().value }
  const entry = devices.find(device, codename)
  const op = kind === 'set' || kind === 'get' || kind === 'call' || kind === 'history' ? kind : undefined
  return {
    device,
    codename,
    op,
    owner,
    topic: entry?.topic ?? topics.reading(device, codename),
    meta: entry?.declared === true ? entry.meta : undefined,
    feeder: devices.feeder(device, codename)
  }
}
