import assert from 'node:assert/strict'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { WebSocket } from 'ws'
import { Program, folder, labgate, main, project, withFreePorts, write } from '../process/program.js'
import { TestClient } from '../support/mqtt.js'
import { needs } from '../support/peers.js'
import { RawWs } from '../support/raw-ws.js'
import { runPython } from './python.js'

const example = 'examples/pyexplabsys.yaml'

interface Line {
  readonly level: number
  readonly msg: string
  readonly instance?: string
  readonly listener?: string
  readonly protocol?: string
  readonly port?: number
}

interface Batch {
  readonly host: string
  readonly data: Record<string, [number, number]>
}

describe('config/examples/pyexplabsys.yaml', function () {
  // Starts processes; Python takes its time.
  this.timeout(30_000)
  let program: Program
  let ports: Record<string, number>

  before(async function () {
    needs(this, 'python3')
    program = new Program(process.execPath, [main, 'start', '--config', write(join(folder(), 'lab.yaml'), withFreePorts(example))])
    await program.says(/"msg":"ready"/)
    ports = Object.fromEntries(
      lines().map(({ instance, listener, protocol, port }) => [protocol === 'ws' ? 'ws' : (instance ?? listener), port ?? 0])
    )
  })

  after(async () => {
    if (program === undefined) return
    program.kill('SIGTERM')
    const { code } = await program.ended()
    assert.deepEqual([code, lines().filter(({ level }) => level > 30)], [0, []])
  })

  const lines = (): Line[] =>
    program.stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as Line)

  it('is good as it is, and every listener of it is on this computer only', async () => {
    const { code, stdout, stderr } = await labgate('check', join(project, 'config', example))
    assert.deepEqual([code, stderr], [0, ''])
    assert.match(stdout, /pyexplabsys\.yaml is good: \d+ devices, \d+ adapter instances\n$/)
    const listening = lines().filter(({ port }) => port !== undefined)
    assert.ok(listening.length >= 5)
    for (const { msg } of listening) assert.match(msg, /127\.0\.0\.1:\d+$/)
  })

  it('serves the controller, the GUI and the logger at once: the furnace follows the setpoint', async () => {
    const [controller, gui, logger] = await Promise.all([
      // As on rasppi43: short time-out, the number after the comma, five silent tries are the end.
      runPython(
        `
sock = open_socket(0.2)
temps, old, silent = [], 0, 0
end = time.monotonic() + 15
while time.monotonic() < end:
    try:
        reply = ask(sock, 'furnace-temperature', 'temp#raw')
    except socket.timeout:
        silent += 1
        continue
    if reply == 'OLD_DATA':
        old += 1
        continue
    stamp, temp = reply.split(',')
    assert abs(time.time() - float(stamp)) < 2.5, reply
    temps.append(float(temp))
    if temps[-1] > 60:
        break
    time.sleep(0.1)
say([temps[0] < 30, temps[-1] > 60, len(temps) > 5, old, silent])
`,
        ports
      ),
      runPython(
        `
sock = open_socket(0.5)
reply = ask(sock, 'furnace-push', 'raw_wn#setpoint:float:300')
assert reply.startswith('ACK'), reply
say([reply, ask(sock, 'furnace-push', 'raw_wn#setpoint:float:5000'), ask(sock, 'furnace-push', 'raw_wn#power:float:100')])
while not ask(sock, 'room', 'furnace_setpoint#raw').endswith(',300.0'):
    time.sleep(0.05)
say('the GUI shows 300')
`,
        ports
      ),
      // As socket_logger: each channel by its name, a socket for each question, all after the first comma is the value.
      runPython(
        `
names = json.loads(ask(open_socket(), 'room', 'codenames_json'))
rows = []
for _ in range(3):
    for code in names:
        sock = open_socket(1)
        rows.append(float(ask(sock, 'room', code + '#raw').split(',', 1)[1]))
        sock.close()
    time.sleep(1)
say([names, len(rows)])
`,
        ports
      )
    ])
    assert.deepEqual(controller, [[true, true, true, 0, 0]])
    assert.deepEqual(gui, [
      ["ACK#{'setpoint': 300.0}", 'ERROR#value must be <= 1200 (got 5000)', "ERROR#this socket has no codename 'power'; it has 'setpoint'"],
      'the GUI shows 300'
    ])
    assert.deepEqual(logger, [[['furnace_temperature', 'furnace_setpoint', 'furnace_power', 'chamber_pressure'], 12]])
  })

  it('shows it to a live page', async () => {
    const page = new WebSocket(`ws://127.0.0.1:${ports['ws']}`)
    await once(page, 'open')
    const frames: Batch[] = []
    const came = new Promise<void>((resolve) =>
      page.on('message', (frame: Buffer) => {
        frames.push(JSON.parse(frame.toString()) as Batch)
        if (frames.length === 2) resolve()
      })
    )
    page.send(JSON.stringify({ action: 'subscribe', subscriptions: ['rasppi71:temp'] }))
    await came
    page.terminate()
    for (const { host, data } of frames) {
      const [x, y] = data['temp'] ?? [0, 0]
      assert.deepEqual([host, Math.abs(Date.now() / 1000 - x) < 3, y > 0], ['rasppi71', true, true])
    }
  })

  it('shows the same furnace on MQTT', async () => {
    const client = await TestClient.connect(ports['mqtt'] as number)
    await client.subscribe('lab/furnace/#')
    const reading = await client.nextJson('lab/furnace/setpoint')
    assert.deepEqual([reading['quality'], reading['unit'], reading['value']], ['good', '°C', 300])
    await client.publish('lab/furnace/setpoint/set', { id: 'off', value: 20 })
    const reply = await client.nextJson('lab/furnace/setpoint/reply')
    assert.deepEqual([reply['id'], reply['phase'], reply['value']], ['off', 'done', 20])
    await client.close()
  })

  it('is read and steered by the other example, as a Pi', async () => {
    const file = write(join(folder(), 'clients.yaml'), withFreePorts('examples/pyexplabsys-clients.yaml', [9001, 8500]))
    const text = readFileSync(file, 'utf8').replace('port: 9001', `port: ${ports['furnace-temperature']}`)
    write(file, text.replace('port: 8500', `port: ${ports['furnace-push']}`))
    const other = new Program(process.execPath, [main, 'start', '--config', file])
    try {
      const [, port] = await other.says(/"listener":"mqtt"[^\n]*"port":(\d+)/)
      await other.says(/"msg":"ready"/)
      const client = await TestClient.connect(Number(port))
      await client.subscribe('lab/furnace/#')
      const reading = await client.nextJson(({ topic, text: json }) => topic === 'lab/furnace/temp' && json.includes('"good"'))
      assert.deepEqual([reading['unit'], reading['source']], ['°C', 'poll'])
      await client.publish('lab/furnace/setpoint/set', { id: 'up', value: 30 })
      const reply = await client.nextJson('lab/furnace/setpoint/reply')
      assert.deepEqual([reply['id'], reply['phase'], reply['value']], ['up', 'done', 30])
      await client.close()
    } finally {
      other.kill('SIGTERM')
      assert.equal((await other.ended()).code, 0)
    }
  })
})

