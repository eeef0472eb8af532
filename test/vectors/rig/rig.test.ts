/** The recorded talk of rigs and controllers, and the part of the player that plays it. */
import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Player } from '../player.js'
import type { Count } from '../player.js'

interface Step {
  readonly from: string
  readonly bytes_utf8?: string
  readonly real?: boolean
}

interface Line {
  readonly id: string
  readonly steps: readonly Step[]
  readonly outcome: { readonly controller?: readonly Record<string, unknown>[] }
}

describe('recorded rigs and controllers', function () {
  this.timeout(120_000)
  let folder = ''
  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'labgate-rig-'))
  })
  after(() => rmSync(folder, { recursive: true, force: true }))

  async function play(file: string): Promise<{ count: Count; lines: string[] }> {
    const lines: string[] = []
    return { count: await new Player((line) => lines.push(line)).play(file, {}), lines }
  }

  async function assertFound(...lines: readonly object[]): Promise<void> {
    const file = join(folder, 'cases.jsonl')
    writeFileSync(file, lines.map((line) => JSON.stringify(line)).join('\n'))
    const { count, lines: said } = await play(file)
    assert.deepEqual([count.passed, count.failed], [0, lines.length], said.join('\n'))
  }

  function recorded(id: string): Line {
    const lines = readFileSync('test/vectors/rig.jsonl', 'utf8').trim().split('\n')
    return lines.map((line) => JSON.parse(line) as Line).find((line) => line.id === id) as Line
  }

  it('are all played as they were recorded, or done better; those between two real ends are skipped by name', async () => {
    const { count, lines } = await play('test/vectors/rig.jsonl')
    assert.deepEqual(count, { passed: 114, failed: 0, skipped: 18 }, lines.join('\n'))
    for (const id of ['dup-loop-request', 'services-tcp', 'session-udp-future'])
      assert.ok(
        lines.some((line) => line.includes(`× ${id}: both ends are real`)),
        id
      )
  })

  it('tables are all as they were recorded, but for the one address that is no text', async () => {
    const { count, lines } = await play('test/vectors/rig-tables.jsonl')
    assert.deepEqual(count, { passed: 82, failed: 0, skipped: 1 }, lines.join('\n'))
  })

  it('are found to be otherwise when something else stands there', async () => {
    /** Of the real end something else was recorded. */
    const other = (id: string, change: (text: string) => string): object => {
      const line = recorded(id)
      return {
        ...line,
        steps: line.steps.map((step) =>
          step.real === true && step.bytes_utf8 !== undefined ? { ...step, bytes_utf8: change(step.bytes_utf8) } : step
        )
      }
    }
    const otherwise = (id: string, call: object): object => {
      const line = recorded(id)
      return {
        ...line,
        outcome: { controller: line.outcome.controller?.map((each) => (each['kind'] === 'step' ? { ...each, ...call } : each)) }
      }
    }
    await assertFound(
      other('echo-init', (text) => text.replace(' ', '')),
      other('answer-init', (text) => text.replace('[1, 10,', '[1, 20,')),
      other('answer-init', (text) => text.replace('"master": false', '"master": true')),
      other('error-callback', (text) => text.replace('Callback', 'callback')),
      other('multi-two-controllers', (text) => text.replace('[32, 10]', '[32, 0]')),
      other('tcp-echo-init', (text) => `${text} `),
      { ...recorded('echo-init'), steps: recorded('echo-init').steps.slice(0, 1) },
      other('encode-init-data', (text) => text.replace('2022', '2023')),
      other('tcp-controller', (text) => text.replace('[32, 20]', '[32, 10]')),
      other('session-matlab-peer', (text) => text.replace('[32,20]', '[32, 20]')),
      otherwise('encode-init-data', { ok: false, error: 'RuntimeError' }),
      otherwise('confirm-no-echo', { ok: true }),
      otherwise('alyx-request-none', { result: ['https://alyx.example.org', {}] }),
      otherwise('session-interrupt-matlab', { result: { data: [30] } })
    )
  })

  it('tables are found to be otherwise when something else stands there', async () => {
    await assertFound(
      { table: 'event', input: 'EXPINIT', result: [2, 'EXPSTART'] },
      { table: 'event', input: 100, error: 'TypeError', message: 'Compound (bitwise) events not permitted.' },
      { table: 'event', input: 100, error: 'ValueError', message: 'Compound events not permitted.' },
      { table: 'event', input: 3, result: [1, 'EXPINIT'] },
      { table: 'status-to-send', input: 20, result: [30, 'STOPPED'] },
      { table: 'ref-to-send', input: { date: '2020-01-01', sequence: '1', subject: 'a' }, result: '2020-01-01_01_a' },
      { table: 'exp-ref-check-ONE', input: '2020-01-01_1_a', result: false },
      { table: 'uri', input: '10.0.0.1', options: {}, result: 'udp://10.0.0.1:11002' },
      { table: 'uri', input: '10.0.0.1', options: {}, error: 'ValueError', message: 'Invalid port number: 1' },
      { table: 'tables', input: 1, result: 1 }
    )
  })
})
