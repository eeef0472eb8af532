import assert from 'node:assert/strict'
import { readFileSync, readdirSync, writeFileSync } from 'node:fs'
import { hostname } from 'node:os'
import { join } from 'node:path'
import { parse } from 'yaml'
import { adapterTypes } from '../../adapters/index.js'
import { findConfig } from '../../gateway/cli/find-config.js'
import { initCommand } from '../../gateway/cli/init.js'
import { examplesOf, fillIn, nameOf, uncomment } from '../../gateway/cli/init-template.js'
import { fillInUnit, unseen } from '../../gateway/cli/init-unit.js'
import { ConfigError, checkConfig } from '../../gateway/config.js'
import type { Checked } from '../../gateway/config.js'
import { folder, project } from '../process/program.js'
import { CommandLine } from '../support/command-line.js'

const template = readFileSync(join(project, 'config/init.yaml'), 'utf8')
const examples = examplesOf(template)
const lines = template.split('\n')

/** The first line of an example tells it from the others. */
const titleOf = (from: number): string => (lines[from] as string).replace(/^ *# ?/, '').trim()
const context = examples.filter(({ from }) => ['devices:', 'access:'].includes(titleOf(from)))

function check(text: string): Checked {
  return checkConfig(text, { file: 'gateway.yaml', types: adapterTypes, env: {} })
}

async function init(...args: string[]): Promise<{ code: number; stdout: string; stderr: string }> {
  const line = new CommandLine()
  await initCommand(line.surroundings).parseAsync(args, { from: 'user' })
  return line.ended
}

describe('labgate init', () => {
  describe('the configuration that it writes', () => {
    it('is good as it is, and is about simulated instruments', () => {
      const { config, warnings } = check(template)
      assert.deepEqual([config.adapters.map(({ type }) => type), warnings], [['simulator'], []])
    })

    for (const { from, to } of examples)
      it(`has an example that is good and means something: ${titleOf(from)}`, () => {
        const text = uncomment(template, [{ from, to }])
        assert.notDeepEqual(parse(text), parse(template))
        let checked: Checked | undefined
        try {
          checked = check(text)
        } catch (error) {
          if (!(error instanceof ConfigError)) throw error
          // Alone it may lack a device of the examples, or users, and nothing else.
          for (const { rule } of error.problems) assert.ok(['unknown-device', 'exposed'].includes(rule), error.message)
        }
        checked ??= check(uncomment(template, [...context, { from, to }]))
        // What such a listener has to be told: here, that nothing encrypts passwords.
        assert.deepEqual(
          checked.warnings.map(({ rule }) => rule).filter((rule) => rule !== 'plain-passwords'),
          []
        )
      })

    it('shows every adapter type, and all examples go together', () => {
      const { config } = check(uncomment(template, examples))
      assert.deepEqual([...new Set(config.adapters.map(({ type }) => type))].sort(), adapterTypes.map(({ type }) => type).sort())
      assert.equal(config.access.anonymous, 'observer')
      assert.deepEqual(Object.keys(config.devices), ['oven', 'scope', 'gas-panel'])
    })

    it('has the paths that it is given, whatever they hold', () => {
      const data = '/srv/lab "1" ${HOME}: #2'
      const { config } = check(fillIn(template, { data, schema: './x.json', users: true }))
      assert.deepEqual([config.gateway.data, config.access.users], [data, `${data}/users.json`])
    })
  })

  it('writes it with its schema, says what comes next, and is found without being named', async () => {
    const files = folder()
    const { code, stdout, stderr } = await init(files)
    assert.deepEqual([code, stderr, readdirSync(files).sort()], [0, '', ['gateway.schema.json', 'gateway.yaml']])
    const file = join(files, 'gateway.yaml')
    for (const next of [`labgate check ${file}`, `labgate start --config ${file}`]) assert.ok(stdout.includes(next), stdout)
    const text = readFileSync(file, 'utf8')
    assert.match(text, /^# yaml-language-server: \$schema=\.\/gateway\.schema\.json\n/)
    assert.equal(check(text).config.gateway.data, join(files, 'data'))
    assert.deepEqual(readFileSync(join(files, 'gateway.schema.json')), readFileSync(join(project, 'schemas/gateway.schema.json')))
    assert.deepEqual(await findConfig(undefined, [join(files, 'none.yaml'), file]), { file })
  })

  it('names the gateway after the computer, so that two are told apart elsewhere', async () => {
    const files = folder()
    await init(files)
    const { name } = check(readFileSync(join(files, 'gateway.yaml'), 'utf8')).config.gateway
    assert.equal(name, nameOf(hostname()) ?? 'lab-gateway')
    for (const [host, wanted] of [
      ['lab-raspi', 'lab-raspi'],
      ['lab3.faculty.example', 'lab3'],
      ['1234', '1234'],
      ['true', 'true'],
      ['-ä Raum 7-', 'Raum-7'],
      ['x'.repeat(70), 'x'.repeat(63)],
      ['localhost', undefined],
      ['ä', undefined],
      ['', undefined]
    ] as const) {
      assert.equal(nameOf(host), wanted, host)
      if (wanted !== undefined)
        assert.equal(
          check(fillIn(template, { name: wanted, data: './data', schema: './x.json', users: false })).config.gateway.name,
          wanted
        )
    }
  })

  it('never writes over what is there', async () => {
    const files = folder()
    writeFileSync(join(files, 'gateway.yaml'), 'mine')
    const { code, stdout } = await init(files, '--users', '--systemd')
    assert.equal(code, 0)
    assert.ok(stdout.includes(`${join(files, 'gateway.yaml')} is there already, and stays as it is\n`), stdout)
    assert.match(
      stdout,
      /warning: \/.*gateway\.yaml names no file of users; write there: access: \{ users: \/var\/lib\/labgate\/users\.json \}/
    )
    assert.equal(readFileSync(join(files, 'gateway.yaml'), 'utf8'), 'mine')
    assert.deepEqual(readdirSync(files).sort(), ['gateway.schema.json', 'gateway.yaml', 'labgate.service'])
  })

  it('with --users lets in nobody but users, and says how to make the first', async () => {
    const files = join(folder(), 'new', 'lab')
    const { stdout } = await init(files, '--users')
    const { access } = check(readFileSync(join(files, 'gateway.yaml'), 'utf8')).config
    assert.equal(access.users, join(files, 'data/users.json'))
    assert.ok(stdout.includes(`labgate users add NAME --role admin --config ${join(files, 'gateway.yaml')}`), stdout)
  })

  it('with --systemd keeps the data where the unit lets it, and warns of what the unit would hide', async () => {
    const files = folder()
    const { stdout } = await init(files, '--systemd')
    assert.equal(check(readFileSync(join(files, 'gateway.yaml'), 'utf8')).config.gateway.data, '/var/lib/labgate')
    assert.match(stdout, /warning: the service will not see \/tmp\/.*gateway\.yaml/)
    assert.match(stdout, /useradd --system[^]*systemctl enable --now labgate/)
    const [, command = ''] = /^ExecStart=(.*)$/m.exec(readFileSync(join(files, 'labgate.service'), 'utf8')) ?? []
    const [node, main, ...args] = command.split(' ')
    assert.deepEqual([node, main], [process.execPath, join(project, 'dist/gateway/main.js')])
    assert.deepEqual(args, ['start', '--config', join(files, 'gateway.yaml'), '--log-format', 'text'])
  })

  it('writes paths as systemd reads them', () => {
    const paths = { node: '/usr/bin/node', main: '/opt/100%/main.js', config: '/etc/the "lab"/$x.yaml' }
    assert.equal(
      fillInUnit('a\nExecStart=old\nEnvironmentFile=-/x\nb', paths),
      'a\nExecStart=/usr/bin/node /opt/100%%/main.js start --config "/etc/the \\"lab\\"/$$x.yaml" --log-format text\nEnvironmentFile=-/etc/the "lab"/environment\nb'
    )
    assert.deepEqual(unseen({ ...paths, node: '/run/user/1000/node', config: '/rooted/x' }), ['/run/user/1000/node'])
  })

  it('says why it cannot write, and leaves nothing', async () => {
    const files = folder()
    writeFileSync(join(files, 'file'), '')
    const { code, stdout, stderr } = await init(join(files, 'file', 'lab'))
    assert.deepEqual([code, stdout], [1, ''])
    assert.match(stderr, /^cannot write the configuration: .*ENOTDIR/)
  })
})

describe('the configuration that nobody named', () => {
  it('is the first that there is, even if it cannot be read', async () => {
    const files = folder()
    const [one, two] = [join(files, 'one'), join(files, 'two')]
    for (const file of [one, two]) writeFileSync(file, '')
    assert.deepEqual(await findConfig(undefined, [one, two]), { file: one })
    assert.deepEqual(await findConfig(undefined, [join(one, 'no folder'), two]), { file: two })
    assert.deepEqual(await findConfig(two, [one]), { file: two })
    // Nobody can look at a name so long, nor, as anybody but root, into a folder of others.
    const hidden = join(files, 'x'.repeat(300))
    assert.deepEqual(await findConfig(undefined, [hidden, two]), { file: two })
    assert.deepEqual(await findConfig(undefined, [join(files, 'none'), hidden]), { file: hidden })
  })

  it('is missed in words that say what to do', async () => {
    const found = await findConfig(undefined, ['/nowhere/a.yaml', '/nowhere/b.yaml'])
    assert.ok('missing' in found)
    assert.match(found.missing, /neither \/nowhere\/a\.yaml nor \/nowhere\/b\.yaml[^]*labgate init[^]*--config FILE/)
  })
})
