import assert from 'node:assert/strict'
import { newestFirst } from '../../gateway/history/newest.js'
import { Slice } from '../../gateway/history/slice.js'
import type { SliceLimits } from '../../gateway/history/slice.js'
import { placeOf } from '../../gateway/history/text.js'
import type { Point, Question } from '../../gateway/history/types.js'
import { parseTime } from '../../gateway/time.js'

/** Readings in memory, in pages of 7, and how many were given. */
class Kept {
  readonly points: readonly Point[]
  given = 0

  constructor(points: readonly Point[]) {
    this.points = points
  }

  // oxlint-disable-next-line require-await
  async *readings({ from, to }: Question): AsyncGenerator<readonly Point[]> {
    const found = this.points.filter((point) => placeOf(point) >= from && placeOf(point) < to)
    for (let at = 0; at < found.length; at += 7) {
      const page = found.slice(at, at + 7)
      this.given += page.length
      yield page
    }
  }
}

const start = 1_700_000_000
const at = (time: number, value: Point['value'] = time - start): Point => ({ time, quality: 'good', value })
const whole: Question = { device: 'furnace', codename: 'temperature', from: 0, to: 4e9 }
const limits: SliceLimits = { limit: 10, maxBytes: 1e6, perPage: 4, pageBytes: 1e5, omits: false }

async function read(slice: Slice): Promise<{ pages: number[]; values: unknown[]; next: string | undefined }> {
  const [pages, values]: [number[], unknown[]] = [[], []]
  for await (const page of slice.pages()) {
    pages.push(page.length)
    values.push(...page.map((text) => (JSON.parse(text) as { value: unknown }).value))
  }
  assert.equal(slice.count, values.length)
  return { pages, values, next: slice.next }
}

const upTo = (count: number): number[] => Array.from({ length: count }, (_, i) => i)

describe('a slice of the history', () => {
  it('has full pages, and says where to go on', async () => {
    const kept = new Kept(upTo(25).map((i) => at(start + i)))
    assert.deepEqual(await read(new Slice(kept, whole, limits)), {
      pages: [4, 4, 2],
      values: upTo(10),
      next: '2023-11-14T22:13:30Z'
    })
  })

  it('has one page, an empty one, when there is nothing', async () => {
    assert.deepEqual(await read(new Slice(new Kept([]), whole, limits)), { pages: [0], values: [], next: undefined })
  })

  it('has no next when the limit was just enough', async () => {
    const kept = new Kept(upTo(10).map((i) => at(start + i)))
    assert.deepEqual(await read(new Slice(kept, whole, limits)), { pages: [4, 4, 2], values: upTo(10), next: undefined })
  })

  for (const order of ['oldest', 'newest'] as const)
    it(`read on and on by next, from the ${order}, gives each reading once, however close they lie`, async () => {
      // Thirds of a microsecond, readings of the same time, and stale ones between.
      const times = upTo(200).map((i) => start + Math.floor(i / 3) * 4e-7 + (i % 5 === 0 ? 0 : 1e-7))
      const points = times
        .map((time, i): Point => (i % 11 === 0 ? { time: time - 5, since: time, quality: 'stale', value: i } : at(time, i)))
        .sort((a, b) => placeOf(a) - placeOf(b))
      const kept = new Kept(points)
      const values: unknown[] = []
      let question = whole
      for (let rounds = 0; rounds < 100; rounds++) {
        const slice = await read(new Slice(kept, question, limits, order === 'newest' ? start + 10 : undefined))
        values.push(...slice.values)
        if (slice.next === undefined) break
        question = { ...question, [order === 'newest' ? 'to' : 'from']: parseTime(slice.next) }
      }
      const wanted = points.map(({ value }) => value)
      assert.deepEqual(order === 'newest' ? values.reverse() : values, wanted)
    })

  it('stops at its bytes', async () => {
    const kept = new Kept(upTo(9).map((i) => at(start + i, 'x'.repeat(1000))))
    const { values, next } = await read(new Slice(kept, whole, { ...limits, maxBytes: 5000 }))
    assert.deepEqual([values.length, next], [4, '2023-11-14T22:13:24Z'])
  })

  it('keeps pages below their bytes, and tells of a reading that is larger than one how large it is', async () => {
    const kept = new Kept([at(start, 'x'.repeat(300)), at(start + 1, 'x'.repeat(3000)), at(start + 2, 1)])
    const pages: (readonly string[])[] = []
    for await (const page of new Slice(kept, whole, { ...limits, pageBytes: 400, omits: true }).pages()) pages.push(page)
    assert.deepEqual(
      pages.map(({ length }) => length),
      [1, 2]
    )
    const { omitted, ...rest } = JSON.parse(pages[1]?.[0] ?? '') as Record<string, unknown>
    assert.ok(Number(omitted) > 3000 && Number(omitted) < 3200, String(omitted))
    assert.deepEqual(rest, { quality: 'good', time: '2023-11-14T22:13:21Z' })
  })

  it('fails when too large readings have the very same time', async () => {
    const kept = new Kept(upTo(100).map(() => at(start, 'x'.repeat(1000))))
    await assert.rejects(read(new Slice(kept, whole, { ...limits, maxBytes: 5000 })), { class: 'RateLimited', message: /5000 bytes/ })
    assert.ok(kept.given < 30)
  })

  it('fails when too many readings have the very same time', async () => {
    const kept = new Kept(upTo(1100).map((i) => at(start, i)))
    await assert.rejects(read(new Slice(kept, whole, limits)), { class: 'RateLimited' })
  })
})

