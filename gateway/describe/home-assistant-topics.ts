/** Topics of Home Assistant's own, below its prefix, and how messages of ours on them are known. */

/** `o.name`: by which discovery messages of ours are known. */
export const origin = 'labgate'

/** Of one device. */
export function discoveryTopic(prefix: string, id: string): string {
  return `${prefix}/device/${id}/config`
}

/** Whatever the prefix is: it may have been another one before a restart. */
export function isDiscoveryTopic(topic: string): boolean {
  return /^.+\/device\/[\w-]+\/config$/.test(topic)
}

/** Where Home Assistant says that it has started. */
export function statusTopic(prefix: string): string {
  return `${prefix}/status`
}

/** A discovery message of a gateway, of this run or of an earlier one. */
export function isOurs(payload: string): boolean {
  try {
    const { o } = JSON.parse(payload) as { readonly o?: { readonly name?: unknown } }
    return o?.name === origin
  } catch {
    return false
  }
}
