/** The old programs of the matrix, as people wrote them: none of them knows that there is a gateway. */
import type { Cell, RowName } from './matrix-table.js'
import { runPython } from './python.js'
import { RigPeer } from './rig-peer.js'

/** What a program said: the reply to its command, and the reading that it then saw. */
export interface Said {
  readonly reply: unknown
  readonly reading: unknown
}

/** Each defines `command()` and `read()`, the latter with None for what is old or not there. */
const programs: Readonly<Record<Exclude<RowName, 'experiment'>, string>> = {
  // One socket, a datagram, an answer of 1023 bytes at most.
  pyexplabsys: `
sock = open_socket(8)

def command():
    return ask(sock, *COMMAND.split(' ', 1))

def read():
    answer = ask(sock, *READ.split(' ', 1))
    return None if answer == '"OLD_DATA"' else json.loads(answer)[1]
`,
  tutorial: `
import requests
address = 'http://127.0.0.1:%d' % PORTS['pages']

def get(path):
    answer = requests.get(address + path)
    return answer.content.decode() if answer.status_code == 200 else None

def command():
    return get(COMMAND)

def read():
    text = get(READ)
    try:
        return None if text is None else float(text)
    except ValueError:
        return text
`,
  // What UUServer's client does (section 3.6 of the HTTP notes).
  instclient: `
import pickle, requests
address = 'http://127.0.0.1:%d' % PORTS['uuserver']

def run(name, method, argument='null'):
    data = json.dumps({'name': name, 'method': method, 'arguments': json.loads(argument)})
    assert requests.post(address + '/Trigger', data=data).json() == {'Message': 0}
    value = 'Device running'
    while isinstance(value, str) and value == 'Device running':
        time.sleep(0.02)
        answer = requests.get(address + '/Read', params={'name': name, 'method': method})
        if answer.status_code != 200:
            return None
        value = pickle.loads(answer.content)
    return value

def command():
    return run(*COMMAND.split(' ', 2))

def read():
    return run(*READ.split(' '))
`,
  // It knows nothing but what it says and what it gets back.
  worksheet: `
import asyncio, websockets
loop = asyncio.new_event_loop()

async def join(name):
    socket = await websockets.connect('ws://localhost:%d' % PORTS[name])
    message = json.loads(await socket.recv())
    assert message['type'] == 'join_evt'
    return socket, message['client_id']

async def tell(name, payload):
    socket, me = await join(name)
    await socket.send(json.dumps({'client_id': me, 'payload': payload}))
    answer = json.loads(await socket.recv())['payload']
    await socket.close()
    return answer

heard, _ = loop.run_until_complete(join(READ))

def command():
    name, payload = COMMAND.split(' ', 1)
    return loop.run_until_complete(tell(name, json.loads(payload)))

def read():
    try:
        return json.loads(loop.run_until_complete(asyncio.wait_for(heard.recv(), 0.2)))['payload']
    except asyncio.TimeoutError:
        return None
`
}

/** What is old for a moment, as after a command, is asked for again. */
const run = `
reply = command()
end = time.time() + 10
reading = read()
while time.time() < end and (reading != VALUE if HAS_VALUE else reading is None):
    time.sleep(0.05)
    reading = read()
say([reply, reading])
`

/** Runs a cell with the program of its row. */
export async function runClient(name: RowName, cell: Cell, ports: Readonly<Record<string, number>>): Promise<Said> {
  if (name === 'experiment') return await runExperiment(cell, ports)
  const given = JSON.stringify([cell.command, cell.read, cell.value ?? null, cell.value !== undefined])
  const constants = `COMMAND, READ, VALUE, HAS_VALUE = json.loads(${JSON.stringify(given)})\n`
  const [said] = await runPython(constants + programs[name] + run, ports)
  const [reply, reading] = said as [unknown, unknown]
  return { reply, reading }
}

/** An experiment PC has a program of its own: servers/rig_peer.py. It tells the rig, and then asks for its status until that is as it should be. */
async function runExperiment({ read, command, value }: Cell, ports: Readonly<Record<string, number>>): Promise<Said> {
  const [rig, step] = command.split(' ') as [string, string]
  const question = read.split(' ')[1] as string
  const pc = RigPeer.experiment(`udp://127.0.0.1:${ports[rig]}`, '--pause', '0.2', '--answer-within', '3')
  const ask = async (): Promise<unknown> => ((await pc.do(question))['answer'] as unknown[] | undefined)?.[0]
  try {
    const { answer } = await pc.do(step)
    const end = performance.now() + 10_000
    let reading = await ask()
    while ((value === undefined ? reading === undefined : reading !== value) && performance.now() < end) reading = await ask()
    return { reply: answer, reading }
  } finally {
    await pc.gone()
  }
}
