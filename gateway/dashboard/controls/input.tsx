/** One control for one value, as its schema asks for it. */
import type { JSX } from 'preact'
import { bounds, kindOf, stepOf } from './schema.js'
import type { Schema } from './schema.js'
import type { Draft } from './draft.js'
import { formatUnit } from '../format.js'
import { Field } from '../ui.js'
import type { FieldIds } from '../ui.js'

interface InputProps {
  readonly schema: Schema | undefined
  readonly draft: Draft
  readonly onDraft: (draft: Draft) => void
  readonly label: string
  readonly unit?: string | undefined
  readonly digits?: number | undefined
  readonly error?: string | undefined
  readonly disabled: boolean
}

/** A field; for an object a field for each of its members. */
export function ValueInput(props: InputProps): JSX.Element {
  const { schema, draft, onDraft, label, error, unit } = props
  if (typeof draft === 'string')
    return (
      <Field label={label} hint={hintOf(schema, unit)} error={error}>
        {(ids) => <One {...props} draft={draft} ids={ids} optional={false} inside={false} />}
      </Field>
    )
  const needed = new Set(schema?.required ?? [])
  return (
    <fieldset aria-invalid={error !== undefined}>
      <legend>{label}</legend>
      {Object.entries(draft).map(([name, text]) => {
        const member = schema?.properties?.[name]
        const optional = !needed.has(name)
        return (
          <Field key={name} label={optional ? `${name} (may be left out)` : name} hint={hintOf(member)}>
            {(ids) => (
              <One
                schema={member}
                draft={text}
                onDraft={(next) => onDraft({ ...draft, [name]: next as string })}
                label={name}
                disabled={props.disabled}
                ids={ids}
                optional={optional}
                inside
              />
            )}
          </Field>
        )
      })}
      {error === undefined ? null : <p class="hint wrong">{error}</p>}
    </fieldset>
  )
}

function hintOf(schema: Schema | undefined, unit?: string): string | undefined {
  const parts = [schema?.description, bounds(schema, formatUnit(unit))].filter((part) => part !== undefined)
  return parts.length === 0 ? undefined : parts.join('; ')
}

interface OneProps extends InputProps {
  readonly draft: string
  readonly ids: FieldIds
  readonly optional: boolean
  readonly inside: boolean
}

function One({ schema, draft, onDraft, label, unit, digits, disabled, ids, optional, inside }: OneProps): JSX.Element {
  const kind = kindOf(schema, inside)
  const typed = (event: { readonly currentTarget: { readonly value: string } }): void => onDraft(event.currentTarget.value)
  if (kind === 'boolean' && !optional) return <Switch {...{ draft, onDraft, disabled, ids }} />
  if (kind === 'choice' || kind === 'boolean') {
    const choices = kind === 'boolean' ? [true, false] : schema?.const === undefined ? (schema?.enum ?? []) : [schema.const]
    return (
      <select {...ids} value={draft} disabled={disabled} onChange={typed}>
        {optional || draft === '' ? <option value="">{optional ? '(left out)' : 'choose …'}</option> : null}
        {choices.map((choice) => (
          <option key={JSON.stringify(choice)} value={JSON.stringify(choice)}>
            {String(choice)}
          </option>
        ))}
      </select>
    )
  }
  if (kind === 'number' || kind === 'integer') {
    const { minimum, maximum } = schema ?? {}
    const number = Number(draft)
    return (
      <div class="number">
        {minimum !== undefined && maximum !== undefined && maximum > minimum ? (
          <input
            type="range"
            aria-label={`${label}, slider`}
            min={minimum}
            max={maximum}
            step={stepOf(schema ?? {}, digits)}
            value={draft.trim() === '' || Number.isNaN(number) ? minimum : number}
            disabled={disabled}
            onInput={typed}
          />
        ) : null}
        <span class="typed">
          <input {...ids} type="text" inputMode="decimal" autoComplete="off" value={draft} disabled={disabled} onInput={typed} />
          {unit === undefined ? null : <span class="unit">{formatUnit(unit)}</span>}
        </span>
      </div>
    )
  }
  if (kind === 'string' && (schema?.maxLength ?? 0) <= 200)
    return <input {...ids} type="text" autoComplete="off" value={draft} disabled={disabled} onInput={typed} />
  return (
    <textarea
      {...ids}
      rows={Math.min(12, Math.max(3, draft.split('\n').length))}
      spellcheck={false}
      value={draft}
      disabled={disabled}
      onInput={typed}
    />
  )
}

function Switch({ draft, onDraft, disabled, ids }: Pick<OneProps, 'draft' | 'onDraft' | 'disabled' | 'ids'>): JSX.Element {
  const isOn = draft === 'true'
  return (
    <span class="switch">
      <input
        {...ids}
        type="checkbox"
        role="switch"
        aria-checked={isOn}
        checked={isOn}
        disabled={disabled}
        onChange={(event) => onDraft(String(event.currentTarget.checked))}
      />
      <span>{draft === '' ? 'not chosen' : isOn ? 'on (true)' : 'off (false)'}</span>
    </span>
  )
}
