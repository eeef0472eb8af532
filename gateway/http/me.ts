import type { Entry } from '../devices.js'
import { below } from '../topic.js'
import type { Asker } from './askers.js'
import type { Parts } from './parts.js'
import { hasRight, mayCallOwn, mayReadOwn } from './permission.js'

/** What of the gateway can be seen besides readings. */
const areas = ['commands', 'dead', 'health', 'instances', 'log'] as const

export const meSchema = {
  title: 'Me',
  description: 'Who asks, and what he may do.',
  type: 'object',
  additionalProperties: false,
  required: ['user', 'role', 'via', 'login', 'readOnly', 'may'],
  properties: {
    user: { description: 'null: it was not told.', type: ['string', 'null'] },
    role: { description: 'See access.roles of the configuration.', type: 'string' },
    via: {
      description: 'How it was told. session: by the cookie of a login.',
      type: 'string',
      enum: ['anonymous', 'password', 'certificate', 'session']
    },
    login: { description: 'There are users: one may log in.', type: 'boolean' },
    readOnly: { description: 'Over this listener nobody does anything (http.readOnly).', type: 'boolean' },
    may: {
      type: 'object',
      additionalProperties: false,
      required: ['command', 'startRuns', 'stopRuns', 'see'],
      properties: {
        command: {
          description: 'Set and call: all that can be, some (see may of each codename), or none.',
          type: 'string',
          enum: ['all', 'some', 'none']
        },
        startRuns: { type: 'boolean' },
        stopRuns: { type: 'boolean' },
        see: {
          description: 'Besides readings. commands: what became of them; dead: dead letters.',
          type: 'array',
          items: { type: 'string', enum: areas }
        }
      }
    }
  }
} as const

export function meOf(asker: Asker, parts: Parts): object {
  const { identity, session, rights } = asker
  const { topics, config, access } = parts
  const sees: Record<(typeof areas)[number], boolean> = {
    commands: rights.maySubscribe(topics.filter('reply')) !== 'none',
    dead: rights.maySubscribe(topics.deadLetters) !== 'none',
    health: hasRight(mayReadOwn('health'), asker, parts),
    instances: hasRight(mayReadOwn('instances'), asker, parts),
    log: hasRight(mayReadOwn('log'), asker, parts)
  }
  const isReadOnly = config.http?.readOnly === true
  return {
    user: identity.user ?? null,
    role: identity.role,
    via: session === undefined ? identity.via : 'session',
    login: access.hasUsers,
    readOnly: isReadOnly,
    may: {
      command: mayCommandAny(asker, parts),
      startRuns: !isReadOnly && hasRight(mayCallOwn('run_start'), asker, parts),
      stopRuns: !isReadOnly && hasRight(mayCallOwn('run_stop'), asker, parts),
      see: areas.filter((area) => sees[area])
    }
  }
}

/** Of what can be set or called; with nothing of the kind: all. */
export function mayCommandAny({ rights }: Asker, { devices, config }: Parts): 'all' | 'some' | 'none' {
  if (config.http?.readOnly === true) return 'none'
  let [some, not] = [false, false]
  for (const device of devices.names())
    for (const entry of devices.codenames(device))
      for (const op of opsOf(entry)) {
        if (rights.mayWrite(below(entry.topic, op))) some = true
        else not = true
        if (some && not) return 'some'
      }
  return not ? 'none' : 'all'
}

function opsOf({ meta }: Entry): ('set' | 'call')[] {
  return [...(meta.settable === true ? (['set'] as const) : []), ...(meta.callable === undefined ? [] : (['call'] as const))]
}
