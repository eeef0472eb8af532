import assert from 'node:assert/strict'
import type { DeadLetter } from '../schemas/types.js'
import { help } from './dead-help.js'
import type { Place } from './dead-help.js'
import { errorClasses } from './errors.js'
import type { ErrorClass } from './errors.js'
import { described } from './schema-words.js'

const setpoint: Place = {
  device: 'furnace',
  codename: 'setpoint',
  topic: 'bench/furnace/setpoint',
  meta: { unit: 'C', settable: true, schema: { type: 'number', minimum: 0, maximum: 1200 } }
}

const letter = (cls: ErrorClass, rule: string = cls, reason = 'because'): DeadLetter => ({
  class: cls,
  rule,
  reason,
  client: 'c',
  payload: '',
  time: '2026-11-21T15:00:00Z',
  topic: 'bench/furnace/setpoint/set'
})

describe('the help to a dead letter', () => {
  const cases: [DeadLetter, Place | undefined, string][] = [
    [letter('RangeError', 'maximum'), { ...setpoint, op: 'set' }, 'Send to bench/furnace/setpoint/set a number from 0 to 1200 C.'],
    [
      letter('Forbidden', 'writer'),
      { ...setpoint, feeder: 'oven' },
      'furnace/setpoint is fed by the instance oven. To set it, publish to bench/furnace/setpoint/set.'
    ],
    [letter('Retained'), { ...setpoint, op: 'set' }, 'Publish to bench/furnace/setpoint/set without the retain flag.'],
    [
      letter('UnknownCodename', 'UnknownCodename', 'no codename of furnace is called "setpont"; did you mean "setpoint"?'),
      { device: 'furnace', codename: 'setpont' },
      'Perhaps "setpoint" is meant: then write that, or mend the topic.'
    ],
    [
      letter('Forbidden', 'client'),
      { device: 'stage', owner: 'driver' },
      'Connect with the client id driver, or change devices.stage.client in the configuration.'
    ],
    [
      letter('ReadOnly'),
      { ...setpoint, codename: 'temperature', topic: 'bench/furnace/temperature', meta: { schema: {} }, op: 'set' },
      'furnace/temperature takes bench/furnace/temperature/get; if it can be set, declare settable: true.'
    ],
    [letter('Busy'), { ...setpoint, op: 'set' }, 'Wait for the reply on bench/furnace/setpoint/reply, then send the next.'],
    [letter('BadPayload', 'empty'), { ...setpoint, op: 'set' }, 'Send the value to set, such as 0.']
  ]
  for (const [of, place, text] of cases) it(`${of.class}, ${of.rule}: ${text}`, () => assert.equal(help(of, place), text))

  it('is there for every class, with and without a known place, and for any rule', () => {
    for (const cls of Object.keys(errorClasses) as ErrorClass[])
      for (const place of [undefined, { device: 'furnace' }, setpoint])
        for (const rule of [cls, 'constructor', '__proto__', 'minimum']) {
          const text = help(letter(cls, rule), place)
          assert.match(text, /^[\w"].*[.]$/s, `${cls} ${rule}`)
          assert.doesNotMatch(text, /undefined|\[object|null|\.\.$/)
        }
  })

  for (const [schema, text] of [
    [{ enum: ['heat', 'cool'] }, 'one of "heat", "cool"'],
    [{ type: ['integer', 'null'], minimum: 1 }, 'an integer or null of at least 1'],
    [{ type: 'number', exclusiveMinimum: 0, maximum: 5, multipleOf: 0.5 }, 'a number above 0 and of at most 5 in steps of 0.5'],
    [{ type: 'array', items: { type: 'number' }, maxItems: 3 }, 'a list of at most 3 items whose items are each a number'],
    [
      { type: 'object', required: ['a'], properties: { a: { type: 'string', maxLength: 9 }, b: true } },
      'an object with a: a text of at most 9 characters; b (if wanted): a value'
    ]
  ] as const)
    it(`says of a schema: ${text}`, () => assert.equal(described(schema), text))
})
