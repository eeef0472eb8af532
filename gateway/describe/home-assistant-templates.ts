/** Jinja templates, as Home Assistant runs them on our messages. `None` is its word for unknown. */

/** Of a state: can be reached, at least in part. */
export const onlineState = "{{ 'online' if value_json.state in ['online', 'degraded'] else 'offline' }}"

/** Of a reading: there is a value to trust. */
export const onlineReading = "{{ 'online' if value_json.quality in ['good', 'uncertain'] else 'offline' }}"

const value = 'value_json.value'

/** What a reading's value becomes; Home Assistant takes states of at most 255 characters. */
const forms = {
  number: value,
  /** Where nothing says that it is a number, but it has a unit. */
  perhaps: `${value} if ${value} is number and ${value} is not boolean else 'None'`,
  boolean: `${value} | tojson`,
  choices: value,
  text: `${value}[:255]`,
  any: `(${value} if ${value} is string else ${value} | tojson)[:255]`
}

export type Form = keyof typeof forms

/** `guarded`: unknown also when there is no value to trust, for entities that can be used all the same. */
export function stateTemplate(form: Form, guarded: boolean): string {
  const doubt = guarded ? ` or value_json.quality not in ['good', 'uncertain']` : ''
  return `{{ 'None' if ${value} is none${doubt} else ${forms[form]} }}`
}

/** The JSON form of a set. */
export const setTemplate = '{"value": {{ value | tojson }}}'

/** The same of a number, which Home Assistant hands over as a float. */
export const setIntegerTemplate = '{"value": {{ value | int }}}'
