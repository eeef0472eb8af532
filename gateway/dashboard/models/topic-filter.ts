/** Filters of MQTT as people write them [MQTT-4.7.1]. */

/** Undefined when it is a filter; otherwise what is wrong with it, for people. */
export function filterProblem(filter: string): string | undefined {
  if (filter === '') return 'a filter is not empty; # stands for everything'
  if (filter.includes('\0')) return 'a filter holds no zero byte'
  if (filter.startsWith('$share/')) return 'a shared subscription would take messages away from others'
  const levels = filter.split('/')
  for (const [at, level] of levels.entries()) {
    if (level.includes('#') && level !== '#') return `# stands alone in its level, not as in ${JSON.stringify(level)}`
    if (level.includes('+') && level !== '+') return `+ stands alone in its level, not as in ${JSON.stringify(level)}`
    if (level === '#' && at < levels.length - 1) return '# is the last level'
  }
  return undefined
}
