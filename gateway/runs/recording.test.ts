import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { FakeClock } from '../../test/support/fake-clock.js'
import { TestLog } from '../../test/support/start.js'
import type { Entry } from '../devices.js'
import type { Held } from '../latest.js'
import { Recording } from './recording.js'

describe('a recording', () => {
  it('describes a bounded number of codenames, and holds the readings of all', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'labgate-recording-'))
    try {
      const clock = new FakeClock()
      const recording = new Recording({
        clock,
        log: new TestLog(),
        folder,
        id: 'x',
        request: { by: 'me' },
        gateway: { name: 'g', version: '1' },
        configuration: { file: 'x.yaml', sha256: '0' },
        maxBytes: 1e9,
        maxKnown: 2,
        isFull: () => {},
        changed: () => {}
      })
      const entries = ['a', 'b', 'c', 'd', 'a'].map((codename): Entry => ({
        device: 'd',
        codename,
        topic: `lab/d/${codename}`,
        declared: false,
        found: false,
        meta: {}
      }))
      await recording.open()
      const at = clock.now()
      const held = { value: 1, time: at, stamp: at, quality: 'good', sourceTime: false, arrived: 0, ageAtArrival: 0, stale: false } as const
      for (const entry of entries) recording.take(entry, { ...entry, ...held } as Held)
      recording.end({ state: 'complete', reason: 'it was stopped' })
      await recording.close()
      const lines = readFileSync(join(folder, 'x', 'readings.ndjson'), 'utf8')
        .trim()
        .split('\n')
      const described = JSON.parse(readFileSync(join(folder, 'x', 'schemas.json'), 'utf8')) as { d: object }
      assert.deepEqual([lines.length, Object.keys(described.d)], [5, ['a', 'b']])
    } finally {
      rmSync(folder, { recursive: true, force: true })
    }
  })
})
