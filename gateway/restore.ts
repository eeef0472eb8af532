import { toPlain } from '../adapters/common/exact-json.js'
import type { Exact, ExactMap } from './adapter.js'
import type { Broker } from './broker/broker.js'
import type { PacketLike } from './broker/store/packet.js'
import { self } from './devices.js'
import type { Devices, Entry } from './devices.js'
import type { Held, Latest } from './latest.js'
import { readingPayload, understand } from './payload.js'
import type { States } from './states.js'
import { parseTime } from './time.js'
import type { Topics } from './topic.js'

interface RestoreOptions {
  readonly topics: Topics
  readonly devices: Devices
  readonly latest: Latest
  readonly states: States
  /** Takes a retained message away. */
  readonly clear: (topic: string, kind: 'state' | 'reading' | 'meta' | 'value') => void
  /** Resolves when there is room for another reading in the queue to the broker. */
  readonly room: () => Promise<void>
}

/** Seconds that a reading waits for room in the queue to the broker. */
const roomWithin = 2

interface Found {
  reading?: PacketLike
  meta?: PacketLike
}

/** Takes over what the broker kept: see {@link restore}. */
export async function restoreFrom(broker: Broker, parts: Omit<RestoreOptions, 'clear' | 'room'>): Promise<void> {
  const { topics, devices, latest, states } = parts
  await restore([...broker.allRetained()], {
    topics,
    devices,
    latest,
    states,
    clear: (topic, kind) => broker.publish(topic, '', kind, { retain: true }),
    // A reading and its mirror.
    room: async () => {
      if (broker.room < 2) await broker.flushed(roomWithin)
    }
  })
}

/**
 * What an earlier run retained under the root, taken over before anybody listens: readings are stale and `restored` with their original
 * time, devices are offline until heard of, mirrors are empty, undeclared codenames are known again. What the configuration no longer declares is cleared.
 */
async function restore(retained: Iterable<PacketLike>, options: RestoreOptions): Promise<void> {
  const { topics, devices, states } = options
  const readings = new Map<string, Map<string, Found>>()
  const said: { device: string; topic: string }[] = []
  for (const packet of retained) {
    const { topic = '' } = packet
    const parsed = topics.parse(topic)
    if (!('device' in parsed)) continue
    const { device, kind } = parsed
    if (kind === 'state') said.push({ device, topic })
    else if (kind === 'value') options.clear(topic, 'value')
    else if (kind === 'reading' || kind === 'meta') {
      const codenames = readings.get(device) ?? new Map<string, Found>()
      readings.set(device, codenames)
      codenames.set(parsed.codename, { ...codenames.get(parsed.codename), [kind]: packet })
    }
  }
  for (const [device, codenames] of readings) for (const [codename, found] of codenames) await restoreOne(device, codename, found, options)
  for (const { device, topic } of said) {
    if (device === self) continue
    if (!devices.has(device)) options.clear(topic, 'state')
    else if (devices.holders(device).size === 0)
      states.native(device, 'offline', 'the gateway restarted; nothing heard from it since', self, true)
  }
}

async function restoreOne(device: string, codename: string, kept: Found, options: RestoreOptions): Promise<void> {
  const { reading, meta } = kept
  const { devices, latest, clear } = options
  const entry = devices.find(device, codename) ?? undeclared(device, codename, kept, devices)
  if (entry === undefined) {
    if (reading?.topic !== undefined) clear(reading.topic, 'reading')
    if (meta?.topic !== undefined) clear(meta.topic, 'meta')
    return
  }
  // The gateway speaks for itself in a moment.
  if (device === self || reading === undefined) return
  const held = heldOf(entry, reading, latest)
  if (held === undefined) return clear(reading.topic ?? '', 'reading')
  await options.room()
  latest.put(entry, held, readingPayload(held) !== String(reading.payload))
}

/** A codename that nothing declares comes back where it was taken in as such or found by an instance, and still may be taken in. */
function undeclared(device: string, codename: string, { reading, meta }: Found, devices: Devices): Entry | undefined {
  try {
    const found = memberOf(meta, 'found') === true
    if (memberOf(meta, 'declared') === true && !found) return undefined
    // What a client has given readings for since is no instance's to find again.
    return devices.admit(device, codename, found && memberOf(reading, 'source') !== 'client')
  } catch {
    return undefined
  }
}

function memberOf(packet: PacketLike | undefined, name: string): Exact | undefined {
  const { value } = understand(bytesOf(packet))
  return value instanceof Map ? (value as ExactMap).get(name) : undefined
}

/** Undefined for what is no reading of ours. */
function heldOf(entry: Entry, packet: PacketLike, latest: Latest): Held | undefined {
  try {
    const { value: map } = understand(bytesOf(packet))
    if (!(map instanceof Map) || !map.has('value')) return undefined
    const exact = map as ExactMap
    const plain = toPlain(exact) as Partial<Pick<Held, 'unit' | 'uncertainty' | 'error' | 'seq' | 'run' | 'quality'>> & { time?: string }
    const time = parseTime(plain.time ?? '')
    if (time === undefined) return undefined
    const { device, codename } = entry
    const held = latest.weigh(entry, {
      device,
      codename,
      value: exact.get('value') as Exact,
      time,
      source: 'restored',
      quality: plain.quality === 'bad' ? 'bad' : 'stale',
      ...(exact.has('x') ? { x: exact.get('x') as Exact } : {}),
      ...(plain.unit === undefined ? {} : { unit: plain.unit }),
      ...(plain.error === undefined ? {} : { error: plain.error }),
      ...(plain.uncertainty === undefined ? {} : { uncertainty: plain.uncertainty }),
      ...(plain.seq === undefined ? {} : { seq: plain.seq }),
      ...(plain.run === undefined ? {} : { run: plain.run })
    })
    return { ...held, stale: true }
  } catch {
    return undefined
  }
}

function bytesOf(packet: PacketLike | undefined): Buffer {
  const { payload = '' } = packet ?? {}
  return typeof payload === 'string' ? Buffer.from(payload) : payload
}
