import assert from 'node:assert/strict'
import { ConfigError, checkConfig } from '../../gateway/config.js'
import type { ConfigProblem } from '../../gateway/config.js'
import { adapterTypes } from '../index.js'

/** What the check says of the instances, one a line without the place in the file. */
function problems(...adapters: string[]): string[] {
  const yaml = `
devices:
  oven: { codenames: { setpoint: { settable: true, timeout: 1 }, bake: { callable: {} }, cool: { callable: {} }, temperature: {} } }
  room: { codenames: { light: {}, door: {} } }
  hall: { codenames: { light: {} } }
adapters:
${adapters.map((adapter, i) => `  - { id: i${i}, ${adapter} }\n`).join('')}`
  const told = ({ path, message, rule }: ConfigProblem): string => `${path} ${message} [${rule}]`
  try {
    return checkConfig(yaml, { file: 'f', types: adapterTypes, env: {} }).warnings.map(told)
  } catch (error) {
    assert.ok(error instanceof ConfigError)
    return error.problems.map(told)
  }
}
const push = (rest: string, host = 'a', port = 8500): string => `type: data-push-client, target: { host: ${host}, port: ${port} }, ${rest}`
const listen = (device: string, port: number): string => `type: data-push-server, port: ${port}, device: ${device}`

describe('the configuration of a data-push client', () => {
  const rows: [says: string, adapters: string[], expected: RegExp[]][] = [
    ['wants something to push', [push('probe: 5')], [/one of the keys device and channels and forward is missing \[missing-key\]/]],
    ['wants a target', ['type: data-push-client, device: oven'], [/the key target is missing/]],
    [
      'takes a device or channels',
      [push('device: oven, channels: { x: oven/setpoint }')],
      [/channels .*device says which codenames \[no-use\]/]
    ],
    ['refuses a device that takes no command', [push('device: room')], [/no codename of room is settable or callable/]],
    [
      'refuses a channel that takes none, and a name that the raw form cannot write',
      [push("form: raw_wn, timeout: 0.5, channels: { 'a:b': oven/setpoint, c: oven/temperature }")],
      [/the raw form has no way to write the name "a:b" \[forbidden-character\]/, /oven\/temperature takes no command/]
    ],
    [
      'warns of calls that look alike, and of a codename without time for an answer',
      [push('device: oven')],
      [/calls of bake and cool look alike on the wire: write method: KEY.* \[method\]/, /oven\/setpoint have 1 s in all.* \[timeout\]/]
    ],
    ['is content with both said', [push('device: oven, method: method, timeout: 0.5')], []],
    [
      'refuses to push its own device back',
      [push('timeout: 0.5, method: m, device: oven, forward: { t: oven/temperature }')],
      [/forward\.t .*must not be pushed back \[loop\]/]
    ],
    [
      'refuses to push a device back that another instance steers through the same socket',
      [push('timeout: 0.5, method: m, device: oven', 'Rasppi71'), push('forward: { t: oven/temperature }', 'rasppi71')],
      [/i1\) oven\/temperature must not be forwarded: i0 steers oven through the very socket/]
    ],
    [
      'lets the same host take it at another port',
      [push('timeout: 0.5, method: m, device: oven'), push('forward: { t: oven/temperature }', 'a', 8501)],
      []
    ],
    [
      'warns of a value that goes to our own socket that feeds it',
      [listen('room', 8600), push('forward: { light: room/light }', 'localhost', 8600)],
      [/room\/light may go round for ever: it is forwarded to i0/]
    ],
    [
      'warns of a value that our own socket sets again, or calls for',
      [
        'type: data-push-server, port: 8600, accept: commands, as: set, channels: { s: oven/setpoint }',
        'type: data-push-server, port: 8601, accept: commands, as: { method: m, device: oven }',
        'type: data-push-server, port: 8602, accept: commands, as: { call: oven/bake }',
        push('forward: { s: oven/setpoint }', 'localhost', 8600),
        push('forward: { t: oven/temperature }', 'localhost', 8600),
        push('forward: { t: oven/temperature }', 'localhost', 8601),
        push('forward: { b: oven/bake }', 'localhost', 8602)
      ],
      [/i3\) oven\/setpoint may go round.* i0/, /i5\) .* i1/, /i6\) .* i2/]
    ],
    [
      'warns of a value that our own socket sets under whatever name it comes',
      [
        'type: data-push-server, port: 8600, accept: commands, as: set, device: oven',
        push('forward: { s: oven/temperature }', 'localhost', 8600)
      ],
      [/i1\) oven\/temperature may go round.* i0, which feeds or sets it/]
    ],
    [
      'warns of a value that comes back over two instances',
      [
        listen('room', 8600),
        listen('hall', 8601),
        push('forward: { light: room/door }', '127.0.0.1', 8601),
        push('forward: { door: hall/light }', '127.0.0.1', 8600)
      ],
      [/room\/door may go round for ever/, /hall\/light may go round for ever/]
    ],
    ['lets a value go one way', [listen('room', 8600), listen('hall', 8601), push('forward: { light: room/door }', '127.0.0.1', 8601)], []]
  ]
  for (const [says, adapters, expected] of rows)
    it(says, () => {
      const said = problems(...adapters)
      assert.equal(said.length, expected.length, said.join('\n'))
      for (const [i, pattern] of expected.entries()) assert.match(said[i] ?? '', pattern)
    })
})
