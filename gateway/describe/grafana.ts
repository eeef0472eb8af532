/** A dashboard for Grafana, of what Prometheus has from /metrics: the state of the devices, and for each device and unit a plot. */
import { createHash } from 'node:crypto'
import type { Described, DescribedCodename, DescribedDevice } from './described.js'
import { valueKind } from './kinds.js'

type Json = Readonly<Record<string, unknown>>

/** What /metrics calls them. */
export const metrics = {
  value: 'labgate_value',
  age: 'labgate_age_seconds',
  quality: 'labgate_quality',
  up: 'labgate_device_up'
} as const

/** Of this gateway alone. */
const here = 'instance="$instance"'

/** Panels stand in a grid of so many columns. */
const columns = 24

/** Chosen on top of the dashboard. */
const source = { type: 'prometheus', uid: '${datasource}' }

export function grafana({ name, version, devices }: Described): Json {
  const grid = new Grid()
  grid.add(statePanel(), columns, 6)
  grid.add(stalePanel(), columns, 6)
  for (const device of devices) {
    if (!device.codenames.some(({ isRead }) => isRead)) continue
    const plots = plotsOf(device)
    grid.row(device.description === undefined ? device.device : `${device.device}: ${device.description}`)
    grid.add(qualityPanel(device), columns, 4 + Math.ceil(device.codenames.length / 4))
    for (const plot of plots) grid.add(plot, columns / 2, 8)
  }
  return {
    // The same after every generation: importing it again replaces it.
    uid: `labgate-${createHash('sha256').update(name).digest('hex').slice(0, 16)}`,
    title: `labgate: ${name}`,
    description: `All devices of ${name}, described by labgate ${version}`,
    tags: ['labgate'],
    schemaVersion: 39,
    version: 1,
    editable: true,
    graphTooltip: 1,
    refresh: '10s',
    time: { from: 'now-1h', to: 'now' },
    timezone: 'browser',
    templating: {
      list: [
        { name: 'datasource', label: 'Prometheus', type: 'datasource', query: 'prometheus', hide: 0, multi: false, includeAll: false },
        {
          name: 'instance',
          label: 'Gateway',
          description: 'Where several gateways are asked by one Prometheus: choose this one.',
          type: 'query',
          datasource: source,
          query: { query: `label_values(${metrics.up}, instance)`, refId: 'instance' },
          definition: `label_values(${metrics.up}, instance)`,
          refresh: 1,
          hide: 0,
          multi: false,
          includeAll: false
        }
      ]
    },
    annotations: { list: [] },
    panels: grid.panels
  }
}

/** Panels one after another, from left to right. */
class Grid {
  readonly panels: Json[] = []
  #x = 0
  #y = 0
  #height = 0