describe('config/examples/http-instruments.yaml', function () {
  this.timeout(30_000)

  it('is good as it is, on this computer only, and answers what its comments ask', async function () {
    needs(this, 'python3-requests')
    const file = 'examples/http-instruments.yaml'
    const { code, stderr } = await labgate('check', join(project, 'config', file))
    assert.deepEqual([code, stderr], [0, ''])
    const program = new Program(process.execPath, [main, 'start', '--config', write(join(folder(), 'http.yaml'), withFreePorts(file))])
    try {
      await program.says(/"msg":"ready"/)
      const started = program.stdout
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line) as Line)
      const listening = started.filter(({ port }) => port !== undefined)
      for (const { msg } of listening) assert.match(msg, /127\.0\.0\.1:\d+$/)
      const ports = Object.fromEntries(listening.map(({ instance, listener, port }) => [instance ?? listener, port ?? 0]))
      const said = await runPython(
        `
import requests
addr = 'http://127.0.0.1:%d' % PORTS['spectrometer-page']
say([requests.get(addr + path).content.decode() for path in ('/', '/lamp/mercury', '/lamp')])
say(sorted(requests.get(addr + '/acquire/0.1').json()))
say(requests.get(addr + '/lamp/candle').status_code)
`,
        ports
      )
      assert.deepEqual(said, [
        ['The server is up, running, and printing statements', 'mercury', 'mercury'],
        ['intensity', 'wavelength'],
        400
      ])
    } finally {
      program.kill('SIGTERM')
      assert.equal((await program.ended()).code, 0)
    }
  })
})

describe('config/examples/worksheet.yaml', function () {
  this.timeout(30_000)

  it('is good as it is, on this computer only, and answers what its comments say', async () => {
    const file = 'examples/worksheet.yaml'
    const { code, stderr } = await labgate('check', join(project, 'config', file))
    assert.deepEqual([code, stderr], [0, ''])
    const program = new Program(process.execPath, [main, 'start', '--config', write(join(folder(), 'class.yaml'), withFreePorts(file))])
    try {
      await program.says(/"msg":"ready"/)
      const started = program.stdout
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line) as Line)
      const listening = started.filter(({ port }) => port !== undefined)
      for (const { msg } of listening) assert.match(msg, /(127\.0\.0\.1|localhost):\d+$/)
      const ports = new Map(listening.map(({ instance, listener, port }) => [instance ?? listener, port ?? 0]))
      const mqtt = await TestClient.connect(ports.get('mqtt') as number)
      await mqtt.subscribe('lab/class/message')
      const says = async (instance: string, payload: string): Promise<string> => {
        const client = await RawWs.joined(ports.get(instance) as number)
        assert.match(await client.nextText(), /"join_evt"/)
        client.text(`{"payload": ${payload}}`)
        const answer = await client.nextText()
        client.drop()
        return answer
      }
      assert.equal(await says('echo', '"hello"'), '{"payload": "hello"}')
      assert.match((await mqtt.next('lab/class/message')).text, /"payload":"hello"/)
      assert.match(await says('lesson', '{"integration": 0.1}'), /^\{"payload": \{"wavelength":/)
      await mqtt.close()
    } finally {
      program.kill('SIGTERM')
      assert.equal((await program.ended()).code, 0)
    }
  })
})

// What they do is shown by matrix.test.ts and rigs-example.test.ts: the computers that they name do not exist.
for (const name of ['everything.yaml', 'rigs.yaml'])
  describe(`config/examples/${name}`, function () {
    this.timeout(15_000)

    it('is good as it is, without a warning', async () => {
      const { code, stdout, stderr } = await labgate('check', join(project, 'config/examples', name))
      assert.deepEqual([code, stderr], [0, ''])
      assert.match(stdout, /is good: \d+ devices, \d+ adapter instances\n$/)
    })
  })
