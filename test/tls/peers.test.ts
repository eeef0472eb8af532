import assert from 'node:assert/strict'
import type { Browser } from 'playwright-core'
import { runPython } from '../peers/python.js'
import { Program, main, write } from '../process/program.js'
import { CertificateFolder, certificate } from '../support/certificates.js'
import { openChromium } from '../support/chromium.js'
import { openPage } from '../support/dashboard-lab.js'
import { TestClient } from '../support/mqtt.js'
import { needs } from '../support/peers.js'
import { start } from '../support/start.js'
import type { Running } from '../support/start.js'

const devices = `
devices:
  weather: { codenames: { wind: { schema: { type: number } } } }
adapters: []
`

describe('TLS with the programs that people have', function () {
  // Each starts processes.
  this.timeout(20_000)
  let files: CertificateFolder
  let running: Running
  let plain: TestClient
  let tls: number
  let https: number
  const programs: Program[] = []

  before(async () => {
    files = await CertificateFolder.create()
    running = await start(
      `broker: { tcp: { port: 0 }, tls: { port: 0, ${files.keysFor('optional')} } }\nhttp: { port: 0, tls: { ${files.keys()} } }\n${devices}`
    )
    tls = running.gateway.address('tls')?.port ?? 0
    https = running.httpPort
    plain = await running.connect()
    await plain.subscribe('from/#')
  })

  afterEach(() => Promise.all(programs.splice(0).map((program) => program.gone())))
  after(() => running?.stop())

  function run(command: string, args: readonly string[], options: { input?: string; env?: Record<string, string> } = {}): Program {
    const program = new Program(command, args, options)
    programs.push(program)
    return program
  }

  /** `input` is typed after the handshake, and the connection is held until its answer came or it is over. */
  const openssl = (port: number, ...args: string[]): Program => run('openssl', ['s_client', '-connect', `127.0.0.1:${port}`, ...args])

  it('is told in the log, with where', () => {
    const told = running.log.lines
      .filter(({ message }) => / on 127\.0\.0\.1:\d+$/.test(message))
      .map(({ fields, message }) => [fields['listener'], message])
    assert.deepEqual(told, [
      ['mqtt', `MQTT over TCP on 127.0.0.1:${running.mqttPort}`],
      ['mqtts', `MQTT over TLS on 127.0.0.1:${tls}`],
      ['https', `HTTPS and MQTT over WebSocket on 127.0.0.1:${https}`]
    ])
  })

  it('mosquitto_pub and mosquitto_sub, with the file of the authority, and with a certificate of their own', async function () {
    needs(this, 'mosquitto_pub', 'mosquitto_sub')
    const common = ['-h', 'localhost', '-p', String(tls), '--cafile', files.file('ca.pem'), '-t', 'from/mosquitto', '-q', '1']
    await plain.publish('from/mosquitto', 'first', { retain: true })
    const sub = run('mosquitto_sub', [...common, '-C', '3', '-W', '8'])
    await sub.says(/first/)
    for (const more of [[], ['--cert', files.file('alice.pem'), '--key', files.file('alice.key')]]) {
      const { code, stderr } = await run('mosquitto_pub', [...common, '-m', `hello ${more.length}`, ...more]).ended()
      assert.deepEqual([code, stderr], [0, ''])
    }
    const { code, stdout } = await sub.ended()
    assert.deepEqual([code, stdout], [0, 'first\nhello 0\nhello 4\n'])
  })

  it('mosquitto_pub does not believe another authority, and the log says why it went', async function () {
    needs(this, 'mosquitto_pub')
    const other = await certificate({ names: ['Somebody'], isAuthority: true })
    const cafile = files.write('other.pem', other.cert)
    const args = ['-h', 'localhost', '-p', String(tls), '--cafile', cafile, '-t', 'from/nobody', '-m', 'x']
    assert.notEqual((await run('mosquitto_pub', args).ended()).code, 0)
    const told = running.log.lines.findLast(({ message }) => message === 'a TLS handshake failed')
    assert.deepEqual([told?.level, told?.fields['listener'], told?.fields['address']], ['info', 'broker.tls', '127.0.0.1'])
    assert.match(String(told?.fields['reason']), /does not know the authority of this certificate.*--cafile/)
  })

  it('paho, requests and websockets in Python', async function () {
    needs(this, 'python3-paho-mqtt', 'python3-requests', 'python3-websockets')
    const said = await runPython(
      `
import asyncio, ssl, threading
import paho.mqtt.client as mqtt, requests, websockets
CA = ${JSON.stringify(files.file('ca.pem'))}

old = getattr(mqtt, 'CallbackAPIVersion', None)
client = mqtt.Client(old.VERSION1) if old else mqtt.Client()
client.tls_set(ca_certs=CA)
heard = threading.Event()
client.on_message = lambda client, data, message: heard.set()
client.on_connect = lambda client, *more: client.subscribe('from/paho')
client.on_subscribe = lambda client, *more: client.publish('from/paho', 'hello', qos=2)
client.connect('localhost', PORTS['tls'])
client.loop_start()
say(heard.wait(5))
client.loop_stop()

say(requests.get('https://localhost:%d/api' % PORTS['https'], verify=CA).json()['mqtt'])
say(requests.get('https://localhost:%d/health' % PORTS['https'], verify=CA).json()['status'])
try:
    requests.get('https://localhost:%d/api' % PORTS['https'])
except requests.exceptions.SSLError:
    say('not believed without the authority')

async def wss():
    context = ssl.create_default_context(cafile=CA)
    async with websockets.connect('wss://localhost:%d/mqtt' % PORTS['https'], ssl=context, subprotocols=['mqtt']) as socket:
        await socket.send(bytes.fromhex('101000044d5154540402003c000461626364'))
        say((await socket.recv()).hex())

asyncio.run(wss())
`,
      { tls, https }
    )
    assert.deepEqual(said, [true, '/mqtt', 'ok', 'not believed without the authority', '20020000'])
  })

  it('MQTT.js, over TLS and over a WebSocket with TLS', async () => {
    const ca = files.authority.cert
    for (const url of [`mqtts://localhost:${tls}`, `wss://localhost:${https}/mqtt`]) {
      const client = await TestClient.connect(0, { ca }, url)
      await client.publish('from/js', url, { qos: 2 })
      assert.equal((await plain.next('from/js')).text, url)
      await client.close()
    }
  })

  it('openssl: TLS 1.2 and 1.3, which protocol is spoken, and no handshake in the middle', async function () {
    needs(this, 'openssl')
    for (const [port, protocol] of [
      [tls, 'mqtt'],
      [https, 'http/1.1']
    ] as const) {
      for (const version of ['1_2', '1_3']) {
        const { stdout } = await openssl(port, `-tls${version}`, '-alpn', protocol, '-CAfile', files.file('ca.pem')).ended()
        assert.match(stdout, /Verification: OK/)
        assert.ok(stdout.includes(`ALPN protocol: ${protocol}`), stdout)
        assert.ok(stdout.includes(`TLSv${version.replace('_', '.')}`), stdout)
      }
      const { stderr } = await openssl(port, '-alpn', 'h2').ended()
      assert.match(stderr, /no application protocol/)
      const again = await run('openssl', ['s_client', '-connect', `127.0.0.1:${port}`, '-tls1_2'], { input: 'R\n' }).ended()
      assert.match(again.stderr, /RENEGOTIATING[^]*no renegotiation/)
    }
  })

  it('nothing older than TLS 1.2, also when Node is told to speak it', async function () {
    needs(this, 'openssl')
    const yaml = `broker: { tcp: { port: 0 }, tls: { port: 0, ${files.keys()} } }\n${devices}`
    const file = write(files.file('old.yaml'), yaml)
    const env = { NODE_OPTIONS: '--tls-min-v1.0 --tls-cipher-list=DEFAULT@SECLEVEL=0' }
    const program = run(process.execPath, [main, 'start', '--config', file], { env })
    const [, port] = await program.says(/"listener":"mqtts"[^\n]*"port":(\d+)/)
    await program.says(/"msg":"ready"/)
    const ask = async (version: string): Promise<string> => {
      const { stdout, stderr } = await openssl(Number(port), version, '-cipher', 'DEFAULT@SECLEVEL=0').ended()
      return stdout + stderr
    }
    assert.match(await ask('-tls1_2'), /Protocol *: TLSv1\.2/)
    for (const version of ['-tls1_1', '-tls1']) assert.match(await ask(version), /alert protocol version/)
    await program.says(/its TLS is older than 1\.2/)
    program.kill('SIGTERM')
    assert.equal((await program.ended()).code, 0)
  })

  it('the dashboard in Chromium, live', async function () {
    needs(this, 'chromium')
    let browser: Browser | undefined
    try {
      browser = await openChromium()
      const page = await openPage(browser, `https://localhost:${https}/#/devices/weather`, { ignoreHTTPSErrors: true })
      await page.getByRole('heading', { level: 1, name: 'weather' }).waitFor()
      await plain.publish('lab/weather/wind', '17.25')
      await page.getByText('17.25').first().waitFor()
      assert.deepEqual(page.faults, [])
    } finally {
      await browser?.close()
    }
  })
})
