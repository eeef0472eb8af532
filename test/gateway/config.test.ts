import assert from 'node:assert/strict'
import { readdirSync } from 'node:fs'
import { chmod, mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { parse } from 'yaml'
import pullSchema from '../../adapters/data-pull/config.schema.json' with { type: 'json' }
import type { DataPullServerConfig } from '../../adapters/data-pull/types.js'
import pushSchema from '../../adapters/data-push/config.schema.json' with { type: 'json' }
import type { DataPushServerConfig } from '../../adapters/data-push/types.js'
import type { AdapterType, Device, InstanceConfig, Problem } from '../../gateway/adapter.js'
import { ConfigError, checkConfig, formatProblem, loadConfig } from '../../gateway/config.js'
import type { Checked } from '../../gateway/config.js'
import { Validators } from '../../gateway/validators.js'

/** npm test runs in the root of the repository; fixtures are not copied to dist. */
const folder = join('test', 'gateway', 'config')

// Small stand-ins: what is tested here is the check of the configuration, not the rules of one adapter.

const pull: AdapterType<DataPullServerConfig> = {
  type: 'data-pull-server',
  configSchema: pullSchema.$defs['data-pull-server'],
  plan({ host, port, channels, name }) {
    const problems = [...(channels?.keys() ?? [])].flatMap((legacy): Problem[] => [
      ...(legacy.includes('#')
        ? [{ path: ['channels', legacy], rule: 'forbidden-character', message: "The character '#' is not allowed" }]
        : []),
      ...(name === 'long' ? [{ path: ['channels'], rule: 'long', message: 'a long answer', warning: true }] : [])
    ])
    return { listens: [{ protocol: 'udp', host, port, path: ['port'] }], problems }
  },
  create: never
}

const push: AdapterType<DataPushServerConfig> = {
  type: 'data-push-server',
  configSchema: pushSchema.$defs['data-push-server'],
  plan({ id, host, port, accept, device, channels }) {
    const targets = [...(channels?.values() ?? [])].map((target) => target.split('/'))
    const refs = device === undefined ? targets.map(([to = '', codename = '']) => ({ device: to, codename })) : [{ device }]
    const own: Device = { codenames: new Map([['last', {}]]) }
    return {
      listens: [{ protocol: 'udp', host, port, path: ['port'] }],
      feeds: accept === 'readings' ? refs : [],
      devices: new Map([[id, own]])
    }
  },
  create: never
}

interface ClientConfig extends InstanceConfig {
  readonly device: string
}

const client: AdapterType<ClientConfig> = {
  type: 'data-pull-client',
  configSchema: {
    type: 'object',
    additionalProperties: false,
    required: ['target', 'device'],
    properties: {
      target: {
        description: 'The socket to ask.',
        type: 'object',
        additionalProperties: false,
        required: ['host'],
        properties: { host: { description: 'Its host.', type: 'string' }, port: { type: 'integer', default: 9000 } }
      },
      device: { type: 'string' },
      period: { type: 'number', default: 1 }
    }
  },
  plan: ({ device }) => ({ feeds: [{ device }], devices: new Map([[device, { codenames: new Map() }]]) }),
  create: never
}

interface BenchConfig extends InstanceConfig {
  readonly instruments: Record<string, { period: number }>
}

function model(name: string): object {
  return {
    required: ['model'],
    properties: { model: { const: name }, period: { type: 'number', default: 1 } },
    additionalProperties: false
  }
}

const bench: AdapterType<BenchConfig> = {
  type: 'bench',
  configSchema: {
    type: 'object',
    additionalProperties: false,
    required: ['instruments'],
    properties: {
      instruments: {
        type: 'object',
        additionalProperties: { type: 'object', discriminator: { propertyName: 'model' }, oneOf: [model('oven'), model('scale')] }
      }
    }
  },
  plan: ({ instruments }) => ({
    devices: new Map(Object.keys(instruments).map((name) => [name, { codenames: new Map([['value', {}]]) }])),
    executes: Object.keys(instruments).map((device) => ({ device, codename: 'value' }))
  }),
  create: never
}

const faulty: AdapterType = {
  type: 'faulty',
  configSchema: { type: 'object', properties: { port: { type: 'integer' } } },
  plan: () => {
    throw new TypeError('undefined is not iterable')
  },
  create: never
}

function never(): never {
  throw new Error('the check of a configuration creates nothing')
}

const types = [pull, push, client, bench, faulty] as readonly AdapterType[]
const env = { SECRET: 'hunter 2', LAB: 'moon-base', ROBOT: '' }
/** One for all: each costs a compiled meta-schema. */
const validators = new Validators()

function check(text: string, file = 'file.yaml'): Checked {
  return checkConfig(text, { file, types, env, validators })
}

/** What is wrong, one a line; empty when nothing is. */
function problems(text: string, file = 'file.yaml'): string {
  try {
    return check(text, file).warnings.map(formatProblem).join('\n')
  } catch (error) {
    if (error instanceof ConfigError) return error.message
    throw error
  }
}

describe('configuration', () => {
  describe('an invalid file is answered with all its problems', () => {
    const files = readdirSync(join(folder, 'invalid'))
    for (const file of files.filter((name) => name.endsWith('.yaml'))) {
      it(file.slice(0, -5).replaceAll('-', ' '), async () => {
        const text = await readFile(join(folder, 'invalid', file), 'utf8')
        const expected = await readFile(join(folder, 'invalid', file.replace(/yaml$/, 'txt')), 'utf8')
        assert.equal(problems(text, file) + '\n', expected)
        assert.throws(() => check(text, file), ConfigError)
      })
    }

    it('has at least 30 examples, and no expectation without one', () => {
      const names = (ending: string): string[] => files.filter((name) => name.endsWith(ending)).map((name) => name.slice(0, -ending.length))
      assert.ok(names('.yaml').length >= 30)
      assert.deepEqual(names('.txt'), names('.yaml'))
    })
  })

  describe('a valid file', () => {
    const load = async (name: string): Promise<Checked> => await loadConfig({ file: join(folder, 'valid', name), types, env, validators })

    it('is the example of the design, with its defaults filled in', async () => {
      const { config, plans, site, warnings } = await load('design.yaml')
      assert.deepEqual([warnings, config.gateway.data], [[], './data'])
      const { maxQueue, maxUndeclared, maxPacket, maxConnect } = config.broker.limits
      assert.deepEqual([maxQueue, maxUndeclared, maxPacket, maxConnect], [10000, 1000, 1048576, 8192])
      assert.equal(config.broker.undeclared, 'accept')
      assert.deepEqual([...plans.keys()], ['moon-push', 'moon-pull', 'flow'])
      assert.deepEqual([...(site.devices.get('moon-laser')?.codenames.keys() ?? [])], ['moon_laser_power', 'moon_laser_duration', 'fire'])
      assert.equal(site.devices.get('moon-laser')?.codenames.get('moon_laser_power')?.timeout, 5)
      const [, served] = config.adapters
      assert.deepEqual(served, {
        id: 'moon-pull',
        type: 'data-pull-server',
        kind: 'date',
        port: 9000,
        name: 'Last shot usage data from the giant laser on the moon',
        device: 'moon-laser',
        host: '127.0.0.1',
        unset: 'old',
        checkActivity: true,
        activityTimeout: 900,
        readOnly: false
      })
    })

    it('can be JSON, and channels keep their order whatever they are called', async () => {
      const { config } = await load('small.json')
      const channels = config.adapters[0]?.['channels']
      assert.ok(channels instanceof Map)
      assert.deepEqual([...channels.keys()], ['21984878', '', '10'])
      assert.equal(config.http, undefined)
    })

    it('can have warnings', async () => {
      const { warnings } = await load('warnings.yaml')
      assert.deepEqual(warnings.map(formatProblem), [
        `${join(folder, 'valid', 'warnings.yaml')}:4:3 devices.furnace: warning: differs from Furnace only by upper and lower case [case]`,
        `${join(folder, 'valid', 'warnings.yaml')}:6:72 adapters[0](pull).channels: warning: a long answer [long]`
      ])
    })

    it('can use anchors and variables, and codenames keep their order', async () => {
      const { config, site } = await load('aliases.yaml')
      assert.deepEqual({ name: config.gateway.name, data: config.gateway.data }, { name: 'moon-base', data: '${not} filled in' })
      assert.deepEqual([...(site.devices.get('scale')?.codenames.keys() ?? [])], ['left', '10', '2'])
      assert.deepEqual(site.devices.get('copy'), site.devices.get('scale'))
    })

    it('can say which YAML it is', () => {
      assert.equal(problems('%YAML 1.2\n---\nbroker: { root: site/lab }\n'), '')
    })

    it('needs no devices of its own', () => {
      const { site } = checkConfig('adapters: []', { file: 'test.yaml', types: [], env: {} })
      assert.deepEqual([...site.devices], [])
    })

    it('can refer to devices that another instance brings along', () => {
      const server = '{ id: pull, type: data-pull-server, channels: { b: balance/value } }'
      assert.equal(problems(`adapters: [${server}, { id: bench, type: bench, instruments: { balance: { model: scale } } }]`), '')
    })

    it('can name devices and codenames like members of every object', () => {
      const text =
        'devices: { constructor: { codenames: { toString: {}, valueOf: {} } } }\nadapters: [{ id: a, type: data-pull-server, device: X }]'
      assert.equal(problems(text.replace('X', 'constructor')), '')
      assert.match(problems(text.replace('X', 'toString')), /there is no device 'toString'; allowed: constructor \[unknown-device\]$/)
    })
  })

  it('is read anew each time: nothing of one file is left in the next', () => {
    const first = check('devices: { a: { codenames: { b: {} } } }')
    check('devices: { a: { codenames: { b: { timeout: 7 } } } }')
    assert.deepEqual([...first.site.devices.keys()], ['a'])
    assert.equal(first.site.devices.get('a')?.codenames.get('b')?.timeout, 5)
    assert.deepEqual(Object.keys(check('{}').config.devices), [])
  })

  it('lets listen beyond this computer where nobody comes in unknown', () => {
    const tls = 'tls: { cert: c.pem, key: k.pem, ca: ca.pem, clients: required'
    assert.equal(problems(`broker: { ${tls}, host: 0.0.0.0 } }\nhttp: { host: 0.0.0.0, ${tls} } }`), '')
    assert.equal(problems("broker: { tls: { cert: c, key: k, host: '::' } }\naccess: { users: u.json }"), '')
    assert.equal(problems('access: { anonymous: none }'), '')
    assert.equal(problems('access: { anonymous: guest, roles: { guest: { read: [lab/+/%u/#] } } }'), '')
  })

  it('tells which of the files that it names cannot be used, unless they are left aside', async () => {
    const place = await mkdtemp(join(tmpdir(), 'labgate-config-'))
    try {
      const [file, users, cert] = [join(place, 'gateway.yaml'), join(place, 'users.json'), join(place, 'cert.pem')]
      const tls = `cert: ${cert}, key: ${join(place, 'key.pem')}`
      await writeFile(file, `access:\n  users: ${users}\nbroker:\n  tls: { ${tls} }\nhttp:\n  tls: { ${tls}, ca: ${place} }\n`)
      const options = { file, types, env, validators }
      const told = async (): Promise<string[]> => {
        const found = await loadConfig(options).then(
          ({ warnings }) => warnings,
          (error: unknown) => (error as ConfigError).problems
        )
        return found.map(({ line, path, rule, warning }) => `${line} ${path} ${rule}${warning ? ' warning' : ''}`)
      }
      assert.deepEqual((await loadConfig({ ...options, files: false })).warnings, [])
      const missing = [
        '4 broker.tls.cert file',
        '4 broker.tls.key file',
        '6 http.tls.cert file',
        '6 http.tls.key file',
        '6 http.tls.ca file'
      ]
      assert.deepEqual(await told(), ['2 access.users file', ...missing])
      await writeFile(cert, '')
      await writeFile(users, '{"version":1,"users":{"anna":{"role":"opertor"}}}')
      await chmod(users, 0o646)
      assert.deepEqual(await told(), [
        '2 access.users open-file warning',
        '2 access.users unknown-role warning',
        ...missing.filter((text) => !text.includes('cert'))
      ])
      await writeFile(file, `access: { users: ${users} }`)
      await writeFile(users, '{"version":1,"users":{}}')
      await chmod(users, 0o600)
      assert.deepEqual(await told(), ['1 access.users no-users warning'])
      await writeFile(users, '{"version":1')
      assert.deepEqual(await told(), ['1 access.users file'])
    } finally {
      await rm(place, { recursive: true })
    }
  })

  it('tells when a file cannot be read', async () => {
    const options = { types, env, validators }
    await assert.rejects(loadConfig({ ...options, file: 'no/such.yaml' }), { message: 'no/such.yaml: there is no such file [file]' })
    await assert.rejects(loadConfig({ ...options, file: folder }), { message: `${folder}: this is a folder [file]` })
  })

  it('takes a text that unfolds without end in no time', () => {
    const lines = Array.from({ length: 60 }, (_, i) => `  d${i}: &d${i} [${i === 0 ? '1' : `*d${i - 1}, *d${i - 1}, *d${i - 1}`}]`)
    assert.match(problems(`devices:\n${lines.join('\n')}`), /aliases stand for more than 100000 values \[alias-limit\]/)
  })

  it('no text crashes the check', async () => {
    const valid = await Promise.all(
      ['design.yaml', 'small.json', 'aliases.yaml'].map((name) => readFile(join(folder, 'valid', name), 'utf8'))
    )
    const broken = await Promise.all(
      (await readdir(join(folder, 'invalid')))
        .filter((name) => name.endsWith('.yaml') && name !== 'plan-fails.yaml')
        .map((name) => readFile(join(folder, 'invalid', name), 'utf8'))
    )
    const words = [
      '${',
      '}',
      '&a ',
      '*a',
      '- ',
      ': ',
      '\n  ',
      '\t',
      '{',
      '[',
      ']',
      '"',
      "'",
      '#',
      '!!',
      '<<',
      'null',
      '.nan',
      '-1e999',
      '__proto__',
      '\u0000',
      '\ud800'
    ]
    const piece = fc.oneof(fc.constantFrom(...words), fc.string({ maxLength: 5 }))
    const edits = fc.array(fc.tuple(fc.nat(), fc.nat(20), piece), { minLength: 1, maxLength: 5 })
    fc.assert(
      fc.property(fc.constantFrom(...valid, ...broken), edits, (text, changes) => {
        let mutated = text
        for (const [place, length, insert] of changes) {
          const at = place % (mutated.length + 1)
          mutated = mutated.slice(0, at) + insert + mutated.slice(at + length)
        }
        assert.doesNotMatch(problems(mutated), /\t|please report/)
      }),
      { numRuns: 400 }
    )
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        problems(text)
      })
    )
  }).timeout(60_000)

  it('names that would break the line are quoted where they are listed', () => {
    const message = problems('devices: { "a\\tb": { codenames: {} } }\nadapters: [{ id: x, type: data-pull-server, name: n, device: a }]')
    assert.match(message, /allowed: 'a\\tb'/)
  })

  it('no data crashes the check', () => {
    const key = fc.constantFrom(
      'gateway',
      'broker',
      'tcp',
      'host',
      'port',
      'devices',
      'codenames',
      'schema',
      'type',
      'adapters',
      'id',
      'channels',
      'as',
      'x'
    )
    const leaf = fc.oneof(
      fc.constantFrom(null, 0, -1, 1.5, true, '', 'a', 'a/b', 'number', 'data-pull-server', 'data-push-server', 'bench'),
      fc.string()
    )
    const { tree } = fc.letrec<{ tree: unknown }>((tie) => ({
      tree: fc.oneof({ maxDepth: 6 }, leaf, fc.array(tie('tree'), { maxLength: 3 }), fc.dictionary(key, tie('tree'), { maxKeys: 5 }))
    }))
    const device = fc.record({ codenames: fc.dictionary(key, fc.oneof(tree, fc.record({ schema: tree, callable: tree }))) })
    const instance = fc.record({ id: leaf, type: leaf, device: tree, channels: tree, as: tree, instruments: tree }, { requiredKeys: [] })
    const config = fc.record(
      { devices: fc.oneof(tree, fc.dictionary(key, device)), adapters: fc.oneof(tree, fc.array(instance)), broker: tree, http: tree },
      { requiredKeys: [] }
    )
    fc.assert(
      fc.property(config, (data) => {
        problems(JSON.stringify(data))
        return parse(JSON.stringify(data)) !== undefined
      }),
      { numRuns: 300 }
    )
  }).timeout(60_000)
})