  add(panel: Json, w: number, h: number): void {
    if (this.#x + w > columns) this.#break()
    this.panels.push({ id: this.panels.length + 1, ...panel, gridPos: { x: this.#x, y: this.#y, w, h } })
    this.#x += w
    this.#height = Math.max(this.#height, h)
  }

  row(title: string): void {
    this.#break()
    this.add({ type: 'row', title, collapsed: false, panels: [] }, columns, 1)
    this.#break()
  }

  #break(): void {
    this.#y += this.#height
    ;[this.#x, this.#height] = [0, 0]
  }
}

function statePanel(): Json {
  return {
    type: 'stat',
    title: 'Devices',
    description: 'Can the gateway reach them?',
    datasource: source,
    targets: [target('A', `${metrics.up}{${here}}`, '{{device}}', true)],
    options: { colorMode: 'background', graphMode: 'none', textMode: 'value_and_name', reduceOptions: { calcs: ['lastNotNull'] } },
    fieldConfig: {
      defaults: {
        mappings: [
          {
            type: 'value',
            options: { '0': { text: 'not reachable', color: 'red', index: 0 }, '1': { text: 'online', color: 'green', index: 1 } }
          }
        ]
      },
      overrides: []
    }
  }
}

/** What must not be steered by. */
function stalePanel(): Json {
  const unfit = `${metrics.quality}{${here},quality!="good"} == 1`
  return {
    type: 'table',
    title: 'Readings that are not good, and how old they are',
    description:
      'stale: older than its maxAge, or its device is offline. bad: there is no value to trust. uncertain: its time or its value is doubtful.',
    datasource: source,
    targets: [
      { ...target('A', `(${unfit}) * on(instance, device, codename) group_left ${metrics.age}{${here}}`, '', true), format: 'table' }
    ],
    transformations: [
      {
        id: 'organize',
        options: {
          excludeByName: { Time: true, __name__: true, instance: true, job: true },
          indexByName: { device: 0, codename: 1, quality: 2, Value: 3 },
          renameByName: { Value: 'age' }
        }
      }
    ],
    options: { showHeader: true },
    fieldConfig: { defaults: {}, overrides: [{ matcher: { id: 'byName', options: 'age' }, properties: [{ id: 'unit', value: 's' }] }] }
  }
}

const qualities = [
  { text: 'good', color: 'green' },
  { text: 'uncertain', color: 'yellow' },
  { text: 'stale', color: 'orange' },
  { text: 'bad', color: 'red' }
] as const

/** Of every codename over time: where a plot has a gap, this tells why. */
function qualityPanel({ device }: DescribedDevice): Json {
  const one = ({ text }: { readonly text: string }, at: number): string =>
    `${at} * sum by (codename) (${metrics.quality}{${here},device=${quoted(device)},quality="${text}"})`
  return {
    type: 'state-timeline',
    title: `Quality of ${device}`,
    datasource: source,
    targets: [target('A', qualities.map(one).join(' + '), '{{codename}}')],
    options: { mergeValues: true, showValue: 'never', rowHeight: 0.8, legend: { displayMode: 'list', placement: 'bottom' } },
    fieldConfig: {
      defaults: {
        mappings: [
          { type: 'value', options: Object.fromEntries(qualities.map(({ text, color }, at) => [String(at), { text, color, index: at }])) }
        ]
      },
      overrides: []
    }
  }
}

/** One for each unit, of the codenames that may be numbers. */
function plotsOf({ device, codenames }: DescribedDevice): Json[] {
  const groups = new Map<string, DescribedCodename[]>()
  for (const described of codenames) {
    const kind = valueKind(described.schema)
    if (!described.isRead || !(kind === 'number' || kind === 'any' || kind === 'boolean')) continue
    const unit = described.unit ?? ''
    groups.set(unit, [...(groups.get(unit) ?? []), described])
  }
  return [...groups].map(([unit, group]) => plot(device, unit, group))
}

function plot(device: string, unit: string, group: readonly DescribedCodename[]): Json {
  const decimals = Math.max(...group.map(({ digits = -1 }) => digits))
  return {
    type: 'timeseries',
    title: unit === '' ? device : `${device} in ${unit}`,
    description: 'Drawn while the readings are good or uncertain; a gap is no value to trust.',
    datasource: source,
    targets: group.map(({ codename }, at) => target(`V${at}`, valueQuery(device, codename), '{{codename}}')),
    options: { legend: { displayMode: 'table', placement: 'bottom', calcs: ['lastNotNull', 'min', 'max'] }, tooltip: { mode: 'multi' } },
    fieldConfig: {
      defaults: {
        ...(unit === '' ? {} : { unit: `suffix: ${unit}` }),
        ...(decimals < 0 ? {} : { decimals }),
        custom: { drawStyle: 'line', lineWidth: 1, spanNulls: false, showPoints: 'auto' }
      },
      overrides: []
    }
  }
}

function valueQuery(device: string, codename: string): string {
  return `${metrics.value}{${here},device=${quoted(device)},codename=${quoted(codename)}}`
}

function target(refId: string, expr: string, legendFormat: string, instant = false): Json {
  return { refId, datasource: source, expr, legendFormat, ...(instant ? { instant: true, range: false } : { range: true }) }
}

/** A label's value as PromQL writes it. */
function quoted(text: string): string {
  return JSON.stringify(text)
}
