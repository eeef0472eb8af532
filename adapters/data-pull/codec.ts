/** The talk of DateDataPullSocket and DataPullSocket; the part that LiveSocket has too is in common. */
import { dumps } from '../common/python-text.js'

export * from '../common/pull-talk.js'

/** The other way round: what a client reads in the answers of a real socket. */
export * from './answers.js'

/** `-1.7976931348623157e+308`: no float is longer in Python's writing. */
const WIDEST_FLOAT = 24

/** `1795260229.1246731`: a Unix time with all its 17 digits (vector pn-x-many-digits). */
const TIME_WIDTH = 18

/**
 * Bytes of a `json_wn` answer when every x is a time and every y takes `yWidth`. For warnings at configuration time: the stock
 * client reads 1024 bytes and hangs on an answer that fills them (sections 9 and 10.5, vector pe-reply-1024).
 */
export function jsonWnLength(codenames: readonly string[], yWidth = WIDEST_FLOAT): number {
  const [braces, colon, comma, brackets] = [2, 2, 2, 2]
  const point = brackets + TIME_WIDTH + comma + yWidth
  const members = codenames.map((codename) => dumps(codename).length + colon + point)
  return braces + members.reduce((sum, member) => sum + member, 0) + comma * Math.max(0, members.length - 1)
}
