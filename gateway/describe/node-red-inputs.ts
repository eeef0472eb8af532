/** The inputs of Node-RED's dashboard, chosen by the JSON Schema of what they send. */
import type { Schema } from '../schema-words.js'
import type { DescribedCodename } from './described.js'
import { valueKind } from './kinds.js'
import type { Input } from './node-red-code.js'
import { likeExample } from './node-red-parts.js'

/** A widget but for its place, and what its messages mean. */
export interface Widget {
  readonly input: Input
  /** It shows where the device is, and is told so: see `takes` of a look. */
  readonly takes?: 'number' | 'boolean' | 'choice'
  readonly properties: Readonly<Record<string, unknown>>
}

/** Of a codename that is set. */
export function setInput({ codename, topic, unit, digits, schema = {} }: DescribedCodename): Widget {
  const label = unit === undefined ? codename : `${codename} (${unit})`
  const { enum: choices } = schema as Schema
  const command = commandOf(topic, 'set')
  const input = { name: codename, label, topic: command, topicType: 'str', passthru: false, className: '', tooltip: '' }
  if (choices !== undefined && choices.length > 0 && choices.every(isScalar))
    return {
      input: { kind: 'choice', choices },
      takes: 'choice',
      properties: {
        ...input,
        type: 'ui-dropdown',
        multiple: false,
        chips: false,
        clearable: false,
        payload: '',
        typeIsComboBox: false,
        options: choices.map((choice) => ({ label: String(choice), value: String(choice), type: 'str' })),
        msgTrigger: 'onChange'
      }
    }
  const kind = valueKind(schema)
  if (kind === 'boolean')
    return {
      input: { kind },
      takes: kind,
      properties: {
        ...input,
        type: 'ui-switch',
        decouple: false,
        style: '',
        layout: 'row-spread',
        clickableArea: 'switch',
        onvalue: 'true',
        onvalueType: 'bool',
        onicon: '',
        oncolor: '',
        offvalue: 'false',
        offvalueType: 'bool',
        officon: '',
        offcolor: ''
      }
    }
  const range = kind === 'number' ? rangeOf(schema as Schema, digits) : undefined
  if (range !== undefined)
    return {
      input: { kind: 'number' },
      takes: 'number',
      // Sends when it is let go, not on its way: a furnace need not follow each step.
      properties: {
        ...input,
        type: 'ui-slider',
        outs: 'end',
        thumbLabel: 'true',
        showTicks: 'false',
        ...range,
        iconPrepend: '',
        iconAppend: '',
        color: '',
        colorTrack: '',
        colorThumb: '',
        showTextField: false
      }
    }
  const formKind = kind === 'number' || kind === 'text' ? kind : 'json'
  return {
    input: { kind: formKind },
    properties: form(codename, command, 'set', [field('value', label, formKind, true)])
  }
}

/** Of a codename that is called. */
export function callInput({ codename, topic: reading, callable }: DescribedCodename): Widget {
  const { properties = {}, required = [] } = (callable?.arguments ?? {}) as Schema
  const fields = Object.entries(properties).map(([name, schema]) => [name, fieldKind(schema), schema] as const)
  const topic = commandOf(reading, 'call')
  if (fields.length === 0)
    return {
      input: { kind: 'arguments', fields: {} },
      properties: {
        ...likeExample('ui-button'),
        name: codename,
        label: codename,
        payload: '{}',
        payloadType: 'json',
        topic,
        topicType: 'str'
      }
    }
  const options = fields.map(([name, kind, schema]) => field(name, labelOf(name, schema), kind, required.includes(name)))
  return {
    input: { kind: 'arguments', fields: Object.fromEntries(fields.map(([name, kind]) => [name, kind])) },
    properties: form(codename, topic, codename, options)
  }
}

/** What says to the function behind which command it is. */
function commandOf(topic: string, op: 'set' | 'call'): string {
  return `${op} ${topic.slice(topic.lastIndexOf('/') + 1)}`
}

type FieldKind = 'number' | 'boolean' | 'text' | 'json'

function fieldKind(schema: Schema | boolean): FieldKind {
  const kind = valueKind(typeof schema === 'object' ? schema : undefined)
  return kind === 'choices' ? 'text' : kind === 'number' || kind === 'boolean' || kind === 'text' ? kind : 'json'
}

function labelOf(name: string, schema: Schema | boolean): string {
  const choices = typeof schema === 'object' ? schema.enum : undefined
  return choices === undefined ? name : `${name} (${choices.map(String).join(', ')})`
}

const fieldTypes = { number: 'number', boolean: 'checkbox', text: 'text', json: 'multiline' } as const

function field(key: string, label: string, kind: FieldKind, required: boolean): object {
  return {
    label: kind === 'json' ? `${label}, JSON` : label,
    key,
    type: fieldTypes[kind],
    required: required && kind !== 'boolean',
    rows: kind === 'json' ? 3 : null
  }
}

function form(name: string, topic: string, submit: string, options: readonly object[]): Record<string, unknown> {
  const keys = (options as { key: string; type: string }[]).map(({ key, type }) => [key, type === 'checkbox' ? false : ''])
  return {
    ...likeExample('ui-form'),
    name,
    label: '',
    topic,
    topicType: 'str',
    submit,
    options,
    formValue: Object.fromEntries(keys) as object
  }
}

/** Undefined: nobody knows where it ends. */
function rangeOf(schema: Schema, digits: number | undefined): { min: number; max: number; step: number } | undefined {
  const low = schema.minimum ?? schema.exclusiveMinimum
  const high = schema.maximum ?? schema.exclusiveMaximum
  if (low === undefined || high === undefined || !(low < high)) return undefined
  const fine = 10 ** Math.floor(Math.log10((high - low) / 200))
  const isWhole = [schema.type].flat().includes('integer')
  const step = schema.multipleOf ?? (isWhole ? Math.max(1, fine) : digits === undefined ? fine : Math.max(10 ** -digits, fine))
  return {
    min: low === schema.exclusiveMinimum ? low + step : low,
    max: high === schema.exclusiveMaximum ? high - step : high,
    step
  }
}

function isScalar(value: unknown): boolean {
  return typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean'
}
