/** Who may come to an instance that listens: is each of them an address? */
import { readRange } from '../../schemas/source.js'
import type { InstanceConfig } from '../adapter.js'
import type { Finding, Path } from './problem.js'

/** Of `allow`, wherever it stands beside a host. */
export function wrongSources(config: InstanceConfig, path: Path): Finding[] {
  return listsIn(config, path).flatMap(({ allow, at }) =>
    allow.flatMap((text, index): Finding[] =>
      typeof text !== 'string' || readRange(text) !== undefined
        ? []
        : [
            {
              path: [...at, index],
              at: 'value',
              rule: 'address',
              message: `${text} is no IP address or network; write one as 192.168.7.12, 192.168.7.0/24 or fd00::/8`
            }
          ]
    )
  )
}

function listsIn(part: object, path: Path): { readonly allow: readonly unknown[]; readonly at: Path }[] {
  const members = Object.entries(part) as [string, unknown][]
  return members.flatMap(([key, member]) => {
    if (key === 'allow' && Array.isArray(member) && 'host' in part) return [{ allow: member as unknown[], at: [...path, key] }]
    const isPart = typeof member === 'object' && member !== null && !Array.isArray(member) && !(member instanceof Map)
    return isPart ? listsIn(member, [...path, key]) : []
  })
}
