/** Does an MQTT filter fit a topic? */
export function fits(filter: string, topic: string): boolean {
  const wanted = filter.split('/')
  const levels = topic.split('/')
  if (topic.startsWith('$') && /^[+#]/.test(filter)) return false
  for (const [at, part] of wanted.entries()) {
    if (part === '#') return true
    if (at >= levels.length || (part !== '+' && part !== levels[at])) return false
  }
  return wanted.length === levels.length
}
