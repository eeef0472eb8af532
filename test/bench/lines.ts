import type { Measured } from './compare.js'
import type { Line } from './rows.js'
import { figure } from './table.js'

/** A line of the table; `ours`: what the side is compared with. */
export function lineOf(row: string, side: Measured, ours: Measured | undefined, reach: string): Line {
  const { name, rate: perSecond, p50, p99, cpu, load, lost } = side
  const ratios = ours === undefined ? ['', ''] : [figure(ours.rate / perSecond) + ' x', figure(ours.cpu / cpu) + ' x']
  const loaded = figure(load * 100) + ' %' + (load > 0.9 ? ' !' : '')
  return [row, name, figure(perSecond), figure(p50), figure(p99), figure(cpu), loaded, String(lost), ...ratios, reach]
}
