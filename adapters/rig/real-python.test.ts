import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import fc from 'fast-check'
import { encodeMessage, encodeReport, mustEcho } from './codec.js'
import { eventNames } from './events.js'
import { exactValue } from './test-support/exact-value.js'

const program = ['/usr/bin/python3', 'python3'].find(isUsable)
const reason = program === undefined ? ' (skipped: no python3 of 3.11 or newer is here)' : ''

/** Reads each line as the original does, and writes it again; and tells by the original's rule whether it sends it back (section 3). */
const script = `
import json, sys
for line in sys.stdin.buffer:
    payload = line[:-1]
    again = json.dumps(json.loads(payload)).encode()
    print(int(again == payload), int(payload.decode()[1] != '0'))
`

describe(`rig messages beside the real Python${reason}`, () => {
  before(function () {
    if (program !== undefined) return
    if (process.env['CI'] !== undefined) throw new Error('CI must not skip this: it needs python3 of 3.11 or newer')
    this.skip()
  })

  it('are the bytes that json.dumps writes, and echoed by the same rule', () => {
    const any = fc.tuple(fc.constantFrom(...eventNames), fc.array(exactValue, { minLength: 1, maxLength: 4 }))
    const messages = fc.sample(any, 3000).map(([event, elements]) => encodeMessage(event, elements))
    const reports = fc.sample(fc.string({ unit: 'binary' }), 200).map((text) => encodeReport(text, 'EXPEND'))
    const payloads = [...messages, ...reports]
    const { stdout, stderr } = spawnSync(program ?? '', ['-I', '-c', script], {
      input: Buffer.concat(payloads.flatMap((payload) => [payload, Buffer.from('\n')])),
      maxBuffer: 2 ** 26
    })
    assert.equal(String(stderr), '')
    const verdicts = String(stdout).trim().split('\n')
    assert.equal(verdicts.length, payloads.length)
    for (const [at, payload] of payloads.entries()) assert.equal(verdicts[at], `1 ${mustEcho(payload) ? 1 : 0}`, String(payload))
  })
})

function isUsable(path: string): boolean {
  if (path.startsWith('/') && !existsSync(path)) return false
  return spawnSync(path, ['-I', '-c', 'import sys; sys.exit(sys.version_info < (3, 11))']).status === 0
}
