/** The calls of a rig, which a group of rigs has too: what they are and what they take. */
import type { Codename } from '../../gateway/adapter.js'

/** Seconds that a call may ask for, for its answer. */
const longestAnswer = 300

/** Seconds that `await` may ask for: a session lasts for hours. */
const longestAwait = 86_400

/** Longer than a call can wait for its turn, its echo and its answer: who calls gets our reason, which says more. */
const callWithin = 2 * longestAnswer + 120

const data = { description: 'Any JSON that the rig understands; left out: null' }
const status = {
  description: 'What we say of ourselves: CONNECTED, INITIALIZED, RUNNING or STOPPED, or 0, 10, 20, 30; left out: CONNECTED'
}
const waits = {
  timeout: { description: 'Seconds for the answer', type: 'number', exclusiveMinimum: 0, maximum: longestAnswer },
  answer: { description: 'false: the echo is enough', type: 'boolean' }
}

function call(description: string, properties: object, timeout = callWithin): Codename {
  return { description, callable: { arguments: { type: 'object', additionalProperties: false, properties }, timeout } }
}

/** In the order of a session. */
export const callCodenames: ReadonlyMap<string, Codename> = new Map([
  ['info', call('Asks who it is and what it records (EXPINFO)', { status, data, ...waits })],
  ['init', call('Tells it to prepare (EXPINIT)', { data, ...waits })],
  [
    'start',
    call('Starts the recording of a session (EXPSTART)', {
      exp_ref: { description: 'yyyy-mm-dd_n_subject, or its parts {date, sequence, subject}; null: none' },
      data,
      ...waits
    })
  ],
  ['status', call('Asks what it does (EXPSTATUS)', { status, ...waits })],
  ['stop', call('Ends the session; before all that waits but interrupts (EXPEND)', { data, ...waits })],
  ['interrupt', call('Ends the session at once; before all that waits (EXPINTERRUPT)', { data, ...waits })],
  ['cleanup', call('Tells it to clean up (EXPCLEANUP)', { data, ...waits })],
  [
    'await',
    call(
      'Waits for its next message of an event, asked for or not',
      {
        event: { description: 'EXPINIT, EXPSTART, EXPEND, EXPCLEANUP, EXPINTERRUPT, EXPSTATUS, EXPINFO' },
        timeout: { description: 'Seconds', type: 'number', exclusiveMinimum: 0, maximum: longestAwait }
      },
      longestAwait + 10
    )
  ]
])

/** Of one rig alone. */
export const sendCodename: Codename = call('For experts: sends anything, and waits for the echo alone', {
  json: { description: 'Any JSON, as Python writes it' },
  text: { description: 'A text as it is', type: 'string' }
})

/**
 * Of one rig alone: a secret call, of instances of this gateway, and therefore not callable. Its arguments are what follows the event number:
 * the URL of the database or null, and the users with their tokens; without users it asks for a login, which is the reply.
 */
export const alyxCodename: Codename = {
  description: 'Hands on a login for the database, from one program to another; nothing of it is shown, and no MQTT client can call it',
  timeout: callWithin
}
