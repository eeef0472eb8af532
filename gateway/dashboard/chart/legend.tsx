import type { JSX } from 'preact'
import { freshness, store } from '../store.js'
import { nameOf } from './address.js'
import { colours } from './colours.js'
import type { ChartModel, Spec } from './model.js'
import { lookOf } from './palette.js'
import { spanOf } from './range.js'
import type { Sample, Trust } from './sample.js'
import { showValue, summaryOf, trustSigns } from './summary.js'
import { showSpan, showTime } from './ticks.js'

interface LegendProps {
  readonly model: ChartModel
  readonly specs: readonly Spec[]
}

/** What each line is, and its value under the cursor, or else the latest; a click hides and shows it. */
export function Legend({ model, specs }: LegendProps): JSX.Element {
  const { cursor, window } = model
  const span = spanOf(window)
  const { theme } = colours()
  return (
    <div class="chart-legend">
      <p class="chart-time">
        {cursor === undefined ? (
          <>
            Latest shown <span class="muted">· {showSpan(span)} in view</span>
          </>
        ) : (
          showTime(cursor, span)
        )}
      </p>
      <ul>
        {specs.map(({ ref, unit, digits, kind }, place) => {
          const { colour, dash, words } = lookOf(place, theme)
          const isHidden = model.isHidden(ref)
          const sample = isHidden ? undefined : cursor === undefined ? latestOf(model, ref) : model.at(ref, cursor)
          const trust = sample && trustOf(model, ref, sample, cursor === undefined)
          return (
            <li key={nameOf(ref)} class={isHidden ? 'off' : ''}>
              <button
                type="button"
                aria-pressed={!isHidden}
                title={`${isHidden ? 'Show' : 'Hide'} ${nameOf(ref)} (${kind === 'state' ? 'bands' : words})`}
                onClick={() => model.toggle(ref)}
              >
                <svg width="30" height="12" aria-hidden="true">
                  {kind === 'state' ? (
                    <rect x="1" y="3" width="28" height="6" fill={colour} />
                  ) : (
                    <line x1="1" y1="6" x2="29" y2="6" stroke={colour} stroke-width="3" stroke-dasharray={dash.join(' ')} />
                  )}
                </svg>
                <span>
                  <span class="muted">{ref.device}/</span>
                  {ref.codename}
                </span>
              </button>
              <output>
                {sample === undefined ? (isHidden ? 'hidden' : '–') : showValue(sample, unit, digits)}{' '}
                {trust === undefined || trust === 'good' ? null : (
                  <span class={`chart-trust ${trust}`}>
                    {trustSigns[trust].sign} {trustSigns[trust].word}
                  </span>
                )}
                {sample !== undefined && cursor !== undefined && sample.trust !== 'gap' ? (
                  <span class="muted"> {showTime(sample.measured, span).split(' ').at(-1)}</span>
                ) : null}
              </output>
            </li>
          )
        })}
      </ul>
    </div>
  )
}

/** Of what was last told, whatever is not known since. */
function latestOf(model: ChartModel, ref: Spec['ref']): Sample | undefined {
  const told = (model.feed(ref)?.track.samples() ?? []).filter(({ trust }) => trust !== 'gap')
  return summaryOf(told, model.window).latest
}

/** The latest may have grown old since it came. */
function trustOf(model: ChartModel, ref: Spec['ref'], sample: Sample, isLatest: boolean): Trust {
  const view = store.find(ref.device, ref.codename)
  if (!isLatest || !model.isLive || view === undefined || sample.trust !== 'good') return sample.trust
  return freshness(view) === 'stale' ? 'stale' : sample.trust
}
