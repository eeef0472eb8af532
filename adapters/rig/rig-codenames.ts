/** What a rig that we drive has. */
import type { Codename } from '../../gateway/adapter.js'
import { alyxCodename, callCodenames, sendCodename } from './call-codenames.js'
import { statusNames } from './events.js'

/** The call that is secret. */
export const alyx = 'alyx'

/** The call for experts. */
export const send = 'send'

export const rigReadings: ReadonlyMap<string, Codename> = new Map([
  ['status', { description: 'What the rig says that it does', schema: { type: 'string', enum: statusNames } }],
  ['exp_ref', { description: 'The session that the rig names', schema: { type: 'string' } }],
  [
    'link',
    {
      description: 'online: it answers; silent: it does not, or was never heard; error: nobody listens there, or it cannot be reached',
      schema: { type: 'string', enum: ['online', 'silent', 'error'] }
    }
  ],
  ['last_seen', { description: 'When the rig was last heard (UTC)', schema: { type: 'string' } }],
  [
    'event',
    {
      description: 'What the rig sends besides echoes; refValid: its exp_ref has the form of one',
      schema: {
        type: 'object',
        properties: {
          event: { type: 'string' },
          code: { type: 'integer' },
          data: { type: 'array' },
          exp_ref: {},
          refValid: { type: 'boolean' }
        }
      }
    }
  ],
  ['info', { description: 'Facts that the rig tells of itself', schema: { type: 'object' } }],
  ['protocol', { description: 'What it speaks, as far as it shows', schema: { type: 'string' } }]
])

export const rigCodenames: ReadonlyMap<string, Codename> = new Map([
  ...rigReadings,
  ...callCodenames,
  [send, sendCodename],
  [alyx, alyxCodename]
])

/** Codenames whose commands a rig carries out. */
export const rigCalls: readonly string[] = [...callCodenames.keys(), send, alyx]
