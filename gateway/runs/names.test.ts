import assert from 'node:assert/strict'
import { csvNames, runFolder, runIdPattern, safeName } from './names.js'

describe('names of runs', () => {
  it('are plain, and lead nowhere', () => {
    const names = ['Müller & Söhne: 7/8', '実験', '../../etc/x', '.hidden', '-rf', 'a..b', 'CON', '\u0000', 'x'.repeat(400), '_x']
    assert.deepEqual(
      names.map((name) => safeName(name, 'run')),
      ['Muller-Sohne-7-8', 'run', 'etc-x', 'hidden', 'rf', 'a-b', 'CON', 'run', 'x'.repeat(60), '_x']
    )
    for (const name of names) assert.match(runFolder(1_795_269_803.9, name), runIdPattern)
    assert.equal(runFolder(1_795_269_803.9, 'mouse 1'), '2026-11-21T14-03-23Z_mouse-1')
    for (const other of ['..', '.', '', 'notes', '2026-11-21T14-03-23Z_', '2026-11-21T14-03-23Z_../x', '2026-11-21T14-03-23Z_a/b'])
      assert.doesNotMatch(other, runIdPattern)
  })

  it('of tables are unlike on every file system', () => {
    assert.deepEqual(
      [...csvNames(['furnace', 'Furnace', 'con', 'aux.x', 'a/b', 'a b', '']).values()],
      ['furnace.csv', 'Furnace-2.csv', 'con_.csv', 'aux.x_.csv', 'a-b.csv', 'a-b-2.csv', 'device.csv']
    )
  })
})
