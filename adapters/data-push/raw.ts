/**
 * The raw form of a push, `codename:type:data;codename:type:data,data`, and of the value a callback returns.
 * Nothing in it is escaped: text that holds a separator cannot be read back. The error texts are Python's and PyExpLabSys' own,
 * byte for byte (sections 5.3 and 5.5); clients show them to people.
 */
import { isExactList, isExactMap, type Exact } from '../common/exact-json.js'
import { dumps, isAscii, parseFloatText, parseInt10, str, typeName, type FromText } from '../common/python-text.js'

export type RawValues = { readonly ok: true; readonly values: Map<string, Exact> } | { readonly ok: false; readonly error: string }

export type RawText = { readonly ok: true; readonly text: string } | { readonly ok: false; readonly error: string }

const isRawType = (name: string): boolean => name === 'int' || name === 'float' || name === 'bool' || name === 'str'

/** All or nothing; the first bad part is reported (vector re-atomic). Codenames are not checked, a doubled one keeps its first place. */
export function decodeRaw(text: string): RawValues {
  const values = new Map<string, Exact>()
  for (const part of text.split(';')) {
    const [codename, type, data, ...more] = part.split(':')
    if (codename === undefined || type === undefined || data === undefined || more.length > 0) {
      return { ok: false, error: `The data part '${part}' did not match the expected format of 3 parts divided by ':'` }
    }
    if (!isRawType(type)) {
      // The list is a Python 3 dict view as it prints itself; older installations write it in two other ways (section 5.3).
      return { ok: false, error: `The data type '${type}' is unknown. Only dict_keys(['int', 'float', 'str', 'bool']) are allowed` }
    }
    const items: Exact[] = []
    for (const item of data.split(',')) {
      const scalar = decodeScalar(item, type)
      if (!scalar.ok) return { ok: false, error: `Unable to convert values to '${type}'. Error is: ${scalar.message}` }
      items.push(scalar.value)
    }
    const [first = null] = items
    values.set(codename, items.length === 1 ? first : items)
  }
  return { ok: true, values }
}

function decodeScalar(text: string, type: string): FromText<Exact> {
  switch (type) {
    case 'int':
      return parseInt10(text)
    case 'float':
      return parseFloatText(text)
    case 'bool':
      return decodeBool(text)
    default:
      return { ok: true, value: text }
  }
}

/** Unlike numbers, a bool bears no blanks around it (vector re-bool). */
function decodeBool(text: string): FromText<Exact> {
  if (text === 'True') return { ok: true, value: true }
  if (text === 'False') return { ok: true, value: false }
  return { ok: false, message: `Cannot translate the string '${text}' to a boolean. Only the strings 'True' or 'False' are allowed` }
}

/** A return value in raw form. Only None, a dict of scalars or even lists, and a list of even lists have one. */
export function encodeRaw(value: Exact): RawText {
  if (value === null) return { ok: true, text: 'None' }
  if (isExactMap(value)) return encodeDict(value)
  if (isExactList(value)) return encodeLists(value)
  return { ok: false, error: "Return value must be a dict or list with return format 'raw'" }
}

const ONLY_SCALARS = "With return format raw, the item type can only be one of 'int', 'float', 'bool' and 'str'."

function encodeDict(dict: ReadonlyMap<string, Exact>): RawText {
  const items: string[] = []
  for (const [key, value] of dict) {
    const elements = isExactList(value) ? value : [value]
    const types = elements.map(typeName)
    if (!isUniform(types)) return { ok: false, error: 'With return format raw, value in list must have same type' }
    // The type of an empty list is the empty word, which is then refused: meant to be allowed (vector dr-empty-inner-dict).
    const type = types[0] ?? ''
    if (!isRawType(type)) return { ok: false, error: `${ONLY_SCALARS} Object: '${str(value)}' is of type: ${type}` }
    items.push(`${key}:${type}:${elements.map(str).join(',')}`)
  }
  return { ok: true, text: items.join(';') }
}

