/** What decent clients of every listener say, and mutations of it. */
import { opcodes, frameOf } from '../support/ws-frames.js'
import { conversation } from './mqtt-mutants.js'
import type { Random } from './random.js'

const lines = ['\r\n', '\r\n\r\n', ': ', ' HTTP/1.1', 'Content-Length: 7\r\n', 'Transfer-Encoding: chunked\r\n', 'Expect: 100-continue\r\n']
/** What parsers of HTTP, of addresses and of JSON stumble over. */
const marks =
  '%00 % ../ // ? & = + { } [ ] " , é 1e400 -1 null NaN __proto__ constructor client_id payload subscriptions EXPSTART 0 1.5'.split(' ')
const words = [...lines, ...marks, '\0', '\ud800', '9'.repeat(300), '['.repeat(500), 'x'.repeat(300)]

const request = (first: string, body = '', more = ''): Buffer =>
  Buffer.from(
    `${first} HTTP/1.1\r\nHost: 127.0.0.1\r\n${more}${body === '' ? '' : `Content-Type: application/json\r\nContent-Length: ${Buffer.byteLength(body)}\r\n`}\r\n${body}`
  )

export const rest = [
  request('GET /api'),
  request('GET /api/devices'),
  request('GET /api/devices/furnace/temperature'),
  request('GET /api/readings?device=furnace'),
  request('GET /api/stories?device=furnace&limit=2'),
  request('GET /api/dead?limit=1'),
  request('GET /api/log?limit=1'),
  request('GET /health'),
  request('GET /'),
  request('HEAD /index.html', '', 'Range: bytes=0-3\r\nIf-None-Match: "x"\r\n'),
  request('POST /api/devices/furnace/setpoint/set', '{"value":300,"id":"f-1"}'),
  request('POST /api/devices/furnace/temperature/get', '{}'),
  request('POST /api/devices/nothing/at-all/call', '{"arguments":{"a":[1,2]}}')
]

export const routes = [
  request('GET /temperature'),
  request('GET /setpoint/20.5'),
  request('POST /cool', '{"rate": 1}'),
  request('GET /cool?rate=1'),
  request('OPTIONS /temperature'),
  request('GET /nothing', '', 'Origin: http://elsewhere.example\r\n'),
  Buffer.from('GET /temperature HTTP/1.0\r\n\r\n')
]

export const instserver = [
  request('GET /List'),
  request('GET /'),
  request('GET /Devices/furnace'),
  request('POST /Trigger', '{"name": "furnace", "method": "get_temperature"}'),
  request('POST /Trigger', '{"name": "furnace", "method": "set_setpoint", "argument": 20}'),
  request('GET /Read?name=furnace&method=get_temperature'),
  request('POST /Read', '{"name": "furnace", "method": "get_temperature"}')
]

const upgrade = (path: string, more = ''): Buffer =>
  Buffer.from(
    `GET ${path} HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n${more}\r\n`
  )

const text = (content: string): Buffer => Buffer.from(content)
const echoed = [
  '{"client_id": 1, "payload": "hello"}',
  '{"client_id": 12345678901234567890, "payload": {"a": [1, 2.5]}}',
  '{"payload": null}'
].map(text)
const subscribed = ['{"action": "subscribe", "subscriptions": ["rasppi71:a", "h:b"]}', '{"action": "none"}'].map(text)

export const rig = [
  '[32, 0]',
  '[1, null]',
  '[2, "2026-07-01_1_mouse", null]',
  '[3, null]',
  '[0, "Error: x", 2]',
  '[64, "RUNNING"]',
  '[16, {"a": [1, 2]}]',
  '[128, "http://alyx.example", {"user": {"token": "t"}}]'
].map(text)

export const live = [
  '{"host": "rasppi71", "data": {"a": [1500000000.5, 2.5]}}',
  '{"host": "h", "data": {"b": [1, "text"], "c": ["RESET", null]}}',
  '{"host": "127", "data": {}}'
].map(text)

/** One input. */
export function mutated(random: Random, list: readonly Buffer[], longest = 9000): Buffer {
  const kind = random.next()
  if (kind < 0.03) return random.bytes(random.below(100))
  if (kind < 0.06) return random.text(random.below(100))
  if (kind < 0.15) return random.pick(list)
  const bytes = random.mutate(random.pick(list), words, list)
  return bytes.length > longest ? bytes.subarray(0, longest) : bytes
}

/** A connection's worth: what is written, and how many inputs it is. */
export interface Worth {
  readonly bytes: Buffer
  readonly inputs: number
}

/** Inputs of a connection at most; after the first that breaks the protocol a server hears no more. */
const most = 24

function several(random: Random, make: () => Buffer): Buffer[] {
  return Array.from({ length: 1 + random.below(most) }, make)
}

function joined(parts: readonly Buffer[], before: Buffer = Buffer.alloc(0)): Worth {
  return { bytes: Buffer.concat([before, ...parts]), inputs: parts.length }
}

export const requests =
  (list: readonly Buffer[]) =>
  (random: Random): Worth =>
    joined(several(random, () => mutated(random, list)))

/** Some frames are wrong, others right with a content that is not; of a hundred handshakes five are wrong too. */
function frames(random: Random, handshake: Buffer, contents: readonly Buffer[], opcode: number): Worth {
  const parts = contents.map((content) => {
    const kind = random.next()
    if (kind < 0.7) return frameOf(opcode, content)
    if (kind < 0.8) return frameOf(random.below(16), content.subarray(0, 125), { fin: random.chance(0.5), rsv: random.below(3) })
    const frame = frameOf(opcode, content, random.chance(0.3) ? { lie: random.below(70_000) } : {})
    return random.mutate(frame, words, contents)
  })
  return joined(parts, random.chance(0.05) ? random.mutate(handshake, words, [handshake]) : handshake)
}

export const echoes = (random: Random): Worth =>
  frames(
    random,
    upgrade('/'),
    several(random, () => mutated(random, echoed)),
    opcodes.text
  )

export const pages = (random: Random): Worth =>
  frames(
    random,
    upgrade('/'),
    several(random, () => mutated(random, subscribed)),
    opcodes.text
  )

export const mqtt =
  (name: string) =>
  (random: Random): Worth =>
    joined(conversation(random, name, most))

export const mqttInFrames =
  (name: string) =>
  (random: Random): Worth =>
    frames(random, upgrade('/mqtt', 'Sec-WebSocket-Protocol: mqtt\r\n'), conversation(random, name, most), opcodes.binary)
