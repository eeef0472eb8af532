/** MQTT as decent clients speak it, and mutations of it. */
import { packets } from '../support/raw-mqtt.js'
import type { Random } from './random.js'

const words = [
  '#',
  '+',
  '/',
  '\0',
  '$SYS/',
  '$share/g/',
  'MQTT',
  'MQIsdp',
  '\u0000\u0004',
  'é',
  '\ud800',
  'a/'.repeat(120),
  'x'.repeat(300),
  '__proto__',
  'constructor'
]

/** What decent clients send. */
export const decent = [
  packets.publish('a/b', 'payload'),
  packets.publish('lab/fuzz/a', '{"value": 1}', { qos: 1, id: 7 }),
  packets.publish('lab/fuzz', 'offline', { qos: 1, id: 8, retain: true }),
  packets.publish('a/c', 'x', { qos: 2, id: 9 }),
  packets.publish('a/r', 'kept', { retain: true }),
  packets.publish('lab/chamber/pressure/get', '{}', { qos: 1, id: 10 }),
  packets.puback(7),
  packets.pubrec(9),
  packets.pubrel(9),
  packets.pubcomp(9),
  packets.subscribe(3, ['a/#', 0], ['+/b', 1], ['lab/fuzz/+', 2]),
  Buffer.from([0xa2, 7, 0, 4, 0, 3, 0x61, 0x2f, 0x23]),
  Buffer.from([0xc0, 0]),
  Buffer.from([0xe0, 0])
]

export const hellos = [packets.connect('fuzz'), packets.connect('fuzz-will', { will: { topic: 'a/w', payload: 'gone', qos: 1 } })]

/** Writes the right length before a body that was mutated: so it comes further than the framing. */
function framed(first: number, body: Buffer): Buffer {
  const length: number[] = []
  let left = body.length
  do {
    length.push((left & 0x7f) | (left > 0x7f ? 0x80 : 0))
    left >>= 7
  } while (left > 0)
  return Buffer.concat([Buffer.from([first, ...length]), body])
}

export function mutated(random: Random, from: readonly Buffer[]): Buffer {
  const packet = random.pick(from)
  if (random.chance(0.3)) return random.mutate(packet, words, decent)
  const body = random.mutate(packet.subarray(2), words, decent)
  return framed(packet[0] as number, body.length > 100_000 ? body.subarray(0, 100_000) : body)
}

/** A CONNECT, mostly right, and some packets. */
export function conversation(random: Random, name: string, most: number): Buffer[] {
  const hello = random.chance(0.1) ? mutated(random, hellos) : random.chance(0.5) ? random.pick(hellos) : packets.connect(name)
  return [
    hello,
    ...Array.from({ length: 1 + random.below(most) }, () => (random.chance(0.15) ? random.pick(decent) : mutated(random, decent)))
  ]
}
