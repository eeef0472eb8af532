/*
 * Keys of the store, so that what is deleted together stands together:
 *
 *   !                                                  the format of all that, and the version that wrote it
 *   j shard number                                     journal: the readings of a second, not yet in rows of their own
 *   n series                                           a series: its name, and when it was last written to
 *   h                                                  up to where readings and roll-ups were removed
 *   s shard                                            number of the shard's last checkpoint
 *   r hour series time checkpoint row                  readings, in microseconds from 1970 of the first one
 *   a hour series start, b day …, c 32 days …          roll-ups of 10 s, 5 min, 1 h; the start of the row in seconds
 */

/** Seconds of a partition of readings. */
export const hour = 3600

export type DataKind = 'r' | 'a' | 'b' | 'c'

/** All numbers are unsigned and of fixed size, the highest byte first, so that keys sort as they do. */
function key(kind: string, numbers: readonly number[]): Buffer {
  const bytes = Buffer.allocUnsafe(1 + 4 * numbers.length)
  bytes.write(kind, 'latin1')
  for (const [index, number] of numbers.entries()) bytes.writeUInt32BE(number, 1 + 4 * index)
  return bytes
}

const highest = 0xffff_ffff

export const formatKey = Buffer.from('!', 'latin1')

export const journalKey = (shard: number, number: number): Buffer => key('j', [shard, number])
export const nameKey = (series: number): Buffer => key('n', [series])
export const checkpointKey = (shard: number): Buffer => key('s', [shard])

export function readingsKey(time: number, series: number, checkpoint: number, row: number): Buffer {
  const micro = 2 ** 32
  return key('r', [Math.floor(time / 1e6 / hour), series, Math.floor(time / micro), time % micro, checkpoint, row])
}

/** Where the readings of a series in an hour begin that are not before `time`, in microseconds, or begin a row that may hold some. */
export function readingsFrom(partition: number, series: number, time = 0): Buffer {
  return key('r', [partition, series, Math.floor(time / 2 ** 32), time % 2 ** 32])
}

export function rollupKey({ kind, partition }: { kind: DataKind; partition: number }, series: number, start: number): Buffer {
  return key(kind, [Math.floor(start / partition), series, start])
}

/** Everything of a kind from a partition on. */
export const partitionKey = (kind: string, partition: number): Buffer => key(kind, [Math.min(partition, highest)])

/** Begins all keys of the kind. */
export const kindKey = (kind: string): Buffer => Buffer.from(kind, 'latin1')

/** After all keys of the kind. */
export const kindEnd = (kind: string): Buffer => Buffer.from([kind.charCodeAt(0) + 1])

/** A number of a key, from the left. */
export const numberOf = (bytes: Uint8Array, place: number): number =>
  new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength).getUint32(1 + 4 * place)

/** Microseconds at which a row of readings begins. */
export const timeOf = (bytes: Uint8Array): number => numberOf(bytes, 2) * 2 ** 32 + numberOf(bytes, 3)
