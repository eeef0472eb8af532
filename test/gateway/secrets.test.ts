import assert from 'node:assert/strict'
import { ConfigError, checkConfig, loadConfig } from '../../gateway/config.js'
import type { ConfigProblem } from '../../gateway/config.js'
import { isSecret, withoutSecrets } from '../../gateway/config/secrets.js'
import { folder, write } from '../process/program.js'

describe('secrets of a configuration', () => {
  const env = { GIVEN: 'Zq7-given', HALF: 'Zq7' }
  const problemsOf = (yaml: string): readonly ConfigProblem[] => {
    try {
      return checkConfig(yaml, { file: 'x.yaml', types: [], env }).warnings
    } catch (error) {
      assert.ok(error instanceof ConfigError)
      return error.problems
    }
  }

  it('are in no problem, however they are written', () => {
    for (const password of [
      '998877665544',
      '-998877665544',
      '9988.77665544',
      'true',
      '[998877665544]',
      '{ a: 998877665544 }',
      `"${'998877665544'.repeat(100)}"`,
      '"998877665544${"',
      '"998877665544${NOT SET 998877665544}"',
      '"998877665544${x998877665544}"',
      '"998877665544\\q998877665544"',
      '"998877665544',
      '*998877665544',
      '!998877665544 x',
      '@998877665544',
      '[998877665544',
      '!!binary 998877665544'
    ])
      for (const yaml of [
        `upstream:\n  - id: f\n    servers: [{ host: h }]\n    user: u\n    password: ${password}\n`,
        `upstream: [{ id: f, servers: [{ host: h }], user: u, password: ${password} }]\n`,
        `upstream:\n  - { id: f, servers: [{ host: h }], user: u, password:${password} }\n`,
        `upstream:\n  - user: u\n    password:${password}\n`,
        `access:\n  users:\n    - { name: anna, password: ${password} }\n`,
        `http: { token: ${password}, tls: { cert: c, key: ${password} } }\n`
      ]) {
        const problems = problemsOf(yaml)
        assert.ok(problems.length > 0 || /binary/.test(yaml), yaml)
        assert.doesNotMatch(JSON.stringify(problems), /9988|7766|5544/, yaml)
      }
  })

  it('is told what is wrong all the same', () => {
    const told = (password: string): string =>
      problemsOf(`upstream: [{ id: f, servers: [{ host: 127.0.0.1, port: 1 }], user: u, password: ${password} }]\n`)
        .filter(({ rule }) => rule !== 'plain-secret')
        .map(({ path, message }) => `${path}: ${message}`)
        .join('\n')
    assert.equal(told('12'), 'upstream[0].password: wanted a text, found a number (write it in quotes)')
    assert.equal(told('true'), 'upstream[0].password: wanted a text, found no text (write it in quotes)')
    assert.equal(told('"${MISSING}"'), 'upstream[0].password: the environment variable MISSING is not set')
    assert.match(told('"a${MISSING}"'), /names no variable that is set/)
    assert.equal(told('"${GIVEN}"'), '')
  })

  it('in a place where they do not belong', async () => {
    const key = '-----BEGIN PRIVATE KEY-----\\nZq7Zq7\\n-----END PRIVATE KEY-----\\n'
    const file = write(`${folder()}/x.yaml`, `http: { port: 1, tls: { cert: "${key}", key: "${key}" } }\n`)
    const error: unknown = await loadConfig({ file, types: [], env }).then(
      () => undefined,
      (reason: unknown) => reason
    )
    assert.ok(error instanceof ConfigError)
    assert.match(error.message, /tls\.key: the name of a file is wanted/)
    assert.doesNotMatch(error.message, /Zq7/)
    const address = problemsOf('upstream: [{ id: f, servers: [{ host: "mqtt://anna:Zq7@host" }] }]\n')
    assert.match(JSON.stringify(address), /does not fit/)
    assert.doesNotMatch(JSON.stringify(address), /Zq7/)
  })

  it('keys are known by their names', () => {
    for (const key of ['password', 'Password', 'brokerPassword', 'token', 'apiKey', 'private_key', 'passphrase', 'key', 'secrets'])
      assert.ok(isSecret(['upstream', 0, key]), key)
    for (const key of ['keyboard', 'tokenizer', 'monkey', 'host', 'maxAge']) assert.ok(!isSecret([key]), key)
    assert.ok(isSecret(['tokens', 0]))
    assert.equal(withoutSecrets('a monkey: 5'), 'a monkey: 5')
  })
})
