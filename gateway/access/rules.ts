/** A list of filters as rules: the last that matches a topic decides, and nothing matching means no. Pure. */
import { covers, filterFault, matcher, overlaps } from './filter.js'
import type { Match } from './filter.js'

/** What stands for %u and %c. Undefined or odd: see {@link Rules.for}. */
export interface Names {
  readonly user: string | undefined
  readonly client: string | undefined
}

interface Rule {
  readonly allows: boolean
  readonly levels: readonly string[]
  readonly match: Match
}

/** As it is written, when it holds %u or %c. */
interface Draft {
  readonly allows: boolean
  readonly levels: readonly string[]
}

/** What is wrong with an entry of a role; undefined: nothing. */
export function ruleFault(text: string): string | undefined {
  return filterFault(text.startsWith('!') ? text.slice(1) : text)
}

/** Rules for one identity. */
export class Verdicts {
  readonly #rules: readonly Rule[]

  /** In the order in which they are written. */
  constructor(rules: readonly Rule[]) {
    this.#rules = rules
  }

  /** Called for each message. */
  may(topic: string): boolean {
    const rules = this.#rules
    for (let at = rules.length - 1; at >= 0; at--) {
      const rule = rules[at] as Rule
      if (rule.match(topic)) return rule.allows
    }
    return false
  }

  /**
   * Of the topics that the filter matches: may all, some or none? `all` and `none` are certain; `some` is also said where only several
   * rules together would tell.
   */
  of(filter: string): 'all' | 'some' | 'none' {
    if (filterFault(filter) !== undefined) return 'none'
    const levels = filter.split('/')
    const seen = { allowed: false, denied: false }
    for (let at = this.#rules.length - 1; at >= 0; at--) {
      const rule = this.#rules[at] as Rule
      if (!overlaps(rule.levels, levels)) continue
      seen[rule.allows ? 'allowed' : 'denied'] = true
      // Earlier rules have no say any more.
      if (covers(rule.levels, levels)) return seen.allowed ? (seen.denied ? 'some' : 'all') : 'none'
    }
    return seen.allowed ? 'some' : 'none'
  }
}

/** A list of a role. */
export class Rules {
  readonly #entries: readonly (Rule | Draft)[]
  /** For everybody, where no entry holds %u or %c. */
  readonly #same: Verdicts | undefined

  /** No entry has a fault, see {@link ruleFault}: the configuration was checked. One that has gives nothing, to nobody. */
  constructor(texts: readonly string[]) {
    const whole = texts.every((text) => ruleFault(text) === undefined)
    this.#entries = (whole ? texts : []).map((text) => {
      const allows = !text.startsWith('!')
      const filter = allows ? text : text.slice(1)
      const levels = filter.split('/')
      return levels.some((level) => placeholder.test(level)) ? { allows, levels } : rule(allows, levels)
    })
    this.#same = this.#entries.every(isRule) ? new Verdicts(this.#entries) : undefined
  }

  /**
   * A name that is empty or holds / + or #, or would make a topic of the broker (`$…`) out of a filter, gives nothing: its entry is left
   * out. One that takes away then takes whatever stands in that level: who has an odd name must not get more by it.
   */
  for(names: Names): Verdicts {
    return this.#same ?? new Verdicts(this.#entries.flatMap((entry) => (isRule(entry) ? [entry] : fill(entry, names))))
  }
}

const placeholder = /%[uc]/

function isRule(entry: Rule | Draft): entry is Rule {
  return 'match' in entry
}

function rule(allows: boolean, levels: readonly string[]): Rule {
  return { allows, levels, match: matcher(levels.join('/')) }
}

function fill({ allows, levels }: Draft, { user, client }: Names): Rule[] {
  let isOdd = false
  const filled = levels.map((level, at) => {
    if (!placeholder.test(level)) return level
    let odd = false
    const text = level.replace(/%[uc]/g, (which) => {
      const name = which === '%u' ? user : client
      odd ||= name === undefined || name === '' || /[/+#\0]/.test(name)
      return name ?? ''
    })
    if (allows) odd ||= at === 0 && text.startsWith('$') && !level.startsWith('$')
    isOdd ||= odd
    return odd ? '+' : text
  })
  return isOdd && allows ? [] : [rule(allows, filled)]
}
