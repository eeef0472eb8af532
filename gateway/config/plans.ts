/** What the instances plan, and whether the plans fit together. */
import type { AdapterType, InstanceConfig, Plan, Problem, Right, Site } from '../adapter.js'
import type { ConfigDocument } from './document.js'
import { checkListeners } from './listeners.js'
import type { Listener } from './listeners.js'
import { checkLoops } from './loops.js'
import { checkBroughtDevices } from './names.js'
import type { Finding, Path } from './problem.js'
import { checkReference, deviceOf, findReferences, rightOf } from './references.js'
import { checkRights } from './rights.js'
import { wrongSources } from './sources.js'
import type { Planned } from './rights.js'

/** An entry of `adapters` that keeps to its schema. */
export interface Entry {
  readonly config: InstanceConfig
  readonly type: AdapterType
  readonly path: Path
}

export interface PlansOptions {
  readonly document: ConfigDocument
  readonly site: Site
  /** Devices with problems of their own: what refers to them is not judged. */
  readonly broken: ReadonlySet<string>
  /** Of the gateway itself. */
  readonly listeners: readonly Listener[]
}

export interface Plans {
  readonly plans: Map<string, Plan>
  /** What each instance names, by its id. */
  readonly refers: Map<string, readonly Right[]>
  readonly findings: Finding[]
}

/**
 * Plans are made twice: first with the declared devices, which tells the devices that instances bring along; then with all
 * devices, since an instance may refer to what another brings.
 */
export function checkPlans(entries: readonly Entry[], { document, site, broken, listeners }: PlansOptions): Plans {
  const findings: Finding[] = []
  const first = entries.map((entry) => plan(entry, site).plan)
  const brought = new Map(first.flatMap(({ devices }) => [...(devices ?? [])]))
  const all: Site = { devices: new Map([...site.devices, ...[...brought].filter(([name]) => !site.devices.has(name))]) }
  const names = new Set(brought.keys())
  const refers = new Map<string, readonly Right[]>()
  const planned = entries.map((entry, index): Planned => {
    const { config, path, type } = entry
    const references = findReferences(type.configSchema, config, path)
    const wrong = references.flatMap((reference) => (broken.has(deviceOf(reference)) ? [] : (checkReference(reference, all, names) ?? [])))
    findings.push(...wrong)
    refers.set(config.id, references.map(rightOf))
    const judged = wrong.length === 0 && !references.some((reference) => broken.has(deviceOf(reference)))
    const made = judged ? plan(entry, all) : { plan: first[index] as Plan, problems: [] }
    findings.push(...made.problems.map((problem) => below(path, problem)))
    findings.push(...wrongSources(config, path))
    return { id: config.id, path, plan: made.plan }
  })
  const configs = new Map(entries.map(({ config }) => [config.id, config]))
  findings.push(
    ...checkBroughtDevices(planned, new Set(site.devices.keys()), configs),
    ...checkRights(planned),
    ...checkLoops(planned),
    ...checkListeners([...listeners, ...planned.flatMap((instance, index) => listens(instance, entries[index] as Entry, document))])
  )
  return { plans: new Map(planned.map((instance) => [instance.id, instance.plan])), refers, findings }
}

/** A fault of a type must not end the check. */
function plan({ type, config }: Entry, site: Site): { plan: Plan; problems: readonly Problem[] } {
  try {
    const plan = type.plan(config, site)
    return { plan, problems: plan.problems ?? [] }
  } catch (error) {
    const message = `the type ${type.type} failed to check this entry (${String(error)}); please report it`
    return { plan: {}, problems: [{ path: [], rule: 'Internal', message: message.replace(/\s+/g, ' ') }] }
  }
}

function below(path: Path, { path: inside, rule, message, warning }: Problem): Finding {
  return { path: [...path, ...inside], at: 'value', rule, message, warning: warning ?? false }
}

function listens({ id, path, plan }: Planned, { config }: Entry, document: ConfigDocument): Listener[] {
  return (plan.listens ?? []).map(({ protocol, host, port, path: inside }) => {
    let around: unknown = config
    for (const step of inside.slice(0, -1)) around = (around as Record<string, unknown> | undefined)?.[step]
    const insecure = (around as { insecure?: unknown } | undefined)?.insecure === true
    const at = [...path, ...inside]
    return { protocol, host, port, insecure, path: at, owner: `${id} (line ${document.line(at)})` }
  })
}
