import assert from 'node:assert/strict'
import { grafana, metrics } from '../../gateway/describe/grafana.js'
import { described, describedFile, files } from './described.js'

interface Panel {
  readonly id: number
  readonly type: string
  readonly title: string
  readonly gridPos: { readonly x: number; readonly y: number; readonly w: number; readonly h: number }
  readonly datasource?: { readonly uid: string }
  readonly targets?: readonly { readonly refId: string; readonly expr: string }[]
  readonly fieldConfig?: { readonly defaults: { readonly unit?: string; readonly decimals?: number } }
}

interface Dashboard {
  readonly uid: string
  readonly schemaVersion: number
  readonly panels: readonly Panel[]
  readonly templating: { readonly list: readonly { readonly name: string; readonly type: string; readonly query: unknown }[] }
}

const lab = `
devices:
  oven:
    codenames:
      temperature: { unit: °C, digits: 1, schema: { type: number } }
      setpoint: { unit: °C, settable: true, schema: { type: number } }
      power: { unit: W, schema: { type: number } }
      'on': { schema: { type: boolean } }
      name: { schema: { type: string } }
      vent: { callable: {} }
adapters: []
`

const make = (yaml = lab): Dashboard => grafana(described(yaml)) as unknown as Dashboard

describe('the dashboard for Grafana', () => {
  for (const file of files)
    it(`of ${file} has panels that do not overlap, and asks only for what /metrics has`, () => {
      const found = describedFile(file)
      const { panels, schemaVersion, uid } = grafana(found) as unknown as Dashboard
      assert.ok(schemaVersion >= 36)
      assert.match(uid, /^[\w-]{1,40}$/)
      assert.equal(new Set(panels.map(({ id }) => id)).size, panels.length)
      const taken = new Set<string>()
      for (const {
        gridPos: { x, y, w, h },
        title
      } of panels) {
        assert.ok(x >= 0 && x + w <= 24 && w > 0 && h > 0, title)
        for (let row = y; row < y + h; row++)
          for (let column = x; column < x + w; column++) {
            assert.ok(!taken.has(`${row} ${column}`), `${title} lies on another`)
            taken.add(`${row} ${column}`)
          }
      }
      const known = new Set(found.devices.flatMap(({ codenames }) => codenames.map(({ device, codename }) => `${device}/${codename}`)))
      const names = new Set<string>(Object.values(metrics))
      for (const { targets = [], datasource, title } of panels) {
        assert.equal(new Set(targets.map(({ refId }) => refId)).size, targets.length, title)
        if (targets.length > 0) assert.equal(datasource?.uid, '${datasource}')
        for (const { expr } of targets) {
          for (const [name] of expr.matchAll(/\blabgate_\w+/g)) assert.ok(names.has(name), name)
          const [, device, codename] = /device="([^"]+)",codename="([^"]+)"/.exec(expr) ?? []
          if (device !== undefined) assert.ok(known.has(`${device}/${codename}`), expr)
          for (const selector of expr.matchAll(/labgate_\w+(\{[^}]*\})?/g)) assert.match(String(selector[1]), /^\{instance="\$instance"/)
        }
      }
    })

  it('has a plot for each unit of a device, of what can be drawn', () => {
    const plots = make().panels.filter(
      ({ type, targets = [] }) => type === 'timeseries' && targets.some(({ expr }) => expr.includes('"oven"'))
    )
    const queries = plots.map(({ title, targets = [], fieldConfig }) => [
      title,
      fieldConfig?.defaults.unit,
      fieldConfig?.defaults.decimals,
      targets.map(({ expr }) => /codename="([^"]+)"/.exec(expr)?.[1])
    ])
    assert.deepEqual(queries, [
      ['oven in °C', 'suffix: °C', 1, ['temperature', 'setpoint']],
      ['oven in W', 'suffix: W', undefined, ['power']],
      ['oven', undefined, undefined, ['on']]
    ])
  })

  it('shows the state of the devices, and what is not good', () => {
    const { panels } = make()
    const of = (type: string, metric: string): boolean =>
      panels.some((panel) => panel.type === type && panel.targets?.some(({ expr }) => expr.includes(metric)) === true)
    assert.ok(of('stat', 'labgate_device_up'))
    assert.ok(of('table', 'labgate_quality{instance="$instance",quality!="good"}') && of('table', 'labgate_age_seconds'))
    assert.ok(of('state-timeline', 'labgate_quality'))
  })

  it('lets its data source be chosen, and is the same after every generation', () => {
    assert.deepEqual(
      make().templating.list.map(({ name, type }) => [name, type]),
      [
        ['datasource', 'datasource'],
        ['instance', 'query']
      ]
    )
    assert.deepEqual(make(), make())
    assert.notEqual(make(`gateway: { name: other }\n${lab}`).uid, make().uid)
  })
})
