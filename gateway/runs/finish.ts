/** Makes what a run consists of besides its two streams. All of it is read line by line: what is held does not grow with the run. */
import { open, readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { CsvTables } from './csv.js'
import { secondsOf } from './lines.js'
import { cutHalfLine, readLines, readSmall, writeWhole } from './disk.js'
import { Altered, alteredSince, sumOf, writeManifest } from './manifest.js'
import { Plot } from './plot.js'
import { CommandTable, reportOf } from './report.js'
import { numberOf, parseCommand, parseLine, surveyRun } from './survey.js'
import type { AnyLine, Survey, Surveyed } from './survey.js'
import { files, maxRecord, recordOf } from './types.js'
import type { RunRecord } from './types.js'

/** Plots in a report; what is beyond is in its table. */
const maxPlots = 300

export interface Job {
  readonly folder: string
  /** RFC 3339. */
  readonly now: string
  /** No tables and no report: they have taken more memory than there is. */
  readonly isBare?: boolean
}

export interface Finished {
  readonly record: RunRecord
}

/** Told as the end of a run without tables and report. */
const bareReason = 'its tables and its report are left out, as they take more memory than there is'

/**
 * May be repeated. A run that its gateway left open is closed first. Rejects as the disk does, and with {@link Altered} when the manifest
 * is gone and what was recorded is not what it was.
 */
export async function finishRun({ folder, now, isBare = false }: Job): Promise<Finished> {
  const given = recordOf(await readSmall(join(folder, files.record), maxRecord))
  if (given === undefined) throw new Error(`${files.record} is damaged`)
  const altered = given.made && (await alteredSince(folder, given.made))
  if (altered !== undefined) throw new Altered(`the manifest was taken away, and since then ${altered}: no new one is made`)
  await clean(folder)
  const isOpen = given.state === 'running' || given.ended === undefined
  if (isOpen) for (const name of [files.readings, files.commands]) await cutHalfLine(join(folder, name))
  const surveyed = await surveyRun(folder, isBare)
  const ended = isOpen ? await closed(given, surveyed, folder) : given
  if (isOpen) await writeWhole(folder, files.record, textOf(ended))
  // Streams that nothing was written to are files too.
  for (const name of [files.readings, files.commands]) await (await open(join(folder, name), 'a')).close()
  if (isBare) for (const name of [files.csv, files.report]) await rm(join(folder, name), { recursive: true, force: true })
  else await tables(folder, ended, surveyed)
  const [readings, commands] = [await sumOf(join(folder, files.readings)), await sumOf(join(folder, files.commands))]
  const reason = ended.reason?.includes(bareReason) === true ? ended.reason : `${ended.reason ?? 'it ended'}; ${bareReason}`
  const record: RunRecord = { ...ended, ...(isBare ? { reason } : {}), made: { readings, commands } }
  await writeWhole(folder, files.record, textOf(record))
  const sums = new Map([
    [files.readings as string, readings],
    [files.commands, commands]
  ])
  await writeManifest(folder, record.id, now, sums)
  return { record }
}

function textOf(record: RunRecord): string {
  return JSON.stringify(record, null, 1) + '\n'
}

/** Takes away what a crash left half written. */
async function clean(folder: string): Promise<void> {
  const ours = new Set<string>(Object.values(files).map((name) => `${name}.part`))
  for (const name of await readdir(folder)) if (ours.has(name)) await rm(join(folder, name), { force: true })
}

async function closed(record: RunRecord, { readings, commands, lost, last }: Surveyed, folder: string): Promise<RunRecord> {
  const said = last === undefined ? 'nothing was recorded yet' : `the last record is of ${last}`
  return {
    ...record,
    state: 'cut off',
    reason: `the gateway ended without stopping it (crash, kill or power): ${said}`,
    ended: last ?? record.started,
    readings,
    commands,
    lost,
    bytes: (await sizeOf(join(folder, files.readings))) + (await sizeOf(join(folder, files.commands)))
  }
}

async function sizeOf(path: string): Promise<number> {
  const handle = await open(path, 'a')
  try {
    return (await handle.stat()).size
  } finally {
    await handle.close()
  }
}

/** CSV and report, in one look through the readings. */
async function tables(folder: string, record: RunRecord, surveyed: Surveyed): Promise<void> {
  const started = secondsOf(record.started)
  const range = { from: started, to: Math.max(secondsOf(record.ended ?? record.started), started + 1e-3) }
  const plots = new Map<Survey, Plot>()
  const wanted = [...surveyed.devices.values()].flatMap((codenames) => [...codenames.values()]).filter(({ numbers }) => numbers > 0)
  for (const survey of wanted.slice(0, maxPlots)) plots.set(survey, new Plot(range))
  const csv = new CsvTables(folder, started, surveyed.devices)
  await csv.begin(folder)
  for await (const lines of readLines(join(folder, files.readings))) {
    for (const line of lines) {
      const parsed = parseLine(line)
      if (parsed === undefined) continue
      csv.add(parsed)
      draw(parsed, surveyed, plots)
    }
    await csv.breathe()
  }
  await csv.end()
  const commands = new CommandTable()
  for await (const lines of readLines(join(folder, files.commands)))
    for (const line of lines) {
      const parsed = parseCommand(line)
      if (parsed === undefined) continue
      if ('lost' in parsed) commands.lose(parsed)
      else commands.add(parsed)
    }
  await writeWhole(folder, files.report, reportOf({ record, surveyed, plots, commands }))
}

function draw(line: AnyLine, { devices }: Surveyed, plots: ReadonlyMap<Survey, Plot>): void {
  const at = secondsOf(line.at)
  if ('lost' in line) {
    const from = secondsOf(line.from)
    for (const plot of plots.values()) plot.break(from)
    return
  }
  const survey = devices.get(line.device)?.get(line.codename)
  const plot = survey && plots.get(survey)
  if (plot === undefined) return
  const value = numberOf(line)
  // What was stale when it arrived is no value to hold: it was measured at its time, if that is of this run.
  if (line.mark !== 'stale' && value !== undefined && !(line.mark === 'initial' && line.quality === 'stale'))
    plot.add(secondsOf(line.time), value, line.mark === 'initial')
  if (line.quality === 'stale' || line.quality === 'bad') plot.break(at)
}
