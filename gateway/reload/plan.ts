/** What lies between two configurations: what goes on untouched, what is stopped, started and described anew. Pure. */
import type { Codename, Plan, Ref, Right } from '../adapter.js'
import type { Checked } from '../config.js'
import { declaredDevices } from '../declare.js'
import type { Declared } from '../declare.js'
import { same } from './same.js'

export interface Changes<T> {
  readonly added: readonly T[]
  readonly changed: readonly T[]
  readonly removed: readonly T[]
}

export interface ReloadPlan {
  /** Keys of the file that only a restart of the gateway applies; with any of them nothing of the file is applied. */
  readonly restart: readonly string[]
  /** By id. */
  readonly instances: Changes<string>
  /** Why each changed instance is started anew, by id. */
  readonly why: ReadonlyMap<string, string>
  readonly devices: Changes<string>
  /** Of devices that stay; those of the others come and go with them. */
  readonly codenames: Changes<Ref>
  /** Topics that vanish with devices and codenames, as device and codename. */
  readonly vanishing: readonly Ref[]
  /** Nothing is other than before, but perhaps the order of devices and instances, and comments. */
  readonly isEmpty: boolean
}

/** Sections that are applied while the gateway runs. Any other, also one that comes to the schema later, needs a restart. */
const live: ReadonlySet<string> = new Set(['devices', 'adapters'])

/** What instances need not know of a codename when they start: the gateway looks at it itself, or they ask each time. */
const asked: ReadonlySet<string> = new Set([
  'description',
  'unit',
  'digits',
  'maxAge',
  'timeout',
  'history',
  'retainMirror'
] satisfies (keyof Codename)[])

type Members = Readonly<Record<string, unknown>>

type World = ReadonlyMap<string, Declared>

/** In steps, so that others can come in between: there may be ten thousand codenames. */
export function* planning(before: Checked, after: Checked): Generator<void, ReloadPlan, void> {
  const [old, now] = [declaredDevices(before), declaredDevices(after)]
  const restart = changedKeys({ ...before.config }, { ...after.config })
  const why = new Map<string, string>()
  for (const { id } of before.config.adapters) {
    const reason = yield* reasonFor(id, { before, old }, { after, now })
    if (reason !== undefined) why.set(id, reason)
  }
  const instances = changes(idsOf(before), idsOf(after), (id) => why.has(id))
  const other = new Set<string>()
  for (const [name, device] of old) {
    yield
    if (!same(device, now.get(name))) other.add(name)
  }
  const devices = changes([...old.keys()], [...now.keys()], (name) => other.has(name))
  const codenames: { added: Ref[]; changed: Ref[]; removed: Ref[] } = { added: [], changed: [], removed: [] }
  for (const device of devices.changed) {
    yield
    const [its, theirs] = [codenamesOf(old, device), codenamesOf(now, device)]
    const found = changes([...its.keys()], [...theirs.keys()], (name) => !same(its.get(name), theirs.get(name)))
    for (const kind of ['added', 'changed', 'removed'] as const)
      codenames[kind].push(...found[kind].map((codename) => ({ device, codename })))
  }
  const vanishing = [...devices.removed.flatMap((device) => refsOf(old, device)), ...codenames.removed]
  const isEmpty = [instances, devices].every((part) => part.added.length + part.changed.length + part.removed.length === 0)
  return { restart, instances, why, devices, codenames, vanishing, isEmpty: isEmpty && restart.length === 0 }
}

function idsOf({ config }: Checked): string[] {
  return config.adapters.map(({ id }) => id)
}

function changes(before: readonly string[], after: readonly string[], isOther: (name: string) => boolean): Changes<string> {
  const [old, now] = [new Set(before), new Set(after)]
  return {
    added: after.filter((name) => !old.has(name)),
    changed: after.filter((name) => old.has(name) && isOther(name)),
    removed: before.filter((name) => !now.has(name))
  }
}

/** Undefined: the instance goes on, or goes. */
function* reasonFor(
  id: string,
  { before, old }: { readonly before: Checked; readonly old: World },
  { after, now }: { readonly after: Checked; readonly now: World }
): Generator<void, string | undefined, void> {
  const entry = entryOf(after, id)
  if (entry === undefined) return undefined
  if (!same(entryOf(before, id), entry)) return 'its configuration is another'
  const [its, theirs] = [before, after].map(({ plans }) => heldBy(plans.get(id)))
  if (!same(its, theirs)) return 'it holds other codenames'
  for (const right of knownTo(after, id)) {
    yield
    if (!(yield* isShownAlike(old, now, right)))
      return `${[right.device, right.codename].filter((name) => name !== undefined).join('/')} is another`
  }
  return undefined
}

function entryOf({ config }: Checked, id: string): unknown {
  return config.adapters.find((entry) => entry.id === id)
}

/** What the gateway does for it. The rest of a plan is for the checks of the file alone: whom it asks, and where it sends to. */
function heldBy({ listens, feeds, executes, executesFound, devices }: Plan = {}): Plan {
  return { listens, feeds, executes, executesFound, devices } as Plan
}

/** What the instance may have looked at when it started. */
function knownTo({ plans, refers }: Checked, id: string): Right[] {
  const { feeds = [], executes = [] } = plans.get(id) ?? {}
  return [...(refers.get(id) ?? []), ...feeds, ...executes]
}

/** Is what an instance can make use of the same: names in their order, schemas, what can be set and called? */
function* isShownAlike(old: World, now: World, { device, codename }: Right): Generator<void, boolean, void> {
  const [its, theirs] = [codenamesOf(old, device), codenamesOf(now, device)]
  if (codename !== undefined) return same(looked(its.get(codename)), looked(theirs.get(codename)))
  if (!same([...its.keys()], [...theirs.keys()])) return false
  for (const [name, meta] of its) {
    yield
    if (!same(looked(meta), looked(theirs.get(name)))) return false
  }
  return true
}

function looked(meta: Codename | undefined): object | undefined {
  return meta && Object.fromEntries(Object.entries(meta).filter(([key]) => !asked.has(key)))
}

function codenamesOf(world: World, device: string): ReadonlyMap<string, Codename> {
  return world.get(device)?.device.codenames ?? new Map()
}

function refsOf(world: World, device: string): Ref[] {
  return Array.from(codenamesOf(world, device).keys(), (codename) => ({ device, codename }))
}

/** The keys of sections that are not {@link live} and say something else, as deep as there are mappings. */
function changedKeys(before: Members, after: Members): string[] {
  const isSection = (key: string): boolean => !live.has(key)
  return [...new Set([...Object.keys(before), ...Object.keys(after)])]
    .filter(isSection)
    .flatMap((key) => differing(key, before[key], after[key]))
}

function differing(path: string, before: unknown, after: unknown): string[] {
  if (same(before, after)) return []
  if (!isMapping(before) || !isMapping(after)) return [path]
  const keys = new Set([...Object.keys(before), ...Object.keys(after)])
  return [...keys].flatMap((key) => differing(`${path}.${key}`, before[key], after[key]))
}

function isMapping(value: unknown): value is Members {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
