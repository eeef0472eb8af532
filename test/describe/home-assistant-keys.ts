/**
 * What Home Assistant documents for MQTT discovery (https://www.home-assistant.io/integrations/mqtt/, and the page of each platform):
 * the options of each platform that is used, and their abbreviations.
 */

/** Of every entity, besides `platform`, `unique_id` and what is above it. */
const shared =
  'availability availability_mode availability_topic availability_template default_entity_id enabled_by_default encoding entity_category entity_picture icon json_attributes_topic json_attributes_template name payload_available payload_not_available platform qos unique_id'

const state = 'state_topic value_template'
const command = 'command_topic command_template retain'

export const options: Readonly<Record<string, ReadonlySet<string>>> = {
  sensor: words(
    `${state} device_class expire_after force_update last_reset_value_template options suggested_display_precision state_class unit_of_measurement`
  ),
  binary_sensor: words(`${state} device_class expire_after force_update off_delay payload_off payload_on`),
  number: words(`${state} ${command} device_class max min mode optimistic payload_reset step unit_of_measurement`),
  switch: words(`${state} ${command} device_class optimistic payload_off payload_on state_off state_on`),
  select: words(`${state} ${command} optimistic options`),
  text: words(`${state} ${command} max min mode pattern`),
  button: words(`${command} device_class payload_press`)
}

/** Without these a platform refuses the entity. */
export const required: Readonly<Record<string, readonly string[]>> = {
  sensor: ['state_topic'],
  binary_sensor: ['state_topic'],
  number: ['command_topic'],
  switch: ['command_topic'],
  select: ['command_topic', 'options'],
  text: ['command_topic'],
  button: ['command_topic']
}

/** Of the message itself. */
export const root = new Set([
  'device',
  'origin',
  'components',
  'qos',
  'availability',
  'availability_mode',
  'encoding',
  'state_topic',
  'command_topic'
])

export const device = new Set(
  'configuration_url connections hw_version identifiers manufacturer model model_id name serial_number suggested_area sw_version via_device'.split(
    ' '
  )
)

export const origin = new Set(['name', 'sw_version', 'support_url'])

export const availability = new Set(['topic', 'payload_available', 'payload_not_available', 'value_template'])

const abbreviations: Readonly<Record<string, string>> = {
  avty: 'availability',
  avty_mode: 'availability_mode',
  cmd_t: 'command_topic',
  cmd_tpl: 'command_template',
  cmps: 'components',
  dev: 'device',
  dev_cla: 'device_class',
  ent_cat: 'entity_category',
  exp_aft: 'expire_after',
  o: 'origin',
  ops: 'options',
  p: 'platform',
  pl_off: 'payload_off',
  pl_on: 'payload_on',
  pl_prs: 'payload_press',
  ptrn: 'pattern',
  stat_cla: 'state_class',
  stat_off: 'state_off',
  stat_on: 'state_on',
  stat_t: 'state_topic',
  sug_dsp_prc: 'suggested_display_precision',
  t: 'topic',
  uniq_id: 'unique_id',
  unit_of_meas: 'unit_of_measurement',
  val_tpl: 'value_template'
}

/** Within `device` and `origin` the same letters stand for other words. */
const deviceAbbreviations: Readonly<Record<string, string>> = {
  cu: 'configuration_url',
  ids: 'identifiers',
  mdl: 'model',
  mf: 'manufacturer',
  sw: 'sw_version'
}

/** Sensors of these classes take only these units. */
export const units: Readonly<Record<string, readonly string[]>> = {
  temperature: ['°C', '°F', 'K'],
  voltage: ['V', 'mV', 'µV', 'kV', 'MV'],
  current: ['A', 'mA'],
  power: ['mW', 'W', 'kW', 'MW', 'GW', 'TW'],
  frequency: ['Hz', 'kHz', 'MHz', 'GHz'],
  pressure: ['cbar', 'bar', 'hPa', 'mmHg', 'inHg', 'inH₂O', 'kPa', 'mbar', 'Pa', 'psi'],
  weight: ['kg', 'g', 'mg', 'µg', 'oz', 'lb', 'st'],
  distance: ['km', 'm', 'cm', 'mm', 'mi', 'nmi', 'yd', 'in'],
  duration: ['d', 'h', 'min', 's', 'ms', 'µs'],
  illuminance: ['lx']
}

export function isShared(key: string): boolean {
  return words(shared).has(key)
}

/** With the names written out. */
export function long(given: object, of: 'entity' | 'device' = 'entity'): Record<string, unknown> {
  const table = of === 'device' ? deviceAbbreviations : abbreviations
  return Object.fromEntries(Object.entries(given).map(([key, value]) => [table[key] ?? key, value as unknown]))
}

function words(text: string): ReadonlySet<string> {
  return new Set(text.split(' '))
}
