/** report.html: one page that needs nothing else. No script, nothing from a network. */
import { cut } from '../brief.js'
import { secondsOf } from './lines.js'
import type { CommandLine, LostLine } from './lines.js'
import type { Plot } from './plot.js'
import { shown } from './plot.js'
import type { Survey, Surveyed } from './survey.js'
import type { RunRecord } from './types.js'

/** Commands that are listed. */
const maxCommands = 2000

/** Characters of a value or a text in a table. */
const maxText = 200

/** What became of a command, from its steps. */
interface CommandRow {
  readonly at: string
  readonly what: string
  readonly who: string
  readonly op: string
  readonly asked: string
  readonly isCheck: boolean
  outcome: string
  isBad: boolean
  seconds: number | undefined
}

/** The commands of a run, from their steps. */
export class CommandTable {
  readonly #rows: CommandRow[] = []
  /** Of one client a codename may have the same id twice: one message of a rig gives it to all that it causes. */
  readonly #open = new Map<string, CommandRow[]>()
  #lost = 0
  left = 0

  lose({ lost }: LostLine): void {
    this.#lost += lost
  }

  add(line: CommandLine): void {
    const { at, device, codename, id, op, client, what, check, repeated, value } = line
    // Its answer is that of the first one.
    if (repeated === true) return
    const key = JSON.stringify([device, codename, op, client, id])
    const open = this.#open.get(key) ?? []
    if (open.length === 0 || what === 'asked') {
      if (what === 'late') return
      if (this.#rows.length >= maxCommands) {
        if (what === 'asked') this.left += 1
        return
      }
      const row: CommandRow = {
        at,
        what: short(`${device}/${codename}`),
        who: short(client),
        op,
        asked: what === 'asked' && value !== undefined && value !== null ? short(plain(value)) : '',
        isCheck: check === true,
        outcome: 'no answer',
        isBad: true,
        seconds: undefined
      }
      this.#rows.push(row)
      this.#open.set(key, open)
      open.push(row)
    }
    if (what !== 'done' && what !== 'failed' && what !== 'refused') return
    // What is refused was asked for a moment ago, while the one before is still under way.
    const row = what === 'refused' ? open.pop() : open.shift()
    if (open.length === 0) this.#open.delete(key)
    if (row !== undefined) this.#end(row, line)
  }

  #end(row: CommandRow, { at, what, value, error }: CommandLine): void {
    row.seconds = secondsOf(at) - secondsOf(row.at)
    row.isBad = what !== 'done' && !row.isCheck
    const text = value === undefined || value === null ? '' : short(plain(value))
    const said = error === undefined ? (what === 'done' && text === row.asked ? '' : text) : `${error.class}: ${error.message}`
    const maybe = error?.maybeExecuted === true ? ' (it may have been carried out)' : ''
    const outcome = `${what}${said === '' ? '' : `: ${short(said)}`}${maybe}`
    row.outcome = row.isCheck ? `only checked, not carried out${what === 'done' ? '' : `: ${outcome}`}` : outcome
  }

  html(): string {
    const lost = this.#lost === 0 ? '' : `<p>${this.#lost} steps of commands are lost: see commands.ndjson.</p>`
    if (this.#rows.length === 0) return `<p>No commands.</p>${lost}`
    const rows = this.#rows.map(({ at, what, who, op, asked, outcome, isBad, seconds }) => {
      const took = seconds === undefined || Number.isNaN(seconds) ? '' : `${shown(Math.max(0, seconds))} s`
      const cells = [at, what, op, asked, who].map((text) => `<td>${escape(text)}</td>`).join('')
      return `<tr>${cells}<td${isBad ? ' class="bad"' : ''}>${escape(outcome)}</td><td class="n">${took}</td></tr>`
    })
    const more = this.left === 0 ? '' : `<p>And ${this.left} more: see commands.ndjson.</p>`
    const head = ['time (UTC)', 'codename', 'op', 'value', 'asked by', 'outcome', 'took'].map((text) => `<th>${text}</th>`).join('')
    return `<div class="wide"><table><tr>${head}</tr>${rows.join('')}</table></div>${more}${lost}`
  }
}

export interface ReportParts {
  readonly record: RunRecord
  readonly surveyed: Surveyed
  readonly plots: ReadonlyMap<Survey, Plot>
  readonly commands: CommandTable
}

