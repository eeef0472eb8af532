/** `labgate export`: the history of several codenames, as a file. */
import cliProgress from 'cli-progress'
import type { Ref } from '../adapter.js'
import { formatTime } from '../time.js'
import { fetchRows } from './export-fetch.js'
import type { Wanted } from './export-fetch.js'
import type { Format } from './export-rows.js'
import { momentOf } from './moments.js'
import { about, codenames, filterOf, isExact, refOf } from './names.js'
import { papersOf } from './paper.js'
import { PartFile } from './part-file.js'
import { printable } from './printable.js'
import { pathOf } from './rest.js'
import type { Rest } from './rest.js'
import type { Surroundings } from './surroundings.js'
import { Refused, Trouble } from './trouble.js'

export interface ExportOptions {
  readonly out: string
  readonly all?: boolean
  readonly from: string
  readonly to?: string
  readonly format?: Format
  readonly force?: boolean
  readonly patience: number
}

/** Codenames of one question, and characters of their names in its address. */
const atOnce = { names: 32, characters: 4000 }

/** Of the bar. */
const whole = 1000

export async function exportHistory(around: Surroundings, rest: Rest, given: readonly string[], options: ExportOptions): Promise<void> {
  const { out, force = false, patience } = options
  const format = formatOf(options)
  if (given.length === 0 && options.all !== true)
    throw new Trouble(2, 'say what to export: codenames as DEVICE/CODENAME (* for any letters), or --all')
  await PartFile.check(out, force)
  const { time } = await rest.get<{ time: string }>('/api')
  const now = Date.parse(time) / 1000
  const [from, to] = [momentOf(options.from, now, 'from'), options.to === undefined ? now : momentOf(options.to, now, 'to')]
  if (from >= to) throw new Trouble(2, `--from (${formatTime(from)}) is not before --to (${formatTime(to)})`)
  const { side } = papersOf(around)
  const { refs, without } = await chosen(rest, given, { from: formatTime(from), to: formatTime(to) })
  if (without.length > 0) await side.write(printable(`no history is kept of ${without.join(', ')}`) + '\n')
  const groups = grouped(refs)
  const file = await PartFile.open(out, force)
  const bar = around.questions.isTTY === true ? barOf(around) : undefined
  const stopped = around.interrupted()
  const progress = { count: 0, until: from * 1e6, group: 0 }
  try {
    await write(file, groups, rest, { from, to, format, patience, signal: stopped }, progress, (fraction, why) => {
      bar?.update(Math.floor(fraction * whole), { readings: progress.count })
      if (why !== undefined && bar === undefined) void side.write(`${printable(why)}; going on\n`)
    })
    await file.sync()
  } catch (error) {
    bar?.stop()
    const part = (await file.keep()) ? file.name : undefined
    throw new Trouble(
      error instanceof Trouble ? error.code : 1,
      unfinished(error as Error, stopped.aborted, { part, options, format, to, groups: groups.length, ...progress })
    )
  }
  bar?.update(whole, { readings: progress.count })
  bar?.stop()
  await file.finish().catch((error: Error) => {
    throw new Trouble(1, `${out} was not written: ${error.message}. ${file.name} holds all of it, ${progress.count} readings`)
  })
  around.end(0, printable(`${out}: ${progress.count} readings of ${refs.length} codenames, from ${formatTime(from)} to ${formatTime(to)}`))
}

type Progress = { count: number; until: number; group: number }

async function write(
  file: PartFile,
  groups: readonly (readonly Ref[])[],
  rest: Rest,
  wanted: Omit<Wanted, 'refs' | 'lost'>,
  progress: Progress,
  tell: (fraction: number, why?: string) => void
): Promise<void> {
  const { from, to } = wanted
  const fraction = (): number => (progress.group + Math.min(1, (progress.until / 1e6 - from) / (to - from))) / groups.length
  for (const [group, refs] of groups.entries()) {
    progress.group = group
    progress.until = from * 1e6
    for await (const { rows, count, until } of fetchRows(rest, { ...wanted, refs, lost: (why) => tell(fraction(), why) })) {
      // The columns are named once.
      if (count > 0 || group === 0) await file.append(rows)
      progress.count += count
      progress.until = until
      tell(fraction())
    }
  }
}

