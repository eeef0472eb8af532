import type { JSX } from 'preact'
import { useState } from 'preact/hooks'
import { maxSeries, nameOf } from '../chart/address.js'
import type { Ref } from '../chart/address.js'
import { noUnit, unitKey } from '../chart/axes.js'
import { formatUnit } from '../format.js'
import { useStore } from '../store.js'
import { Field } from '../ui.js'

interface PickerProps {
  readonly picked: readonly Ref[]
  readonly onPick: (ref: Ref, isPicked: boolean) => void
}

interface Choice {
  readonly ref: Ref
  readonly name: string
  readonly unit: string
  /** What is searched in. */
  readonly text: string
}

/** Rows that are shown; a search finds the others. */
const most = 150

/** All codenames, to be searched by words and by unit. */
export function Picker({ picked, onPick }: PickerProps): JSX.Element {
  const [words, setWords] = useState('')
  const [unit, setUnit] = useState('')
  // On a phone what is picked is shown, and the list is at hand.
  const [isOpen] = useState(() => picked.length === 0 || matchMedia('(min-width: 56.01rem)').matches)
  // Names come and go seldom: a string tells whether they did.
  const text = useStore((s) =>
    s
      .devices()
      .toSorted((a, b) => Number(a.device === 'gateway') - Number(b.device === 'gateway'))
      .flatMap(({ codenames }) =>
        codenames
          // What can only be called has nothing to draw.
          .filter(({ meta, reading }) => reading !== undefined || meta?.callable === undefined)
          .map(({ device, codename, meta, reading }) =>
            [device, codename, formatUnit(meta?.unit ?? reading?.unit), meta?.description ?? ''].join('\t')
          )
      )
      .join('\n')
  )
  const choices = choicesOf(text)
  const names = new Set(picked.map(nameOf))
  const units = new Map<string, number>()
  for (const choice of choices) units.set(choice.unit, (units.get(choice.unit) ?? 0) + 1)
  const wanted = words.toLowerCase().split(/\s+/).filter(Boolean)
  const found = choices.filter(
    (choice) => !names.has(choice.name) && (unit === '' || choice.unit === unit) && wanted.every((word) => choice.text.includes(word))
  )
  const isFull = picked.length >= maxSeries
  const row = (ref: Ref, name: string, shown: string, isPicked: boolean): JSX.Element => (
    <label key={name}>
      <input
        type="checkbox"
        checked={isPicked}
        disabled={isFull && !isPicked}
        onChange={(event) => onPick(ref, event.currentTarget.checked)}
      />
      <span>
        {ref.device}/{ref.codename}
      </span>
      <span class="unit">{shown}</span>
    </label>
  )
  return (
    <details class="plot-picker" open={isOpen}>
      <summary>
        Codenames ({picked.length} of {maxSeries})
      </summary>
      <Field label="Search">
        {(ids) => (
          <input {...ids} type="search" value={words} placeholder="furnace temp" onInput={(event) => setWords(event.currentTarget.value)} />
        )}
      </Field>
      <Field label="Unit">
        {(ids) => (
          <select {...ids} value={unit} onChange={(event) => setUnit(event.currentTarget.value)}>
            <option value="">all units</option>
            {[...units]
              .sort(([a], [b]) => compareUnits(a, b))
              .map(([name, count]) => (
                <option key={name} value={name}>
                  {name} ({count})
                </option>
              ))}
          </select>
        )}
      </Field>
      {picked.length === 0 ? null : (
        <fieldset>
          <legend>Picked</legend>
          {picked.map((ref) => {
            const name = nameOf(ref)
            return row(ref, name, choices.find((choice) => choice.name === name)?.unit ?? 'not there now', true)
          })}
        </fieldset>
      )}
      <fieldset>
        <legend>
          <span role="status">
            {isFull ? `A plot has at most ${maxSeries} codenames: take one away first` : `${found.length} to pick from`}
          </span>
        </legend>
        {found.slice(0, most).map(({ ref, name, unit: shown }) => row(ref, name, shown, false))}
        {found.length > most ? <p class="muted">and {found.length - most} more: search for them</p> : null}
      </fieldset>
    </details>
  )
}

const { compare: compareUnits } = new Intl.Collator('en')

let madeOf = ''
let made: readonly Choice[] = []

function choicesOf(text: string): readonly Choice[] {
  if (text === madeOf) return made
  madeOf = text
  made = text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => {
      const [device = '', codename = '', unit = '', description = ''] = line.split('\t')
      const ref = { device, codename }
      const shown = unitKey(unit) === '' ? noUnit : unit
      return { ref, name: nameOf(ref), unit: shown, text: `${device}/${codename} ${shown} ${description}`.toLowerCase() }
    })
  return made
}
