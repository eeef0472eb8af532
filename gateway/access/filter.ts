/** Topic filters of MQTT 3.1.1, 4.7: what they match, and how two of them lie to each other. Wildcards at the beginning never match `$…`. */

/** Whether a topic, without wildcards, is matched. */
export type Match = (topic: string) => boolean

/** What is wrong with a filter; undefined: nothing. */
export function filterFault(filter: string): string | undefined {
  if (filter === '') return 'a filter is not empty'
  if (filter.includes('\0')) return 'a filter holds no NUL'
  const levels = filter.split('/')
  for (const [at, level] of levels.entries()) {
    if (level.includes('#') && (level !== '#' || at < levels.length - 1)) return '# stands alone, and only as the last level'
    if (level.includes('+') && level !== '+') return '+ stands for a whole level, alone between two /'
  }
  return undefined
}

/** Made once, called for each message: nothing is split or built in here. */
export function matcher(filter: string): Match {
  if (filter === '#') return (topic) => !isHidden(topic)
  const levels = filter.split('/')
  const last = levels.at(-1) === '#' ? levels.length - 1 : levels.length
  if (levels.indexOf('+') < 0) {
    if (last === levels.length) return (topic) => topic === filter
    const [below, parent] = [filter.slice(0, -1), filter.slice(0, -2)]
    return (topic) => topic.startsWith(below) || topic === parent
  }
  const startsWild = levels[0] === '+'
  return (topic) => !(startsWild && isHidden(topic)) && walk(levels, topic)
}

function walk(levels: readonly string[], topic: string): boolean {
  // -1: the topic has ended.
  let start = 0
  for (const level of levels) {
    if (level === '#') return true
    if (start < 0) return false
    const slash = topic.indexOf('/', start)
    const end = slash < 0 ? topic.length : slash
    if (level !== '+' && !(end - start === level.length && topic.startsWith(level, start))) return false
    start = slash < 0 ? -1 : slash + 1
  }
  return start < 0
}

/** Whether `outer` matches every topic that `inner` matches. In doubt no. */
export function covers(outer: readonly string[], inner: readonly string[]): boolean {
  if (isWild(outer[0]) && isHidden(inner[0] as string)) return false
  for (let at = 0; ; at++) {
    const [mine, its] = [outer[at], inner[at]]
    if (mine === '#') return true
    if (mine === undefined || its === undefined) return mine === its
    if (its === '#') return false
    if (mine !== '+' && mine !== its) return false
  }
}

/** Whether some topic is matched by both. */
export function overlaps(one: readonly string[], other: readonly string[]): boolean {
  if ((isWild(one[0]) && isHidden(other[0] as string)) || (isWild(other[0]) && isHidden(one[0] as string))) return false
  for (let at = 0; ; at++) {
    const [left, right] = [one[at], other[at]]
    if (left === '#' || right === '#') return true
    if (left === undefined || right === undefined) return left === right
    if (left !== '+' && right !== '+' && left !== right) return false
  }
}

function isWild(level: string | undefined): boolean {
  return level === '#' || level === '+'
}

/** `$SYS/…` and the like: seen only by who names them. */
function isHidden(topic: string): boolean {
  return topic.startsWith('$')
}
