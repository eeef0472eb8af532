import assert from 'node:assert/strict'
import type { Run } from '../../gateway/dashboard/models/answers.js'
import { fileAbout, filePath, nameOf, reportOf, runsSorted, spanOf } from '../../gateway/dashboard/models/runs.js'

const run = (id: string, state: string, started: string, more: Partial<Run> = {}): Run => ({
  id,
  name: '',
  state,
  started,
  by: 'x',
  devices: 'all',
  readings: 0,
  commands: 0,
  lost: 0,
  bytes: 0,
  folder: id,
  ready: false,
  ...more
})

describe('runs on the dashboard', () => {
  it('stand with those that are on first, then the newest', () => {
    const runs = [
      run('a', 'complete', '2026-01-01T00:00:00Z'),
      run('b', 'running', '2025-01-01T00:00:00Z'),
      run('c', 'failed', '2026-01-02T00:00:00Z')
    ]
    assert.deepEqual(
      runsSorted(runs).map(({ id }) => id),
      ['b', 'c', 'a']
    )
  })

  it('are called by their name, or else by their id, and told how long they took', () => {
    assert.equal(nameOf({ name: '', id: 'x' }), 'x')
    assert.equal(nameOf({ name: 'morning', id: 'x' }), 'morning')
    const started = '1970-01-01T00:01:00Z'
    assert.equal(spanOf({ started }, 90), '30 s')
    assert.equal(spanOf({ started, ended: '1970-01-01T00:01:10Z' }, 90), '10 s')
    assert.equal(spanOf({ started, ended: '1970-01-01T00:01:10Z', duration: 12 }, 90), '12 s', 'by the clock that never jumps')
    assert.equal(spanOf({ started: 'x' }, 90), 'of unknown length')
  })

  it('have files with addresses of their own, whatever they are called', () => {
    assert.equal(filePath('a b', 'csv/50 %#?.csv'), 'runs/a%20b/files/csv/50%20%25%23%3F.csv')
    assert.equal(reportOf([{ name: 'run.json' }, { name: 'report.html' }]), 'report.html')
    assert.equal(reportOf([{ name: 'run.json' }]), undefined)
    for (const name of ['run.json', 'schemas.json', 'readings.ndjson', 'commands.ndjson', 'csv/oven.csv', 'report.html', 'manifest.json'])
      assert.notEqual(fileAbout(name), '', name)
    assert.match(fileAbout('commands.ndjson'), /^commands/)
  })
})
