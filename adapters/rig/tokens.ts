/** A login for the database travels in clear text, and nothing of it may be shown (section 6). */
import { isExactList, isExactMap } from '../common/exact-json.js'
import type { Exact } from '../common/exact-json.js'
import type { EventName } from './events.js'

const hidden = '***'

const secretName = /token|password|secret/i

/** Where a text tells something secret; what follows is it. Counts are bounded, so that no text takes long. */
const secretInText = /(?:token|password|secret)\w{0,20}\\{0,8}["']?\s{0,8}[:=]/i

/**
 * What may be shown of a message. Of ALYX: the address of the database, and names; texts and whatever is a token by its name become `***`.
 * Of any other message, as reports may quote the one that failed (section 11): its texts as of {@link hideTokens}.
 */
export function withoutTokens(event: EventName | undefined, elements: readonly Exact[]): readonly Exact[] {
  if (event !== 'ALYX') return elements.map((element) => hideInTexts(element))
  return elements.map((element, at) => (at === 0 && typeof element === 'string' ? hideInUrl(element) : hideAll(element)))
}

/** A text, e.g. a message that could not be read, up to where it tells a token. */
export function hideTokens(text: string): string {
  const found = secretInText.exec(text)
  return found === null ? text : `${text.slice(0, found.index + found[0].length)} ${hidden}`
}

function hideInTexts(value: Exact): Exact {
  if (typeof value === 'string') return hideTokens(value)
  if (isExactList(value)) return value.map(hideInTexts)
  return isExactMap(value) ? new Map(Array.from(value, ([name, item]) => [name, hideInTexts(item)])) : value
}

function hideAll(value: Exact): Exact {
  if (typeof value === 'string') return hidden
  if (isExactList(value)) return value.map(hideAll)
  if (!isExactMap(value)) return value
  return new Map(Array.from(value, ([name, item]) => [name, secretName.test(name) ? hidden : hideAll(item)]))
}

/** `https://user:password@host/?token=…` */
function hideInUrl(url: string): string {
  return hideTokens(url.replace(/\/\/[^/?#]*@/, `//${hidden}@`).replace(/[?#][\s\S]*$/, ''))
}
