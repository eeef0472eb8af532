import type { FastifyInstance } from 'fastify'
import { formatTime } from '../time.js'
import { askerOf } from './guard.js'
import { mayCommandAny } from './me.js'
import type { Parts } from './parts.js'

export const infoSchema = {
  title: 'Gateway',
  description: 'Which gateway this is, and what may be done over this listener.',
  type: 'object',
  additionalProperties: false,
  required: ['name', 'version', 'root', 'time', 'since', 'mqtt', 'may', 'history', 'runs'],
  properties: {
    name: { description: 'gateway.name of the configuration.', type: 'string' },
    version: { description: 'Version of labgate.', type: 'string' },
    root: { description: 'Root of the topics.', type: 'string' },
    time: { description: 'Now, by its clock.', type: 'string', format: 'date-time' },
    since: { description: 'When it started.', type: 'string', format: 'date-time' },
    mqtt: { description: 'Path of MQTT over WebSocket.', type: 'string' },
    may: {
      description: 'What the asker may do.',
      type: 'object',
      additionalProperties: false,
      required: ['command'],
      properties: { command: { description: 'Send some commands at least; /api/me tells more.', type: 'boolean' } }
    },
    history: { description: 'A history is kept.', type: 'boolean' },
    runs: { description: 'Runs can be recorded.', type: 'boolean' }
  }
} as const

export function infoRoutes(app: FastifyInstance, parts: Parts): void {
  const { config, clock, version, history, started, runs } = parts
  const schema = { summary: 'Which gateway this is', tags: ['gateway'], response: { 200: infoSchema } }
  app.get('/api', { config: { permission: 'known' }, schema }, async (request) => ({
    name: config.gateway.name,
    version,
    root: config.broker.root,
    time: formatTime(clock.now()),
    since: formatTime(started),
    mqtt: '/mqtt',
    may: { command: mayCommandAny(askerOf(request), parts) !== 'none' },
    history: history.status().state !== 'off',
    runs: runs.folder !== undefined
  }))
}