export function reportOf({ record, surveyed, plots, commands }: ReportParts): string {
  const title = record.name === '' ? record.id : record.name
  const surveys = [...surveyed.devices.values()].flatMap((codenames) => [...codenames.values()])
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escape(title)}</title>
<style>${style}</style>
</head>
<body>
<h1>${escape(title)}</h1>
<p class="state">${stateLine(record)}</p>
${facts(record, surveyed)}
<h2>Readings</h2>
${table(surveys)}
${surveys.map((survey) => section(survey, plots.get(survey))).join('\n')}
<h2>Commands</h2>
${commands.html()}
<h2>Files</h2>
<p>readings.ndjson holds every reading as it was published, commands.ndjson every step of every command; csv/ has a table of each device; schemas.json
what the codenames mean. <code>labgate verify</code> compares all of them with manifest.json.</p>
<p>Plots show the least and the greatest of each moment. A line holds a value until the next reading, as the gateway does, and ends where the value became stale
or bad, or readings were lost (a mark on the axis): nothing is interpolated.</p>
</body>
</html>
`
}

function stateLine({ state, reason }: RunRecord): string {
  return `<b class="${state === 'complete' ? 'good' : 'bad'}">${escape(state)}</b>${reason === undefined ? '' : ` ${escape(reason)}`}`
}

function facts(record: RunRecord, surveyed: Surveyed): string {
  const { devices, expRef, note, duration, gateway, configuration, clock } = record
  const rows: [string, string][] = [
    ['Started', `${record.started} by ${record.by}`],
    ['Ended', record.ended ?? 'unknown'],
    ...(duration === undefined ? [] : [['Duration', `${shown(duration)} s`] as [string, string]]),
    ...(typeof expRef === 'string' ? [['Experiment', expRef] as [string, string]] : []),
    ...(note === undefined ? [] : [['Note', note] as [string, string]]),
    ['Devices', devices === 'all' ? 'all' : devices.join(', ')],
    ['Readings', `${surveyed.readings}${surveyed.lost > 0 ? `, and ${surveyed.lost} lost` : ''}`],
    ['Commands', String(surveyed.commands)],
    ...(surveyed.broken > 0 ? [['Broken lines', `${surveyed.broken}, left out here`] as [string, string]] : []),
    ...clock.map(({ at, by }): [string, string] => ['Clock', `was set ${by < 0 ? 'back' : 'forward'} by ${Math.abs(by)} s before ${at}`]),
    ['Gateway', `${gateway.name}, labgate ${gateway.version}`],
    ['Configuration', `${configuration.file}, SHA-256 ${configuration.sha256}`],
    ['Run', record.id]
  ]
  return `<table class="facts">${rows.map(([name, text]) => `<tr><th>${name}</th><td>${escape(text)}</td></tr>`).join('')}</table>`
}

function table(surveys: readonly Survey[]): string {
  if (surveys.length === 0) return '<p>No readings.</p>'
  const head = ['codename', 'unit', 'readings', 'least', 'mean', 'greatest', 'last', 'at (UTC)', 'remarks']
    .map((text) => `<th>${text}</th>`)
    .join('')
  const rows = surveys.map((survey) => {
    const { device, codename, readings, numbers, min, max, sum, last } = survey
    const figures = numbers === 0 ? ['', '', ''] : [shown(min), shown(sum / numbers), shown(max)]
    const remarks = [
      ...(survey.stale > 0 ? [`stale ${survey.stale}×`] : []),
      ...(survey.bad > 0 ? [`${survey.bad} bad`] : []),
      ...(survey.uncertain > 0 ? [`${survey.uncertain} uncertain`] : [])
    ].join(', ')
    const cells = [String(readings), ...figures].map((text) => `<td class="n">${escape(text)}</td>`).join('')
    const end = [last === undefined ? '' : short(plain(last.value)), last?.time ?? '', remarks]
      .map((text) => `<td>${escape(text)}</td>`)
      .join('')
    return `<tr><td>${escape(`${device}/${codename}`)}</td><td>${escape(unitOf(survey))}</td>${cells}${end}</tr>`
  })
  return `<div class="wide"><table><tr>${head}</tr>${rows.join('')}</table></div>`
}

function section(survey: Survey, plot: Plot | undefined): string {
  const { device, codename, changes, moreChanges } = survey
  const unit = unitOf(survey)
  const title = `${device}/${codename}${unit === '' ? '' : ` [${unit}]`}`
  const svg = plot?.svg(escape(title))
  const outside =
    plot === undefined || plot.outside === 0 ? '' : `<p>${plot.outside} readings with times outside of the run are not drawn.</p>`
  if (svg !== undefined) return `<section><h3>${escape(title)}</h3>${svg}${outside}</section>`
  if (changes.length === 0) return ''
  const rows = changes.map(({ time, text }) => `<tr><td>${escape(time)}</td><td>${escape(text)}</td></tr>`).join('')
  const more = moreChanges === 0 ? '' : `<p>And ${moreChanges} more changes.</p>`
  return `<section><h3>${escape(title)}</h3><table>${rows}</table>${more}</section>`
}

function unitOf({ units }: Survey): string {
  return Array.from(units).join(', ')
}

function plain(value: unknown): string {
  return typeof value === 'string' ? value : (JSON.stringify(value) ?? '')
}

/** A copy: thousands of rows must not hold on to what they were cut from. */
function short(text: string): string {
  return cut(text, maxText)
}

function escape(text: string): string {
  return text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`)
}

const style = `
:root { color-scheme: light dark; --line: #06c; --muted: #667; --rule: #ccd; --bad: #b00; --good: #070 }
@media (prefers-color-scheme: dark) { :root { --line: #6bf; --muted: #99a; --rule: #445; --bad: #f77; --good: #7c7 } }
body { font: 16px/1.4 system-ui, sans-serif; max-width: 70rem; margin: 1rem auto; padding: 0 1rem }
table { border-collapse: collapse } th, td { text-align: left; padding: .2rem .6rem .2rem 0; border-bottom: 1px solid var(--rule); vertical-align: top }
td { overflow-wrap: anywhere } .wide { overflow-x: auto } .wide td { overflow-wrap: normal; white-space: pre-wrap; max-width: 24rem }
.n { text-align: right; font-variant-numeric: tabular-nums } .bad { color: var(--bad) } .good { color: var(--good) }
svg { width: 100%; max-width: 56rem; display: block } section { break-inside: avoid } h3 { margin: 1rem 0 .2rem; font-size: 1rem }
.line { fill: none; stroke: var(--line); stroke-width: 1.5; stroke-linecap: round; stroke-linejoin: round }
.grid { stroke: var(--rule); stroke-width: .5 } .frame { fill: none; stroke: var(--muted); stroke-width: 1 } .gap { stroke: var(--bad); stroke-width: 2 }
text { fill: var(--muted); font: 11px system-ui, sans-serif } .y { text-anchor: end; dominant-baseline: middle } .x { text-anchor: middle }
`
