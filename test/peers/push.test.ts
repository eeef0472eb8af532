/** Pushes between the gateway and programs in Python, both ways. */
import assert from 'node:assert/strict'
import type { AdapterType, Exact } from '../../gateway/adapter.js'
import { Program } from '../process/program.js'
import { settle } from '../support/fake-clock.js'
import { needs, python } from '../support/peers.js'
import { ramp } from '../support/ramp.js'
import { Scripted } from '../support/scripted.js'
import { start } from '../support/start.js'
import type { Running } from '../support/start.js'
import { runPython } from './python.js'

/** Reads a push with Python's own json, int() and float(), as the sockets of the labs do, and prints what it has then. */
const receiver = `
import json, socket
sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
sock.bind(('127.0.0.1', 0))
print('port', sock.getsockname()[1], flush=True)
types = {'int': int, 'float': float, 'str': str, 'bool': lambda text: {'True': True, 'False': False}[text]}
while True:
    datagram, sender = sock.recvfrom(8192)
    word, text = datagram.decode('ascii').split('#')
    if word == 'json_wn':
        last = json.loads(text)
    else:
        last = {}
        for part in text.split(';'):
            name, kind, data = part.split(':')
            items = [types[kind](item) for item in data.split(',')]
            last[name] = items[0] if len(items) == 1 else items
    print('last', ascii(last), flush=True)
    sock.sendto(('ACK#' + ascii(last)).encode('ascii'), sender)
`

describe('pushes and programs in Python', function () {
  // Python takes its time to start.
  this.timeout(15_000)
  let running: Running | undefined
  let program: Program | undefined

  before(function () {
    needs(this, 'python3')
  })

  afterEach(async () => {
    await running?.stop()
    await program?.gone()
  })

  it('a receiver has each value with its type: floats as floats, ints as ints of any size, texts with their every character', async () => {
    program = new Program(python, ['-c', receiver])
    const [, port] = await program.says(/^port (\d+)$/m)
    const scripted = new Scripted()
    const client = `{ id: push, type: data-push-client, target: { host: 127.0.0.1, port: ${port} }, device: d, probe: null, timeout: 5 }`
    running = await start(
      `devices: { d: { codenames: { a: { settable: true, timeout: 10 } } } }\nadapters: [${client}, { id: sim, type: scripted }]`,
      { types: [scripted.type] }
    )
    // What dials is started after the listeners, and not waited for.
    await settle()
    const values: [value: Exact, there: string][] = [
      [5, '5.0'],
      [5n, '5'],
      [1e22, '1e+22'],
      [-0, '-0.0'],
      [12345678901234567890123n, '12345678901234567890123'],
      [true, 'True'],
      [null, 'None'],
      [[1, 2.5], '[1.0, 2.5]'],
      [[1n, 2], '[1, 2.0]'],
      ['# a;b:c,d "é"\n', '\'# a;b:c,d "\\xe9"\\n\''],
      [
        new Map<string, Exact>([
          ['2', 1n],
          ['1', [0]]
        ]),
        "{'2': 1, '1': [0.0]}"
      ]
    ]
    for (const [value] of values) await scripted.host('sim').request({ device: 'd', codename: 'a', op: 'set', value })
    const said = program.stdout.split('\n').filter((line) => line.startsWith('last'))
    assert.deepEqual(
      said,
      values.map(([, there]) => `last {'a': ${there}}`)
    )
  })

  it('a client that asks on and on, while a callback takes its time, takes no answer for another’s', async () => {
    const types: AdapterType[] = [echo(5, 1000)]
    const push = 'type: data-push-server, port: 0, accept: commands, action: callback_direct, as: { call: cell/ramp }, answerWithin: 0.2'
    running = await start(`adapters: [{ id: cell, type: echo }, { id: push, ${push} }]`, { types })
    const [said] = await runPython(
      `
sock = open_socket(2)
wrong, failed, good, silent = [], 0, 0, 0
for question in range(60):
    try:
        reply = ask(sock, 'push', 'json_wn#' + json.dumps({'question': question}))
    except socket.timeout:
        silent += 1
        continue
    if reply.startswith('EXCEP#'):
        failed += 1
    elif json.loads(reply[4:]) == {'question': question}:
        good += 1
    else:
        wrong.append([question, reply])
    if failed >= 8:
        break
say({'wrong': wrong, 'silent': silent, 'some': [failed > 0, good > 0]})
`,
      { push: running.port('push') }
    )
    assert.deepEqual(said, { wrong: [], silent: 0, some: [true, true] })
  })
})

/** Gives back what it is asked; one in so many takes milliseconds. */
function echo(oneIn: number, slow: number): AdapterType {
  let count = 0
  return ramp('echo', async (value) => {
    count += 1
    if (count % oneIn === 0) await new Promise((resolve) => setTimeout(resolve, slow))
    return value
  })
}
