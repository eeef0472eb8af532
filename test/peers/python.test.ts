import assert from 'node:assert/strict'
import { needs } from '../support/peers.js'
import { start } from '../support/start.js'
import type { Running } from '../support/start.js'
import { withFreePorts } from '../process/program.js'
import { runPython } from './python.js'

/** The demo, and what a laboratory adds to it. */
const config = `${withFreePorts('gateway.yaml')}
  - { id: logger, type: data-push-server, port: 0, name: Logger, device: oven }
  - { id: oven-pull, type: data-pull-server, port: 0, name: Furnace room, device: oven }
  - { id: flows, type: data-push-server, port: 0, name: Flows, device: mfc }
  - { id: flow-pull, type: data-pull-server, port: 0, name: Flow meters, device: mfc }
devices:
  oven: { codenames: { temp: { maxAge: 1, schema: { type: number } }, p_error: { maxAge: 60 } } }
  mfc: { codenames: { 21984878: { schema: { type: number } }, 21984877: { schema: { type: number } } } }
`

describe('a Python program of a laboratory', function () {
  // Python takes its time to start.
  this.timeout(15_000)
  let running: Running
  let ports: Record<string, number>

  before(async function () {
    needs(this, 'python3')
    running = await start(config)
    const ids = ['overview', 'furnace-push', 'laser-push', 'logger', 'oven-pull', 'flows', 'flow-pull']
    ports = Object.fromEntries(ids.map((id) => [id, running.port(id)]))
  })

  after(async () => {
    if (running !== undefined) await running.stop()
  })

  it('reads as the documentation of the pull sockets shows it', async () => {
    const said = await runPython(
      `
sock = open_socket()
say(ask(sock, 'overview', 'name'))
names = json.loads(ask(sock, 'overview', 'codenames_json'))
say(names)
raw = ask(sock, 'overview', 'raw')
say([[float(part) for part in pair.split(',')] for pair in raw.split(';')])
named = dict(part.split(':') for part in ask(sock, 'overview', 'raw_wn').split(';'))
say(list(named) == names)
say(json.loads(ask(sock, 'overview', 'json_wn')))
x, y = ask(sock, 'overview', 'furnace_temperature#raw').split(',')
say([abs(float(x) - time.time()) < 5, -20 < float(y) < 60])
say(ask(sock, 'overview', 'no_such_codename#raw'))
sock.sendto(b'status', (HOST, PORTS['overview']))
say(sorted(json.loads(sock.recv(4096).decode('ascii'))))
`,
      ports
    )
    const names = [
      'furnace_temperature',
      'furnace_setpoint',
      'furnace_power',
      'chamber_pressure',
      'laser_power',
      'laser_output',
      'balance_mass',
      'spectrometer_progress'
    ]
    assert.deepEqual(said.slice(0, 2), ['Overview of the simulated laboratory', names])
    assert.equal((said[2] as number[][]).length, names.length)
    assert.equal(said[3], true)
    assert.deepEqual(Object.keys(said[4] as object), names)
    assert.deepEqual(said.slice(5), [[true, true], 'UNKNOWN_COMMMAND', ['socket_server_status', 'system_status']])
  })

  it('pushes as the documentation of the push sockets shows it', async () => {
    const said = await runPython(
      `
sock = open_socket()
say(ask(sock, 'logger', 'name'))
say(json.loads(ask(sock, 'logger', 'commands')[4:]))
reply = ask(sock, 'logger', 'raw_wn#temp:float:47.0;greeting:str:Live long and prosper;numbers:int:1,2')
say([reply, ast.literal_eval(reply[4:])])
reply = ask(sock, 'logger', 'json_wn#' + json.dumps({'temp': 42, 'greeting': 'Live long and prosper', 'ok': True, 'nothing': None}))
say([reply[:4], str(ast.literal_eval(reply[4:]))])
say(ask(sock, 'oven-pull', 'temp#raw').split(',')[1])
say(ask(sock, 'logger', 'raw_wn#temp:float:hot'))
say(ask(sock, 'logger', 'json_wn#{"temp": "hot"}'))
`,
      ports
    )
    assert.deepEqual(said.slice(0, 2), ['RET#Logger', ['json_wn#', 'raw_wn#', 'name', 'status', 'commands']])
    const first = { temp: 47, greeting: 'Live long and prosper', numbers: [1, 2] }
    assert.deepEqual(said[2], ["ACK#{'temp': 47.0, 'greeting': 'Live long and prosper', 'numbers': [1, 2]}", first])
    assert.deepEqual(said[3], ['ACK#', "{'temp': 42, 'greeting': 'Live long and prosper', 'ok': True, 'nothing': None}"])
    assert.equal(said[4], '42.0')
    assert.equal(said[5], "ERROR#Unable to convert values to 'float'. Error is: could not convert string to float: 'hot'")
    assert.match(String(said[6]), /^ERROR#temp must be /)
  })

  it('logs each channel, as socket_logger does: everything after the first comma is the value', async () => {
    const said = await runPython(
      `
values = {}
for _ in range(10):
    for code in ('furnace_temperature', 'balance_mass', 'chamber_pressure'):
        sock = open_socket(1)
        try:
            value = float(ask(sock, 'overview', code + '#raw').split(',', 1)[1])
            values[code] = values.get(code, 0) + 1
        finally:
            sock.close()
say(values)
`,
      ports
    )
    assert.deepEqual(said, [{ furnace_temperature: 10, balance_mass: 10, chamber_pressure: 10 }])
  })

  it('steers a furnace: it is told OLD_DATA in time, and is never left without an answer', async () => {
    const said = await runPython(
      `
sock = open_socket(0.2)
pushed = time.monotonic()
say(ask(sock, 'logger', 'raw_wn#temp:float:512.5')[:3])
good, silent = 0, 0
while True:
    try:
        reply = ask(sock, 'oven-pull', 'temp#raw')
    except socket.timeout:
        silent += 1
        continue
    if reply == 'OLD_DATA':
        break
    assert float(reply[reply.find(',') + 1:]) == 512.5
    good += 1
    time.sleep(0.01)
age = time.monotonic() - pushed
say([good > 5, silent, 1 <= age < 3])
try:
    float(reply)
except ValueError as error:
    say(str(error))
say(ask(sock, 'logger', 'raw_wn#temp:float:513')[:3])
say(ask(sock, 'oven-pull', 'temp#raw').split(',')[1])
`,
      ports
    )
    assert.deepEqual(said, ['ACK', [true, 0, true], "could not convert string to float: 'OLD_DATA'", 'ACK', '513.0'])
  })

  it('shows and sets flows, one key at a time, under names that are numbers', async () => {
    const said = await runPython(
      `
sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
for code, flow in (('21984877', 2.5), ('21984878', 5.0)):
    reply = ask(sock, 'flows', 'json_wn#' + json.dumps({code: flow}))
    assert reply.startswith('ACK'), reply
data = json.loads(ask(sock, 'flow-pull', 'json_wn'))
say([(code, data[code][1]) for code in data])
say(ask(sock, 'flow-pull', 'codenames_raw'))
`,
      ports
    )
    assert.deepEqual(said, [
      [
        ['21984878', 5],
        ['21984877', 2.5]
      ],
      '21984878,21984877'
    ])
  })

  it('sets the simulated furnace, and fires the laser and waits for the result', async () => {
    const mqtt = await running.connect()
    await mqtt.subscribe('lab/furnace/setpoint', 'lab/furnace/setpoint/reply')
    const said = await runPython(
      `
sock = open_socket(3)
say(ask(sock, 'furnace-push', 'raw_wn#setpoint:float:250.0'))
say(ask(sock, 'furnace-push', 'raw_wn#setpoint:float:99999')[:6])
say(ask(sock, 'laser-push', 'json_wn#{"duration": 0.1}')[:4])
`,
      ports
    )
    assert.equal(said[0], "ACK#{'setpoint': 250.0}")
    assert.equal(said[1], 'ERROR#')
    assert.ok(['RET#', 'EXCE'].includes(String(said[2])), String(said[2]))
    const reply = await mqtt.nextJson('lab/furnace/setpoint/reply')
    assert.deepEqual([reply['phase'], reply['value']], ['done', 250])
    await mqtt.next(({ topic, text }) => topic === 'lab/furnace/setpoint' && text.includes('"value":250'), 'the new setpoint')
  })

  it('with paho-mqtt: subscribes, sets the furnace and gets the reply', async function () {
    needs(this, 'python3-paho-mqtt')
    const said = await runPython(
      `
import paho.mqtt.client as mqtt
version = getattr(mqtt, 'CallbackAPIVersion', None)
client = mqtt.Client(version.VERSION1, 'notebook') if version else mqtt.Client('notebook')
end = time.monotonic() + 5
seen = {}

def on_connect(client, userdata, flags, rc):
    client.subscribe([('lab/furnace/setpoint', 1), ('lab/furnace/setpoint/reply', 1), ('lab/furnace/setpoint/meta', 1)])

def on_subscribe(client, userdata, mid, qos):
    client.publish('lab/furnace/setpoint/set', json.dumps({'id': 'nb7-42', 'value': 300}), qos=1)

def on_message(client, userdata, message):
    payload = json.loads(message.payload)
    name = message.topic.split('/', 3)[-1]
    if message.topic.endswith('/meta'):
        seen['meta'] = [payload['unit'], payload['settable'], int(message.retain)]
    elif message.topic.endswith('/reply'):
        seen['reply'] = [payload['id'], payload['phase'], payload['value'], payload['client']]
    elif payload['value'] == 300:
        seen['reading'] = [payload['quality'], payload['unit']]

client.on_connect, client.on_subscribe, client.on_message = on_connect, on_subscribe, on_message
client.connect(HOST, PORTS['mqtt'])
while len(seen) < 3 and time.monotonic() < end:
    client.loop(0.1)
client.disconnect()
say(seen)
`,
      { ...ports, mqtt: running.mqttPort }
    )
    assert.deepEqual(said, [
      {
        meta: ['°C', true, 1],
        reply: ['nb7-42', 'done', 300, 'notebook'],
        reading: ['good', '°C']
      }
    ])
  })
})
