/** Routes are in the hash: the server need not know them, and a prefix of a reverse proxy does not matter. */
import { useEffect, useState } from 'preact/hooks'

/** Segments of the path by name, then what stands behind the `?`. */
export class Params {
  readonly path: string
  readonly #named: ReadonlyMap<string, string>
  readonly #query: URLSearchParams

  constructor(path = '/', named: ReadonlyMap<string, string> = new Map(), query = new URLSearchParams()) {
    this.path = path
    this.#named = named
    this.#query = query
  }

  get(name: string): string | undefined {
    return this.#named.get(name) ?? this.#query.get(name) ?? undefined
  }

  /** Every value of a name that may come more than once. */
  all(name: string): string[] {
    return this.#query.getAll(name)
  }
}

/** What each page is given. */
export interface PageProps {
  readonly params: Params
}

/** `#/devices/a%2Fb?x=1` for ['devices', 'a/b'] and { x: '1' }. */
export function href(segments: readonly string[], query: Readonly<Record<string, string | readonly string[] | undefined>> = {}): string {
  const search = new URLSearchParams()
  for (const [name, value] of Object.entries(query))
    for (const each of value === undefined ? [] : typeof value === 'string' ? [value] : value) search.append(name, each)
  const text = search.toString()
  return `#/${segments.map(encoded).join('/')}${text === '' ? '' : `?${text}`}`
}

/** The empty name is `%`, as in topics: an empty segment is none. */
function encoded(name: string): string {
  return name === '' ? '%' : encodeURIComponent(name)
}

/** Goes there; with `replace` the page before is not kept for the back button. */
export function go(to: string, { replace = false } = {}): void {
  if (replace) {
    history.replaceState(null, '', to)
    window.dispatchEvent(new Event('hashchange'))
  } else location.hash = to
}

function split(hash: string): { readonly path: string; readonly segments: string[]; readonly query: URLSearchParams } {
  const [path = '', query = ''] = hash.replace(/^#?\/?/, '').split('?')
  return { path: `/${path}`, segments: path.split('/').filter((part) => part !== ''), query: new URLSearchParams(query) }
}

function decoded(text: string): string {
  if (text === '%') return ''
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}

/** Does `/devices/:device` fit the hash? */
export function match(pattern: string, hash: string): Params | undefined {
  const { path, segments, query } = split(hash)
  const wanted = pattern.split('/').filter((part) => part !== '')
  if (wanted.length !== segments.length) return undefined
  const named = new Map<string, string>()
  for (const [at, part] of wanted.entries()) {
    const given = decoded(segments[at] as string)
    if (part.startsWith(':')) named.set(part.slice(1), given)
    else if (part !== given) return undefined
  }
  return new Params(path, named, query)
}

export function useHash(): string {
  const [hash, setHash] = useState(location.hash)
  useEffect(() => {
    const changed = (): void => setHash(location.hash)
    window.addEventListener('hashchange', changed)
    return () => window.removeEventListener('hashchange', changed)
  }, [])
  return hash
}
