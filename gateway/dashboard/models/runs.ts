/** What a run is to people. */
import { parseTime } from '../../time.js'
import { formatAge } from '../format.js'
import type { Run } from './answers.js'

/** The tone of each state. */
export const runTones: Readonly<Record<string, 'good' | 'info' | 'uncertain' | 'bad'>> = {
  running: 'info',
  complete: 'good',
  'cut off': 'uncertain',
  failed: 'bad'
}

/** Those that run first, then the newest. */
export function runsSorted(runs: readonly Run[]): Run[] {
  const rank = ({ state }: Run): number => (state === 'running' ? 0 : 1)
  return [...runs].sort((a, b) => rank(a) - rank(b) || (parseTime(b.started) ?? 0) - (parseTime(a.started) ?? 0))
}

/** What people call it. */
export function nameOf({ name, id }: Pick<Run, 'name' | 'id'>): string {
  return name === '' ? id : name
}

/** How long it took, or has taken until now. */
export function spanOf(run: Pick<Run, 'started' | 'ended' | 'duration'>, now: number): string {
  if (run.duration !== undefined) return formatAge(run.duration)
  const started = parseTime(run.started)
  const ended = run.ended === undefined ? now : parseTime(run.ended)
  return started === undefined || ended === undefined ? 'of unknown length' : formatAge(ended - started)
}

/** What a file of a run is, by its name; for people who open it. */
export function fileAbout(name: string): string {
  const last = name.split('/').at(-1) ?? name
  if (/\.html?$/.test(last)) return 'report with plots, opens in a browser without the gateway'
  if (last.endsWith('.csv')) return 'readings of one device as a table'
  if (last.endsWith('.ndjson') && last.includes('command')) return 'commands, one JSON a line'
  if (last.endsWith('.ndjson')) return 'readings, one JSON a line'
  if (/manifest|sha256/i.test(last)) return 'checksums of all files'
  if (/schema/i.test(last)) return 'schemas of the codenames'
  return /meta|run/.test(last) ? 'what was recorded, and by which configuration' : ''
}

/** The report among the files. */
export function reportOf(files: readonly { readonly name: string }[]): string | undefined {
  return files.find(({ name }) => /\.html?$/.test(name))?.name
}

/** A path below a run as part of an address: each level is encoded, the slashes stay. */
export function filePath(run: string, file: string): string {
  return `runs/${encodeURIComponent(run)}/files/${file.split('/').map(encodeURIComponent).join('/')}`
}
