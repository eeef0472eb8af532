/** A payload for people. The text is kept as it came: a number that is parsed and written anew may be another one. */

const strict = new TextDecoder('utf-8', { fatal: true })
const hexBytes = 256

export interface ShownPayload {
  readonly kind: 'empty' | 'json' | 'text' | 'bytes'
  readonly text: string
}

/** `isWhole`: nothing of it was cut off. What is cut is no JSON. */
export function showPayload(bytes: Uint8Array, isWhole: boolean): ShownPayload {
  if (bytes.length === 0) return { kind: 'empty', text: '' }
  const text = decode(bytes, isWhole)
  if (text === undefined) return { kind: 'bytes', text: hex(bytes) }
  return isWhole ? showText(text) : { kind: 'text', text }
}

/** Objects and lists are indented; all else is as it came. */
export function showText(text: string): ShownPayload {
  if (text === '') return { kind: 'empty', text }
  try {
    const value = JSON.parse(text) as unknown
    return { kind: 'json', text: typeof value === 'object' && value !== null ? indent(text) : text.trim() }
  } catch {
    return { kind: 'text', text }
  }
}

/** What a reading or the state of a device says, in a few words; undefined when it is none. */
export function gist(kind: 'reading' | 'state', bytes: Uint8Array): string | undefined {
  try {
    const { value, unit, quality, state, reason } = JSON.parse(strict.decode(bytes)) as Record<string, unknown>
    if (kind === 'state') return typeof state === 'string' && typeof reason === 'string' ? `${state}: ${reason}` : undefined
    if (typeof quality !== 'string' || value === undefined) return undefined
    const text = typeof value === 'string' ? value : JSON.stringify(value)
    return `${text}${typeof unit === 'string' ? ` ${unit}` : ''}${quality === 'good' ? '' : ` (${quality})`}`
  } catch {
    return undefined
  }
}

/** On one line, cut to so many characters. */
export function oneLine(bytes: Uint8Array, isWhole: boolean, most: number): string {
  const text = decode(bytes, isWhole) ?? hex(bytes)
  const line = text.replace(/\s+/g, ' ').trim()
  return line.length > most || !isWhole ? line.slice(0, most) + '…' : line
}

function decode(bytes: Uint8Array, isWhole: boolean): string | undefined {
  // The cut may have split a character, of at most four bytes.
  for (let less = 0; less <= (isWhole ? 0 : Math.min(3, bytes.length - 1)); less += 1)
    try {
      const text = strict.decode(bytes.subarray(0, bytes.length - less))
      return isPrintable(text) ? text : undefined
    } catch {
      continue
    }
  return undefined
}

function isPrintable(text: string): boolean {
  for (let i = 0; i < text.length; i += 1) {
    const code = text.charCodeAt(i)
    if (code < 32 && code !== 9 && code !== 10 && code !== 13) return false
  }
  return true
}

function hex(bytes: Uint8Array): string {
  const shown = [...bytes.subarray(0, hexBytes)].map((byte) => byte.toString(16).padStart(2, '0')).join(' ')
  return bytes.length > hexBytes ? `${shown} …` : shown
}

/** JSON with each member on a line of its own; every token stays as it was written. */
export function indent(json: string): string {
  let out = ''
  let depth = 0
  const line = (): string => '\n' + '  '.repeat(Math.min(depth, 40))
  for (const [token] of json.matchAll(/"(?:[^"\\]|\\.)*"|[{}[\],:]|[^\s{}[\],:"]+/g)) {
    if (token === '{' || token === '[') {
      depth += 1
      out += token + line()
    } else if (token === '}' || token === ']') {
      depth -= 1
      // Nothing came since it was opened.
      if (/[{[]\s*$/.test(out.slice(-90))) out = out.trimEnd() + token
      else out += line() + token
    } else if (token === ',') out += ',' + line()
    else if (token === ':') out += ': '
    else out += token
  }
  return out
}
