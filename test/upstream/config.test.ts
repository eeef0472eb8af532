import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { adapterTypes } from '../../adapters/index.js'
import { checkConfig, loadConfig } from '../../gateway/config.js'
import { folder, project, write } from '../process/program.js'
import { certificate } from '../support/certificates.js'

const env = { UPSTREAM_PASSWORD: 'secret' }

const warnings = (bridges: string): string[] =>
  checkConfig(`upstream:\n${bridges}`, { file: 'x.yaml', types: [], env }).warnings.map(({ path, rule }) => `${path} ${rule}`)

describe('the configuration of a bridge', () => {
  it('has the defaults that the README tells', () => {
    const { config } = checkConfig('upstream: [{ id: a, servers: [{ host: b }] }]', { file: 'x.yaml', types: [], env })
    assert.deepEqual(config.upstream, [
      {
        id: 'a',
        servers: [{ host: 'b' }],
        dots: 'keep',
        up: ['+', '+/+', '+/+/meta', '+/+/reply'],
        down: [],
        maxHops: 4,
        queue: { maxBytes: 67_108_864, maxAge: 604_800 },
        maxRate: 2000
      }
    ])
  })

  it('is told where it can be read', () => {
    const user = 'servers: [{ host: far.example }], user: a'
    assert.deepEqual(warnings(`  - { id: a, ${user}, tls: {}, password: "\${UPSTREAM_PASSWORD}" }`), [])
    assert.deepEqual(warnings(`  - { id: a, ${user}, tls: {}, password: plain }`), ['upstream[0].password plain-secret'])
    assert.deepEqual(warnings(`  - { id: a, ${user}, password: "\${UPSTREAM_PASSWORD}" }`), ['upstream[0].password plain-passwords'])
    assert.deepEqual(warnings('  - { id: a, servers: [{ host: "::1", port: 1890 }], user: a, password: "${UPSTREAM_PASSWORD}" }'), [])
  })

  it('is doubted when two write the same', () => {
    const bridge = (id: string, more = ''): string => `  - { id: ${id}, servers: [{ host: far.example }]${more} }\n`
    assert.deepEqual(warnings(bridge('a') + bridge('b')), ['upstream[1] same-target'])
    assert.deepEqual(warnings(bridge('a') + bridge('b', ', topic: other')), [])
  })

  it('names files that are there and fit', async () => {
    const path = folder()
    const { cert, key } = await certificate()
    write(join(path, 'cert.pem'), cert)
    write(join(path, 'other.key'), (await certificate()).key)
    write(join(path, 'no.pem'), key)
    const check = async (tls: string): Promise<string> => {
      const file = write(join(path, 'gateway.yaml'), `upstream: [{ id: a, servers: [{ host: far.example }], tls: { ${tls} } }]`)
      return await loadConfig({ file, types: [], env }).then(
        () => '',
        (error: Error) => error.message
      )
    }
    assert.match(await check(`ca: ${join(path, 'none.pem')}`), /upstream\[0\]\.tls\.ca: there is no file/)
    assert.match(await check(`ca: ${join(path, 'no.pem')}`), /there is no certificate in it/)
    assert.match(await check(`cert: ${join(path, 'cert.pem')}, key: ${join(path, 'other.key')}`), /not the private key/)
    assert.equal(await check(`ca: ${join(path, 'cert.pem')}`), '')
  })

  it('has an example that passes the check', () => {
    const text = readFileSync(join(project, 'config/examples/upstream.yaml'), 'utf8')
    assert.deepEqual(checkConfig(text, { file: 'upstream.yaml', types: adapterTypes, env }).warnings, [])
  })
})
