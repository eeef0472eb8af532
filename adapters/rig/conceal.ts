/** What may be shown, on MQTT and in the log, of what others send and of what they are sent: a login must not be among it, however it is dressed up (section 6). */
import { isExactList, isExactMap } from '../common/exact-json.js'
import type { Exact } from '../common/exact-json.js'
import type { EventName } from './events.js'

const hidden = '***'

const secretName = /token|password|secret|authorization/i

/** As programs write it into the head of a request, and into their errors. */
const bearer = /\b(token|bearer|basic)(\s+)[\w.~+/=-]{16,}/gi

/** Where a text tells something secret; what follows is it. Counts are bounded, so that no text takes long. */
const secretInText = /(?:token|password|secret|authorization)\w{0,20}\\{0,8}["']?\s{0,8}[:=]/i

/** As a token is. */
const longWord = /[0-9a-z_-]{20}/i
const longNumber = /[0-9a-f]{20}/i

/** Elements of a message or an answer. Of ALYX only the address of the database and the names of the users. */
export function concealed(event: EventName | undefined, elements: readonly Exact[]): readonly Exact[] {
  return event === 'ALYX' ? elements.map(login) : elements.map(cover)
}

/** A text, e.g. a message that could not be read, or what a device said, up to where it tells something secret. */
export function hideTokens(text: string): string {
  const found = secretInText.exec(text)
  const told = found === null ? text : `${text.slice(0, found.index + found[0].length)} ${hidden}`
  return told.replace(bearer, `$1$2${hidden}`)
}

/** Whether there is a login in the elements of an ALYX message; who asks for one names a database at most. */
export function holdsTokens([url, ...users]: readonly Exact[]): boolean {
  return (typeof url === 'string' ? /[?#@]/.test(url) || hideTokens(url) !== url : holds(url ?? null)) || users.some(holds)
}

/** Characters that a dead letter shows. */
const shown = 1000

/** A payload that was not understood, for a dead letter, and why. Where a login may be in it, only its length. */
export function shownOdd(bytes: Buffer, reason: string): { readonly detail: string; readonly reason: string } {
  const text = bytes.toString('utf8')
  if (!mayHoldLogin(text)) return { detail: text.slice(0, shown), reason }
  return { detail: `(${bytes.length} bytes that may hold a login; they are not shown)`, reason: 'not understood' }
}

function cover(value: Exact): Exact {
  if (typeof value === 'string') return hideTokens(value)
  if (isExactList(value)) return value.map(cover)
  if (!isExactMap(value)) return value
  return new Map(Array.from(value, ([name, item]): [string, Exact] => [hideTokens(name), secretName.test(name) ? hidden : cover(item)]))
}

function holds(value: Exact): boolean {
  if (typeof value === 'string') return true
  if (isExactList(value)) return value.some(holds)
  return isExactMap(value) && Array.from(value).some(([name, item]) => secretName.test(name) || holds(item))
}

function login(element: Exact, index: number): Exact {
  if (element === null) return null
  if (index === 0 && typeof element === 'string') return address(element)
  if (!isExactMap(element)) return hidden
  return new Map(
    Array.from(element, ([user, held]): [string, Exact] => [
      userName(user),
      isExactMap(held) && !secretName.test(user)
        ? new Map(Array.from(held.keys(), (name): [string, Exact] => [userName(name), hidden]))
        : hidden
    ])
  )
}

function userName(name: string): string {
  return longNumber.test(name) ? hidden : hideTokens(name)
}

/** Without what may stand before the host, and after the path. */
function address(url: string): string {
  const [, scheme, rest] = /^([a-z][a-z0-9+.-]{0,20}:\/\/)(?:[^/?#@]*@)?([^?#@]{1,200})/i.exec(url) ?? []
  return scheme === undefined || rest === undefined || longNumber.test(rest) ? hidden : scheme + rest
}

/** Also where the letters are escaped, or two bytes each; and what begins like a login, or is long and without a blank as a token is. */
function mayHoldLogin(text: string): boolean {
  const plain = text.replaceAll('\0', '').replace(/\\u([0-9a-f]{4})/gi, (_, digits: string) => String.fromCharCode(parseInt(digits, 16)))
  return secretName.test(plain) || /alyx|^\W*\+?12[78]\b/i.test(plain) || longWord.test(plain)
}