/** One type in front of the whole, which the published documentation forgets (section 8, row 5; vector dr-list). */
function encodeLists(lists: readonly Exact[]): RawText {
  const items: string[] = []
  const types: string[] = []
  for (const list of lists) {
    if (!isExactList(list)) return { ok: false, error: 'With return format raw on a list, the elements themselves be lists' }
    for (const element of list) types.push(typeName(element))
    items.push(list.map(str).join(','))
  }
  const [type] = types
  // The original looks at the first type without asking whether there is one (vector dr-empty-list).
  if (type === undefined) return { ok: false, error: 'list index out of range' }
  if (!isUniform(types)) {
    const classes = types.map(className).join(', ')
    const rule = 'With return format raw on a list of lists, all values  in list must have same type.'
    return { ok: false, error: `${rule} Types are: [${classes}]` }
  }
  if (!isRawType(type)) return { ok: false, error: `${ONLY_SCALARS} The type is: ${className(type)}` }
  return { ok: true, text: `${type}:${items.join('&')}` }
}

/** Types are compared as such: True is no int here, though in Python it is an instance of one (vector dr-bool-int). */
function isUniform(types: readonly string[]): boolean {
  return types.every((type) => type === types[0])
}

function className(type: string): string {
  return `<class '${type}'>`
}

/** The payload of a push. What could not be read back as the same values has no raw form: nothing in it is escaped. */
export function encodeRawPush(values: ReadonlyMap<string, Exact>): RawText {
  const parts: string[] = []
  for (const [key, value] of values) {
    const items = isExactList(value) ? value : [value]
    const why = isRawText(key, /[:;#]/)
      ? withoutRawForm(items, isExactList(value))
      : `its name ${dumps(key)} holds one of : ; # or a character outside ASCII`
    if (why !== undefined) return { ok: false, error: `${dumps(value)} has no raw_wn form: ${why}; use form: json_wn` }
    parts.push(`${key}:${typeName(items[0] ?? null)}:${items.map(str).join(',')}`)
  }
  return parts.length > 0 ? { ok: true, text: parts.join(';') } : { ok: false, error: 'a push without keys has no raw_wn form' }
}

/** The reason, or undefined. */
function withoutRawForm(items: readonly Exact[], isList: boolean): string | undefined {
  const types = items.map(typeName)
  if (isList && items.length < 2) return 'a list of less than two items would be read as one value'
  if (!isUniform(types) || !types.every(isRawType)) return 'only an int, a float, a bool, a text and lists of one of these have one'
  const isLost = items.some((item) => typeof item === 'string' && !isRawText(item, /[,:;#]/))
  return isLost ? 'the text holds one of , : ; # or a character outside ASCII' : undefined
}

function isRawText(text: string, separators: RegExp): boolean {
  return isAscii(text) && !separators.test(text)
}

/** A callback's value in raw form: None, a dict, or a list of lists with its type in front (section 5.5). */
export function decodeRawReturn(
  text: string
): { readonly ok: true; readonly value: Exact } | { readonly ok: false; readonly error: string } {
  if (text === 'None') return { ok: true, value: null }
  if (text === '') return { ok: true, value: new Map() }
  const [, type, lists] = /^(int|float|bool|str):([^:]*)$/s.exec(text) ?? []
  if (type === undefined || lists === undefined) {
    const dict = decodeRaw(text)
    return dict.ok ? { ok: true, value: dict.values } : dict
  }
  const rows: Exact[] = []
  for (const list of lists.split('&')) {
    const row: Exact[] = []
    for (const item of list.split(',')) {
      const scalar = decodeScalar(item, type)
      if (!scalar.ok) return { ok: false, error: scalar.message }
      row.push(scalar.value)
    }
    rows.push(row)
  }
  return { ok: true, value: rows }
}
