/** Colours of the page for what is drawn on a canvas. */
import { shownTheme } from '../theme.js'
import type { Theme } from '../theme.js'

export interface Colours {
  readonly theme: Theme
  readonly text: string
  readonly muted: string
  readonly line: string
  readonly panel: string
  readonly accent: string
  readonly stale: string
  readonly bad: string
}

let known: Colours | undefined
let isWatched = false

/** As the style sheet says, looked up again when the theme changes. */
export function colours(): Colours {
  if (!isWatched) {
    isWatched = true
    const forget = (): void => {
      known = undefined
    }
    window.addEventListener('themechange', forget)
    matchMedia('(prefers-color-scheme: light)').addEventListener('change', forget)
  }
  if (known === undefined) {
    const style = getComputedStyle(document.documentElement)
    const of = (name: string): string => style.getPropertyValue(`--${name}`).trim()
    known = {
      theme: shownTheme(),
      text: of('text'),
      muted: of('muted'),
      line: of('line'),
      panel: of('panel'),
      accent: of('accent'),
      stale: of('stale'),
      bad: of('bad')
    }
  }
  return known
}
