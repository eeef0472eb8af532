import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import { ClassicLevel } from 'classic-level'
import { folder } from '../../test/process/program.js'
import { diskUse } from '../../test/support/disk-use.js'
import { FakeClock } from '../../test/support/fake-clock.js'
import { TestLog } from '../../test/support/start.js'
import { until } from '../../test/support/until.js'
import { folderPlace, memoryPlace } from '../history/shelf.js'
import type { Place, Shelf } from '../history/shelf.js'
import { allEntries } from './entry.js'
import type { Entry } from './entry.js'
import { Journal } from './journal.js'

const mebibyte = 1_048_576

const message = (text: string): { topic: string; payload: Buffer; retain: boolean } => ({
  topic: 'lab/x/y',
  payload: Buffer.from(text),
  retain: true
})

const textOf = ({ payload }: Entry): string => payload.toString()

/** A place whose disk takes nothing while it is told to. */
class Refusing implements Place {
  readonly isLasting = true
  readonly #inner: Place
  isFull = false

  constructor(inner: Place) {
    this.#inner = inner
  }

  async open(): Promise<Shelf> {
    this.#check()
    const shelf = await this.#inner.open()
    return {
      ...shelf,
      write: async (changes) => {
        this.#check()
        await shelf.write(changes)
      }
    }
  }

  probe = (): Promise<void> => this.#inner.probe()
  moveAside = (now: number): Promise<string | undefined> => this.#inner.moveAside(now)

  #check(): void {
    if (this.isFull) throw new Error('the disk is full')
  }
}

