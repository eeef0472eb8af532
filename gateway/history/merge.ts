/** Several codenames as one stream. */
import { placeOf } from './text.js'
import type { Point } from './types.js'

/** A point, and of which of the streams it is. */
export interface Placed {
  readonly of: number
  readonly point: Point
}

/** Points of a page at most. */
const perPage = 500

interface Head {
  readonly of: number
  readonly pages: AsyncIterator<readonly Point[]>
  page: readonly Point[]
  at: number
  /** Of the next point. */
  place: number
}

/** In order of time; of equal times the first stream's first. A page of each stream is in memory. */
export async function* merge(streams: readonly AsyncIterable<readonly Point[]>[]): AsyncGenerator<readonly Placed[]> {
  const all: Head[] = streams.map((stream, of) => ({ of, pages: stream[Symbol.asyncIterator](), page: [], at: 0, place: 0 }))
  try {
    let heads: Head[] = []
    for (const head of all) if (await fill(head)) heads.push(head)
    let page: Placed[] = []
    while (heads.length > 0) {
      let first = heads[0] as Head
      for (const head of heads) if (head.place < first.place) first = head
      page.push({ of: first.of, point: first.page[first.at] as Point })
      first.at += 1
      if (first.at < first.page.length) first.place = placeOf(first.page[first.at] as Point)
      else if (!(await fill(first))) heads = heads.filter((head) => head !== first)
      if (page.length < perPage) continue
      yield page
      page = []
    }
    if (page.length > 0) yield page
  } finally {
    for (const { pages } of all) await pages.return?.()
  }
}

/** The next page that is not empty; false: there is none. */
async function fill(head: Head): Promise<boolean> {
  for (;;) {
    const { done, value } = await head.pages.next()
    if (done === true) return false
    if (value.length === 0) continue
    head.page = value
    head.at = 0
    head.place = placeOf(value[0] as Point)
    return true
  }
}
