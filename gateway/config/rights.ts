/** Each right on a codename is held by at most one instance. */
import type { Plan, Right } from '../adapter.js'
import { self } from '../devices.js'
import type { Finding, Path } from './problem.js'

/** An instance with its plan. */
export interface Planned {
  readonly id: string
  readonly path: Path
  readonly plan: Plan
}

interface Holders {
  /** Who holds the right on the device as a whole. */
  whole?: Planned
  readonly codenames: Map<string, Planned>
}

export function checkRights(instances: readonly Planned[]): Finding[] {
  return [...check(instances, 'feeds', 'feed'), ...check(instances, 'executes', 'carry out commands of')]
}

function check(instances: readonly Planned[], kind: 'feeds' | 'executes', verb: string): Finding[] {
  const devices = new Map<string, Holders>()
  const findings: Finding[] = []
  for (const instance of instances) {
    const told = new Set<Planned>()
    for (const right of instance.plan[kind] ?? []) {
      if (right.device === self) {
        const message = `${self} is the gateway itself, which nobody may ${verb}; choose another device`
        // One that brings it along is told at its name.
        const isTold =
          instance.plan.devices?.has(self) === true || findings.some(({ path, rule }) => path === instance.path && rule === 'reserved')
        if (!isTold) findings.push({ path: instance.path, at: 'value', rule: 'reserved', message })
        continue
      }
      let holders = devices.get(right.device)
      if (holders === undefined) devices.set(right.device, (holders = { codenames: new Map() }))
      const other = take(holders, right, instance)
      if (other === undefined || other === instance || told.has(other)) continue
      told.add(other)
      const what = right.codename === undefined ? right.device : `${right.device}/${right.codename}`
      const message = `only one instance may ${verb} ${what}, and ${other.id} does already`
      findings.push({ path: instance.path, at: 'value', rule: `right-${kind}`, message })
    }
  }
  return findings
}

/** Notes the right; returns another instance that holds it. */
function take(holders: Holders, { codename }: Right, instance: Planned): Planned | undefined {
  if (codename === undefined) {
    const other = [holders.whole, ...holders.codenames.values()].find((holder) => holder !== undefined && holder !== instance)
    holders.whole ??= instance
    return other
  }
  const other = holders.whole !== undefined && holders.whole !== instance ? holders.whole : holders.codenames.get(codename)
  if (!holders.codenames.has(codename)) holders.codenames.set(codename, instance)
  return other
}
