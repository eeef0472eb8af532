import assert from 'node:assert/strict'
import { adapterTypes } from '../../adapters/index.js'
import { checkConfig } from '../../gateway/config.js'
import { ConfigError } from '../../gateway/config.js'

/** What is wrong with it, in order. */
function problems(yaml: string): string[] {
  try {
    const { warnings } = checkConfig(yaml, { file: 'x.yaml', types: adapterTypes, env: { SECRET: 'hidden' } })
    return warnings.map(({ message }) => message)
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    return error.problems.map(({ message }) => message)
  }
}

const rig = (answers: string): string => `adapters: [{ id: stage, type: rig-server, device: stage, answers: { EXPSTART: [${answers}] } }]`

describe('a configuration that names the gateway’s own codenames', () => {
  it('may call and read them', () => {
    assert.deepEqual(problems(rig('{ call: gateway/run_start }, { get: gateway/uptime }')), [])
    assert.deepEqual(problems(rig('{ call: gateway/run_start, arguments: { note: { $event: session } } }')), [])
    assert.deepEqual(problems('adapters: [{ id: p, type: data-pull-server, port: 0, channels: { up: gateway/uptime } }]'), [])
  })

  it('is told what is not there', () => {
    assert.match(problems(rig('{ call: gateway/run_strat }'))[0] ?? '', /^device gateway has no codename 'run_strat'; nearest: run_start;/)
    assert.match(
      problems(rig('{ call: gateway/run_start, arguments: { note: { $event: sesion } } }'))[0] ?? '',
      /^\$event: sesion is nothing/
    )
    assert.match(
      problems('adapters: [{ id: p, type: data-pull-server, port: 0, device: gateway }]')[0] ?? '',
      /^there is no device 'gateway'/
    )
  })

  it('may not write them', () => {
    const pull = 'adapters: [{ id: p, type: data-pull-client, target: { host: x, port: 1 }, channels: { up: gateway/uptime } }]'
    assert.deepEqual(problems(pull), ['gateway is the gateway itself, which nobody may feed; choose another device'])
  })

  it('has a sum of its text, in which secrets are not filled in', () => {
    const sum = (text: string, value: string): string => checkConfig(text, { file: 'x', types: adapterTypes, env: { NAME: value } }).sha256
    const text = 'gateway: { name: "${NAME}" }'
    assert.equal(sum(text, 'a'), sum(text, 'b'))
    assert.notEqual(sum(text, 'a'), sum(`${text}\n`, 'a'))
  })
})
