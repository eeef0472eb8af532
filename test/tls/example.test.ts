import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { Program, folder, labgate, main, project, withFreePorts, write } from '../process/program.js'
import { needs } from '../support/peers.js'

describe('config/examples/tls.yaml, with the certificates of the README', function () {
  this.timeout(30_000)

  it('is good, and lets in who has a certificate, and nobody else', async function () {
    needs(this, 'openssl', 'mosquitto_sub', 'curl')
    const certs = folder()
    const [, section = ''] = readFileSync(join(project, 'README.md'), 'utf8').split(/^## TLS$/m)
    const commands = /```sh\n([^]*?)```/.exec(section)?.[1]?.trim().split('\n') ?? []
    assert.equal(commands.length, 3)
    for (const command of commands) execFileSync('sh', ['-c', command], { cwd: certs, stdio: 'pipe' })
    const file = write(join(certs, 'tls.yaml'), withFreePorts('examples/tls.yaml').replaceAll('./certs/', `${certs}/`))
    const { code, stderr } = await labgate('check', file)
    assert.deepEqual([code, stderr], [0, ''])
    const program = new Program(process.execPath, [main, 'start', '--config', file])
    const peers: Program[] = []
    const run = async (command: string, ...args: string[]): Promise<{ code: number | null; stdout: string; stderr: string }> => {
      const peer = new Program(command, args)
      peers.push(peer)
      return await peer.ended()
    }
    try {
      const [, mqtts] = await program.says(/MQTT over TLS on 127\.0\.0\.1:(\d+)/)
      const [, https] = await program.says(/HTTPS and MQTT over WebSocket on 127\.0\.0\.1:(\d+)/)
      await program.says(/"msg":"ready"/)
      const sub = ['-h', 'localhost', '-p', String(mqtts), '--cafile', join(certs, 'ca.pem'), '-t', 'lab/furnace', '-C', '1', '-W', '3']
      const anna = await run('mosquitto_sub', ...sub, '--cert', join(certs, 'anna.pem'), '--key', join(certs, 'anna.key'))
      assert.deepEqual([anna.code, /"state":"online"/.test(anna.stdout)], [0, true], anna.stderr)
      assert.notEqual((await run('mosquitto_sub', ...sub)).code, 0)
      // That of the gateway is no client's.
      const gateway = await run('mosquitto_sub', ...sub, '--cert', join(certs, 'gateway.pem'), '--key', join(certs, 'gateway.key'))
      assert.notEqual(gateway.code, 0)
      const curl = await run('curl', '-sS', '--cacert', join(certs, 'ca.pem'), `https://localhost:${https}/api`)
      assert.deepEqual([curl.code, /"mqtt":"\/mqtt"/.test(curl.stdout)], [0, true], curl.stderr)
    } finally {
      await Promise.all(peers.map((peer) => peer.gone()))
      program.kill('SIGTERM')
      assert.equal((await program.ended()).code, 0)
    }
  })
})
