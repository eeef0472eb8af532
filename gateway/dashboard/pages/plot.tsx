import type { JSX } from 'preact'
import { useMemo } from 'preact/hooks'
import { maxSeries, nameOf, readView, writeView } from '../chart/address.js'
import type { Ref } from '../chart/address.js'
import { Chart } from '../chart/index.js'
import { go } from '../router.js'
import type { PageProps } from '../router.js'
import { store } from '../store.js'
import { Card, Empty } from '../ui.js'
import { Picker } from './plot-picker.js'

/** Any codenames over any time. What is shown stands in the address: a link, a bookmark or the back button brings it again. */
export function PlotPage({ params }: PageProps): JSX.Element {
  const [from, to, y] = [params.get('from'), params.get('to'), params.get('y')]
  const names = params.all('c').join('\n')
  const {
    series,
    shown,
    isLog = false
  } = useMemo(() => {
    const query = new URLSearchParams([
      ...names.split('\n').map((name) => ['c', name]),
      ...(from === undefined ? [] : [['from', from]]),
      ...(to === undefined ? [] : [['to', to]]),
      ...(y === undefined ? [] : [['y', y]])
    ])
    return readView(query, store.now())
  }, [names, from, to, y])
  const pick = (ref: Ref, isPicked: boolean): void => {
    const others = series.filter((one) => nameOf(one) !== nameOf(ref))
    go(writeView({ series: isPicked ? [...others, ref] : others, shown, isLog }))
  }
  return (
    <>
      <h1>Plot</h1>
      <div class="plot-page">
        <Card>
          <Picker picked={series} onPick={pick} />
        </Card>
        <Card>
          {series.length === 0 ? (
            <Empty title="Nothing is picked yet">
              <p>
                Pick up to {maxSeries} codenames from the list. Those of one unit share an axis; what has no number is shown as bands, what
                is a curve as a curve.
              </p>
            </Empty>
          ) : (
            <Chart
              series={series}
              from={from ?? '-3600'}
              to={to}
              log={isLog}
              height={420}
              onShown={(next, nextLog) => go(writeView({ series, shown: next, isLog: nextLog }), { replace: true })}
            />
          )}
        </Card>
      </div>
    </>
  )
}