describe('the journal of a bridge', () => {
  const open: Journal[] = []

  afterEach(async () => {
    await Promise.all(open.splice(0).map((journal) => journal.close()))
  })

  const start = async (
    place: Place,
    more: { clock?: FakeClock; maxBytes?: number; maxAge?: number; log?: TestLog } = {}
  ): Promise<Journal> => {
    const { clock = new FakeClock(), maxBytes = 4 * mebibyte, maxAge = 1000, log = new TestLog() } = more
    const journal = new Journal({ clock, log, place, maxBytes, maxAge, ready: () => {}, dropped: () => {}, changed: () => {} })
    await journal.open()
    open.push(journal)
    return journal
  }

  /** All that it gives, as soon as it gives so many. */
  const take = async (journal: Journal, count: number): Promise<Entry[]> => {
    const given: Entry[] = []
    await until(() => {
      for (let entry = journal.give(); entry !== undefined; entry = journal.give()) given.push(entry)
      return given.length >= count
    }, `it gives no more than ${given.length}`)
    return given
  }

  for (const kind of ['on the disk', 'in memory'])
    it(`${kind} gives all in order, once, and again after a rewind what was not acknowledged`, async () => {
      const journal = await start(kind === 'in memory' ? memoryPlace : folderPlace(folder(), 4 * mebibyte))
      for (let n = 0; n < 1500; n++) journal.take(message(String(n)))
      await journal.flush()
      const given = await take(journal, 1500)
      assert.deepEqual(
        given.map(textOf),
        Array.from({ length: 1500 }, (_, n) => String(n))
      )
      for (const entry of given.slice(0, 700)) journal.done(entry)
      journal.rewind()
      assert.deepEqual((await take(journal, 800)).map(textOf)[0], '700')
      await journal.flush()
      assert.equal(journal.waiting, 800)
    })

  it('is there after the end of the process, less what was acknowledged', async () => {
    const path = folder()
    const first = await start(folderPlace(path, 4 * mebibyte))
    for (let n = 0; n < 10; n++) first.take(message(String(n)))
    await first.flush()
    for (const entry of (await take(first, 10)).slice(0, 4)) first.done(entry)
    await first.close()
    const second = await start(folderPlace(path, 4 * mebibyte))
    assert.equal(second.waiting, 6)
    second.take(message('new'))
    await second.flush()
    const given = await take(second, 7)
    assert.deepEqual(given.map(textOf), ['4', '5', '6', '7', '8', '9', 'new'])
    // What an earlier run took in has waited, however long.
    assert.deepEqual(
      given.map(({ taken }) => taken === undefined),
      [true, true, true, true, true, true, false]
    )
  })

  it('leaves a damaged entry out, counts and tells it', async () => {
    const path = folder()
    const first = await start(folderPlace(path, 4 * mebibyte))
    for (let n = 0; n < 5; n++) first.take(message(`number ${n}`))
    await first.flush()
    await first.close()
    const level = new ClassicLevel<Buffer, Buffer>(path, { keyEncoding: 'buffer', valueEncoding: 'buffer' })
    const rows = await level.iterator(allEntries).all()
    const [key, row] = rows[2] as [Buffer, Buffer]
    row[row.length - 1] = 0x39
    await level.put(key, row)
    await level.close()
    const log = new TestLog()
    const second = await start(folderPlace(path, 4 * mebibyte), { log })
    assert.deepEqual((await take(second, 4)).map(textOf), ['number 0', 'number 1', 'number 3', 'number 4'])
    assert.equal(second.damaged, 1)
    assert.match(log.lines.map((line) => line.message).join(), /damaged/)
    await second.flush()
    assert.equal(second.waiting, 4)
  })

  it('begins anew when nothing of it can be read, and keeps what was there aside', async () => {
    const path = join(folder(), 'one')
    const first = await start(folderPlace(path, 4 * mebibyte))
    first.take(message('a'))
    await first.flush()
    await first.close()
    execFileSync('sh', ['-c', `echo nothing > ${path}/CURRENT`])
    const second = await start(folderPlace(path, 4 * mebibyte))
    second.take(message('b'))
    await second.flush()
    assert.deepEqual((await take(second, 1)).map(textOf), ['b'])
    assert.equal(second.damaged, 1)
    assert.match(execFileSync('ls', [join(path, '..')], { encoding: 'utf8' }), /one-damaged-/)
  })

  it('holds to its bytes, LevelDB with it: the oldest goes first, and is counted', async () => {
    const path = folder()
    const journal = await start(folderPlace(path, 4 * mebibyte))
    let most = 0
    for (let n = 0; n < 2500; n++) {
      // Random, so that compression does not help.
      journal.take(message(`${n} ${randomBytes(3000).toString('base64')}`))
      if (n % 100 === 99) {
        await journal.flush()
        most = Math.max(most, diskUse(path))
      }
    }
    const { waiting, dropped } = journal
    assert.equal(waiting + dropped, 2500)
    assert.ok(waiting > 200, `only ${waiting} are left`)
    assert.ok(most <= 4 * mebibyte, `${most} bytes on the disk`)
    const given = await take(journal, waiting)
    assert.equal(textOf(given[0] as Entry).split(' ')[0], String(dropped))
  })

  it('drops what has waited too long', async () => {
    const clock = new FakeClock()
    const journal = await start(folderPlace(folder(), 4 * mebibyte), { clock, maxAge: 100 })
    journal.take(message('old'))
    await journal.flush()
    await clock.pass(99)
    journal.take(message('new'))
    await journal.flush()
    assert.equal(journal.dropped, 0)
    await clock.pass(20)
    journal.take(message('newer'))
    await journal.flush()
    assert.deepEqual([journal.dropped, journal.waiting], [1, 2])
    assert.deepEqual((await take(journal, 2)).map(textOf), ['new', 'newer'])
  })

  it('gives from memory what a full disk does not take, tells it, and writes it when there is room', async () => {
    const clock = new FakeClock()
    const place = new Refusing(folderPlace(folder(), 4 * mebibyte))
    const journal = await start(place, { clock })
    journal.take(message('a'))
    await journal.flush()
    place.isFull = true
    journal.take(message('b'))
    journal.take(message('c'))
    await journal.flush()
    assert.match(journal.failure ?? '', /the disk is full/)
    assert.equal(journal.waiting, 3)
    const [a, b] = await take(journal, 2)
    assert.deepEqual([textOf(a as Entry), textOf(b as Entry)], ['a', 'b'])
    journal.done(b as Entry)
    place.isFull = false
    await clock.pass(60)
    await until(() => journal.failure === undefined, 'it does not try again')
    await journal.flush()
    assert.equal(journal.waiting, 2)
    journal.rewind()
    assert.deepEqual((await take(journal, 2)).map(textOf), ['a', 'c'])
  })

  it('gives nothing before it could be opened, and then what an earlier run left first', async () => {
    const clock = new FakeClock()
    const path = folder()
    const first = await start(folderPlace(path, 4 * mebibyte))
    for (const text of ['1', '2', '3']) first.take(message(text))
    await first.close()
    const place = new Refusing(folderPlace(path, 4 * mebibyte))
    place.isFull = true
    const second = await start(place, { clock })
    let isOpened = false
    second.whenOpened(() => (isOpened = true))
    second.take(message('4'))
    await second.flush()
    assert.equal(second.give(), undefined)
    assert.ok(!isOpened)
    place.isFull = false
    await clock.pass(60)
    await until(() => isOpened, 'it is not opened')
    assert.deepEqual((await take(second, 4)).map(textOf), ['1', '2', '3', '4'])
  })

  it('loses no more than it has to while the disk is full, and counts it', async () => {
    const place = new Refusing(folderPlace(folder(), 64 * mebibyte))
    const journal = await start(place, { maxBytes: 64 * mebibyte })
    place.isFull = true
    for (let n = 0; n < 400; n++) journal.take(message(`${n} ${'x'.repeat(50_000)}`))
    await journal.flush()
    assert.ok(journal.dropped > 200 && journal.waiting > 100, `${journal.dropped} ${journal.waiting}`)
    assert.equal(journal.dropped + journal.waiting, 400)
    assert.ok(journal.bytes < 9 * mebibyte)
  })
})
