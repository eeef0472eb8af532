/** What may be shown on MQTT of what a stranger sends: a login must not be among it, however it is dressed up (section 6). */
import { isExactList, isExactMap } from '../common/exact-json.js'
import type { Exact } from '../common/exact-json.js'
import type { EventName } from './events.js'
import { hideTokens } from './tokens.js'

const hidden = '***'

const secretName = /token|password|secret|authorization/i

/** As programs write it into the head of a request, and into their errors. */
const bearer = /\b(token|bearer|basic)(\s+)[\w.~+/=-]{16,}/gi

/** As a token is. */
const longWord = /[0-9a-z_-]{20}/i
const longNumber = /[0-9a-f]{20}/i

/** Elements of a message or an answer. Of ALYX only the address of the database and the names of the users. */
export function concealed(event: EventName | undefined, elements: readonly Exact[]): readonly Exact[] {
  return event === 'ALYX' ? elements.map(login) : elements.map(cover)
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
  if (typeof value === 'string') return coverText(value)
  if (isExactList(value)) return value.map(cover)
  if (!isExactMap(value)) return value
  return new Map(Array.from(value, ([name, item]): [string, Exact] => [coverText(name), secretName.test(name) ? hidden : cover(item)]))
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

function coverText(text: string): string {
  return hideTokens(text).replace(bearer, `$1$2${hidden}`)
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
