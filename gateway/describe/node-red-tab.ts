/** The tab of a device, and its page in the dashboard. */
import type { Schema } from '../schema-words.js'
import { readingsOf } from '../topic.js'
import type { DescribedCodename, DescribedDevice } from './described.js'
import { valueKind } from './kinds.js'
import { commands, looks, looksStart, points, pointsStart, state, words } from './node-red-code.js'
import type { Input, Line, Look } from './node-red-code.js'
import { callInput, setInput } from './node-red-inputs.js'
import type { Widget } from './node-red-inputs.js'
import { commandType, functionNode, likeExample } from './node-red-parts.js'
import type { FlowNode, Ids } from './node-red-parts.js'

export interface TabOptions {
  readonly root: string
  /** Of the device. */
  readonly topic: string
  readonly ids: Ids
  /** Config node of the server. */
  readonly server: string
  /** Place among the pages, from 1. */
  readonly order: number
}

/** Seconds for a reply, unless a call of the device may take longer. */
const replyWithin = 15

export function tabOf({ device, description, codenames }: DescribedDevice, { root, topic, ids, server, order }: TabOptions): FlowNode[] {
  const id = (...path: string[]): string => ids(device, ...path)
  const tab = id('tab')
  const shown = codenames.filter(({ isRead }) => isRead)
  const inputs = [
    ...codenames.filter(({ settable }) => settable).map((codename) => ({ codename, op: 'set', ...setInput(codename) })),
    ...codenames.filter(({ callable }) => callable !== undefined).map((codename) => ({ codename, op: 'call', ...callInput(codename) }))
  ]
  const followers = inputs.filter(({ takes }) => takes !== undefined)
  const numbers = shown.filter(isNumber)
  const units = [...new Set(numbers.map(({ unit }) => unit ?? ''))]
  const inputId = ({ codename, op }: (typeof inputs)[number]): string => id(op, codename.codename)

  const looksOf: Record<string, Look> = {}
  for (const [at, codename] of shown.entries()) {
    const control = followers.findIndex((follower) => follower.codename === codename)
    const level = levelOf(codename.topic)
    looksOf[level] = {
      at,
      isGauge: isNumber(codename),
      ...(isNumber(codename) && limitsOf(codename.schema) === undefined ? { grows: true } : {}),
      ...(level === codename.codename ? {} : { name: codename.codename }),
      ...(codename.digits === undefined ? {} : { digits: codename.digits }),
      ...(control < 0 ? {} : { control: shown.length + control, ...takesOf(followers[control]) })
    }
  }
  const lines: Record<string, Line> = {}
  for (const { topic: own, unit, ops } of numbers)
    lines[levelOf(own)] = { chart: units.indexOf(unit ?? ''), history: ops.includes('history') }

  const heard = (name: string, filter: string, wires: readonly string[], y: number): FlowNode => ({
    id: id('heard', name),
    type: 'mqtt in',
    z: tab,
    name: '',
    topic: filter,
    qos: '1',
    datatype: 'auto-detect',
    broker: server,
    nl: false,
    rap: true,
    rh: 0,
    inputs: 0,
    x: 150,
    y,
    wires: [wires]
  })
  const subflow = (name: string, timeout: number, done: string[], failed: string[], y: number): FlowNode => ({
    id: id(name),
    type: commandType,
    z: tab,
    name: '',
    x: 620,
    y,
    wires: [done, failed],
    env: [
      { name: 'broker', value: server, type: 'str' },
      { name: 'root', value: root, type: 'str' },
      { name: 'device', value: levelOf(topic), type: 'str' },
      { name: 'timeout', value: String(timeout), type: 'num' }
    ]
  })
  const widget = (node: Record<string, unknown>, x: number, y: number): FlowNode =>
    ({ ...node, z: tab, x, y, wires: node['type'] === 'ui-text' ? [] : [[]] }) as unknown as FlowNode
  const text = (name: string, label: string, group: string, at: number): Record<string, unknown> => ({
    ...likeExample('ui-text'),
    id: id('text', name),
    name,
    label,
    group: id('group', group),
    order: at,
    width: '6',
    height: '1',
    className: ''
  })
  const hasCharts = units.length > 0
  const hasCommands = inputs.length > 0
  const below = 160 + (shown.length + 1) * 40
  const after = below + (inputs.length + 2) * 40

  return [
    { id: tab, type: 'tab', label: device, disabled: false, info: description ?? '', env: [] },
    ...pageOf(device, id, order, { hasCommands, hasCharts }),
    { ...likeExample('ui-template'), id: id('style'), z: tab, page: id('page'), x: 150, y: 40, wires: [[]] },

    heard('state', topic, [id('state', 'words')], 80),
    functionNode({ id: id('state', 'words'), name: 'state', tab, func: state, wires: [[id('text', 'state')]], x: 430, y: 80 }),
    widget(text('state', 'State', 'readings', 1), 900, 80),

    heard('readings', readingsOf(topic), [id('looks'), ...(hasCharts ? [id('points')] : [])], 120),
    {
      id: id('connected'),
      type: 'status',
      z: tab,
      name: 'connected?',
      scope: [id('heard', 'readings')],
      x: 150,
      y: 160,
      wires: [[id('state', 'words'), id('looks'), ...(hasCharts ? [id('points')] : [])]]
    },
    functionNode({
      id: id('looks'),
      name: 'coloured or grey?',
      tab,
      initialize: looksStart,
      x: 430,
      y: 140,
      func: looks(looksOf, shown.length + followers.length),
      wires: [...shown.map(({ codename }) => [id('shown', codename)]), ...followers.map((follower) => [inputId(follower)])]
    }),
    ...shown.map((codename, at) => widget(displayOf(codename, id, at + 2, text), 900, 120 + at * 40)),

    ...(hasCommands
      ? [
          ...inputs.map((input, at) => ({
            ...widget({ width: '6', height: '0', ...input.properties }, 150, below + at * 40),
            id: inputId(input),
            group: id('group', 'commands'),
            order: at + 1,
            wires: [[id('commands')]]
          })),
          functionNode({
            id: id('commands'),
            name: 'as a command',
            tab,
            x: 400,
            y: below,
            func: commands(Object.fromEntries(inputs.map((input) => [input.properties['topic'] as string, input.input satisfies Input]))),
            wires: [[id('command')], [id('text', 'reply')]]
          }),
          subflow('command', timeoutOf(codenames), [id('words')], [id('words'), id('looks')], below),
          functionNode({ id: id('words'), name: 'in words', tab, func: words, wires: [[id('text', 'reply')]], x: 780, y: below }),
          widget(text('reply', 'Reply', 'commands', inputs.length + 1), 900, below)
        ]
      : []),

    ...(hasCharts
      ? [
          functionNode({
            id: id('points'),
            name: 'points',
            tab,
            initialize: pointsStart,
            x: 400,
            y: after,
            func: points(lines, units.length),
            wires: [...units.map((unit) => [id('chart', unit)]), [id('history')]]
          }),
          subflow('history', replyWithin, [id('points')], [id('points')], after),
          ...units.map((unit, at) => ({
            ...widget(likeExample('ui-chart'), 900, after + at * 40),
            id: id('chart', unit),
            name: unit === '' ? 'without unit' : unit,
            label: unit === '' ? 'without unit' : unit,
            group: id('group', 'charts'),
            order: at + 1
          }))
        ]
      : [])
  ]
}

