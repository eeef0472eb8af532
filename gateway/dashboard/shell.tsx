/** What stands around every page: navigation, the gateway's name, and whether what is shown can be believed. */
import type { JSX } from 'preact'
import { useEffect, useRef, useState } from 'preact/hooks'
import { formatAge } from './format.js'
import { Guard } from './guard.js'
import { LoginPage, Who } from './login.js'
import { routes } from './pages.js'
import { Params, match, useHash } from './router.js'
import { useStore } from './store.js'
import { onTheme, showTheme, shownTheme } from './theme.js'
import { Badge, Button, Empty, Time } from './ui.js'

export function App(): JSX.Element {
  const hash = useHash()
  const lost = useStore((s) => s.connection.state !== 'connected')
  const wanted = useStore((s) => s.session.wanted)
  const hidden = useHidden()
  const main = useRef<HTMLElement>(null)
  const found = routes.map((route) => ({ route, params: match(route.path, hash) })).find(({ params }) => params !== undefined)
  const path = found?.params?.path
  const first = useRef(true)
  const isOut = wanted !== 'no'
  const title = isOut ? 'Log in' : (found?.route.title ?? 'Not found')
  useEffect(() => {
    document.title = `${title} · labgate`
    if (first.current) first.current = false
    // The form to log in takes it to its first field.
    else if (!isOut) main.current?.focus({ preventScroll: true })
    window.scrollTo(0, 0)
  }, [path, title, isOut])
  const area = found?.route.area
  useEffect(() => {
    document.addEventListener('keydown', toFilter)
    return () => document.removeEventListener('keydown', toFilter)
  }, [])
  const Page = found?.route.page
  return (
    <>
      <a class="skip" href={hash === '' ? '#/' : hash} onClick={() => main.current?.focus()}>
        Skip to the page
      </a>
      <Header hash={hash} isOut={isOut} />
      {isOut ? null : <Banner />}
      <main ref={main} tabIndex={-1} class={lost ? 'lost' : ''}>
        <Guard key={isOut ? 'login' : path} address={hash}>
          {isOut ? (
            <LoginPage wanted={wanted} />
          ) : Page === undefined ? (
            <NotFound />
          ) : area !== undefined && hidden.includes(area) ? (
            <NotAllowed />
          ) : (
            <Page params={found?.params ?? new Params()} />
          )}
        </Guard>
      </main>
    </>
  )
}

/** `/` goes to the filter of the page, where it has one: any element with data-filter. */
function toFilter(event: KeyboardEvent): void {
  const isTyping = event.target instanceof HTMLElement && event.target.matches('input, textarea, select, [contenteditable]')
  if (event.key !== '/' || event.ctrlKey || event.metaKey || event.altKey || isTyping) return
  const filter = document.querySelector<HTMLElement>('[data-filter]')
  if (filter === null) return
  event.preventDefault()
  filter.focus()
}

/** Areas that the role may not see, of those that pages name. */
function useHidden(): readonly string[] {
  const seen = useStore((s) => s.session.me?.may.see.join(' '))
  return seen === undefined ? [] : routes.flatMap(({ area }) => (area === undefined || seen.split(' ').includes(area) ? [] : [area]))
}

function Header({ hash, isOut }: { readonly hash: string; readonly isOut: boolean }): JSX.Element {
  const hidden = useHidden()
  const name = useStore((s) => s.info()?.name)
  const connected = useStore((s) => s.connection.state)
  const [isOpen, setOpen] = useState(false)
  const [theme, setTheme] = useState(shownTheme())
  const toggle = (): void => showTheme(theme === 'dark' ? 'light' : 'dark', { keep: true })
  useEffect(() => onTheme(() => setTheme(shownTheme())), [])
  useEffect(() => setOpen(false), [hash])
  return (
    <header class="top">
      <a class="brand" href="#/" title={name === undefined ? 'labgate' : `labgate ${name}`}>
        {name ?? 'labgate'}
      </a>
      <button type="button" class="menu" aria-expanded={isOpen} aria-controls="nav" onClick={() => setOpen(!isOpen)} hidden={isOut}>
        Menu
      </button>
      <nav id="nav" class={isOpen ? 'open' : ''} aria-label="Pages">
        {routes
          .filter(({ nav, area }) => !isOut && nav !== undefined && (area === undefined || !hidden.includes(area)))
          .map(({ path, nav }) => (
            <a key={path} href={`#${path}`} aria-current={match(path, hash) === undefined ? undefined : 'page'}>
              {nav}
            </a>
          ))}
      </nav>
      <div class="tools">
        <Who />
        {isOut ? null : connected === 'connected' ? <Badge tone="good">connected</Badge> : <Badge tone="bad">not connected</Badge>}
        <Button onClick={toggle} label={theme === 'dark' ? 'Show it light' : 'Show it dark'}>
          {theme === 'dark' ? '☀' : '☾'}
        </Button>
      </div>
    </header>
  )
}

/** Nobody must take what is shown for the present when it is not. */
function Banner(): JSX.Element | null {
  const { state, since, reason } = useStore((s) => ({ ...s.connection }))
  const now = useStore((s) => Math.floor(s.now()))
  const mustReload = useStore((s) => s.mustReload)
  const beyond = useStore((s) => s.beyond)
  return (
    <div role="status">
      {state === 'connected' ? null : (
        <p class="banner bad">
          <strong>{state === 'lost' ? 'Not connected' : 'Connecting'}</strong> since <Time time={since} /> ({formatAge(now - since)}):{' '}
          {reason}. What is shown is what was, and its age goes on. It is tried again and again.
        </p>
      )}
      {mustReload ? (
        <p class="banner">
          The gateway serves a newer version of this page. <Button onClick={() => location.reload()}>Reload</Button>
        </p>
      ) : null}
      {beyond > 0 ? <p class="banner">There are more codenames than a page can hold: further ones are not shown.</p> : null}
    </div>
  )
}

function NotAllowed(): JSX.Element {
  const role = useStore((s) => s.session.me?.role)
  return (
    <Empty title="You may not see this">
      <p>
        The role {role} has no right to it. Ask whoever keeps the gateway, or go to the <a href="#/">overview</a>.
      </p>
    </Empty>
  )
}

function NotFound(): JSX.Element {
  return (
    <Empty title="There is no such page">
      <p>
        Go to the <a href="#/">overview</a>.
      </p>
    </Empty>
  )
}
