import type {} from '@fastify/swagger'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { Entry } from '../devices.js'
import { noHistory } from '../history/ask.js'
import { spanOf } from '../history/moments.js'
import { decodeName } from '../topic.js'
import { preferred } from './accept.js'
import { HistoryAnswer } from './history-answer.js'
import type { Format, HistoryAsked } from './history-answer.js'
import { HistoryStreams } from './history-streams.js'
import type { Asker } from './askers.js'
import { askerOf } from './guard.js'
import type { Parts } from './parts.js'
import { HttpError } from './problem.js'

/** Codenames of one question, and points of all of them. */
const maxCodenames = 32
const maxPoints = 100_000

const types: Readonly<Record<Format, string>> = {
  json: 'application/json',
  csv: 'text/csv',
  ndjson: 'application/x-ndjson'
}

const time = (what: string): object => ({
  description: `${what} RFC 3339, Unix seconds, or as a negative number seconds before now.`,
  type: 'string',
  minLength: 1,
  maxLength: 64
})

const parameters = {
  from: time('Readings of this time and later; left out: from one hour before the end, or with order newest from the beginning.'),
  to: time('Readings before this time; left out: up to the newest, with points up to now.'),
  points: {
    description: 'For drawing: about so many of each codename; the readings themselves where there are few enough, else roll-ups.',
    type: 'integer',
    minimum: 1,
    maximum: 10_000
  },
  limit: {
    description: 'Readings of each codename, in JSON; next tells where to go on. Left out: 1000. CSV and NDJSON are whole.',
    type: 'integer',
    minimum: 1,
    maximum: 10_000
  },
  order: { description: 'Which readings come first, in JSON.', type: 'string', enum: ['oldest', 'newest'] },
  format: { description: 'Instead of the header Accept.', type: 'string', enum: ['json', 'csv', 'ndjson'] }
}

const codename = {
  description: 'device/codename, percent-encoded as in a topic; may come several times.',
  type: 'array',
  items: { type: 'string' },
  minItems: 1,
  maxItems: maxCodenames
}

const reading = { description: 'As on its topic; of a stale one also since: when it became so.', type: 'object' }
const rollup = {
  description:
    'Numbers of a stretch of time that begins at time. gap: something in it was stale, bad or missing; draw no line to the next.',
  type: 'object'
}
const series = {
  title: 'HistorySeries',
  description: 'Readings or roll-ups of a codename.',
  type: 'object',
  required: ['device', 'codename', 'kind'],
  properties: {
    device: { type: 'string' },
    codename: { type: 'string' },
    unit: { type: 'string' },
    kind: { type: 'string', enum: ['readings', 'rollups'] },
    readings: { type: 'array', items: reading },
    rollups: { type: 'array', items: rollup },
    step: { description: 'Seconds of a roll-up.', type: 'number' },
    next: { description: 'Where to go on: the next from (of the newest first, to); null: that was all.', type: ['string', 'null'] }
  }
}
const span = {
  from: { description: 'As it was understood.', type: 'string' },
  to: { description: 'The same; null: up to the newest.', type: ['string', 'null'] }
}

const text = { description: 'A row for each reading, in order of time, streamed.', type: 'string' }
const response = (schema: object): object => ({
  200: {
    description: 'Readings or roll-ups.',
    content: { [types.json]: { schema }, [types.csv]: { schema: text }, [types.ndjson]: { schema: text } }
  }
})

interface Query {
  readonly from?: string
  readonly to?: string
  readonly points?: number
  readonly limit?: number
  readonly order?: 'oldest' | 'newest'
  readonly format?: Format
}

/** History, as JSON, CSV and NDJSON. */
export function historyRoutes(app: FastifyInstance, parts: Parts): void {
  const streams = new HistoryStreams(parts)
  app.addHook('onClose', async () => {
    await Promise.resolve()
    streams.stop()
  })
  const config = { types: Object.values(types), permission: 'filtered' } as const

  app.get<{ Params: { device: string; codename: string }; Querystring: Query }>(
    '/api/devices/:device/:codename/history',
    {
      config,
      exposeHeadRoute: false,
      schema: {
        summary: 'What was read of a codename',
        tags: ['history'],
        params: {
          type: 'object',
          properties: {
            device: { description: 'Name of the device, percent-encoded.', type: 'string' },
            codename: { description: 'Name of the codename, percent-encoded.', type: 'string' }
          },
          required: ['device', 'codename']
        },
        querystring: { type: 'object', properties: parameters },
        response: response({ ...series, properties: { ...series.properties, ...span } })
      }
    },
    (request, reply) => {
      const { device, codename: name } = request.params
      return answer(request, reply, request.query, [entryOf(device, name, askerOf(request))], false)
    }
  )

  app.get<{ Querystring: Query & { readonly codename: readonly string[] } }>(
    '/api/history',
    {
      config,
      exposeHeadRoute: false,
      schema: {
        summary: 'What was read of several codenames',
        tags: ['history'],
        querystring: { type: 'object', required: ['codename'], properties: { codename, ...parameters } },
        response: response({
          title: 'HistoryOfSeveral',
          type: 'object',
          required: ['series'],
          properties: { ...span, series: { type: 'array', items: series } }
        })
      }
    },
    (request, reply) => {
      const entries = request.query.codename.map((given) => {
        const at = given.indexOf('/')
        if (at < 0) throw new HttpError('BadPayload', `write ${JSON.stringify(given)} as device/codename`, { path: '?codename' })
        return entryOf(given.slice(0, at), given.slice(at + 1), askerOf(request))
      })
      return answer(request, reply, request.query, [...new Set(entries)], true)
    }
  )

  /** Names as they are, or as a topic has them. */
  function entryOf(device: string, name: string, { sight }: Asker): Entry {
    const { devices, history } = parts
    const decoded = [decodeName(device) ?? device, decodeName(name) ?? name] as const
    const found = devices.find(device, name)
    const entry = found !== undefined && sight.codename(found) ? found : sight.expect(...decoded)
    if (!history.keeps(entry)) throw noHistory(entry)
    return entry
  }

  async function answer(
    request: FastifyRequest,
    reply: FastifyReply,
    query: Query,
    entries: readonly Entry[],
    several: boolean
  ): Promise<FastifyReply> {
    const asked = read(request, query, entries.length)
    return await streams.send(request, reply, new HistoryAnswer(parts, asked, entries, several))
  }

  function read(request: FastifyRequest, query: Query, count: number): HistoryAsked {
    const { points, limit, order, from, to } = query
    const accepted = preferred(request.headers.accept, Object.values(types))
    const format = query.format ?? (Object.keys(types) as Format[]).find((name) => types[name] === accepted) ?? 'json'
    const isWhole = format !== 'json' || points !== undefined
    for (const [name, value] of Object.entries({ limit, order }))
      if (isWhole && value !== undefined)
        throw new HttpError('BadPayload', `${name} is of readings in JSON: CSV, NDJSON and points are whole`, { path: `?${name}` })
    if (points !== undefined && points * count > maxPoints)
      throw new HttpError('RangeError', `ask for at most ${maxPoints} points in all`, { path: '?points' })
    const now = parts.clock.now()
    const kind = points === undefined ? (order ?? 'oldest') : 'plot'
    return { span: spanOf({ from, to }, now, kind), now, format, type: types[format], points, limit, newest: order === 'newest' }
  }
}
