/** A codename as an entity of Home Assistant: which platform, and what it is told. */
import type { Schema } from '../schema-words.js'
import { below, encodeName } from '../topic.js'
import { self } from '../devices.js'
import type { DescribedCodename, DescribedDevice } from './described.js'
import { deviceClass } from './home-assistant-units.js'
import { onlineReading, setIntegerTemplate, setTemplate, stateTemplate } from './home-assistant-templates.js'
import type { Form } from './home-assistant-templates.js'
import { choicesOf, resolved, valueKind } from './kinds.js'

export type Platform = 'sensor' | 'binary_sensor' | 'number' | 'switch' | 'select' | 'text' | 'button'

export interface Entity extends Readonly<Record<string, unknown>> {
  readonly p: Platform
  readonly unique_id: string
}

interface Available {
  readonly t: string
  readonly val_tpl: string
}

export interface EntityOptions {
  /** Of the unique ids. */
  readonly prefix: string
  /** Of the gateway and the device. */
  readonly availability: readonly Available[]
}

/** By their ids within the device. */
export function entitiesOf({ codenames }: DescribedDevice, options: EntityOptions): Readonly<Record<string, Entity>> {
  const found: [string, Entity][] = []
  for (const described of codenames) {
    const id = encodeName(described.codename) ?? ''
    const entity = read(described, options)
    if (entity !== undefined) found.push([id, entity])
    const button = buttonOf(described, options)
    // A blank is in no name as a topic level.
    if (button !== undefined) found.push([`${id} call`, button])
  }
  return Object.fromEntries(found)
}

type Kind = Omit<Entity, 'unique_id'> & { readonly p: Platform }

/** What is read, and perhaps set. Undefined: a structure, which no entity holds. */
function read(described: DescribedCodename, { prefix, availability }: EntityOptions): Entity | undefined {
  const { device, codename, topic, settable, isRead } = described
  const kind = isRead ? (settable ? settableKind(described) : readKind(described)) : undefined
  if (kind === undefined) return undefined
  return {
    ...kind,
    unique_id: [prefix, device, codename].map((name, at) => (at === 0 ? name : encodeName(name))).join('/'),
    name: codename,
    ...(device === self ? { ent_cat: 'diagnostic' } : {}),
    stat_t: topic,
    // What can be set is shown as unknown while its reading is none to trust: it could not be set otherwise before its first reading.
    avty: settable ? availability : [...availability, { t: topic, val_tpl: onlineReading }],
    avty_mode: 'all'
  }
}

function readKind({ schema, unit, digits, device, codename }: DescribedCodename): Kind | undefined {
  const kind = valueKind(schema)
  const state = (form: Form): { val_tpl: string } => ({ val_tpl: stateTemplate(form, false) })
  if (kind === 'structure') return undefined
  if (kind === 'boolean') return { p: 'binary_sensor', ...state('boolean'), pl_on: 'true', pl_off: 'false' }
  if (kind === 'choices') return { p: 'sensor', ...state('choices'), dev_cla: 'enum', ops: choicesOf(schema) }
  if (kind === 'number' || unit !== undefined)
    return {
      p: 'sensor',
      ...state(kind === 'number' ? 'number' : 'perhaps'),
      stat_cla: device === self && codename.endsWith('_total') ? 'total_increasing' : 'measurement',
      ...measured(unit),
      ...(digits === undefined ? {} : { sug_dsp_prc: digits })
    }
  return { p: 'sensor', ...state(kind === 'text' ? 'text' : 'any') }
}

function settableKind(described: DescribedCodename): Kind | undefined {
  const { schema, topic } = described
  const kind = valueKind(schema)
  const set = (form: Form): { cmd_t: string; val_tpl: string } => ({ cmd_t: below(topic, 'set'), val_tpl: stateTemplate(form, true) })
  if (kind === 'structure') return undefined
  if (kind === 'boolean') {
    const [on, off] = [true, false].map((value) => JSON.stringify({ value }))
    return { p: 'switch', ...set('boolean'), pl_on: on, pl_off: off, stat_on: 'true', stat_off: 'false' }
  }
  if (kind === 'choices') return { p: 'select', ...set('choices'), cmd_tpl: setTemplate, ops: choicesOf(schema) }
  if (kind === 'number') return numberKind(described, set('number'))
  // Without a schema the text is taken as whoever publishes it plainly would have it taken.
  return { p: 'text', ...set(kind === 'text' ? 'text' : 'any'), ...(kind === 'text' ? { cmd_tpl: setTemplate, ...lengths(schema) } : {}) }
}

/** What a field for numbers without bounds takes; Home Assistant's own bounds would be 1 and 100. */
const unbounded = 1e12

/** Home Assistant takes none smaller. */
const smallestStep = 0.001

function numberKind({ schema = {}, unit, digits }: DescribedCodename, set: object): Kind | undefined {
  const { minimum, maximum, exclusiveMinimum, exclusiveMaximum, multipleOf, type } = resolved(schema)
  const [min, max] = [minimum ?? exclusiveMinimum ?? -unbounded, maximum ?? exclusiveMaximum ?? unbounded]
  // Home Assistant refuses the whole device then.
  if (min >= max) return undefined
  const isWhole = type === 'integer'
  const step = multipleOf ?? (isWhole ? 1 : digits === undefined ? smallestStep : 10 ** -digits)
  return {
    p: 'number',
    ...set,
    cmd_tpl: isWhole ? setIntegerTemplate : setTemplate,
    min,
    max,
    step: Math.max(smallestStep, step),
    // A slider sends whatever a finger touches.
    mode: 'box',
    ...measured(unit)
  }
}

function measured(unit: string | undefined): object {
  if (unit === undefined) return {}
  const found = deviceClass(unit)
  return { unit_of_meas: unit, ...(found === undefined ? {} : { dev_cla: found }) }
}

/** As far as Home Assistant can hold it. */
function lengths(schema: object | undefined): object {
  const { minLength = 0, maxLength = 255, pattern }: Schema = schema === undefined ? {} : resolved(schema)
  if (minLength > 255 || minLength > maxLength) return {}
  return { min: minLength, max: Math.min(255, maxLength), ...(pattern === undefined ? {} : { ptrn: pattern }) }
}

/** Of a call that needs no arguments. */
function buttonOf({ device, codename, topic, callable }: DescribedCodename, { prefix, availability }: EntityOptions): Entity | undefined {
  if (callable === undefined || needsArguments(callable.arguments)) return undefined
  return {
    p: 'button',
    unique_id: `${[prefix, encodeName(device), encodeName(codename)].join('/')} call`,
    name: codename,
    cmd_t: below(topic, 'call'),
    pl_prs: '{"arguments": {}}',
    avty: availability,
    avty_mode: 'all'
  }
}

function needsArguments(schema: object | undefined): boolean {
  if (schema === undefined) return false
  const { type, required = [] } = resolved(schema)
  return required.length > 0 || (type !== undefined && type !== 'object')
}