describe('the newest readings', () => {
  /** As {@link newestFirst} gives them, and how many readings it looked at. */
  async function newest(points: readonly Point[], wanted: number, question = whole): Promise<[unknown[], number]> {
    const kept = new Kept(points)
    const values: unknown[] = []
    for await (const page of newestFirst(kept, question, wanted, start)) values.push(...page.map(({ value }) => value))
    return [values, kept.given]
  }

  it('are found after months of silence', async () => {
    const points = upTo(50).map((i) => at(start - 1e7 + i))
    assert.deepEqual(await newest(points, 3), [
      points
        .slice(-3)
        .map(({ value }) => value)
        .reverse(),
      50
    ])
  })

  it('are found among very many, of which few are looked at', async () => {
    const points = [...upTo(50_000).map((i) => at(start - 600 + i * 0.01)), at(start + 1e9)]
    const [values, seen] = await newest(points, 5)
    assert.deepEqual(values, [
      1e9,
      ...points
        .slice(-5, -1)
        .map(({ value }) => value)
        .reverse()
    ])
    assert.ok(seen < 10_000, String(seen))
  })

  it('are found among large ones, of which few are held', async () => {
    const large = 'x'.repeat(50_000)
    const kept = new Kept(upTo(1000).map((i) => at(start - 100 + i / 10, large)))
    const [page] = [await newestFirst(kept, whole, 1000, start).next()]
    const found = page.value as readonly Point[]
    assert.equal(found[0]?.time, start - 0.1)
    assert.ok(found.length > 10 && found.length < 50 && kept.given < 300, `${found.length}, ${kept.given}`)
    const alike = new Kept(upTo(1000).map(() => at(start - 1, large)))
    await assert.rejects(newestFirst(alike, whole, 1000, start).next(), { class: 'RateLimited' })
  })

  it('are found when all are ahead of the clock', async () => {
    const points = upTo(9000).map((i) => at(start + 1 + i))
    assert.deepEqual((await newest(points, 3))[0], [9000, 8999, 8998])
  })

  it('end where the question begins', async () => {
    const points = upTo(100)
      .map((i) => at(start - i * 10))
      .reverse()
    const [values] = await newest(points, 50, { ...whole, from: start - 95, to: start - 15 })
    assert.deepEqual(values, [-20, -30, -40, -50, -60, -70, -80, -90])
  })
})
