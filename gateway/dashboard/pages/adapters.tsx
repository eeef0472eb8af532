/** Every instance of the configuration: does it work, and if not, why, when is it tried again, and what to do. */
import type { JSX } from 'preact'
import { useRef, useState } from 'preact/hooks'
import { formatNumber } from '../format.js'
import { instanceAdvice, secondsLeft, troubledFirst } from '../models/advice.js'
import type { Counters, InstanceView } from '../models/answers.js'
import { CounterRate } from '../models/rate.js'
import { href } from '../router.js'
import type { PageProps } from '../router.js'
import { Badge, Card, Empty, Time } from '../ui.js'
import type { Tone } from '../ui.js'
import { PageHead, SearchField, Standing, Switch, useTick } from './parts.js'
import { usePoll } from './poll.js'

const tones: Readonly<Record<string, Tone>> = { online: 'good', degraded: 'uncertain', offline: 'bad', disabled: 'none' }

export function AdaptersPage({ params }: PageProps): JSX.Element {
  const polled = usePoll<{ instances: readonly InstanceView[] }>('/api/instances', 2)
  const now = useTick(1)
  const [search, setSearch] = useState(params.get('find') ?? '')
  const [isTroubled, setTroubled] = useState(false)
  const rates = useRef(new Map<string, Map<keyof Counters, CounterRate>>()).current
  const { data, at = now } = polled
  const all = data?.instances ?? []
  const shown = troubledFirst(all).filter(
    ({ id, type, state, devices }) =>
      (!isTroubled || state !== 'online') && [id, type, state, ...devices].join(' ').toLowerCase().includes(search.trim().toLowerCase())
  )
  const count = (state: string): number => all.filter((instance) => instance.state === state).length
  return (
    <>
      <PageHead title="Adapters" about="One card for each instance of the configuration; those in trouble come first." />
      <Standing polled={polled} />
      {data === undefined ? (
        polled.loading ? (
          <Empty title="Asking …" />
        ) : null
      ) : all.length === 0 ? (
        <Empty title="No adapters">
          <p>
            The configuration has none under <code>adapters</code>. MQTT devices need none.
          </p>
        </Empty>
      ) : (
        <>
          <p class="badges">
            {Object.keys(tones)
              .filter((state) => count(state) > 0)
              .map((state) => (
                <Badge key={state} tone={tones[state] ?? 'bad'}>
                  {count(state)} {state}
                </Badge>
              ))}
          </p>
          <div class="fields">
            <SearchField label="Find" value={search} onInput={setSearch} placeholder="id, type or device" />
            <Switch on={isTroubled} onChange={setTroubled}>
              Only those in trouble
            </Switch>
          </div>
          {shown.length === 0 ? <Empty title={isTroubled && search === '' ? 'None is in trouble' : 'No instance fits'} /> : null}
          <div class="grid">
            {shown.map((instance) => (
              <Instance key={instance.id} instance={instance} at={at} now={now} rates={ratesOf(rates, instance.id)} />
            ))}
          </div>
        </>
      )}
    </>
  )
}

function ratesOf(all: Map<string, Map<keyof Counters, CounterRate>>, id: string): Map<keyof Counters, CounterRate> {
  const own = all.get(id) ?? new Map<keyof Counters, CounterRate>()
  all.set(id, own)
  return own
}

interface InstanceProps {
  readonly instance: InstanceView
  /** When it was answered. */
  readonly at: number
  readonly now: number
  readonly rates: Map<keyof Counters, CounterRate>
}

