/** Colours that those who see no red or no green tell apart (after Okabe and Ito), and beside each a style of line: never a colour alone. Pure. */

export interface Look {
  readonly colour: string
  /** Lengths of dash and gap, CSS pixels; none: a full line. */
  readonly dash: readonly number[]
  /** The style in words. */
  readonly words: string
}

type Theme = 'dark' | 'light'

const colours: Readonly<Record<Theme, readonly string[]>> = {
  dark: ['#56b4e9', '#e69f00', '#2bc093', '#f0e442', '#e58bc0', '#ff8a5c'],
  light: ['#0065a8', '#b85c00', '#00795a', '#7a5f00', '#a8437f', '#c23b00']
}
const styles: readonly Omit<Look, 'colour'>[] = [
  { dash: [], words: 'full line' },
  { dash: [9, 4], words: 'dashed line' },
  { dash: [9, 3, 2, 3], words: 'line of dashes and dots' }
]

/** The look of the codename at this place: the colours change first, then also the style, so that twelve can be told apart. */
export function lookOf(place: number, theme: Theme): Look {
  const among = colours[theme]
  const style = styles[Math.floor(place / among.length) % styles.length] as Omit<Look, 'colour'>
  return { colour: among[place % among.length] as string, ...style }
}

/** Fills of states: words stand in them in the colour of the text. */
const fills: Readonly<Record<Theme, readonly string[]>> = {
  dark: ['#3b4656', '#1d5f45', '#6b4a12', '#4a3a72', '#155a78', '#6d3550'],
  light: ['#d5dbe3', '#bfe8d6', '#fadfb0', '#ddd3f3', '#c4e3f3', '#f5cfe0']
}

export const shades = fills.dark.length

export function fillOf(shade: number, theme: Theme): string {
  return fills[theme][shade % shades] as string
}
