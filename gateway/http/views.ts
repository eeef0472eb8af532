/** Devices and codenames as REST shows them. What is also on MQTT is the very same text. */
import type { Entry } from '../devices.js'
import { nextTurn } from '../history/turn.js'
import { metaPayload, readingPayload } from '../payload.js'
import { below } from '../topic.js'
import type { Asker } from './askers.js'
import type { Parts } from './parts.js'

type Seen = Pick<Parts, 'devices' | 'latest' | 'states'>

export const codenameSchema = {
  title: 'Codename',
  description: 'A codename of a device: what is known of it, and its last reading.',
  type: 'object',
  additionalProperties: false,
  required: ['device', 'codename', 'meta', 'reading', 'age', 'old'],
  properties: {
    device: { description: 'Name of the device.', type: 'string' },
    codename: { description: 'Name of the codename.', type: 'string' },
    meta: { $ref: 'Meta#' },
    reading: {
      description: 'The last reading, exactly as on MQTT; null: there is none yet.',
      anyOf: [{ $ref: 'Reading#' }, { type: 'null' }]
    },
    age: { description: 'How old the reading is, in seconds.', anyOf: [{ type: 'number' }, { type: 'null' }] },
    may: {
      description: 'The commands that the asker has the right to send. Left out: all that the codename takes.',
      type: 'array',
      items: { type: 'string', enum: ['set', 'get', 'call'] }
    },
    old: { description: 'Nothing to steer by: too old, bad, or none at all.', type: 'boolean' }
  }
} as const

export const deviceSchema = {
  title: 'Device',
  description: 'A device, its state, and its codenames: those of the configuration first, in its order.',
  type: 'object',
  additionalProperties: false,
  required: ['device', 'state', 'codenames'],
  properties: {
    device: { description: 'Name of the device.', type: 'string' },
    description: { description: 'For people.', type: 'string' },
    state: { description: 'null: the asker may not see it.', anyOf: [{ $ref: 'State#' }, { type: 'null' }] },
    codenames: { type: 'array', items: { $ref: 'Codename#' } }
  }
} as const

/** A codename as JSON. */
export function codenameView(entry: Entry, { latest }: Seen, asker: Asker): string {
  const { device, codename } = entry
  const held = latest.held(entry)
  const now = held && latest.get(device, codename)
  const age = now === undefined ? null : Math.round(now.age * 1000) / 1000
  const reading = held === undefined ? 'null' : readingPayload(held)
  const names = `"codename":${JSON.stringify(codename)},"device":${JSON.stringify(device)}`
  return `{"age":${JSON.stringify(age)},${names},${rightsPiece(entry, asker)}"meta":${metaPayload(entry)},"old":${now?.old ?? true},"reading":${reading}}`
}

const ops = ['set', 'get', 'call'] as const

function rightsPiece({ topic }: Entry, { rights }: Asker): string {
  const may = ops.filter((op) => rights.mayWrite(below(topic, op)))
  return may.length === ops.length ? '' : `"may":${JSON.stringify(may)},`
}

/** A device as JSON, codename by codename: what of it may be seen. */
export function* devicePieces(device: string, parts: Seen, asker: Asker): Generator<string, undefined> {
  const { devices, states } = parts
  let before = '{"codenames":['
  for (const entry of devices.codenames(device)) {
    if (!asker.sight.codename(entry)) continue
    yield before + codenameView(entry, parts, asker)
    before = ','
  }
  const description = devices.options(device)?.description
  const more = description === undefined ? '' : `"description":${JSON.stringify(description)},`
  const begun = before === ',' ? '' : before
  const state = asker.sight.state(device) ? states.told(device) : 'null'
  yield `${begun}],${more}"device":${JSON.stringify(device)},"state":${state}}`
  return undefined
}

/** All devices as JSON. */
export function* devicesPieces(parts: Seen, asker: Asker): Generator<string, undefined> {
  let before = '{"devices":['
  for (const device of parts.devices.names()) {
    if (!asker.sight.device(device)) continue
    yield before
    yield* devicePieces(device, parts, asker)
    before = ','
  }
  yield before === ',' ? ']}' : `${before}]}`
  return undefined
}

/** Pieces and characters of one turn: readings and commands must not wait for somebody who looks. */
const perTurn = 250
const mostCharacters = 262_144

/** The pieces, many in one, with a turn of the loop between them. */
export async function* inTurns(pieces: Iterable<string>): AsyncGenerator<string, undefined> {
  let [text, count] = ['', 0]
  for (const piece of pieces) {
    text += piece
    count += 1
    if (count < perTurn && text.length < mostCharacters) continue
    yield text
    ;[text, count] = ['', 0]
    await nextTurn()
  }
  if (text !== '') yield text
  return undefined
}
