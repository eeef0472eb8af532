/** Generated from the JSON Schemas by npm run types. Do not edit. */

/**
 * Instruments without hardware, for the demo, for teaching and for tests. Each is a device of its own; it needs no entry under devices.
 */
export interface SimulatorConfig {
  /**
   * Name of the instance, different from all instances and devices.
   */
  id: string
  /**
   * Type of the adapter.
   */
  type: 'simulator'
  /**
   * Device name to instrument.
   */
  instruments: {
    /**
     * One simulated instrument; model says which.
     */
    [k: string]:
      | {
          /**
           * Which instrument this is.
           */
          model: 'furnace'
          /**
           * Seconds between two readings. They count as old after four periods.
           */
          period: number
          /**
           * Start of the random numbers: the same seed gives the same noise.
           */
          seed: number
          /**
           * Seconds in which the furnace loses 63 % of its excess temperature with the heater off. The controller reaches a new setpoint in about this time.
           */
          timeConstant: number
          /**
           * Seconds from heater power to the first change of temperature.
           */
          deadTime: number
          /**
           * Temperature of the room in °C, where the furnace starts.
           */
          ambient: number
          /**
           * Highest setpoint in °C.
           */
          maximum: number
          /**
           * Noise of the thermocouple in °C (standard deviation).
           */
          noise: number
        }
      | {
          /**
           * Which instrument this is.
           */
          model: 'pressure-gauge'
          /**
           * Seconds between two readings. They count as old after four periods.
           */
          period: number
          /**
           * Start of the random numbers: the same seed gives the same noise.
           */
          seed: number
          /**
           * Seconds in which the pump goes 63 % of the decades that are left.
           */
          timeConstant: number
          /**
           * Lowest pressure in mbar that the pump reaches.
           */
          base: number
          /**
           * Noise of the gauge in decades (standard deviation of the logarithm).
           */
          noise: number
        }
      | {
          /**
           * Which instrument this is.
           */
          model: 'laser'
          /**
           * Seconds between two readings. They count as old after four periods.
           */
          period: number
          /**
           * Start of the random numbers: the same seed gives the same noise.
           */
          seed: number
          /**
           * Highest power in W.
           */
          maximum: number
          /**
           * Seconds from the closing of the door until the interlock closes.
           */
          rearm: number
          /**
           * Noise of the emitted power, as a part of it (standard deviation).
           */
          noise: number
        }
      | {
          /**
           * Which instrument this is.
           */
          model: 'balance'
          /**
           * Seconds between two readings. They count as old after four periods.
           */
          period: number
          /**
           * Start of the random numbers: the same seed gives the same noise.
           */
          seed: number
          /**
           * Heaviest load in g.
           */
          capacity: number
          /**
           * Noise in g (standard deviation).
           */
          noise: number
          /**
           * Drift of the zero in g per square root of an hour.
           */
          drift: number
          /**
           * Mean time in seconds between two changes of the load; 0: it never changes.
           */
          loadEvery: number
        }
      | {
          /**
           * Which instrument this is.
           */
          model: 'spectrometer'
          /**
           * Seconds between two readings. They count as old after four periods.
           */
          period: number
          /**
           * Start of the random numbers: the same seed gives the same noise.
           */
          seed: number
          /**
           * Number of points of a spectrum.
           */
          pixels: number
          /**
           * Shortest wavelength in nm.
           */
          from: number
          /**
           * Longest wavelength in nm.
           */
          to: number
          /**
           * Width of a line in nm (full width at half maximum).
           */
          resolution: number
          /**
           * Integration time in seconds of a call that names none.
           */
          integration: number
          /**
           * Spectra averaged by a call that names no number.
           */
          averages: number
        }
  }
}
