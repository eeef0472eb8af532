/** Where a rig-server listens, what it holds and asks, and what is wrong with a configuration that cannot work. */
import type { Codename, Device, Op, Plan, Problem, Ref, Right, Site } from '../../gateway/adapter.js'
import { refOf } from '../common/ref.js'
import { eventMembers, wrongPlaces } from './event-arguments.js'
import { actionsOf, policies } from './server-policies.js'
import { misfit } from './misfit.js'
import type { Action } from './server-policies.js'
import type { RigServerConfig } from './types.js'

/** Longer than an answer of a controller that is told something may take: who calls gets our reason, which says more. */
const pushWithin = 15

const statusSchema = { type: 'string', enum: ['CONNECTED', 'INITIALIZED', 'RUNNING', 'STOPPED'] }

/** What a rig-server feeds, and what of it can be set: a status or a reference that is another's reading cannot. */
function codenamesOf(isOwnStatus: boolean, isOwnRef: boolean): ReadonlyMap<string, Codename> {
  return new Map<string, Codename>([
    [
      'status',
      { description: 'What the rig is doing, as experiment PCs are told', schema: statusSchema, ...(isOwnStatus ? { settable: true } : {}) }
    ],
    [
      'exp_ref',
      {
        description: 'Experiment reference that experiment PCs are told, yyyy-mm-dd_n_subject; empty: none',
        schema: { type: 'string' },
        ...(isOwnRef ? { settable: true } : {})
      }
    ],
    [
      'link',
      {
        description: 'online: controllers are known, and echo what they are told. silent: none is, or none does',
        schema: { type: 'string', enum: ['online', 'silent'] }
      }
    ],
    ['last_seen', { description: 'When a controller was last heard, RFC 3339', schema: { type: 'string' } }],
    [
      'event',
      { description: 'A message of a controller: id, session, event, code, data, controller, transport', schema: { type: 'object' } }
    ],
    [
      'answer',
      {
        description: 'What a message was answered: id, session, event, code, data, confirmed, seconds, controller',
        schema: { type: 'object' }
      }
    ],
    [
      'push',
      {
        description:
          'Tells all known controllers something unasked: an event, and its data (left out: what would be answered automatically)',
        callable: {
          timeout: pushWithin,
          arguments: {
            type: 'object',
            additionalProperties: false,
            required: ['event'],
            properties: {
              event: { type: 'string', enum: ['EXPINIT', 'EXPSTART', 'EXPEND', 'EXPCLEANUP', 'EXPINTERRUPT', 'EXPSTATUS', 'EXPINFO'] },
              data: { description: 'A list: what follows the event number, at least one. Anything else: the only thing that follows it.' }
            }
          }
        }
      }
    ]
  ])
}

/** For devices that are not declared, by what can be set. Always the same, as plans are made twice. */
const brought = new Map(
  [true, false].flatMap((isOwnStatus) =>
    [true, false].map((isOwnRef): [string, Device] => [
      `${isOwnStatus} ${isOwnRef}`,
      { description: 'A rig that experiment PCs drive', codenames: codenamesOf(isOwnStatus, isOwnRef) }
    ])
  )
)

/** What the instance's device has, in the order in which it is shown. */
export function broughtBy({ status, expRef }: RigServerConfig): Device {
  return brought.get(`${status === null} ${expRef === null}`) as Device
}

export function serverPlan(config: RigServerConfig, site: Site): Plan {
  const { host, port, device, transports } = config
  const own = broughtBy(config)
  const known = site.devices.get(device)
  const rights = (fits: (meta: Codename) => boolean): Right[] =>
    [...own.codenames].filter(([, meta]) => fits(meta)).map(([codename]) => ({ device, codename }))
  return {
    listens: transports.map((protocol) => ({ protocol, host, port, path: ['port'] })),
    // Also of what is only called: it is described where the device is declared without it.
    feeds: rights(() => true),
    executes: rights(({ settable, callable }) => settable === true || callable !== undefined),
    asks: asked(config),
    devices: known === undefined || known === own ? new Map([[device, own]]) : new Map(),
    problems: [...addressProblems(config), ...sourceProblems(config), ...infoProblems(config), ...answerProblems(config, site)]
  }
}

