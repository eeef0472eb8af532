import assert from 'node:assert/strict'
import { cp, mkdtemp, readdir, rm, stat, truncate } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { version } from '../../version.js'
import { type Change, type Disk, openLevel } from './disk.js'
import { type Format, bringUp, formatKey, rowOf } from './format.js'
import { Journal } from './journal.js'

/** A disk in memory on which a crash comes with a write: before it, or after it. */
class Crashable implements Disk {
  readonly rows: Map<string, Buffer>
  writes = 0
  #crashAt: number
  #isAfter: boolean

  constructor(rows: Iterable<readonly [string, Buffer]>, crashAt = Infinity, isAfter = false) {
    this.rows = new Map(rows)
    this.#crashAt = crashAt
    this.#isAfter = isAfter
  }

  async *read(): AsyncGenerator<[string, Buffer]> {
    yield* [...this.rows].sort(([a], [b]) => (a < b ? -1 : 1))
  }

  async write(changes: readonly Change[]): Promise<void> {
    const isLast = ++this.writes === this.#crashAt
    if (isLast && !this.#isAfter) throw new Error('crash')
    for (const { key, value } of changes) {
      if (value === undefined) this.rows.delete(key)
      else this.rows.set(key, value)
    }
    if (isLast) throw new Error('crash')
  }

  async close(): Promise<void> {}
}

/** Format 2 has other keys, format 3 other values, and no more rows `old`. */
const third: Format = {
  number: 3,
  steps: [
    {
      from: 2,
      change: (key, value) =>
        value.equals(Buffer.from('old')) ? [{ key, value: undefined }] : [{ key, value: Buffer.concat([value, Buffer.from('!')]) }]
    },
    {
      from: 1,
      change: (key, value) =>
        key === 'same'
          ? undefined
          : [
              { key, value: undefined },
              { key: `2${key}`, value }
            ]
    }
  ]
}

const before: [string, Buffer][] = [
  ['a', Buffer.from('1')],
  ['b', Buffer.from('old')],
  ['same', Buffer.from('3')]
]
const after = [formatKey, '2a=1!', 'same=3!']

const shown = (rows: Iterable<readonly [string, Buffer]>): string[] =>
  [...rows].map(([key, value]) => (key === formatKey ? key : `${key}=${value.toString()}`)).sort()

async function opened(disk: Disk, format: Format): Promise<string[]> {
  const found: [string, Buffer][] = []
  const journal = new Journal({ open: async () => disk, durability: 'fast', format })
  await journal.open((key, value) => found.push([key, value]))
  await journal.close()
  return shown(found)
}

describe('format of the store', () => {
  it('is told with the first batch, with the version that writes; a store that tells none is of format 1', async () => {
    const disk = new Crashable(before)
    assert.deepEqual(await opened(disk, { number: 1, steps: [] }), shown(before))
    assert.deepEqual(JSON.parse(String(disk.rows.get(formatKey))), { format: 1, labgate: version })
    disk.writes = 0
    await opened(disk, { number: 1, steps: [] })
    assert.equal(disk.writes, 0)
  })

  it('of another version that writes the same format becomes that of ours', async () => {
    const disk = new Crashable([[formatKey, Buffer.from('{"format":1,"labgate":"0.0.1"}')], ...before])
    await opened(disk, { number: 1, steps: [] })
    assert.deepEqual(JSON.parse(String(disk.rows.get(formatKey))), { format: 1, labgate: version })
  })

  it('of a new folder is the newest, without a step', async () => {
    const disk = new Crashable([])
    await opened(disk, third)
    assert.deepEqual([...disk.rows], [[formatKey, rowOf(3)]])
  })

  it('when it is newer is refused with what to do, and nothing is written', async () => {
    const rows: [string, Buffer][] = [[formatKey, Buffer.from('{"format":4,"labgate":"9.8.7"}')], ...before]
    const disk = new Crashable(rows)
    await assert.rejects(
      opened(disk, third),
      /gateway.data was written by labgate 9\.8\.7 in format 4, .* up to 3: install labgate 9\.8\.7 or newer/
    )
    assert.deepEqual([disk.writes, shown(disk.rows)], [0, shown(rows)])
  })

  it('that cannot be read is no format', async () => {
    for (const text of ['', 'x', '{"format":"1"}']) {
      const disk = new Crashable([[formatKey, Buffer.from(text)], ...before])
      await assert.rejects(opened(disk, third), /does not tell its format/)
      assert.equal(disk.writes, 0)
    }
  })

  it('when it is older is brought up step by step, and goes on after a crash at any write', async () => {
    const whole = new Crashable(before)
    assert.deepEqual(await opened(whole, third), after.slice(1))
    assert.equal(whole.writes, 2)
    for (let crashAt = 1; crashAt <= whole.writes; crashAt++)
      for (const isAfter of [false, true]) {
        const disk = new Crashable(before, crashAt, isAfter)
        await assert.rejects(opened(disk, third), /crash/)
        const again = new Crashable(disk.rows)
        assert.deepEqual(await opened(again, third), after.slice(1), `crash ${isAfter ? 'after' : 'before'} write ${crashAt}`)
        assert.equal(again.writes, whole.writes - (isAfter ? crashAt : crashAt - 1))
        assert.deepEqual(shown(again.rows), after)
      }
  })

  it('in LevelDB is the older or the newer one wherever the write of the step is cut', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'labgate-format-'))
    const store = join(folder, 'data', 'store')
    const log = async (): Promise<string> => join(store, (await readdir(store)).findLast((name) => name.endsWith('.log')) ?? '')
    try {
      const disk = await openLevel(join(folder, 'data'))
      await disk.write(
        before.map(([key, value]) => ({ key, value })),
        true
      )
      const file = await log()
      const { size: from } = await stat(file)
      await bringUp(disk, third)
      const { size: to } = await stat(file)
      await cp(join(folder, 'data'), join(folder, 'whole'), { recursive: true })
      await disk.close()
      for (let length = from; length <= to; length += 7) {
        const cut = join(folder, 'cut')
        await rm(cut, { recursive: true, force: true })
        await cp(join(folder, 'whole'), cut, { recursive: true })
        await truncate(join(cut, file.slice(join(folder, 'data').length + 1)), length)
        const again = await openLevel(cut)
        assert.deepEqual(await opened(again, third), after.slice(1), `cut at ${length}`)
      }
    } finally {
      await rm(folder, { recursive: true, force: true })
    }
  })
})
