/** Names of folders and files that any system takes, and that lead nowhere else. */
import { formatTime } from '../time.js'

/** Characters of a folder's name after its time, and of a file's. */
const longest = 60

/** Letters without their accents, and `-` for all that a file system or an address might not take. */
export function safeName(name: string, otherwise: string): string {
  const plain = name
    .normalize('NFKD')
    .replace(/\p{M}/gu, '')
    .replace(/[^A-Za-z0-9._-]+/g, '-')
    .replace(/[.-]{2,}/g, '-')
    .slice(0, longest)
    .replace(/^[-.]+|[-.]+$/g, '')
  return plain === '' ? otherwise : plain
}

/** `2026-11-21T14-03-23Z_mouse-1`: sorted by time, and no colon, which FAT does not take. */
export function runFolder(started: number, name: string): string {
  const time = formatTime(Math.floor(started)).replaceAll(':', '-')
  return `${time}_${safeName(name, 'run')}`
}

/** What {@link runFolder} makes, perhaps with a number. */
export const runIdPattern = /^\d{4}-\d\d-\d\dT\d\d-\d\d-\d\dZ_[A-Za-z0-9_][A-Za-z0-9._-]{0,80}$/

/** Names that Windows keeps for itself. */
const kept = /^(con|prn|aux|nul|com\d|lpt\d)$/i

/** File names for these devices, in their order; unlike also where upper and lower case are one. */
export function csvNames(devices: Iterable<string>): Map<string, string> {
  const taken = new Set<string>()
  const names = new Map<string, string>()
  for (const device of devices) {
    const safe = safeName(device, 'device')
    const base = kept.test(safe.split('.')[0] as string) ? `${safe}_` : safe
    let name = base
    for (let n = 2; taken.has(name.toLowerCase()); n += 1) name = `${base}-${n}`
    taken.add(name.toLowerCase())
    names.set(device, `${name}.csv`)
  }
  return names
}
