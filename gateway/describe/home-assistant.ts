/**
 * Home Assistant: device-based MQTT discovery, a message for each device with an entity for each codename. Abbreviated as Home Assistant
 * documents it. Never expire_after: an old value that is retained would look fresh after a restart of Home Assistant.
 */
import { createHash } from 'node:crypto'
import { self } from '../devices.js'
import { encodeName } from '../topic.js'
import type { Described, DescribedDevice } from './described.js'
import { entitiesOf } from './home-assistant-entities.js'
import type { Entity } from './home-assistant-entities.js'
import { discoveryTopic, origin } from './home-assistant-topics.js'
import { onlineState } from './home-assistant-templates.js'

/** Entities of one message: those of large devices are spread over several, as a message may have a mebibyte. */
const perMessage = 200

export interface Discovery {
  readonly dev: Readonly<Record<string, unknown>>
  readonly o: { readonly name: string; readonly sw: string }
  readonly cmps: Readonly<Record<string, Entity>>
  readonly qos: 1
}

type Rest = Omit<Described, 'devices'>

/** Topics of discovery to their messages. */
export function homeAssistant(described: Described): Readonly<Record<string, Discovery>> {
  return Object.fromEntries(described.devices.flatMap((device) => discoveriesOf(device, described)))
}

/** Of one device; nothing where it has nothing to show. */
export function discoveriesOf(device: DescribedDevice, described: Rest): [topic: string, message: Discovery][] {
  const { name, version, config } = described
  const entities = Object.entries(entitiesOf(device, { prefix: idOf(name), availability: availabilityOf(device, described) }))
  const parts = Math.ceil(entities.length / perMessage)
  return Array.from({ length: parts }, (_nothing, part) => {
    const id = safe('labgate', name, device.device) + (part === 0 ? '' : `_${part + 1}`)
    const cmps = Object.fromEntries(entities.slice(part * perMessage, (part + 1) * perMessage))
    const message = { dev: deviceOf(device, described), o: { name: origin, sw: version }, cmps, qos: 1 } as const
    return [discoveryTopic(config.homeAssistant.prefix, id), message]
  })
}

/** Reachable are the gateway and the device; the reading itself is asked by each entity. */
function availabilityOf({ topic }: DescribedDevice, { ownState }: Rest): { t: string; val_tpl: string }[] {
  return [...new Set([ownState, topic])].filter((one) => one !== undefined).map((t) => ({ t, val_tpl: onlineState }))
}

function deviceOf({ device, description }: DescribedDevice, { name, version, listeners: { http } }: Rest): Discovery['dev'] {
  return {
    ids: [idOf(name, device)],
    name: device === self ? name : device,
    ...(description === undefined ? {} : { mdl: description }),
    ...(device === self ? { sw: version } : { via_device: idOf(name, self) }),
    ...(http === undefined
      ? {}
      : { cu: `${http.isSecure ? 'https' : 'http'}://${http.host.includes(':') ? `[${http.host}]` : http.host}:${http.port}/` })
  }
}

/** The same after every start, and another for every gateway. */
function idOf(...names: readonly string[]): string {
  return ['labgate', ...names.map((name) => encodeName(name) ?? '')].join('/')
}

/** With the characters that the topic of discovery may have: names that have others are told apart by a hash. */
function safe(...names: readonly string[]): string {
  const wanted = names.join('_')
  if (names.every((name) => /^[A-Za-z0-9-]+$/.test(name))) return wanted
  const hash = createHash('sha256').update(JSON.stringify(names)).digest('hex').slice(0, 8)
  return `${wanted.replace(/[^A-Za-z0-9_-]/g, '_').slice(0, 100)}_${hash}`
}