function displayOf(
  described: DescribedCodename,
  id: (...path: string[]) => string,
  order: number,
  text: (name: string, label: string, group: string, at: number) => Record<string, unknown>
): Record<string, unknown> {
  const { codename, schema } = described
  if (!isNumber(described)) return { ...text(codename, codename, 'readings', order), id: id('shown', codename) }
  const { min, max } = limitsOf(schema) ?? { min: 0, max: 1 }
  return {
    ...likeExample('ui-gauge'),
    id: id('shown', codename),
    name: codename,
    title: codename,
    group: id('group', 'readings'),
    order,
    min,
    max,
    segments: [{ from: String(min), color: '#5cd65c', text: '', textType: 'label' }]
  }
}

function pageOf(
  device: string,
  id: (...path: string[]) => string,
  order: number,
  { hasCommands, hasCharts }: { readonly hasCommands: boolean; readonly hasCharts: boolean }
): FlowNode[] {
  const group = (name: string, title: string, width: string, at: number): FlowNode => ({
    ...likeExample('ui-group'),
    id: id('group', name),
    name: title,
    page: id('page'),
    width,
    order: at
  })
  return [
    { ...likeExample('ui-page'), id: id('page'), name: device, path: `/labgate-${device}`, order },
    group('readings', device, '6', 1),
    ...(hasCommands ? [group('commands', 'Commands', '6', 2)] : []),
    ...(hasCharts ? [group('charts', 'Last hour', '12', 3)] : [])
  ]
}

/** The last level. */
function levelOf(topic: string): string {
  return topic.slice(topic.lastIndexOf('/') + 1)
}

function isNumber({ schema }: Pick<DescribedCodename, 'schema'>): boolean {
  return valueKind(schema) === 'number'
}

function limitsOf(schema: object | undefined): { min: number; max: number } | undefined {
  const { minimum, exclusiveMinimum, maximum, exclusiveMaximum } = (schema ?? {}) as Schema
  const [min, max] = [minimum ?? exclusiveMinimum, maximum ?? exclusiveMaximum]
  return min === undefined || max === undefined || !(min < max) ? undefined : { min, max }
}

function takesOf(follower: Widget | undefined): Pick<Look, 'takes'> {
  return follower?.takes === undefined ? {} : { takes: follower.takes }
}

function timeoutOf(codenames: readonly DescribedCodename[]): number {
  return Math.max(replyWithin, ...codenames.map(({ callable }) => (callable?.timeout ?? 0) + 5))
}
