/** Dark or light: as the system prefers, or as was chosen here. Storage may be forbidden; then the choice lasts as long as the page. */

export type Theme = 'dark' | 'light'

const system = matchMedia('(prefers-color-scheme: light)')

const key = 'labgate.theme'

export function chosenTheme(): Theme | undefined {
  try {
    const kept = localStorage.getItem(key)
    return kept === 'dark' || kept === 'light' ? kept : undefined
  } catch {
    return undefined
  }
}

export function shownTheme(): Theme {
  const set = document.documentElement.dataset['theme']
  if (set === 'dark' || set === 'light') return set
  return system.matches ? 'light' : 'dark'
}

/** For charts, which draw in colours of their own: the choice or the system's preference has changed. */
export function onTheme(run: () => void): () => void {
  window.addEventListener('themechange', run)
  system.addEventListener('change', run)
  return () => {
    window.removeEventListener('themechange', run)
    system.removeEventListener('change', run)
  }
}

/** Undefined: as the system prefers. Heard by {@link onTheme}. */
export function showTheme(theme: Theme | undefined, { keep = false } = {}): void {
  if (theme === undefined) delete document.documentElement.dataset['theme']
  else document.documentElement.dataset['theme'] = theme
  window.dispatchEvent(new Event('themechange'))
  if (!keep) return
  try {
    if (theme === undefined) localStorage.removeItem(key)
    else localStorage.setItem(key, theme)
  } catch {
    // It lasts as long as the page.
  }
}
