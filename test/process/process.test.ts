import assert from 'node:assert/strict'
import { createServer } from 'node:net'
import type { AddressInfo } from 'node:net'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { freePort } from '../support/free-ports.js'
import { TestClient } from '../support/mqtt.js'
import { UdpClient } from '../support/udp.js'
import { Program, folder, labgate, main, project, withFreePorts, write } from './program.js'

interface Line {
  readonly level: number
  readonly msg: string
  readonly listener?: string
  readonly instance?: string
  readonly port?: number
}

describe('the program', function () {
  // A process of its own each time, and two cores that others use too.
  this.timeout(20_000)
  const files = folder()
  const demo = write(join(files, 'demo.yaml'), withFreePorts('gateway.yaml'))
  const bad = write(
    join(files, 'bad.yaml'),
    'broker: { tcp: { port: 0 }, rooot: lab }\ndevices: { a b: {} }\nadapters: [{ id: x, type: nope }]\n'
  )
  const programs: Program[] = []

  function start(...args: string[]): Program {
    const program = new Program(process.execPath, [main, 'start', ...args])
    programs.push(program)
    return program
  }

  /** For a program whose log nobody can read: its MQTT port was free a moment ago. */
  async function onePort(): Promise<{ file: string; port: number }> {
    const port = await freePort()
    return { port, file: write(join(files, `port${port}.yaml`), `broker: { tcp: { port: ${port} } }\nhttp: { port: 0 }\n`) }
  }

  /** Resolves once the program lets a client in. */
  async function reached(port: number): Promise<void> {
    for (const end = performance.now() + 10_000; ;) {
      try {
        const client = await TestClient.connect(port)
        return await client.vanish()
      } catch (error) {
        if (performance.now() > end) throw error
        await new Promise((resolve) => setTimeout(resolve, 20))
      }
    }
  }

  const lines = (text: string): Line[] =>
    text
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as Line)

  afterEach(async () => {
    await Promise.all(programs.splice(0).map((program) => program.gone()))
  })

  describe('explains itself', () => {
    it('with --help, each command too', async () => {
      const [all, one] = await Promise.all([labgate('--help'), labgate('help', 'start')])
      assert.deepEqual([all.code, all.stderr, one.code], [0, '', 0])
      for (const word of ['Usage: labgate', 'start', 'check', '--version', 'Examples:', 'Exit codes:'])
        assert.ok(all.stdout.includes(word), word)
      for (const word of ['--config <file>', '--log-level', '--log-format', '"text", "json"']) assert.ok(one.stdout.includes(word), word)
    })

    it('with --version', async () => {
      const { version } = JSON.parse(readFileSync(join(project, 'package.json'), 'utf8')) as { version: string }
      assert.deepEqual(await labgate('--version'), { code: 0, signal: null, stdout: `${version}\n`, stderr: '' })
    })

    it('without arguments: the help, and exit code 1', async () => {
      const { code, stdout, stderr } = await labgate()
      assert.deepEqual([code, stdout], [1, ''])
      assert.match(stderr, /^Usage: labgate/)
    })

    it('to a misspelt command, a missing or wrong option', async () => {
      const cases: [string[], RegExp][] = [
        [['strat'], /^error: unknown command 'strat'\n\(Did you mean start\?\)\n\(labgate --help shows what there is\)\n$/],
        [['start', '-c', ''], /a file name is needed/],
        [['start', '-c', demo, '--log-level', 'loud'], /Allowed choices are debug, info, warn, error/],
        [['start', '-c', demo, '--confg', 'x'], /unknown option '--confg'/],
        [['check', ''], /a file name is needed/]
      ]
      for (const [args, expected] of cases) {
        const { code, stdout, stderr } = await labgate(...args)
        assert.deepEqual([code, stdout], [1, ''])
        assert.match(stderr, expected)
      }
    })
  })

  describe('check', () => {
    it('says that a file is good', async () => {
      // Five simulated instruments, and the own device of each push socket.
      for (const [name, good] of [
        ['gateway.yaml', '8 devices, 7 adapter instances'],
        ['raspberry-pi.yaml', '4 devices, 3 adapter instances']
      ] as const) {
        const file = join(project, 'config', name)
        const { code, stdout, stderr } = await labgate('check', file)
        assert.deepEqual([code, stderr], [0, ''])
        assert.equal(stdout, `${file} is good: ${good}\n`)
      }
    })

    it('says all that is wrong with a file, each with its place', async () => {
      const { code, stdout, stderr } = await labgate('check', bad)
      assert.deepEqual([code, stdout], [2, ''])
      assert.deepEqual(stderr.match(/bad\.yaml:\d+:\d+ \S+/g), [
        'bad.yaml:1:29 broker.rooot:',
        "bad.yaml:2:12 devices['a",
        'bad.yaml:3:27 adapters[0](x).type:'
      ])
    })

    it('says that a file is missing, is a folder, or is no text', async () => {
      const noText = write(join(files, 'binary.yaml'), Buffer.from([0x61, 0xff]))
      const cases: [string, RegExp][] = [
        [join(files, 'none.yaml'), /none\.yaml: there is no such file/],
        [files, /this is a folder/],
        [noText, /the text is not UTF-8/]
      ]
      for (const [file, expected] of cases) {
        const { code, stdout, stderr } = await labgate('check', file)
        assert.deepEqual([code, stdout], [2, ''])
        assert.match(stderr, expected)
      }
    })
  })

  describe('start', () => {
    it('refuses a bad configuration as check does, and opens nothing', async () => {
      const [checked, started] = await Promise.all([labgate('check', bad), labgate('start', '--config', bad)])
      assert.deepEqual(started, { ...checked, stdout: '' })
      assert.equal(started.code, 2)
    })

    it('prints one line for each listener, then ready', async () => {
      const program = start('--config', demo)
      await program.says(/"msg":"ready"/)
      const all = lines(program.stdout)
      assert.deepEqual(
        all.filter(({ level }) => level > 30),
        []
      )
      const listeners = all.filter(({ port }) => port !== undefined)
      const names = new Set(listeners.map(({ listener, instance }) => listener ?? instance))
      assert.deepEqual(
        [listeners.length, names],
        [8, new Set(['furnace-page', 'furnace-push', 'http', 'instruments-server', 'laser-push', 'mqtt', 'overview', 'stage'])]
      )
      assert.equal(all.at(-1)?.msg, 'ready')
      for (const { msg, port } of listeners) assert.ok(msg.endsWith(`127.0.0.1:${port}`), msg)
    })

    it('prints the same as text for people, one line each', async () => {
      const program = start('--config', demo, '--log-format', 'text')
      await program.says(/INFO: ready/)
      const text = program.stdout.trim().split('\n')
      assert.equal(text.length, 10)
      for (const line of text) assert.match(line, /^\[\d\d:\d\d:\d\d\.\d{3}\] INFO: /)
      assert.match(program.stdout, /MQTT over TCP on 127\.0\.0\.1:\d+/)
    })

    it('prints less with --log-level', async () => {
      const { file, port } = await onePort()
      const program = start('--config', file, '--log-level', 'warn')
      await reached(port)
      program.kill('SIGTERM')
      const { code, stdout, stderr } = await program.ended()
      assert.deepEqual([code, stdout, stderr], [0, '', ''])
    })

    it('works: MQTT and an old client get answers', async () => {
      const program = start('--config', demo)
      await program.says(/"msg":"ready"/)
      const port = (name: string): number =>
        lines(program.stdout).find(({ listener, instance }) => (listener ?? instance) === name)?.port as number
      const mqtt = await TestClient.connect(port('mqtt'))
      await mqtt.subscribe('lab/furnace/temperature')
      await mqtt.next('lab/furnace/temperature')
      const udp = new UdpClient()
      assert.match(await udp.ask(port('overview'), 'furnace_temperature#raw'), /^\d+\.\d+,\d+\.?\d*$/)
      await udp.close()
      await mqtt.close()
    })

    for (const signal of ['SIGTERM', 'SIGINT'] as const)
      it(`ends with exit code 0 on ${signal}, and its subscribers have seen it leave`, async () => {
        const program = start('--config', demo)
        const [, port] = await program.says(/MQTT over TCP on 127\.0\.0\.1:(\d+)/)
        await program.says(/"msg":"ready"/)
        const mqtt = await TestClient.connect(Number(port), { will: { topic: 'a/will', payload: Buffer.from('x'), qos: 1, retain: false } })
        await mqtt.subscribe('lab/gateway')
        await mqtt.next(({ text }) => text.includes('"online"'), 'online')
        const asked = performance.now()
        program.kill(signal)
        const { code, stdout, stderr } = await program.ended(5000)
        assert.deepEqual([code, stderr], [0, ''])
        assert.match(stdout, /"msg":"stopping"}\n.*"msg":"stopped"}\n$/)
        const last = await mqtt.nextJson('lab/gateway')
        assert.deepEqual([last['state'], last['reason']], ['offline', `stopped by ${signal}`])
        console.log(`      ${signal} to end: ${Math.round(performance.now() - asked)} ms`)
        await mqtt.vanish()
      })

    it('ends as well when it is told to while it starts', async () => {
      const program = start('--config', demo)
      await program.says(/./)
      program.kill('SIGTERM')
      const { code, stdout } = await program.ended(5000)
      assert.equal(code, 0)
      const said = lines(stdout).map(({ msg }) => msg)
      assert.equal(said.at(-1), 'stopped')
      assert.ok(!said.slice(said.indexOf('stopping')).includes('ready'))
    })

    it('says what to do when the MQTT port is taken, and ends with 1', async () => {
      const occupant = createServer()
      await new Promise<void>((resolve) => occupant.listen(0, '127.0.0.1', resolve))
      const { port } = occupant.address() as AddressInfo
      const taken = write(join(files, 'taken.yaml'), `broker: { tcp: { port: ${port} } }\nhttp: { port: 0 }\n`)
      const { code, stdout } = await labgate('start', '--config', taken)
      await new Promise((resolve) => occupant.close(resolve))
      assert.equal(code, 1)
      const last = lines(stdout).at(-1) as Line & { reason: string }
      assert.deepEqual([last.level, last.msg], [50, 'cannot start'])
      assert.equal(
        last.reason,
        `cannot listen on 127.0.0.1:${port} (broker.tcp): the port is taken: stop the other program, or choose another broker.tcp.port`
      )
    })

    it('goes on when the reader of its log goes away', async () => {
      const { file, port } = await onePort()
      const program = start('--config', file)
      await program.says(/in memory/)
      program.deafen()
      await reached(port)
      program.kill('SIGTERM')
      assert.equal((await program.ended()).code, 0)
    })

    it('is ready soon', async () => {
      const times: number[] = []
      for (let i = 0; i < 5; i += 1) {
        const program = start('--config', demo)
        await program.says(/"msg":"ready"/)
        times.push(performance.now() - program.started)
        await program.gone()
      }
      console.log(`      process start to ready: ${times.map((time) => Math.round(time)).join(', ')} ms`)
    })
  })
})
