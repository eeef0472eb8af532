import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { nameKey, readingsKey, rollupKey } from '../../gateway/history/keys.js'
import { Sum, addSums, encodeSums, levels, sumAt } from '../../gateway/history/rollup.js'
import type { Sums } from '../../gateway/history/rollup.js'
import { Block, slotSpan } from '../../gateway/history/row.js'
import { folderPlace } from '../../gateway/history/shelf.js'
import type { Change, Shelf } from '../../gateway/history/shelf.js'

export interface Fill {
  readonly device: string
  readonly codename: string
  /** Unix seconds. */
  readonly from: number
  readonly to: number
  /** Seconds between two readings. */
  readonly period: number
  readonly value: (time: number) => number
  /** Number of the series in the store; each codename needs its own. */
  readonly series?: number
  readonly unit?: string
}

/** Bytes of a batch. */
const batch = 4_194_304

/**
 * Writes readings straight into the history of a data folder, as the gateway would have in all that time: the same codec, keys and
 * roll-ups, a block in five minutes. No gateway may use the folder. Tells how many readings they are.
 */
export async function fillHistory(data: string, fill: Fill): Promise<number> {
  await mkdir(data, { recursive: true })
  const shelf = await folderPlace(join(data, 'history'), 2 ** 40).open()
  try {
    return await write(shelf, fill)
  } finally {
    await shelf.close()
  }
}

async function write(shelf: Shelf, { device, codename, from, to, period, value, series = 1, unit }: Fill): Promise<number> {
  const traits = { quality: 'good', ...(unit === undefined ? {} : { unit }), source: 'poll' } as const
  const name = JSON.stringify([device, codename, Math.floor(to / 86_400), null])
  let changes: Change[] = [{ key: nameKey(series), value: Buffer.from(name) }]
  let bytes = 0
  let count = 0
  const put = (key: Buffer, row: Buffer): void => {
    changes.push({ key, value: row })
    bytes += row.length
  }
  const [short, middle, long] = levels
  let [hours, days]: [Sums, Sums] = [new Map(), new Map()]
  for (let slot = Math.floor(from / slotSpan); slot * slotSpan < to; slot++) {
    const begin = slot * slotSpan
    const block = new Block(slot)
    const sums: Sums = new Map()
    let [sum, index] = [new Sum(), NaN]
    for (let at = Math.ceil(Math.max(begin, from) / period) * period; at < Math.min(begin + slotSpan, to); at += period) {
      const reading = value(at)
      block.add(Math.round(at * 1e6), reading, traits)
      const now = Math.floor(at / short.step)
      if (now !== index) sum = sumAt(sums, (index = now))
      sum.take('good', reading)
    }
    if (block.count === 0) continue
    count += block.count
    put(readingsKey(block.min, series, 0, slot % 65_536), block.row())
    put(rollupKey(short, series, begin), encodeSums(sums))
    addSums(hours, sums, middle.step / short.step)
    addSums(days, sums, long.step / short.step)
    const next = begin + slotSpan
    if (next % middle.span === 0 || next >= to) {
      put(rollupKey(middle, series, begin - (begin % middle.span)), encodeSums(hours))
      hours = new Map()
    }
    if (next % long.span === 0 || next >= to) {
      put(rollupKey(long, series, begin - (begin % long.span)), encodeSums(days))
      days = new Map()
    }
    if (bytes < batch) continue
    await shelf.write(changes)
    changes = []
    bytes = 0
  }
  await shelf.write(changes)
  return count
}
