import type { Ref } from '../../gateway/adapter.js'

/** A codename as the configuration names it, `device/codename`; the schemas have made sure of its form. */
export function refOf(target: string): Ref {
  const slash = target.indexOf('/')
  return { device: target.slice(0, slash), codename: target.slice(slash + 1) }
}