function asked({ answers, alyx }: RigServerConfig): Right[] {
  const changes = policies(answers).flatMap(([, policy]) => actionsOf(policy).filter(({ op }) => op !== 'get'))
  return [...changes.map(({ ref }) => ref), ...(alyx.includes('/') ? [refOf(alyx)] : [])]
}

function addressProblems({ host, transports }: RigServerConfig): Problem[] {
  if ((host !== '0.0.0.0' && host !== '::') || !transports.includes('udp')) return []
  const message = `on a machine with several addresses ${host} may answer from another one than was asked, which controllers do not hear: write the one address that they use`
  return [{ path: ['host'], rule: 'wildcard', message, warning: true }]
}

/** Readings of others in place of our own. */
function sourceProblems({ device, status, expRef }: RigServerConfig): Problem[] {
  const sources: readonly (readonly [string, string | null, string])[] = [
    ['status', status, 'status'],
    ['expRef', expRef, 'exp_ref']
  ]
  return sources.flatMap(([key, source]): Problem[] => {
    if (source === null || refOf(source).device !== device) return []
    const own = ['status', 'exp_ref', 'link', 'last_seen', 'event', 'answer', 'push']
    if (!own.includes(refOf(source).codename)) return []
    return [{ path: [key], rule: 'loop', message: `${source} is what this instance tells itself: write null, or a reading of another` }]
  })
}

function infoProblems({ info }: RigServerConfig): Problem[] {
  return ['exp_ref', 'status']
    .filter((key) => Object.hasOwn(info, key))
    .map((key) => ({
      path: ['info', key],
      rule: 'own',
      message: `the rig tells its own ${key}: leave it out here, and see the keys status and expRef`
    }))
}

function answerProblems({ answers }: RigServerConfig, site: Site): Problem[] {
  return policies(answers).flatMap(([event, policy]) =>
    actionsOf(policy).flatMap((action, index): Problem[] => {
      const wrong = actionProblem(action, site)
      const path = ['answers', event, ...(policy.kind === 'actions' ? [index] : [])]
      if (wrong !== undefined) return [{ path: [...path, action.op], rule: wrong[0], message: wrong[1] }]
      const unknown = action.op === 'call' && action.arguments !== undefined ? wrongPlaces(action.arguments) : []
      if (unknown.length > 0)
        return [
          {
            path: [...path, 'arguments'],
            rule: 'event',
            message: `$event: ${unknown.join(', ')} is nothing that a message tells; write one of ${eventMembers.join(', ')}`
          }
        ]
      const { device, codename } = action.ref
      const why = action.op === 'set' ? misfit(action.value, metaOf(action.ref, site)?.schema) : undefined
      if (why === undefined) return []
      const message = `${device}/${codename} will refuse it: ${why}`
      return [{ path: [...path, 'value'], rule: 'value', message, warning: true }]
    })
  )
}

/** That the codename is there is seen by the gateway. */
function actionProblem({ op, ref }: Action, site: Site): readonly [rule: string, message: string] | undefined {
  const meta = metaOf(ref, site)
  if (meta === undefined) return undefined
  const what = `${ref.device}/${ref.codename}`
  const says: Readonly<Record<Op, readonly [string, string] | undefined>> = {
    set:
      meta.settable === true ? undefined : ['settable', `${what} is not settable: write settable: true at the codename, or choose another`],
    call:
      meta.callable === undefined
        ? ['callable', `${what} is not callable: describe its call at the codename, or choose another`]
        : undefined,
    get: isAction(meta) ? ['readable', `${what} is an action: it is called, not read`] : undefined
  }
  return says[op]
}

function isAction({ callable, settable, schema }: Codename): boolean {
  return callable !== undefined && settable !== true && schema === undefined
}

function metaOf({ device, codename }: Ref, site: Site): Codename | undefined {
  return site.devices.get(device)?.codenames.get(codename)
}
