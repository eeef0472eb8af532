/** What every description is made of: the devices and codenames of a configuration, or of the gateway that runs with it. */
import type { Config } from '../../schemas/types.js'
import type { Callable } from '../adapter.js'
import type { Checked } from '../config.js'
import { declare } from '../declare.js'
import { Devices, self } from '../devices.js'
import type { Entry } from '../devices.js'
import { Topics, below } from '../topic.js'
import type { Op } from '../topic.js'
import { mayBeScalar } from './kinds.js'

/** Plain data: a copy of it can go to another thread. */
export interface Described {
  /** gateway.name of the configuration. */
  readonly name: string
  /** Of labgate. */
  readonly version: string
  /** First level or levels of all topics: `new Topics(root)` builds what is not told here. */
  readonly root: string
  /** To be asked, never to be written out as it is. What adapters are told is not there: it may hold passwords. */
  readonly config: Pick<Config, 'gateway' | 'broker' | 'http' | 'homeAssistant'>
  /** By which others reach the gateway. */
  readonly listeners: Listeners
  /** Topic of the gateway's own state; undefined: the asker may not see it. */
  readonly ownState?: string
  /** There are users: one may have to log in. */
  readonly hasUsers: boolean
  /** The gateway's own first, then those of the configuration in its order, then those of instances, then what was found. */
  readonly devices: readonly DescribedDevice[]
}

export interface Address {
  /** A name or an address that another program can use, never 0.0.0.0. */
  readonly host: string
  readonly port: number
}

export interface Listeners {
  /** MQTT. */
  readonly tcp: Address
  /** MQTT over TLS. */
  readonly tls?: Address
  /** REST, and MQTT over WebSocket on /mqtt. */
  readonly http?: Address & { readonly isSecure: boolean }
}

export interface DescribedDevice {
  readonly device: string
  /** Topic of its state; undefined: the asker may not see it. */
  readonly topic?: string
  readonly description?: string
  /** MQTT client id that alone writes its readings. */
  readonly client?: string
  readonly codenames: readonly DescribedCodename[]
}

export interface DescribedCodename {
  readonly device: string
  readonly codename: string
  /** Of the reading; everything else hangs {@link below} it. */
  readonly topic: string
  /** false: nothing declares it, so it takes no commands. */
  readonly declared: boolean
  /** It has readings: false for what is only called. */
  readonly isRead: boolean
  /** Its plain value is on …/value too, as far as its schema allows scalars. */
  readonly mirror: boolean
  /** …/value is retained. */
  readonly retainMirror: boolean
  readonly description?: string
  readonly unit?: string
  readonly digits?: number
  /** Seconds. */
  readonly maxAge?: number
  /** It takes a set, and the asker may send one. */
  readonly settable: boolean
  /** It takes a call, and the asker may send one. */
  readonly callable?: Callable
  /** JSON Schema of the value. */
  readonly schema?: object
  /** The commands that it takes, as far as the asker may send them. */
  readonly ops: readonly Op[]
  /** Which of the topics below it the asker may read, and those of its dead letters. */
  readonly seen: Readonly<Record<'meta' | 'reply' | 'dead', boolean>>
  /** Instances that write its readings, and that carry out its commands. */
  readonly feeder?: string
  readonly executor?: string
}

/** What may be shown to who asks; see Sight and Rights. */
export interface Shown {
  state(device: string): boolean
  codename(entry: Entry): boolean
  /** Of topics below a codename, and of dead letters. */
  read(topic: string): boolean
  write(topic: string): boolean
}

export interface Surrounding {
  readonly version: string
  /** By which others reach this computer, where a listener takes whatever comes to any of its addresses. */
  readonly reach: string
  /** Where the listeners really are; left out: as configured. */
  readonly addresses?: Partial<Record<'tcp' | 'tls' | 'http', Address>>
  /** Left out: everything. */
  readonly shown?: Shown
}

/** From the configuration alone. Pure: opens nothing. */
export function describedOf(checked: Checked, surrounding: Surrounding): Described {
  const { config } = checked
  const topics = new Topics(config.broker.root)
  const none = (): void => {}
  const { undeclared, limits } = config.broker
  const { maxUndeclared } = limits
  const devices = new Devices({ topics, undeclared, maxUndeclared, described: none, forgotten: none, left: none })
  declare(devices, checked)
  return describedNow({ config, topics, devices }, surrounding)
}