function Instance({ instance, at, now, rates }: InstanceProps): JSX.Element {
  const { id, type, state, reason, since, attempts, retryIn, lastError, lastErrorAt, devices, listens, feeds, executes } = instance
  const advice = instanceAdvice(instance)
  const left = retryIn === null ? undefined : secondsLeft(retryIn, at, now)
  return (
    <Card class={`instance ${state}`} title={<span class="name">{id}</span>} aside={<Badge tone={tones[state] ?? 'bad'}>{state}</Badge>}>
      <p class="why">
        {reason} <span class="muted">since</span> <Time time={since} age />
      </p>
      {left === undefined ? null : (
        <p class="retry">
          <strong>{left < 1 ? 'Starting again now' : `Starts again in ${Math.ceil(left)} s`}</strong>
          <span class="muted">, attempt {attempts + 1}</span>
        </p>
      )}
      {advice === undefined ? null : (
        <p class="mend">
          <strong>What to do:</strong> {advice}
        </p>
      )}
      <dl class="about">
        <dt>Type</dt>
        <dd>
          <code>{type}</code>
        </dd>
        {listens.length === 0 ? null : (
          <>
            <dt>Listens</dt>
            <dd>
              {listens.map(({ protocol, host, port }) => (
                <code key={`${protocol} ${host} ${port}`} class="listen">
                  {protocol} {host}:{port === 0 ? 'any free port' : port}
                </code>
              ))}
            </dd>
          </>
        )}
        <dt>Devices</dt>
        <dd>
          <Devices devices={devices} />
          {devices.length === 0 ? null : <span class="muted"> {rights(feeds, executes)}</span>}
        </dd>
        {lastError === null ? null : (
          <>
            <dt>Last error</dt>
            <dd>
              {lastError === reason ? 'the same' : lastError}
              {lastErrorAt === null ? null : (
                <span class="muted">
                  , <Time time={lastErrorAt} age />
                </span>
              )}
            </dd>
          </>
        )}
        {attempts > 1 ? (
          <>
            <dt>Attempts</dt>
            <dd>{attempts}</dd>
          </>
        ) : null}
      </dl>
      <CounterRow counters={instance.counters} at={at} rates={rates} />
      <p class="links">
        <a href={href(['log'], { instance: id })}>Log</a>
        <a href={href(['commands'], { instance: id })}>Commands</a>
        {isIdle(instance.counters) ? <span class="muted">no messages yet</span> : null}
      </p>
    </Card>
  )
}

function rights(feeds: boolean, executes: boolean): string {
  if (feeds && executes) return '(gives their readings, carries out their commands)'
  if (feeds) return '(gives their readings)'
  return executes ? '(carries out their commands)' : '(shows them to others)'
}

/** Names of devices that fit in a card. */
const mostDevices = 12

function Devices({ devices }: { readonly devices: readonly string[] }): JSX.Element {
  const [all, setAll] = useState(false)
  if (devices.length === 0) return <span class="muted">none of its own</span>
  const shown = all ? devices : devices.slice(0, mostDevices)
  return (
    <>
      {shown.map((device, i) => (
        <span key={device}>
          {i === 0 ? '' : ', '}
          <a href={href(['devices', device])}>{device}</a>
        </span>
      ))}
      {shown.length === devices.length ? null : (
        <>
          {' '}
          <button type="button" class="link" onClick={() => setAll(true)}>
            and {devices.length - shown.length} more
          </button>
        </>
      )}
    </>
  )
}

const counterWords: readonly (readonly [keyof Counters, string])[] = [
  ['received', 'received'],
  ['answered', 'answered'],
  ['refused', 'refused'],
  ['dropped', 'dropped']
]

function isIdle(counters: Counters): boolean {
  return counterWords.every(([name]) => counters[name] === 0)
}

function CounterRow({
  counters,
  at,
  rates
}: {
  readonly counters: Counters
  readonly at: number
  readonly rates: Map<keyof Counters, CounterRate>
}): JSX.Element | null {
  // Looked at also when they are not shown, so that the first rate is right.
  for (const [name] of counterWords) {
    const rate = rates.get(name) ?? new CounterRate()
    rates.set(name, rate)
    rate.look(at, counters[name])
  }
  if (isIdle(counters)) return null
  return (
    <ul class="counters" aria-label="Messages since start">
      {counterWords.map(([name, word]) => {
        const value = counters[name]
        const perSecond = rates.get(name)?.look(at, value)
        const isBad = value > 0 && (name === 'refused' || name === 'dropped')
        return (
          <li key={name} class={isBad ? 'wrong' : ''}>
            <strong>{formatNumber(value)}</strong>
            <span class="small">{isBad ? `${word} !` : word}</span>
            <span class="muted small">
              {perSecond === undefined ? ' ' : perSecond === 0 ? 'none now' : `${formatNumber(Number(perSecond.toPrecision(2)))}/s`}
            </span>
          </li>
        )
      })}
    </ul>
  )
}
