import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect } from 'node:net'
import type { Socket } from 'node:net'
import { createInterface } from 'node:readline'
import { freePort } from '../support/free-ports.js'
import { Asker } from './asker.js'
import { ControlServer } from './control.js'

describe('control process', () => {
  let server: ControlServer
  let client: Socket
  let answers: AsyncIterator<string>
  let asker: Asker
  let port: number

  beforeEach(async () => {
    server = new ControlServer()
    client = connect(await server.start(0), '127.0.0.1')
    await once(client, 'connect')
    answers = createInterface({ input: client })[Symbol.asyncIterator]()
    asker = await Asker.open()
    port = await freePort()
  })

  afterEach(async () => {
    client.destroy()
    await asker.close()
    await server.stop()
  })

  async function tell(line: object | string): Promise<string> {
    client.write(`${typeof line === 'string' ? line : JSON.stringify(line)}\n`)
    return String((await answers.next()).value)
  }

  /** Undefined when there was no answer within so many seconds. */
  async function ask(question: string, within = 2): Promise<string | undefined> {
    await asker.send(Buffer.from(question), port)
    return (await asker.receive(within))?.toString('latin1')
  }

  const ok = '{"ok": true}'

  it('makes a pull socket, sets its points, and moves its clock', async () => {
    const channels = { kind: 'date', name: 'moon', codenames: ['power', 'p error'], timeouts: [2, null] }
    assert.equal(await tell({ op: 'ping' }), ok)
    assert.equal(await tell({ op: 'clock', args: [1414150015] }), ok)
    assert.equal(await tell({ op: 'create', server: { ...channels, port } }), ok)
    assert.equal(await tell({ op: 'set_point', port, args: ['power', [1414150014, { $int: 47 }]] }), ok)
    assert.equal(await tell(`{"op": "set_point", "port": ${port}, "args": ["p error", [1.0, NaN]]}`), ok)
    assert.equal(await ask('raw'), '1414150014.0,47;1.0,nan')
    assert.equal(await tell({ op: 'advance', port, args: [1] }), ok)
    assert.equal(await ask('power#raw'), '1414150014.0,47')
    assert.equal(await tell({ op: 'advance', port, args: [0.001] }), ok)
    assert.equal(await ask('power#raw'), 'OLD_DATA')
  })

  it('makes a push socket, and tells what came', async () => {
    const socket = { kind: 'push', name: 'driver', action: 'enqueue', port }
    assert.equal(await tell({ op: 'create', server: socket }), ok)
    assert.equal(await tell({ op: 'last', port }), '{"ok": true, "result": null}')
    assert.equal(await ask('raw_wn#b:float:nan;a:int:12345678901234567890'), "ACK#{'b': nan, 'a': 12345678901234567890}")
    assert.equal(await ask('json_wn#{}'), 'ACK#{}')
    assert.equal(await tell({ op: 'queue', port }), '{"ok": true, "result": [{"b": NaN, "a": 12345678901234567890}, {}]}')
    assert.equal(await tell({ op: 'queue', port }), '{"ok": true, "result": []}')
    assert.equal(await tell({ op: 'updated', port }), '{"ok": true, "result": {"b": NaN, "a": 12345678901234567890}}')
  })

  it('gives the errors of the original, and says what is not to be had', async () => {
    const refused = { kind: 'date', name: 'moon', codenames: ['a,b'], port }
    assert.equal(
      await tell({ op: 'create', server: refused }),
      '{"ok": false, "error": "ValueError: The character \',\' is not allowed in the codenames"}'
    )
    const queue = { kind: 'push', name: 'driver', action: 'store_last', queue: true, port }
    assert.match(
      await tell({ op: 'create', server: queue }),
      /ValueError: The 'queue' argument can only be used when the action is 'enqueue'/
    )
    assert.match(await tell({ op: 'create', server: { kind: 'fax', port } }), /"NotImplementedError: sockets of kind fax/)
    assert.equal(await tell({ op: 'last', port }), `{"ok": false, "error": "KeyError: ${port}"}`)
    assert.match(await tell('{'), /^\{"ok": false, "error": "ValueError: no JSON/)
    assert.match(await tell([]), /one JSON object/)
  })

  it('forgets everything at stop_all, and lets the clock run', async () => {
    assert.equal(await tell({ op: 'clock', args: [1000] }), ok)
    assert.equal(await tell({ op: 'create', server: { kind: 'date', name: 'moon', codenames: ['a'], port } }), ok)
    assert.equal(await ask('name'), 'moon')
    assert.equal(await tell({ op: 'stop_all' }), ok)
    assert.equal(await ask('name', 0.2), undefined)
    assert.match(await tell({ op: 'set_point_now', port, args: ['a', 1] }), /KeyError/)
    assert.equal(await tell({ op: 'create', server: { kind: 'date', name: 'sun', codenames: ['a'], port } }), ok)
    assert.equal(await tell({ op: 'set_point_now', port, args: ['a', 1] }), ok)
    const [time] = (await ask('a#raw'))?.split(',') ?? []
    assert.ok(Math.abs(Date.now() / 1000 - Number(time)) < 5, time)
  })
})
