import type { FastifyInstance } from 'fastify'
import deadLetterSchema from '../../schemas/dead-letter.schema.json' with { type: 'json' }
import { below } from '../topic.js'
import { askerOf } from './guard.js'
import type { Parts } from './parts.js'
import { mayReadTopic, refuseNone } from './permission.js'

const { time, errorClass } = deadLetterSchema.$defs

const step = {
  description: 'One step, with its time.',
  type: 'object',
  additionalProperties: false,
  required: ['at', 'after', 'what', 'text'],
  properties: {
    at: { ...time, description: 'When, by the clock of the gateway.' },
    after: { description: 'Seconds since the command was asked, by a clock that does not jump.', type: 'number' },
    what: {
      description: 'Which step. written: noted on disk. late: an answer after the end, which was dropped. reading: came after it began.',
      type: 'string',
      enum: ['asked', 'checked', 'written', 'begun', 'accepted', 'done', 'failed', 'refused', 'late', 'reading']
    },
    instance: { description: 'With begun: the instance that carries it out. Left out: the native device.', type: 'string' },
    text: { description: 'For people.', type: 'string' }
  }
} as const

const error = {
  description: 'With failed and refused: why.',
  type: 'object',
  additionalProperties: false,
  required: ['class', 'message', 'retryable'],
  properties: {
    class: errorClass,
    message: { description: 'For people.', type: 'string' },
    retryable: { description: 'The same may succeed later.', type: 'boolean' },
    maybeExecuted: { description: 'true: nobody knows whether the device did it.', type: 'boolean' },
    code: { description: 'The code of the device or protocol.', type: 'string' },
    rule: { description: 'The rule that was broken.', type: 'string' }
  }
} as const

const reading = {
  description: 'The first reading of the codename that came after the command was begun. Whether it came of it nobody can know.',
  type: 'object',
  additionalProperties: false,
  required: ['value', 'quality', 'time', 'after'],
  properties: {
    value: { description: 'The value; what is long is the beginning of its text.' },
    quality: { description: 'As published.', type: 'string', enum: ['good', 'stale', 'uncertain', 'bad'] },
    time: { ...time, description: 'When it was measured.' },
    unit: { description: 'Its unit.', type: 'string' },
    source: { description: 'Where it came from; set: what was set, not measured.', type: 'string' },
    after: { description: 'Seconds from the beginning of the command until it came.', type: 'number' }
  }
} as const

export const storySchema = {
  title: 'Story',
  description: 'What became of a command, from who asked to the reading that came after it.',
  type: 'object',
  additionalProperties: false,
  required: ['id', 'device', 'codename', 'op', 'client', 'phase', 'started', 'steps'],
  properties: {
    id: { description: 'As in its reply. What one message of the old side causes has one id for all its commands.', type: 'string' },
    device: { type: 'string' },
    codename: { type: 'string' },
    op: { description: 'Which command it was.', type: 'string', enum: ['set', 'get', 'call'] },
    client: { description: 'Who asked: MQTT client id, or the instance whose legacy client asked.', type: 'string' },
    instance: { description: 'Who carried it out. Left out: nobody did, or the native device.', type: 'string' },
    phase: {
      description: 'How far it has come. repeated: the same question again, of which the first is not kept any more.',
      type: 'string',
      enum: ['asked', 'begun', 'accepted', 'done', 'failed', 'refused', 'repeated']
    },
    check: { description: 'Only whether it would be accepted was asked; nothing was done.', type: 'boolean' },
    started: { ...time, description: 'When it was asked.' },
    ended: { ...time, description: 'When it ended.' },
    duration: { description: 'Seconds from started to ended, by a clock that does not jump.', type: 'number' },
    asked: { description: 'What it was asked for; what is long is the beginning of its text.' },
    value: { description: 'With done: what came of it.' },
    error,
    steps: { description: 'In their order.', type: 'array', items: step },
    reading
  }
} as const

const query = {
  type: 'object',
  additionalProperties: false,
  properties: {
    device: { description: 'Only those of this device.', type: 'string' },
    codename: { description: 'Only those of this codename.', type: 'string' },
    id: { description: 'Only those of this id.', type: 'string' },
    limit: { description: 'At most so many, the last ones.', type: 'integer', minimum: 1, maximum: 1000 }
  }
} as const

interface Query {
  readonly device?: string
  readonly codename?: string
  readonly id?: string
  readonly limit?: number
}

export function storiesRoutes(app: FastifyInstance, { stories, topics }: Parts): void {
  const answer = {
    type: 'object',
    additionalProperties: false,
    required: ['stories'],
    properties: { stories: { description: 'The last ones first.', type: 'array', items: storySchema } }
  } as const
  const schema = { summary: 'What became of the last commands', tags: ['commands'], querystring: query, response: { 200: answer } }
  app.get<{ Querystring: Query }>('/api/stories', { config: { permission: 'filtered' }, schema }, async (request) => {
    const asker = askerOf(request)
    const asked = { limit: 100, ...request.query }
    if (asker.sight.all) return { stories: stories.find(asked) }
    refuseNone(asker, topics.filter('reply'))
    // A story is its reply told at length.
    const replies = (device: string, codename: string): string | undefined => {
      const topic = topics.reading(device, codename)
      return topic === undefined ? undefined : below(topic, 'reply')
    }
    const found = stories
      .find({ ...asked, limit: undefined })
      .filter(({ device, codename }) => mayReadTopic(asker, replies(device, codename)))
    return { stories: found.slice(0, asked.limit) }
  })
}
