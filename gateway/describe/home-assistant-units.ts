/**
 * Units that tell what is measured, whatever it is of. A device class makes Home Assistant convert units, so nothing is guessed: `%` may be
 * anything, K may be a difference, J may be one pulse.
 */
const classes: Readonly<Record<string, readonly string[]>> = {
  temperature: ['°C', '°F'],
  voltage: ['V', 'mV', 'µV', 'kV'],
  current: ['A', 'mA'],
  power: ['W', 'mW', 'kW'],
  frequency: ['Hz', 'kHz', 'MHz', 'GHz'],
  pressure: ['Pa', 'hPa', 'kPa', 'bar', 'mbar', 'psi', 'mmHg'],
  weight: ['kg', 'g', 'mg', 'µg'],
  distance: ['km', 'm', 'cm', 'mm'],
  duration: ['d', 'h', 'min', 's', 'ms'],
  illuminance: ['lx']
}

const byUnit = new Map(Object.entries(classes).flatMap(([name, units]) => units.map((unit): [string, string] => [unit, name])))

export function deviceClass(unit: string): string | undefined {
  return byUnit.get(unit)
}
