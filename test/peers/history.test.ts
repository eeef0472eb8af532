import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { project, withFreePorts } from '../process/program.js'
import { needs, python } from '../support/peers.js'
import { start } from '../support/start.js'
import type { Running } from '../support/start.js'

const run = promisify(execFile)

const [, section = ''] = readFileSync(join(project, 'README.md'), 'utf8').split(/^## Asking the history$/m)
const block = (kind: string): string => new RegExp(`\`\`\`${kind}\\n([\\s\\S]*?)\`\`\``).exec(section)?.[1] ?? ''

/** Lines of the README with what they print. */
const examples = block('console')
  .split(/^\$ /m)
  .slice(1)
  .map((text) => [text.slice(0, text.indexOf('\n')), text.slice(text.indexOf('\n') + 1)] as const)

/** What is left out fits anything. */
function pattern(shown: string): RegExp {
  const parts = shown.trimEnd().split('…')
  return new RegExp(
    `^${parts.map((part) => part.replace(/[$()*+.?[\\\]^{|}]/g, '\\$&').replaceAll('\n', '\\r?\\n')).join('[\\s\\S]*?')}\\s*$`
  )
}

describe('the history, asked as the README says', function () {
  this.timeout(15_000)
  let running: Running
  const here = (text: string): string =>
    text
      .replaceAll(':8080/', `:${running.httpPort}/`)
      .replaceAll('1883', String(running.mqttPort))
      .replace('mosquitto_rr', `mosquitto_rr -p ${running.mqttPort}`)

  before(async () => {
    running = await start(withFreePorts('gateway.yaml'))
    const watch = await running.connect()
    await watch.subscribe('lab/furnace/temperature')
    // A first one to be answered with, and another so that `next` has something to point at.
    for (let i = 0; i < 3; i++) await watch.next('lab/furnace/temperature')
  })

  after(() => running.stop())

  it('has examples', () => assert.ok(examples.length >= 4 && block('python').length > 100))

  for (const [command, shown] of examples)
    it(command, async function () {
      needs(this, command.startsWith('curl') ? 'curl' : 'mosquitto_rr')
      const { stdout } = await run('sh', ['-c', here(command)])
      assert.match(stdout, pattern(shown))
    })

  it('by Python with paho', async function () {
    needs(this, 'python3-paho-mqtt')
    const { stdout } = await run(python, ['-c', here(block('python'))])
    assert.match(stdout, /^\d+ readings, the last one \d+(\.\d+)?\n$/)
    assert.ok(Number.parseInt(stdout, 10) >= 3, stdout)
  })
})
