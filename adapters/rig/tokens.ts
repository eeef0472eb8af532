/** A login for the database travels in clear text; nothing of it may be shown (section 6). */
import { isExactList, isExactMap } from '../common/exact-json.js'
import type { Exact } from '../common/exact-json.js'
import type { EventName } from './events.js'

const hidden = '***'

const secretName = /token|password|secret/i

/**
 * What may be shown of a message: in ALYX the value of every member that is a token by its name becomes `***`, at any depth, and in any
 * message what looks like one inside a text, as reports may quote the message that failed (section 11).
 */
export function withoutTokens(event: EventName | undefined, elements: readonly Exact[]): readonly Exact[] {
  return elements.map((element) => hide(element, event === 'ALYX'))
}

/** The same for what could not be read, e.g. a message that was cut: the rest of a text from a token on that does not end, too. */
export function hideTokens(text: string): string {
  return text.replace(tokenInText, `$1"${hidden}"`)
}

/** The name with its colon, then the value: a text, ended or cut, with quotes that may be escaped as in a text within a text; or a word. */
const tokenInText =
  /(\\*["']?[^"'\\\s{[,:]*(?:token|password|secret)[^"'\\\s{[,:]*\\*["']?\s*[:=]\s*)(?:(\\*)"(?:(?!\2")[\s\S])*(?:\2"|$)|'[^']*(?:'|$)|[^\s,}\]]+)/gi

function hide(value: Exact, isLogin: boolean): Exact {
  if (typeof value === 'string') return hideTokens(value)
  if (isExactList(value)) return value.map((item) => hide(item, isLogin))
  if (!isExactMap(value)) return value
  return new Map(Array.from(value, ([name, item]) => [name, isLogin && secretName.test(name) ? hidden : hide(item, isLogin)]))
}
