import assert from 'node:assert/strict'
import { cpSync, existsSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { parse } from 'yaml'
import { Program, folder, project } from '../process/program.js'
import { pack } from './packed.js'
import { freePorts } from '../support/free-ports.js'
import { Shell } from './shell.js'

interface Instruction {
  readonly name: string
  readonly args: string
  /** Counted from 0. */
  readonly stage: number
}

/** The Dockerfile, instruction by instruction; lines that go on are joined. */
function readDockerfile(): readonly Instruction[] {
  const text = readFileSync(join(project, 'Dockerfile'), 'utf8')
    .replace(/^#.*\n/gm, '')
    .replace(/\\\n\s*/g, '')
  let stage = -1
  return text
    .split('\n')
    .filter((line) => line.trim() !== '')
    .map((line) => {
      const [, name = '', args = ''] = /^([A-Z]+) (.*)$/.exec(line) ?? []
      if (name === 'FROM') stage += 1
      return { name, args, stage }
    })
}

const instructions = readDockerfile()
const of = (name: string): string[] => instructions.filter((each) => each.name === name).map(({ args }) => args)

/** What the Dockerfile may copy from the folder, by .dockerignore: everything else is kept out. */
function isLetIn(path: string): boolean {
  const lines = readFileSync(join(project, '.dockerignore'), 'utf8').split('\n')
  const entries = lines.filter((line) => line.startsWith('!')).map((line) => line.slice(1))
  return (
    lines.includes('*') &&
    entries.some((entry) => path === entry || path.startsWith(`${entry}/`) || (entry === '*.md' && /^[^/]+\.md$/.test(path)))
  )
}

describe('the container', function () {
  this.timeout(120_000)
  let program: Program | undefined

  afterEach(async () => {
    await program?.gone()
    program = undefined
  })

  it('has a Dockerfile of known instructions on one base that arm/v7 has too', () => {
    const known = ['FROM', 'WORKDIR', 'COPY', 'RUN', 'ENV', 'USER', 'VOLUME', 'EXPOSE', 'HEALTHCHECK', 'ENTRYPOINT', 'CMD']
    for (const { name, args } of instructions) assert.ok(known.includes(name), `${name} ${args}`)
    // Node.js 24 has no build for arm/v7 any more.
    for (const from of of('FROM')) assert.match(from, /^(--platform=\$BUILDPLATFORM )?node:22-bookworm-slim( AS \w+)?$/)
    assert.deepEqual([of('USER'), of('WORKDIR').at(-1), of('ENTRYPOINT'), of('CMD')], [['node'], '/data', ['["labgate"]'], ['["start"]']])
  })

  it('copies what is there and what .dockerignore lets in', () => {
    const copied = instructions
      .filter(({ name, args }) => name === 'COPY' && !args.startsWith('--from'))
      .flatMap(({ args }) => args.split(' ').slice(0, -1))
    assert.ok(copied.length > 10)
    for (const source of copied) {
      const found =
        source === '*.md'
          ? readdirSync(project).filter((name) => name.endsWith('.md'))
          : [source].filter((path) => existsSync(join(project, path)))
      assert.ok(found.length > 0, `${source} is not there`)
      for (const path of found) assert.ok(isLetIn(path), `.dockerignore keeps out ${path}`)
    }
    for (const stage of instructions.flatMap(({ args }) => /--from=(\w+)/.exec(args)?.[1] ?? []))
      assert.ok(
        of('FROM').some((from) => from.endsWith(` AS ${stage}`)),
        stage
      )
    // What the build needs: every folder of sources, and every file that package.json's build names.
    const { include } = JSON.parse(readFileSync(join(project, 'tsconfig.json'), 'utf8')) as { include: string[] }
    for (const needed of [...include, 'tsconfig.json', '.ci/dashboard.mjs', 'config']) assert.ok(copied.includes(needed), needed)
  })

  it('starts as the image does: packages without those of development, first user, health, end', async () => {
    const image = join(folder(), 'image')
    const [labgate, etc, data] = [join(image, 'labgate'), join(image, 'etc'), join(image, 'data')]
    for (const path of [image, labgate, etc, data]) mkdirSync(path)
    for (const name of ['package.json', 'package-lock.json', '.npmrc']) cpSync(join(project, name), join(labgate, name))
    const shell = new Shell(labgate)
    const install = of('RUN').find((command) => command.startsWith('npm ci --omit=dev'))
    assert.equal(install, 'npm ci --omit=dev --ignore-scripts')
    // Neither needs the other, and each waits for the disk most of the time.
    const [installed, { filename }] = await Promise.all([
      shell.run('sh', ['-c', `${install} --prefer-offline`], { shown: install }),
      pack(new Shell(image))
    ])
    assert.equal(installed.code, 0, installed.text)
    const unpacked = await shell.run('tar', ['-xzf', join(image, filename), '--strip-components=1'], { shown: 'COPY of what was built' })
    assert.equal(unpacked.code, 0, unpacked.text)

    const [mqtt, http] = (await freePorts(2)) as [number, number]
    const config = join(etc, 'gateway.yaml')
    const text = readFileSync(join(project, 'config/container.yaml'), 'utf8').replaceAll(' /data', ` ${data}`)
    // Users make it safe on all addresses; this test needs one.
    const { broker, http: web } = parse(text) as { broker: { tcp: { host: string } }; http: { host: string } }
    assert.deepEqual([broker.tcp.host, web.host], ['0.0.0.0', '0.0.0.0'])
    writeFileSync(config, text.replaceAll('0.0.0.0', '127.0.0.1').replace('1883 }', `${mqtt} }`).replace('port: 8080', `port: ${http}`))
    const run = async (...args: string[]): Promise<{ code: number | null; text: string }> =>
      await shell.run(process.execPath, ['dist/gateway/main.js', ...args], { input: 'a good password\n', shown: `labgate ${args[0]}` })
    const first = await run('start', '--config', config)
    assert.equal(first.code, 2)
    assert.match(first.text, /there is no file .*users\.json; make it with: labgate users add NAME --role admin/)
    const user = await run('users', 'add', 'anna', '--role', 'admin', '--password-stdin', '--config', config)
    assert.equal(user.code, 0, user.text)

    const [, check = ''] = /CMD (\[.*\])$/.exec(of('HEALTHCHECK')[0] ?? '') ?? []
    const [node, ...args] = JSON.parse(check) as string[]
    assert.equal(node, 'node')
    const health = async (): Promise<number | null> =>
      await new Program(process.execPath, args, { env: { LABGATE_HEALTH: `http://127.0.0.1:${http}/health` } })
        .ended()
        .then(({ code }) => code)
    assert.equal(await health(), 1, 'nobody is there yet')
    program = new Program(process.execPath, [join(labgate, 'dist/gateway/main.js'), 'start', '--config', config, '--log-format', 'json'])
    await program.says(/"msg":"ready"/)
    assert.equal(await health(), 0)
    program.kill('SIGTERM')
    assert.equal((await program.ended()).code, 0)
    assert.equal(await health(), 1, 'it has ended')
    shell.print()
  })

  it('is unhealthy when the gateway says that it fails', async () => {
    const { createServer } = await import('node:http')
    const [, check = ''] = /CMD (\[.*\])$/.exec(of('HEALTHCHECK')[0] ?? '') ?? []
    const [, ...args] = JSON.parse(check) as string[]
    const server = createServer((_, response) => response.writeHead(503).end('{}')).listen(0, '127.0.0.1')
    await new Promise((resolve) => server.once('listening', resolve))
    const { port } = server.address() as { port: number }
    const { code } = await new Program(process.execPath, args, { env: { LABGATE_HEALTH: `http://127.0.0.1:${port}/` } }).ended()
    await new Promise((resolve) => server.close(resolve))
    assert.equal(code, 1)
  })

  describe('compose.yaml', () => {
    const file = join(project, 'config/container/compose.yaml')
    const compose = parse(readFileSync(file, 'utf8')) as {
      services: Record<string, { volumes?: string[]; ports?: string[]; secrets?: string[]; build?: string; [key: string]: unknown }>
      volumes: Record<string, unknown>
      secrets: Record<string, unknown>
    }
    const services = Object.entries(compose.services)

    it('has the gateway, Node-RED, Prometheus and Grafana, with known keys', () => {
      assert.deepEqual(Object.keys(compose).sort(), ['name', 'secrets', 'services', 'volumes'])
      assert.deepEqual(Object.keys(compose.services), ['labgate', 'dashboard', 'prometheus', 'grafana', 'node-red'])
      const known =
        'build cap_drop depends_on entrypoint environment image init network_mode ports read_only restart secrets security_opt user volumes'.split(
          ' '
        )
      for (const [name, service] of services) for (const key of Object.keys(service)) assert.ok(known.includes(key), `${name}.${key}`)
      assert.ok(existsSync(join(dirname(file), compose.services['labgate']?.build ?? '', 'Dockerfile')))
    })

    it('names files that are there, and volumes and secrets that it declares', () => {
      for (const [name, { volumes = [], secrets = [] }] of services) {
        for (const volume of volumes) {
          const [from = ''] = volume.split(':')
          if (from.startsWith('.')) assert.ok(existsSync(join(dirname(file), from)), `${name}: ${from}`)
          else assert.ok(from in compose.volumes, `${name}: ${from}`)
        }
        for (const secret of secrets) assert.ok(secret in compose.secrets, `${name}: ${secret}`)
      }
    })

    it('opens nothing to the network but the gateway, which has users', () => {
      for (const [name, { ports = [] }] of services)
        for (const port of ports) assert.equal(port.startsWith('127.0.0.1:'), name !== 'labgate', `${name}: ${port}`)
    })

    it('has Prometheus ask the port that the gateway opens, and Grafana ask Prometheus', () => {
      const beside = (name: string): unknown => parse(readFileSync(join(dirname(file), name), 'utf8'))
      const { http } = parse(readFileSync(join(project, 'config/container.yaml'), 'utf8')) as { http: { port: number } }
      const { scrape_configs: jobs } = beside('prometheus.yml') as { scrape_configs: { static_configs: { targets: string[] }[] }[] }
      assert.deepEqual(jobs[0]?.static_configs[0]?.targets, [`labgate:${http.port}`])
      const { datasources } = beside('grafana/datasources.yaml') as { datasources: { url: string; isDefault: boolean }[] }
      assert.deepEqual([datasources[0]?.url, datasources[0]?.isDefault], ['http://prometheus:9090', true])
    })
  })
})
