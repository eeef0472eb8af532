import { useEffect, useReducer, useRef } from 'preact/hooks'

interface Changing {
  onChange(run: () => void): () => void
}

/**
 * Renders again after changes, at most five times a second; a plain value that stays the same does not. Large lists give each
 * member a plain value that tells when it changes (see `version`), and do not render again themselves. Not by `shouldComponentUpdate`
 * nor by elements that are kept: Preact's old trees then hold the newer ones, and the page grows for ever.
 */
export function useChanging<S extends Changing, T>(store: S, select: (store: S) => T): T {
  const [, render] = useReducer((count: number, _action: undefined) => count + 1, 0)
  const value = select(store)
  const held = useRef({ select, value })
  held.current = { select, value }
  useEffect(
    () =>
      store.onChange(() => {
        const { select: now, value: before } = held.current
        const next = now(store)
        if ((typeof next === 'object' && next !== null) || !Object.is(next, before)) render(undefined)
      }),
    []
  )
  return value
}
