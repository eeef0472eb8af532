/** One axis for each unit: codenames of one unit share it. Pure. */

export interface Wanted {
  readonly unit: string | undefined
  /** Numbers need an axis; states are drawn as bands. */
  readonly isNumber: boolean
}

export interface Axis {
  /** Name of the scale. */
  readonly scale: string
  /** As shown. */
  readonly unit: string
  readonly side: 'left' | 'right'
  /** Which of the wanted ones it is for. */
  readonly members: readonly number[]
}

export interface Axes {
  readonly axes: readonly Axis[]
  /** Those that find no axis. */
  readonly left: readonly number[]
  /** Why some are not drawn, and what to do; undefined: all are. */
  readonly why: string | undefined
}

/** What is shown for a codename without a unit. */
export const noUnit = 'no unit'

/** The same unit in another spelling is the same unit: the micro sign and the Greek letter, the ohm sign and the Greek letter. */
export function unitKey(unit: string | undefined): string {
  return (unit ?? '').normalize('NFKC').trim()
}

/** Left, right, left, right; at most `most` units. */
export function axesOf(wanted: readonly Wanted[], most: number): Axes {
  const units = new Map<string, { readonly unit: string; readonly members: number[] }>()
  wanted.forEach(({ unit, isNumber }, index) => {
    if (!isNumber) return
    const key = unitKey(unit)
    const found = units.get(key)
    if (found === undefined) units.set(key, { unit: key === '' ? noUnit : (unit as string).trim(), members: [index] })
    else found.members.push(index)
  })
  const all = [...units.values()]
  const axes = all.slice(0, most).map(({ unit, members }, i): Axis => ({
    scale: `y${i}`,
    unit,
    side: i % 2 === 0 ? 'left' : 'right',
    members
  }))
  const rest = all.slice(most)
  if (rest.length === 0) return { axes, left: [], why: undefined }
  const names = rest.map(({ unit }) => unit).join(', ')
  const why =
    `a plot of this width has room for the axes of ${most} units; not drawn: those in ${names}. ` +
    'Take away codenames of another unit, or open a second plot for them.'
  return { axes, left: rest.flatMap(({ members }) => members), why }
}

/** Units that a plot of this width has room for. */
export function roomFor(width: number): number {
  return width < 480 ? 2 : width < 900 ? 3 : 4
}

export interface Extent {
  readonly min: number
  readonly max: number
}

/** The place of a value on its axis: itself, or on one of powers its logarithm. */
export function placed(value: number, isLog: boolean): number {
  return isLog ? Math.log10(value) : value
}

/** With some air above and below; a line that never moves lies in the middle. */
export function airy(extent: Extent | undefined): Extent {
  if (extent === undefined) return { min: 0, max: 1 }
  const { min, max } = extent
  const size = max - min
  if (size > Math.max(Math.abs(min), Math.abs(max)) * 1e-9) return { min: min - size * 0.06, max: max + size * 0.06 }
  const half = min === 0 ? 1 : Math.abs(min) * 0.05
  return { min: min - half, max: max + half }
}

/** The scale that was kept while what is shown still lies in it and fills it well: an axis that jumps with every reading cannot be read. */
export function steady(before: Extent | undefined, extent: Extent | undefined): Extent {
  const wanted = airy(extent)
  if (before === undefined || extent === undefined) return wanted
  const fits = extent.min >= before.min && extent.max <= before.max
  const fills = wanted.max - wanted.min > (before.max - before.min) * 0.6
  return fits && fills ? before : wanted
}
