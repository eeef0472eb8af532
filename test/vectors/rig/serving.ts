/** The gateway as a rig that does what the recorded one did: its options as a configuration, and a device behind it that acts. */
import { isExactList, isExactMap } from '../../../adapters/common/exact-json.js'
import type { Exact } from '../../../adapters/common/exact-json.js'
import { str } from '../../../adapters/common/python-text.js'
import { adapterTypes } from '../../../adapters/index.js'
import type { Adapter, AdapterType, Command, InstanceConfig, Plan } from '../../../gateway/adapter.js'
import { checkConfig } from '../../../gateway/config.js'
import { GatewayError } from '../../../gateway/errors.js'
import { Gateway } from '../../../gateway/gateway.js'
import { createLog } from '../../../gateway/log.js'
import { has, option } from './transcript.js'
import type { Program } from './transcript.js'

/** The codename of the device behind that does what the recorded rig did. */
const acting = 'act'

export interface Served {
  readonly port: number
  /** Messages that were delivered so far, as readings. */
  readonly delivered: number
  close(): Promise<void>
}

export async function serveRig(program: Program, transport: 'udp' | 'tcp'): Promise<Served> {
  const delay = Number(option(program, '--respond-delay-ms') ?? 0)
  const isIblrig = option(program, '--style') === 'iblrig'
  const act = { call: `behind/${acting}` }
  const isEcho = option(program, '--default') === 'echo'
  const others = isEcho ? 'echo' : delay > 0 ? act : isIblrig ? 'automatic' : 'same'
  const server = {
    id: 'rig',
    type: 'rig-server',
    port: 0,
    transports: [transport],
    device: 'stage',
    // A status is answered with its own.
    answers: { ...(isEcho ? {} : { EXPSTATUS: 'automatic' }), ...answersOf(program, act), others },
    info: {
      main_sync: has(program, '--main-sync'),
      experiment_description: {},
      master: has(program, '--main-sync'),
      rig_version: 'test',
      spec_version: '1.0.0'
    }
  }
  const counted = { events: 0 }
  const types = [...adapterTypes, actor(program, delay, counted)]
  const devices = { behind: { codenames: { [acting]: { callable: {} } } }, known: { codenames: { exp_ref: {} } } }
  const ref = option(program, '--exp-ref')
  const config = {
    broker: { tcp: { port: 0 } },
    http: { port: 0 },
    devices,
    adapters: [ref === undefined ? server : { ...server, expRef: 'known/exp_ref' }, { id: 'act', type: 'acting' }]
  }
  const checked = checkConfig(JSON.stringify(config), { file: 'setup.yaml', types, env: {} })
  const gateway = new Gateway({ checked, types, log: createLog({ level: 'silent' }), version: 'vectors' })
  await gateway.start()
  return {
    port: gateway.endpoint('rig')?.port ?? 0,
    get delivered() {
      return counted.events
    },
    close: async () => await gateway.stop()
  }
}

/** `--on EVENT=policy`, any number of them. */
function answersOf({ args }: Program, act: object): Record<string, unknown> {
  const policies = args.flatMap((arg, i) => (arg === '--on' ? str(args[i + 1] ?? '') : [])).map((each) => each.split('='))
  return Object.fromEntries(policies.map(([event = '', policy]) => [event, policy === 'echo' ? 'echo' : act]))
}

/** Gives back what it was asked with, after a while, or fails in Python's words. It counts the events of the rig. */
function actor(program: Program, delay: number, counted: { events: number }): AdapterType {
  const raised = program.args.flatMap((arg) => (typeof arg === 'string' ? (/^(EXP\w+|ALYX)=raise:(.*)$/s.exec(arg) ?? []) : []))
  const [, event, message] = raised
  return {
    type: 'acting',
    configSchema: { type: 'object', additionalProperties: false, properties: {} },
    plan: (): Plan => ({
      executes: [{ device: 'behind', codename: acting }],
      feeds: [{ device: 'known', codename: 'exp_ref' }]
    }),
    create: (_config: InstanceConfig, host): Adapter => ({
      start: async () => {
        host.watch({ device: 'stage', codename: 'event' }, () => {
          counted.events += 1
        })
        const ref = option(program, '--exp-ref')
        if (ref !== undefined) await host.publish({ device: 'known', codename: 'exp_ref', value: ref })
      },
      stop: async () => undefined,
      execute: async ({ value }: Command): Promise<Exact> => {
        const asked = isExactMap(value) ? value : new Map<string, Exact>()
        if (asked.get('event') === event) throw new GatewayError('DeviceError', `ValueError: ${message}`)
        if (delay > 0) await new Promise((resolve) => host.clock.after(delay / 1000, () => resolve(undefined)))
        const data = asked.get('elements') ?? null
        return isExactList(data) ? data : [data]
      }
    })
  }
}
