import type { Settings } from '../settings.js'
import { balance } from './balance.js'
import { furnace } from './furnace.js'
import { laser } from './laser.js'
import type { Model } from './model.js'
import { pressureGauge } from './pressure-gauge.js'
import { spectrometer } from './spectrometer.js'

/** The instrument that its settings describe, as it is when switched on. */
export function modelOf(settings: Settings): Model {
  switch (settings.model) {
    case 'furnace':
      return furnace(settings)
    case 'pressure-gauge':
      return pressureGauge(settings)
    case 'laser':
      return laser(settings)
    case 'balance':
      return balance(settings)
    case 'spectrometer':
      return spectrometer(settings)
  }
}
