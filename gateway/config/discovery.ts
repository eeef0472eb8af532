/** Announcing devices to Home Assistant: topics that are not the gateway's own. */
import { statusTopic } from '../describe/home-assistant-topics.js'
import { Topics } from '../topic.js'
import type { Finding } from './problem.js'
import { quote } from './words.js'

/** `data`: the file, as far as it is right; what keeps not to the schema is told elsewhere. */
export function checkDiscovery(data: Readonly<Record<string, unknown>>): Finding[] {
  const { discovery, prefix } = (data['homeAssistant'] ?? {}) as Readonly<Record<string, unknown>>
  const { root } = (data['broker'] ?? {}) as Readonly<Record<string, unknown>>
  if (discovery !== true || typeof prefix !== 'string' || typeof root !== 'string') return []
  if (new Topics(root).parse(statusTopic(prefix)).where === 'outside') return []
  const message = `topics below ${quote(root)} (broker.root) are the gateway's own; choose another prefix, and the same in Home Assistant`
  return [{ path: ['homeAssistant', 'prefix'], at: 'value', rule: 'prefix', message }]
}