/** What there is: of a configuration, or of a running gateway with what was found at run time. */
export interface Present {
  readonly config: Config
  readonly topics: Topics
  readonly devices: Devices
}

function describedNow(present: Present, surrounding: Surrounding): Described {
  return { ...restOf(present, surrounding), devices: [...devicesOf(present, surrounding)] }
}

/** All but the devices. */
export function restOf({ config, topics }: Present, surrounding: Surrounding): Omit<Described, 'devices'> {
  const { gateway, broker, http, homeAssistant, access } = config
  const ownState = surrounding.shown?.state(self) === false ? undefined : topics.state(self)
  return {
    name: gateway.name,
    version: surrounding.version,
    root: topics.root,
    config: { gateway, broker, homeAssistant, ...(http === undefined ? {} : { http }) },
    listeners: listenersOf(config, surrounding),
    ...(ownState === undefined ? {} : { ownState }),
    hasUsers: access.users !== undefined
  }
}

/** One by one: who has work to do meanwhile takes turns. */
export function* devicesOf({ topics, devices }: Present, { shown }: Surrounding): Generator<DescribedDevice, undefined> {
  for (const name of devices.names()) yield* deviceOf(name, devices, topics, shown)
  return undefined
}

/** Nothing when there is nothing of it to see. */
function deviceOf(device: string, devices: Devices, topics: Topics, shown: Shown | undefined): DescribedDevice[] {
  const state = shown?.state(device) === false ? undefined : topics.state(device)
  const entries = devices.codenames(device).filter((entry) => shown?.codename(entry) !== false)
  if (state === undefined && entries.length === 0) return []
  const { description, client } = devices.options(device) ?? {}
  return [
    {
      device,
      ...(state === undefined ? {} : { topic: state }),
      ...(description === undefined ? {} : { description }),
      ...(client === undefined ? {} : { client }),
      codenames: entries.map((entry) => describeCodename(entry, devices, topics, shown))
    }
  ]
}

function describeCodename(entry: Entry, devices: Devices, topics: Topics, shown: Shown | undefined): DescribedCodename {
  const { device, codename, topic, declared, meta } = entry
  const { description, unit, digits, maxAge, settable, callable, schema, retainMirror } = meta
  const [feeder, executor] = [devices.feeder(device, codename), devices.executor(device, codename)]
  const isRead = callable === undefined || schema !== undefined || settable === true
  const takes: Readonly<Record<Op, boolean>> = {
    set: declared && settable === true,
    get: declared && isRead,
    call: declared && callable !== undefined,
    history: isRead && meta.history !== 'off'
  }
  const ops = (Object.keys(takes) as Op[]).filter((op) => takes[op] && shown?.write(below(topic, op)) !== false)
  const mayRead = (other: string): boolean => shown?.read(other) !== false
  return {
    device,
    codename,
    topic,
    declared,
    isRead,
    mirror: isRead && mayBeScalar(schema) && mayRead(below(topic, 'value')),
    retainMirror: retainMirror === true,
    ...(description === undefined ? {} : { description }),
    ...(unit === undefined ? {} : { unit }),
    ...(digits === undefined ? {} : { digits }),
    ...(maxAge === undefined ? {} : { maxAge }),
    settable: ops.includes('set'),
    ...(callable === undefined || !ops.includes('call') ? {} : { callable }),
    ...(schema === undefined ? {} : { schema }),
    ops,
    seen: { meta: mayRead(below(topic, 'meta')), reply: mayRead(below(topic, 'reply')), dead: mayRead(topics.dead(topic)) },
    ...(feeder === undefined ? {} : { feeder }),
    ...(executor === undefined ? {} : { executor })
  }
}

function listenersOf({ broker, http }: Config, { reach, addresses = {} }: Surrounding): Listeners {
  const at = (configured: Address, real: Address | undefined): Address => {
    const { host, port } = configured
    return { host: isAny(host) ? reach : host, port: real?.port ?? port }
  }
  return {
    tcp: at(broker.tcp, addresses.tcp),
    ...(broker.tls === undefined ? {} : { tls: at(broker.tls, addresses.tls) }),
    ...(http === undefined ? {} : { http: { ...at(http, addresses.http), isSecure: http.tls !== undefined } })
  }
}

/** Every address of this computer. */
function isAny(host: string): boolean {
  return host === '0.0.0.0' || /^[0:]+$/.test(host)
}
