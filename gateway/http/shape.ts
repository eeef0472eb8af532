import type { IncomingMessage } from 'node:http'
import { HttpError } from './problem.js'
import { parseUrl } from '../../adapters/common/parse-url.js'

/** Header fields of a request. Browsers send twenty. */
const maxFields = 100

/** Of these Node takes the first, and a proxy before it perhaps the last: then they would speak of two requests, or of two people. */
const once: ReadonlySet<string> = new Set(['host', 'authorization', 'content-type', 'origin', 'expect'])

type Head = Pick<IncomingMessage, 'rawHeaders' | 'httpVersionMajor' | 'url' | 'headers'>

/** What is wrong with the head of a request that Node lets through; undefined: nothing. */
export function shapeFault({ rawHeaders, httpVersionMajor, url, headers }: Head): HttpError | undefined {
  if (httpVersionMajor !== 1) return new HttpError('BadPayload', 'HTTP 1.0 and 1.1 are spoken here', { status: 505, rule: 'version' })
  if (url !== undefined && !/^[/*]/.test(url) && hostOf(url) !== hostOf(`http://${headers.host ?? ''}`))
    return new HttpError('BadPayload', 'the address names another host than the header Host', { rule: 'headers' })
  if (rawHeaders.length > 2 * maxFields)
    return new HttpError('BadPayload', `a request has at most ${maxFields} header fields`, { status: 431, rule: 'headers' })
  const seen = new Set<string>()
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const name = (rawHeaders[i] as string).toLowerCase()
    if (!once.has(name)) continue
    if (seen.has(name)) return new HttpError('BadPayload', `${name} stands twice among the header fields`, { rule: 'headers' })
    seen.add(name)
  }
  return undefined
}

function hostOf(url: string): string | undefined {
  return parseUrl(url)?.host
}
