export interface Lamp {
  /** Wavelength in nm, strength relative to the strongest line of a lamp. */
  readonly lines: readonly { readonly nm: number; readonly strength: number }[]
  /** Light between the lines, on the same scale. */
  readonly continuum: (nm: number) => number
}

const none = (): number => 0

/** Strongest visible lines of the usual teaching lamps; wavelengths in air as the NIST tables give them, strengths rounded by eye. */
export const lamps: Readonly<Record<string, Lamp>> = {
  off: { lines: [], continuum: none },
  mercury: {
    lines: [
      { nm: 404.66, strength: 0.4 },
      { nm: 435.83, strength: 0.8 },
      { nm: 546.07, strength: 1 },
      { nm: 576.96, strength: 0.3 },
      { nm: 579.07, strength: 0.3 }
    ],
    continuum: none
  },
  sodium: {
    lines: [
      { nm: 589.0, strength: 1 },
      { nm: 589.59, strength: 0.5 },
      { nm: 819.48, strength: 0.2 }
    ],
    continuum: none
  },
  hydrogen: {
    lines: [
      { nm: 434.05, strength: 0.2 },
      { nm: 486.13, strength: 0.4 },
      { nm: 656.28, strength: 1 }
    ],
    continuum: none
  },
  // A filament at about 2900 K rises towards the infrared.
  tungsten: { lines: [], continuum: (nm) => 0.5 * Math.min(1, Math.max(0, (nm - 300) / 550)) ** 2 }
}
