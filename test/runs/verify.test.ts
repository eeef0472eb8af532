import assert from 'node:assert/strict'
import { cpSync, mkdirSync, readFileSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { writeManifest } from '../../gateway/runs/manifest.js'
import { folder, labgate } from '../process/program.js'

const id = '2026-11-21T14-03-23Z_mouse'

describe('labgate verify', function () {
  // Processes take their time to start.
  this.timeout(20_000)
  let run: string

  beforeEach(async () => {
    run = join(folder(), id)
    mkdirSync(join(run, 'csv'), { recursive: true })
    writeFileSync(join(run, 'readings.ndjson'), '{"at":"2026-11-21T14:03:23Z"}\n'.repeat(1000))
    writeFileSync(join(run, 'csv/furnace.csv'), 'time\r\n')
    writeFileSync(join(run, 'commands.ndjson'), '')
    await writeManifest(run, id, '2026-11-21T14:03:24Z')
  })

  const flip = (name: string, at: number): void => {
    const bytes = readFileSync(join(run, name))
    bytes[at] = (bytes[at] as number) ^ 1
    writeFileSync(join(run, name), bytes)
  }

  it('finds nothing wrong with a run, nor with a copy of it', async () => {
    const copy = join(folder(), 'copy')
    cpSync(run, copy, { recursive: true })
    for (const path of [run, copy]) {
      const { code, stdout, stderr } = await labgate('verify', path)
      assert.deepEqual([code, stdout, stderr], [0, `${path} is as it was made: 3 files, 30006 bytes\n`, ''])
    }
  })

  it('names the first file that differs', async () => {
    const cases: [change: () => void, says: RegExp][] = [
      [() => flip('readings.ndjson', 17_000), /readings\.ndjson: its content is another than in the manifest/],
      [
        () => writeFileSync(join(run, 'readings.ndjson'), 'x', { flag: 'a' }),
        /readings\.ndjson: it has 30001 bytes, and 30000 in the manifest/
      ],
      [() => rmSync(join(run, 'csv/furnace.csv')), /csv\/furnace\.csv: it is missing/],
      [() => writeFileSync(join(run, 'csv/other.csv'), ''), /csv\/other\.csv: it is not in the manifest/],
      [
        () => writeFileSync(join(run, 'manifest.json'), '{"format":"labgate-manifest-1","run":"x","made":"x","files":[null]}'),
        /manifest\.json: it is damaged: it does not list files/
      ],
      [() => flip('manifest.json', 30), /manifest\.json: it is damaged/],
      [() => flip('manifest.json', readFileSync(join(run, 'manifest.json')).length - 10), /manifest\.json: it is damaged/],
      [
        () => {
          renameSync(join(run, 'csv'), join(run, '../elsewhere'))
          symlinkSync(join(run, '../elsewhere'), join(run, 'csv'))
        },
        /csv: it is not in the manifest/
      ]
    ]
    const [first, ...others] = cases
    first?.[0]()
    const { code, stdout, stderr } = await labgate('verify', run)
    assert.deepEqual([code, stdout], [1, ''])
    assert.match(stderr, first?.[1] as RegExp)
    const whole = run
    flip('readings.ndjson', 17_000)
    const { verify } = await import('../../gateway/cli/verify.js')
    assert.equal((await verify(run)).code, 0)
    for (const [change, says] of others) {
      run = join(folder(), id)
      cpSync(whole, run, { recursive: true })
      change()
      const verdict = await verify(run)
      assert.equal(verdict.code, 1, `${String(says)}: ${verdict.text}`)
      assert.match(verdict.text, says)
    }
  })

  it('says when there is nothing to compare with', async () => {
    rmSync(join(run, 'manifest.json'))
    const none = await labgate('verify', run)
    assert.equal(none.code, 2)
    assert.match(none.stderr, /^cannot verify: .* holds no manifest\.json/)
    const { verify } = await import('../../gateway/cli/verify.js')
    assert.match((await verify(join(run, 'no'))).text, /there is no folder/)
    assert.match((await verify(join(run, 'readings.ndjson'))).text, /is no folder/)
  })
})
