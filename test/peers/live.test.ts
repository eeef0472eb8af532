import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import { Program, folder, write } from '../process/program.js'
import { pagesPort } from '../support/page.js'
import { needs, python } from '../support/peers.js'
import { start } from '../support/start.js'
import type { Running } from '../support/start.js'
import { UdpClient } from '../support/udp.js'

/** What a program does that looks on as the live pages do; one JSON line for each message. Ends after so many. */
const onlooker = `
import asyncio, json, ssl, sys
import websockets

url, count, certificate = sys.argv[1], int(sys.argv[2]), sys.argv[3]
context = None
if certificate:
    context = ssl.create_default_context(cafile=certificate)

async def look():
    async with websockets.connect(url, ssl=context) as socket:
        await socket.send(json.dumps({'action': 'subscribe', 'subscriptions': ['rasppi71:sine1', 'rasppi71:state']}))
        print('subscribed', flush=True)
        for _ in range(count):
            print(json.dumps(json.loads(await socket.recv())), flush=True)

asyncio.run(look())
`

/** What a LiveSocket does: one socket, JSON, sendto. */
const livesocket = `
import json, socket, sys, time

sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
for point in json.loads(sys.argv[2]):
    message = {'host': 'rasppi71', 'data': point}
    sock.sendto(json.dumps(message).encode('ascii'), ('127.0.0.1', int(sys.argv[1])))
`

describe('programs of the labs and the live proxy', function () {
  // Python takes its time to start.
  this.timeout(20_000)
  let running: Running
  let udp: UdpClient
  const programs: Program[] = []

  beforeEach(() => {
    udp = new UdpClient()
  })

  afterEach(async () => {
    await Promise.all(programs.splice(0).map((program) => program.gone()))
    await udp.close()
    await running?.stop()
  })

  async function lookOn(url: string, count: number, certificate = ''): Promise<Program> {
    const program = new Program(python, ['-c', onlooker, url, String(count), certificate])
    programs.push(program)
    await program.says(/subscribed/)
    return program
  }

  const points = [{ sine1: [1450096534.070234, 0.36], state: [1450096534.07, 'running'] }, { sine1: 'RESET' }]

  it('send and look on as to the original: last values, batches, resets', async function () {
    needs(this, 'python3', 'python3-websockets')
    running = await start('adapters: [{ id: live, type: live-server, port: 0, web: { port: 0 } }]')
    const send = async (): Promise<void> => {
      const program = new Program(python, ['-c', livesocket, String(running.port('live')), JSON.stringify(points)])
      programs.push(program)
      const { code, stderr } = await program.ended()
      assert.equal(code, 0, stderr)
    }
    await send()
    const page = await lookOn(`ws://127.0.0.1:${pagesPort(running, 'live')}/`, 3)
    await page.says(/"state".*\n/)
    await send()
    const { stdout } = await page.ended()
    assert.deepEqual(stdout.trim().split('\n').slice(1), [
      '{"host": "rasppi71", "data": {"sine1": "RESET", "state": [1450096534.07, "running"]}}',
      '{"host": "rasppi71", "data": {"sine1": [1450096534.070234, 0.36], "state": [1450096534.07, "running"]}}',
      '{"host": "rasppi71", "data": {"sine1": "RESET"}}'
    ])
  })

  it('look on by wss, with the certificate of the operator', async function () {
    needs(this, 'python3', 'python3-websockets', 'openssl')
    const [cert, key] = ['cert.pem', 'key.pem'].map((file) => join(certificates(), file)) as [string, string]
    running = await start(`adapters: [{ id: live, type: live-server, port: 0, web: { port: 0, tls: { cert: ${cert}, key: ${key} } } }]`)
    await udp.send(running.port('live'), '{"host": "rasppi71", "data": {"sine1": [1.0, 2.0]}}')
    const page = await lookOn(`wss://localhost:${pagesPort(running, 'live')}/`, 1, cert)
    await page.ended()
    assert.match(page.stdout, /\{"host": "rasppi71", "data": \{"sine1": \[1\.0, 2\.0\]\}\}/)
  })

  it('are told by the log when the certificate cannot be had', async function () {
    needs(this, 'openssl')
    const here = certificates()
    const rubbish = write(join(here, 'rubbish.pem'), 'no key')
    for (const [key, message] of [
      ['/nowhere/key.pem', /cannot read \/nowhere\/key\.pem/],
      [rubbish, /are no certificate with its key/]
    ] as const) {
      running = await start(
        `adapters: [{ id: live, type: live-server, port: 0, web: { port: 0, tls: { cert: ${join(here, 'cert.pem')}, key: ${key} } } }]`
      )
      const [told] = running.log.lines.filter(({ level, fields }) => level === 'warn' && fields['instance'] === 'live')
      assert.match(String(told?.fields['reason']), message)
      await running.stop()
    }
  })

  let made: string | undefined
  function certificates(): string {
    if (made !== undefined) return made
    made = folder()
    const subject = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost']
    const files = ['-keyout', join(made, 'key.pem'), '-out', join(made, 'cert.pem')]
    execFileSync('openssl', ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '2', ...subject, ...files], { stdio: 'ignore' })
    return made
  }
})
