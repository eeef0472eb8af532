/** Names of devices and codenames in the entries of adapters: do they mean anything? */
import type { Right, Site } from '../adapter.js'
import { self } from '../devices.js'
import { selfDevice } from '../self.js'
import type { Finding, Path } from './problem.js'
import { quote, suggest } from './words.js'

/** A value that its schema marks with `format: device` or `format: device/codename`. */
export interface Reference {
  readonly path: Path
  readonly format: 'device' | 'device/codename'
  readonly text: string
}

interface Part {
  readonly format?: string
  readonly pattern?: string
  readonly properties?: Record<string, Part>
  readonly additionalProperties?: Part | boolean
  readonly items?: Part
  readonly oneOf?: readonly Part[]
  readonly anyOf?: readonly Part[]
}

/** All references in `value`, which keeps to the schema. */
export function findReferences(schema: object, value: unknown, path: Path): Reference[] {
  const part = schema as Part
  // An alternative that the text is not.
  if (typeof value === 'string' && part.pattern !== undefined && !new RegExp(part.pattern, 'u').test(value)) return []
  const alternatives = [...(part.oneOf ?? []), ...(part.anyOf ?? [])].flatMap((branch) => findReferences(branch, value, path))
  if (typeof value === 'string') {
    const { format } = part
    return format === 'device' || format === 'device/codename' ? [{ path, format, text: value }] : alternatives
  }
  if (typeof value !== 'object' || value === null) return alternatives
  const members: Iterable<[string, unknown]> = value instanceof Map ? value : Object.entries(value)
  const inside = [...members].flatMap(([key, member]) => {
    const other = typeof part.additionalProperties === 'object' ? part.additionalProperties : undefined
    const below = Array.isArray(value) ? part.items : Object.hasOwn(part.properties ?? {}, key) ? part.properties?.[key] : other
    return below === undefined ? [] : findReferences(below, member, [...path, key])
  })
  return [...alternatives, ...inside]
}

/** The device that is meant. */
export function deviceOf({ format, text }: Reference): string {
  return format === 'device' ? text : text.slice(0, Math.max(0, text.indexOf('/')))
}

/** The same with its codename, where it names one. */
export function rightOf(reference: Reference): Right {
  const device = deviceOf(reference)
  return reference.format === 'device' ? { device } : { device, codename: reference.text.slice(device.length + 1) }
}

/** Undefined when the device or codename is there. A device without codenames gets them at run time when an instance brings it along. */
export function checkReference(reference: Reference, site: Site, brought: ReadonlySet<string>): Finding | undefined {
  const { path, format, text } = reference
  const say = (rule: string, message: string): Finding => ({ path, at: 'value', rule, message })
  if (format === 'device/codename' && !/^[^/]+\/[^/]+$/.test(text))
    return say('reference', `${quote(text)} is not of the form device/codename`)
  const name = deviceOf(reference)
  // What the gateway itself has can be read and called; as a device of adapters it is none.
  const device = name === self && format === 'device/codename' ? selfDevice : site.devices.get(name)
  if (device === undefined) return say('unknown-device', `there is no device ${quote(name)}${suggest(name, [...site.devices.keys()])}`)
  if (format === 'device') return undefined
  const codename = text.slice(name.length + 1)
  const codenames = [...device.codenames.keys()]
  if (codenames.includes(codename) || (codenames.length === 0 && brought.has(name))) return undefined
  return say('unknown-codename', `device ${name} has no codename ${quote(codename)}${suggest(codename, codenames)}`)
}
