import type { FastifyInstance } from 'fastify'
import deadLetterSchema from '../../schemas/dead-letter.schema.json' with { type: 'json' }
import type { Listen } from '../adapter.js'
import type { Instance } from '../instances.js'
import { formatTime } from '../time.js'
import type { Parts } from './parts.js'
import { mayReadOwn } from './permission.js'

const { time } = deadLetterSchema.$defs
const count = { type: 'integer', minimum: 0 } as const

export const instanceSchema = {
  title: 'Instance',
  description: 'One entry of adapters, and how it goes. What its configuration says is not told: it may hold secrets.',
  type: 'object',
  additionalProperties: false,
  required: 'id type state reason since attempts retryIn lastError lastErrorAt counters devices listens feeds executes'.split(' '),
  properties: {
    id: { type: 'string' },
    type: { description: 'Its adapter.', type: 'string' },
    state: { type: 'string', enum: ['online', 'degraded', 'offline', 'disabled'] },
    reason: { description: 'Why it is so, for people.', type: 'string' },
    since: { ...time, description: 'Since when it is in this state.' },
    attempts: {
      description: 'Starts, with the one that works; counted anew when it had worked for a minute.',
      type: 'integer',
      minimum: 0
    },
    retryIn: { description: 'Seconds until it is started again; null: nothing waits for that.', type: ['number', 'null'], minimum: 0 },
    lastError: { description: 'The last thing that went wrong, also when it works again; null: nothing.', type: ['string', 'null'] },
    lastErrorAt: { description: 'Since when it did.', anyOf: [{ type: 'null' }, time] },
    counters: {
      description: 'Messages since start.',
      type: 'object',
      additionalProperties: false,
      required: ['received', 'answered', 'refused', 'dropped'],
      properties: { received: count, answered: count, refused: count, dropped: count }
    },
    devices: { description: 'Devices on which it holds a right now.', type: 'array', items: { type: 'string' } },
    listens: {
      description: 'Its sockets.',
      type: 'array',
      items: {
        type: 'object',
        additionalProperties: false,
        required: ['protocol', 'host', 'port'],
        properties: {
          protocol: { type: 'string', enum: ['udp', 'tcp'] },
          host: { type: 'string' },
          port: {
            description: 'Where the configuration says 0: the one that the system chose, while it runs.',
            type: 'integer',
            minimum: 0,
            maximum: 65535
          }
        }
      }
    },
    feeds: { description: 'It writes readings.', type: 'boolean' },
    executes: { description: 'It carries out commands.', type: 'boolean' }
  }
} as const

export function instancesRoutes(app: FastifyInstance, parts: Parts): void {
  const answer = {
    type: 'object',
    additionalProperties: false,
    required: ['instances'],
    properties: { instances: { description: 'In the order of the configuration.', type: 'array', items: instanceSchema } }
  } as const
  const schema = { summary: 'The instances of adapters, and how they go', tags: ['gateway'], response: { 200: answer } }
  app.get('/api/instances', { config: { permission: mayReadOwn('instances') }, schema }, async () => ({
    instances: Array.from(parts.instances.values(), (instance) => view(instance, parts))
  }))
}

function view(instance: Instance, { states, self, devices, clock }: Parts): object {
  const { id, type, plan, supervisor } = instance
  const { state, reason, since } = states.instances().get(id) ?? { state: 'offline', reason: 'not started yet', since: clock.now() }
  const { attempts, retryIn, lastError } = supervisor.details
  const held = [...devices.heldBy(id)]
  return {
    id,
    type,
    state,
    reason,
    since: formatTime(since),
    attempts,
    retryIn: retryIn === undefined ? null : Math.round(retryIn * 1000) / 1000,
    lastError: lastError?.message ?? null,
    lastErrorAt: lastError === undefined ? null : formatTime(lastError.at),
    counters: self.counters(id),
    devices: held,
    listens: (plan.listens ?? []).map((listen) => socket(listen, instance)),
    // A device that was claimed at run time is fed by whoever claimed it.
    feeds: (plan.feeds ?? []).length > 0 || held.some((device) => !(plan.executes ?? []).some((right) => right.device === device)),
    executes: (plan.executes ?? []).length > 0 || plan.executesFound === true
  }
}

function socket({ protocol, host, port }: Listen, { plan, supervisor }: Instance): object {
  const endpoint = supervisor.running && plan.listens?.length === 1 ? supervisor.adapter.endpoint?.() : undefined
  return { protocol, host, port: port === 0 ? (endpoint?.port ?? 0) : port }
}
