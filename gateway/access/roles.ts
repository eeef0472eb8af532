import type { Config, Role } from '../../schemas/types.js'
import { Topics, brokerTopics } from '../topic.js'
import type { Identity, Rights } from './identity.js'
import { Rules } from './rules.js'
import type { Verdicts } from './rules.js'

/** What the gateway brings along; one of the configuration with such a name replaces it. */
export const builtIn = ['observer', 'operator', 'device', 'admin'] as const

/** As `access.anonymous`: nobody. No role has this name. */
export const nobody = 'none'

/** The roles that there are. */
export function roleNames(roles: Config['access']['roles']): ReadonlySet<string> {
  return new Set([...builtIn, ...Object.keys(roles)])
}

function builtInRoles(root: string): Record<(typeof builtIn)[number], Role> {
  const topics = new Topics(root)
  const [all, user] = ['#', '%u']
  const under = topics.everything
  const ask = topics.filter('history')
  return {
    observer: { read: [all], write: [ask] },
    operator: { read: [all], write: [all, `!${under}`, topics.filter('set'), topics.filter('get'), topics.filter('call'), ask] },
    device: {
      read: [topics.ofDevice(user)],
      write: [topics.filter('state', user), topics.filter('reading', user), topics.filter('reply', user)]
    },
    admin: { read: [all, brokerTopics], write: [all] }
  }
}

interface Compiled {
  readonly read: Rules
  readonly write: Rules
}

const nothing: Rights = { mayRead: () => false, mayWrite: () => false, maySubscribe: () => 'none' }

/** Names of roles to what they may do. */
export class Roles {
  readonly #roles: ReadonlyMap<string, Compiled>
  readonly #topics: Topics

  /** `root`: of the gateway's topics. */
  constructor(roles: Config['access']['roles'], root: string) {
    this.#topics = new Topics(root)
    const all = Object.entries({ ...builtInRoles(root), ...roles })
    this.#roles = new Map(all.map(([name, { read, write }]) => [name, { read: new Rules(read), write: new Rules(write) }]))
  }

  has(name: string): boolean {
    return this.#roles.has(name)
  }

  /** Made once for each connection or request; what it returns is called for each message. An unknown role may nothing. */
  rights({ user, role }: Identity, client: string | undefined): Rights {
    const compiled = this.#roles.get(role)
    if (compiled === undefined) return nothing
    const names = { user, client }
    const [read, write] = [compiled.read.for(names), compiled.write.for(names)]
    return {
      mayRead: (topic) => read.may(topic) && this.#mayReadOriginal(read, topic),
      mayWrite: (topic) => write.may(topic),
      maySubscribe: (filter) => this.#maySubscribe(read, filter)
    }
  }

  /** A dead letter holds what was published to another topic: it is for who may read both. What was published to `$…` is nobody's. */
  #mayReadOriginal(read: Verdicts, topic: string): boolean {
    const original = this.#topics.original(topic)
    return original === undefined || original.startsWith('$') || read.may(original)
  }

  #maySubscribe(read: Verdicts, filter: string): 'all' | 'some' | 'none' {
    const own = read.of(filter)
    const original = own === 'none' ? undefined : this.#topics.originals(filter)
    if (original === undefined || original.startsWith('$')) return own
    const its = read.of(original)
    if (its === 'all') return own
    // With a wildcard before it the filter matches other topics too.
    return its === 'none' && this.#topics.original(filter) !== undefined ? 'none' : 'some'
  }
}
