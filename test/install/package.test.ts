import assert from 'node:assert/strict'
import { existsSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { needs } from '../support/peers.js'
import { Program, folder, project } from '../process/program.js'
import { pack } from './packed.js'
import type { Packed } from './packed.js'
import { freePorts } from '../support/free-ports.js'
import { Shell } from './shell.js'

describe('the package on a bare computer', function () {
  this.timeout(120_000)
  let program: Program | undefined
  const files = folder()
  const packing = new Shell(files)
  let packed: Packed

  before(async () => {
    packed = await pack(packing)
  })

  afterEach(async () => {
    await program?.gone()
    program = undefined
  })

  it('holds what is needed and no more', () => {
    const { size, unpackedSize } = packed
    const paths = packed.files.map(({ path }) => path)
    for (const needed of [
      'README.md',
      'CHANGELOG.md',
      'SECURITY.md',
      'LICENSE',
      'package.json',
      'schemas/gateway.schema.json',
      'config/init.yaml',
      'config/gateway.yaml',
      'config/raspberry-pi.yaml',
      'config/systemd/labgate.service',
      'config/container.yaml',
      'adapters/README.md',
      'dist/gateway/main.js',
      'dist/gateway/dashboard/index.html',
      'dist/gateway/dashboard/app.js'
    ])
      // prettier-ignore
      assert.ok(paths.includes(needed), needed)
    for (const name of readdirSync(join(project, 'config/examples'), { recursive: true, encoding: 'utf8' }))
      if (/\.\w+$/.test(name)) assert.ok(paths.includes(`config/examples/${name}`), name)
    const extra = paths.filter((path) =>
      /(^|\/)(test|test-support|conversations)\/|\.test\.|\.tsx?$|\.map$|\.password$|(^|\/)data\//.test(path)
    )
    assert.deepEqual(extra, [])
    // Of the page only what a browser is given: its modules are there for tests.
    const page = paths
      .filter((path) => path.startsWith('dist/gateway/dashboard/'))
      .map((path) => path.slice('dist/gateway/dashboard/'.length))
    assert.deepEqual(page.sort(), ['app.css', 'app.css.gz', 'app.js', 'app.js.gz', 'icon.svg', 'icon.svg.gz', 'index.html', 'index.html.gz', 'licenses.txt', 'licenses.txt.gz']) // prettier-ignore
    console.log(`      ${paths.length} files, ${(size / 1e6).toFixed(1)} MB packed, ${(unpackedSize / 1e6).toFixed(1)} MB unpacked`)
  })

  it('asks nothing of who installs it: no script runs', () => {
    const { scripts } = JSON.parse(readFileSync(join(project, 'package.json'), 'utf8')) as { scripts: Record<string, string> }
    assert.deepEqual(
      ['preinstall', 'install', 'postinstall', 'prepare'].filter((name) => name in scripts),
      []
    )
  })

  it('is installed, makes its configuration, checks it, runs and ends', async function () {
    needs(this, 'mosquitto_sub')
    const [prefix, empty] = [join(files, 'prefix'), join(files, 'lab')]
    for (const path of [prefix, empty]) mkdirSync(path)
    const shell = new Shell(empty, join(prefix, 'bin'))
    const install = [
      'install',
      '-g',
      '--ignore-scripts',
      '--prefer-offline',
      '--no-audit',
      '--no-fund',
      '--prefix',
      prefix,
      join(files, packed.filename)
    ]
    const installed = await shell.run('npm', install, { shown: `npm install -g --ignore-scripts ./${packed.filename}` })
    assert.equal(installed.code, 0, installed.text)
    assert.ok(!existsSync(join(prefix, 'lib/node_modules/labgate/node_modules/mocha')), 'only what runs is installed')

    const without = await shell.run('labgate', ['start'])
    assert.equal(without.code, 2)
    assert.match(without.text, /no configuration: neither \.\/gateway\.yaml nor \/etc\/labgate\/gateway\.yaml[^]*labgate init/)

    const init = await shell.run('labgate', ['init'])
    assert.equal(init.code, 0, init.text)
    assert.deepEqual(readdirSync(empty).sort(), ['gateway.schema.json', 'gateway.yaml'])
    const [mqtt, http] = (await freePorts(2)) as [number, number]
    const config = join(empty, 'gateway.yaml')
    writeFileSync(config, readFileSync(config, 'utf8').replace('port: 1883', `port: ${mqtt}`).replace('port: 8080', `port: ${http}`))
    const check = await shell.run('labgate', ['check'])
    assert.deepEqual([check.code, check.text], [0, './gateway.yaml is good: 2 devices, 1 adapter instances\n'])

    program = new Program('sh', ['-c', `cd '${empty}' && exec labgate start --log-format json`], { env: shell.env })
    await program.says(/"msg":"ready"/)
    shell.tell('labgate start (until it is ready)', (performance.now() - program.started) / 1000)
    const topic = 'lab/furnace/temperature'
    const read = await shell.run('mosquitto_sub', ['-p', String(mqtt), '-t', topic, '-C', '1', '-W', '10'], {
      shown: `mosquitto_sub -t ${topic} -C 1`
    })
    assert.match(read.text, /^\{"quality":"good".*"value":\d/)
    const page = await fetch(`http://127.0.0.1:${http}/`)
    assert.match(await page.text(), /app\.js/)

    const since = performance.now()
    program.kill('SIGTERM')
    const { code, stdout, stderr } = await program.ended()
    shell.tell('Ctrl-C (until it has ended)', (performance.now() - since) / 1000)
    assert.deepEqual([code, stderr], [0, ''], stdout)
    assert.ok(existsSync(join(empty, 'data')), 'what must survive is in ./data')
    packing.print()
    shell.print()
  })
})
