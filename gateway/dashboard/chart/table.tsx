import type { JSX } from 'preact'
import { useState } from 'preact/hooks'
import { formatUtc } from '../format.js'
import { Table } from '../ui.js'
import { nameOf } from './address.js'
import type { ChartModel, Spec } from './model.js'
import { spanOf } from './range.js'
import { rowsOf, showValue, trustSigns } from './summary.js'
import { showTime } from './ticks.js'

/** Rows of each codename. */
const most = 100

/** The same in rows; made only while it is open, and it stands still until it is asked again. */
export function ChartTable({ model, specs }: { readonly model: ChartModel; readonly specs: readonly Spec[] }): JSX.Element {
  const [turn, setTurn] = useState(0)
  return (
    <details class="chart-table" onToggle={(event) => setTurn(event.currentTarget.open ? turn + 1 : 0)}>
      <summary>Table of what is shown</summary>
      {turn === 0 ? null : <Rows key={turn} model={model} specs={specs} onAgain={() => setTurn(turn + 1)} />}
    </details>
  )
}

function Rows({
  model,
  specs,
  onAgain
}: {
  readonly model: ChartModel
  readonly specs: readonly Spec[]
  readonly onAgain: () => void
}): JSX.Element {
  const [made] = useState(() => {
    const { window } = model
    const span = spanOf(window)
    return specs
      .filter(({ ref }) => !model.isHidden(ref))
      .flatMap(({ ref, unit, digits }) =>
        rowsOf(model.feed(ref)?.track.samples() ?? [], window, most).map((sample, i) => (
          <tr key={`${nameOf(ref)} ${i}`}>
            <td>{nameOf(ref)}</td>
            <td title={formatUtc(sample.measured)}>{showTime(sample.measured, span)}</td>
            <td>{showValue(sample, unit, digits)}</td>
            <td>
              {trustSigns[sample.trust].sign} {trustSigns[sample.trust].word}
            </td>
          </tr>
        ))
      )
  })
  return (
    <>
      <p class="muted">
        At most {most} rows of each codename; the CSV holds all.{' '}
        <button type="button" onClick={onAgain}>
          Again
        </button>
      </p>
      <Table head={['Codename', 'Time', 'Value', 'Quality']} caption="What the plot shows">
        {made}
      </Table>
    </>
  )
}