function formatOf({ format, out }: ExportOptions): Format {
  if (format !== undefined) return format
  if (/\.csv$/i.test(out)) return 'csv'
  if (/\.(ndjson|jsonl)$/i.test(out)) return 'ndjson'
  throw new Trouble(2, `${out} ends neither in .csv nor in .ndjson: say which it is with --format csv|ndjson`)
}

/** Those that have a history. A name that is given in full must have one. */
async function chosen(
  rest: Rest,
  given: readonly string[],
  span: { from: string; to: string }
): Promise<{ refs: Ref[]; without: string[] }> {
  const named = given.filter((text) => text.includes('/') && isExact(text)).map(refOf)
  for (const ref of named) await about(rest, ref, async () => await rest.text('GET', pathOf('devices', ref.device, ref.codename)))
  const fits = filterOf(given)
  const all = await codenames(rest)
  const found = given.length === named.length && given.length > 0 ? named : all.filter(fits)
  if (found.length === 0) throw new Trouble(1, `no codename fits ${given.join(' ')}; what there is: labgate watch --once`)
  const refs: Ref[] = []
  const without: string[] = []
  for (const group of grouped(found)) {
    const kept = await withHistory(rest, group, span)
    refs.push(...kept)
    without.push(...group.filter((ref) => !kept.includes(ref)).map(({ device, codename }) => `${device}/${codename}`))
  }
  const missing = named.find(({ device, codename }) => without.includes(`${device}/${codename}`))
  if (missing !== undefined) throw new Trouble(1, `no history is kept of ${missing.device}/${missing.codename} (history: off)`)
  if (refs.length === 0) throw new Trouble(1, `no history is kept of ${without.join(', ')}`)
  return { refs, without }
}

/** All are asked together; only where one of them has none, each half. */
async function withHistory(rest: Rest, refs: readonly Ref[], { from, to }: { from: string; to: string }): Promise<Ref[]> {
  const query = new URLSearchParams({ from, to, limit: '1' })
  for (const { device, codename } of refs) query.append('codename', [device, codename].map(encodeURIComponent).join('/'))
  try {
    await rest.text('GET', `/api/history?${query.toString()}`, undefined, { within: 60 })
    return [...refs]
  } catch (error) {
    if (!(error instanceof Refused) || error.errorClass !== 'ReadOnly') throw error
    if (refs.length === 1) return []
    const half = Math.ceil(refs.length / 2)
    return [...(await withHistory(rest, refs.slice(0, half), { from, to })), ...(await withHistory(rest, refs.slice(half), { from, to }))]
  }
}

function grouped(refs: readonly Ref[]): Ref[][] {
  const groups: Ref[][] = []
  let size = Infinity
  for (const ref of refs) {
    const length = encodeURIComponent(encodeURIComponent(`${ref.device}/${ref.codename}`)).length + 20
    if (size + length > atOnce.characters || (groups.at(-1)?.length ?? atOnce.names) >= atOnce.names) {
      groups.push([])
      size = 0
    }
    groups.at(-1)?.push(ref)
    size += length
  }
  return groups
}

function barOf({ questions }: Surroundings): cliProgress.SingleBar {
  const bar = new cliProgress.SingleBar(
    {
      stream: questions as NodeJS.WritableStream,
      format: '{bar} {percentage} %  {readings} readings  {eta_formatted} left',
      gracefulExit: false,
      hideCursor: true,
      fps: 5
    },
    cliProgress.Presets.shades_classic
  )
  bar.start(whole, 0, { readings: 0 })
  return bar
}

interface Unfinished extends Progress {
  /** Undefined: nobody knows how it ends. */
  readonly part: string | undefined
  readonly options: ExportOptions
  readonly format: Format
  readonly to: number
  readonly groups: number
}

/** What is there, and how to get the rest. */
function unfinished(error: Error, isStopped: boolean, { part, options, format, to, count, until, group, groups }: Unfinished): string {
  const why = isStopped ? 'stopped' : error.message
  const time = formatTime(until / 1e6)
  if (part === undefined) return `${why}\n${options.out} was not written, and what is beside it cannot be relied on: remove it`
  const there =
    groups === 1
      ? `${part} holds the ${count} readings before ${time}, complete. The rest: --from ${time} --to ${formatTime(to)} --out ANOTHER.${format}`
      : `${part} holds ${count} readings: of ${group} of ${groups} groups of codenames all, of the next those before ${time}. Do it again with fewer codenames, or a shorter time`
  return `${why}\n${options.out} was not written. ${there}`
}
