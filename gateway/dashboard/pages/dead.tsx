/** Messages that were refused, with the reason and how to mend it. */
import type { JSX } from 'preact'
import { useEffect, useRef, useState } from 'preact/hooks'
import { errorClasses } from '../../errors.js'
import { every } from '../clock.js'
import { formatBytes } from '../format.js'
import { DeadLetters, grouped, letterFits } from '../models/dead-letters.js'
import type { DeadGroup, DeadLetter } from '../models/dead-letters.js'
import type { PageProps } from '../router.js'
import { store, useStore } from '../store.js'
import { Badge, Button, Card, Empty, Time } from '../ui.js'
import { api } from '../api.js'
import { CodenameLink, NotHeard, PageHead, PayloadText, SearchField, Standing, Switch, counted, useTick } from './parts.js'
import { usePoller } from './poll.js'

/** Letters held here, and asked for at once. */
const most = 500
const asked = 200

/** Seconds between two questions: what is new comes over MQTT, what to do about it a moment later. */
const rarely = 15
const soon = 1

/** Groups on the screen until somebody asks for more. */
const page = 50

export function DeadPage({ params }: PageProps): JSX.Element {
  const dead = useRef(new DeadLetters(most)).current
  const filter = useStore((s) => s.topics.deadLetters)
  const [at, setAt] = useState<number>()
  const [total, setTotal] = useState<number>()
  const [search, setSearch] = useState(params.get('find') ?? '')
  const [isGrouped, setGrouped] = useState(true)
  const [shown, setShown] = useState(page)
  const decoder = useRef(new TextDecoder()).current
  useTick(0.5)
  useEffect(() => store.raw(filter, (_topic, payload) => void dead.take(decoder.decode(payload))), [filter, dead, decoder])
  const polled = usePoller('dead', rarely, async (signal) => {
    const answer = await api.get<{ letters: readonly DeadLetter[]; total: number }>(`/api/dead?limit=${asked}`, signal)
    dead.replace(answer.letters)
    setTotal(answer.total)
    setAt(store.now())
  })
  const { hurry } = polled
  useEffect(() => {
    const timer = every(soon, () => {
      if (dead.letters.some(({ n }) => n === undefined)) hurry()
    })
    return () => timer.cancel()
  }, [dead, hurry])
  const letters = dead.letters.filter((letter) => letterFits(letter, search))
  const groups: readonly DeadGroup[] = isGrouped
    ? grouped(letters)
    : letters.map((last, i) => ({ key: `${last.time} ${last.n ?? `new ${i}`}`, last, count: 1, first: last.time }))
  return (
    <>
      <PageHead
        title="Dead letters"
        about="Messages that the gateway refused, newest first. Whoever sent them stays connected; nobody else saw them."
      />
      <Standing polled={{ ...polled, at }} />
      <NotHeard />
      <div class="fields">
        <SearchField label="Find" value={search} onInput={setSearch} placeholder="topic, client, rule, reason …" />
        <Switch on={isGrouped} onChange={setGrouped}>
          The same once, with how often
        </Switch>
      </div>
      {groups.length === 0 ? (
        <Empty title={dead.letters.length > 0 ? 'No letter holds this' : polled.loading ? 'Asking …' : 'Nothing was refused'}>
          {dead.letters.length === 0 && !polled.loading ? <p>What is refused shows here at once.</p> : null}
        </Empty>
      ) : (
        <>
          <p class="muted">
            {counted(letters.length, 'letter')}
            {isGrouped ? ` in ${counted(groups.length, 'group')}` : ''}
            {total !== undefined && total > dead.letters.length ? `; ${total} since the gateway was started, the last are kept here` : ''}
          </p>
          <div class="letters">
            {groups.slice(0, shown).map((group) => (
              <Letter key={group.key} group={group} />
            ))}
          </div>
          {groups.length > shown ? <Button onClick={() => setShown(shown + page)}>Show more ({groups.length - shown} left)</Button> : null}
        </>
      )}
    </>
  )
}

function helpFor({ help, class: kind }: DeadLetter): string {
  if (help !== undefined) return help
  return kind in errorClasses ? errorClasses[kind as keyof typeof errorClasses].help : 'The reason says what is wrong.'
}

function Letter({ group: { last, count, first } }: { readonly group: DeadGroup }): JSX.Element {
  const parsed = store.topics.parse(last.topic)
  return (
    <Card
      class="letter"
      title={<code>{last.topic}</code>}
      aside={
        <>
          {count === 1 ? null : <strong class="times">{count} times</strong>}
          <Badge tone="bad">{last.class}</Badge>
        </>
      }
    >
      <p class="why">{last.reason}</p>
      <p class="mend">
        <strong>To mend it:</strong> {helpFor(last)}
      </p>
      <dl class="about">
        <dt>Time</dt>
        <dd>
          <Time time={last.time} age />
          {count === 1 ? null : (
            <>
              , first <Time time={first} />
            </>
          )}
        </dd>
        <dt>From</dt>
        <dd>
          <span class="name">{last.client === '' ? '(no client)' : last.client}</span>
        </dd>
        <dt>Rule</dt>
        <dd>
          <code>{last.rule}</code>
        </dd>
        {parsed.where === 'root' && parsed.codename !== '' ? (
          <>
            <dt>Codename</dt>
            <dd>
              <CodenameLink device={parsed.device} codename={parsed.codename} />
            </dd>
          </>
        ) : null}
      </dl>
      <details>
        <summary>
          {count === 1 ? 'Payload' : 'Last payload'}
          {last.bytes === undefined ? '' : ` (${formatBytes(last.bytes)}, its beginning)`}
          {last.encoding === undefined ? '' : ', not text: in base64'}
          {last.qos === undefined ? '' : `, QoS ${last.qos}`}
          {last.retain === true ? ', retained' : ''}
        </summary>
        {last.encoding === undefined ? <PayloadText text={last.payload} /> : <pre class="payload">{last.payload}</pre>}
      </details>
    </Card>
  )
}
