/** Who looks: a name and a password, and a way out. */
import type { JSX } from 'preact'
import { useEffect, useRef, useState } from 'preact/hooks'
import { ApiError } from './api.js'
import { monotonic } from './clock.js'
import { useDoing } from './pages/poll.js'
import { store, useStore } from './store.js'
import type { Wanted } from './store/session.js'
import { Button, Card, Field } from './ui.js'

const why: Readonly<Record<Wanted, string>> = {
  no: '',
  chosen: 'Until then nothing is shown.',
  ended: 'The login has ended: nothing is shown until you log in again, or go on without.',
  needed: 'The gateway shows nothing to who does not say who he is.'
}

/** In place of every page. When somebody is let in the page that was open comes again. */
export function LoginPage({ wanted }: { readonly wanted: Wanted }): JSX.Element {
  const [user, setUser] = useState('')
  const [password, setPassword] = useState('')
  const [until, setUntil] = useState(0)
  const doing = useDoing<void>()
  const field = useRef<HTMLInputElement>(null)
  const secret = useRef<HTMLInputElement>(null)
  // Renders once a second, for the time that is left.
  useStore((s) => Math.floor(s.now()))
  useEffect(() => field.current?.focus(), [])
  const left = Math.ceil(until - monotonic())
  const blocked = doing.busy ? 'it is being checked' : left > 0 ? `wait ${left} s` : user === '' ? 'enter your name' : undefined
  const run = (work: () => Promise<void>): void => {
    if (blocked === undefined || work !== login) doing.run(work)
  }
  const login = async (): Promise<void> => {
    try {
      await store.session.login(user.trim(), password)
    } catch (error) {
      if (error instanceof ApiError && error.retryAfter !== undefined) setUntil(monotonic() + error.retryAfter)
      setPassword('')
      secret.current?.focus()
      throw error
    }
  }
  return (
    <Card class="login">
      <h1>Log in</h1>
      <p class="muted">{why[wanted]}</p>
      <form
        class="start"
        aria-label="Log in"
        onSubmit={(event) => {
          event.preventDefault()
          run(login)
        }}
      >
        <Field label="Name">
          {(ids) => (
            <input
              {...ids}
              ref={field}
              type="text"
              value={user}
              maxLength={63}
              autocomplete="username"
              autocapitalize="none"
              spellcheck={false}
              onInput={(event) => setUser(event.currentTarget.value)}
            />
          )}
        </Field>
        <Field label="Password">
          {(ids) => (
            <input
              {...ids}
              ref={secret}
              type="password"
              value={password}
              maxLength={1024}
              autocomplete="current-password"
              onInput={(event) => setPassword(event.currentTarget.value)}
            />
          )}
        </Field>
        <p class="actions">
          <Button type="submit" primary why={blocked}>
            Log in
          </Button>
          {wanted === 'needed' ? null : <Button onClick={() => run(async () => await store.session.goOn())}>Go on without</Button>}
          {left > 0 ? <span class="muted">Try again in {left} s</span> : null}
        </p>
        <div role="alert">{doing.error === undefined ? null : <p class="hint wrong">{doing.error.message}</p>}</div>
      </form>
    </Card>
  )
}

/** Who is logged in, and the way out, or in. */
export function Who(): JSX.Element | null {
  const me = useStore((s) => s.session.me)
  if (me === undefined || (!me.login && me.user === null)) return null
  if (me.user === null)
    return (
      <span class="who">
        <span class="muted">{me.role}</span>
        <Button onClick={() => store.session.choose()}>Log in</Button>
      </span>
    )
  return (
    <span class="who" title={`${me.user} has the role ${me.role}`}>
      <span>{me.user}</span> <span class="muted">{me.role}</span>
      {me.via === 'session' ? <Button onClick={() => void store.session.logout()}>Log out</Button> : null}
    </span>
  )
}
