/** Makes what a run consists of besides its two streams. All of it is read line by line: what is held does not grow with the run. */
import { open } from 'node:fs/promises'
import { join } from 'node:path'
import { CsvTables } from './csv.js'
import { secondsOf } from './lines.js'
import { cutHalfLine, readLines, readSmall, writeWhole } from './disk.js'
import { writeManifest } from './manifest.js'
import { Plot } from './plot.js'
import { CommandTable, reportOf } from './report.js'
import { numberOf, parseCommand, parseLine, surveyRun } from './survey.js'
import type { AnyLine, Survey, Surveyed } from './survey.js'
import { files, recordOf } from './types.js'
import type { RunRecord } from './types.js'

/** Plots in a report; what is beyond is in its table. */
const maxPlots = 300

/** Bytes of a run.json that are read. */
export const maxRecord = 2 ** 20

export interface Job {
  readonly folder: string
  /** RFC 3339. */
  readonly now: string
}

export interface Finished {
  readonly record: RunRecord
}

/** May be repeated. A run that its gateway left open is closed first. Rejects as the disk does. */
export async function finishRun({ folder, now }: Job): Promise<Finished> {
  const given = recordOf(await readSmall(join(folder, files.record), maxRecord))
  if (given === undefined) throw new Error(`${files.record} is damaged`)
  const isOpen = given.state === 'running' || given.ended === undefined
  if (isOpen) for (const name of [files.readings, files.commands]) await cutHalfLine(join(folder, name))
  const surveyed = await surveyRun(folder)
  const record = isOpen ? await closed(given, surveyed, folder) : given
  if (isOpen) await writeWhole(folder, files.record, JSON.stringify(record, null, 1) + '\n')
  // Streams that nothing was written to are files too.
  for (const name of [files.readings, files.commands]) await (await open(join(folder, name), 'a')).close()
  await tables(folder, record, surveyed)
  await writeManifest(folder, record.id, now)
  return { record }
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
      if (parsed !== undefined) commands.add(parsed)
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
