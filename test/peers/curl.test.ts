import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { Program, folder, main, project, withFreePorts, write } from '../process/program.js'
import { needs } from '../support/peers.js'

const run = promisify(execFile)

/** Lines of the README's section with what they print. */
function examples(): (readonly [command: string, shown: string])[] {
  const [, section = ''] = readFileSync(join(project, 'README.md'), 'utf8').split(/^## REST$/m)
  const [, block = ''] = /```console\n([\s\S]*?)```/.exec(section) ?? []
  return block
    .split(/^\$ /m)
    .slice(1)
    .map((text) => [text.slice(0, text.indexOf('\n')), text.slice(text.indexOf('\n') + 1).trimEnd()] as const)
}

/** What differs from time to time, and what the README leaves out, fits anything. */
function pattern(shown: string): RegExp {
  const parts = shown.split(/("…"|\{…\}|\[…\]|"http-[^"]+"|(?<=:)-?\d+\.\d+)/)
  const escaped = parts.map((part, i) => {
    if (i % 2 === 0) return part.replace(/[$()*+.?[\\\]^{|}]/g, '\\$&')
    return part.startsWith('"') ? '"[^"]+"' : part.startsWith('{') ? '\\{.*?\\}' : part.startsWith('[') ? '\\[.*\\]' : '-?\\d+(\\.\\d+)?'
  })
  return new RegExp(escaped.join(''))
}

describe('curl, as the README says', function () {
  this.timeout(30_000)
  let program: Program
  let port = ''

  before(async function () {
    needs(this, 'curl')
    program = new Program(process.execPath, [main, 'start', '--config', write(join(folder(), 'lab.yaml'), withFreePorts('gateway.yaml'))])
    await program.says(/"msg":"ready"/)
    port = /"listener":"http".*?"port":(\d+)/.exec(program.stdout)?.[1] ?? ''
  })

  after(async () => {
    if (program === undefined) return
    program.kill('SIGTERM')
    assert.equal((await program.ended()).code, 0)
  })

  it('has examples', () => assert.ok(examples().length >= 5))

  for (const [command, shown] of examples())
    it(command, async () => {
      const { stdout } = await run('sh', ['-c', command.replaceAll(':8080/', `:${port}/`).replace('--max-time 2', '--max-time 0.7')]).catch(
        (error: { stdout: string; code: number }) => {
          // The stream is ended by the time limit.
          assert.equal(error.code, 28)
          return error
        }
      )
      assert.match(stdout, pattern(shown))
    })
})
