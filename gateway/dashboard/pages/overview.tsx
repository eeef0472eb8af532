import type { JSX } from 'preact'
import { useEffect, useRef, useState } from 'preact/hooks'
import { formatAge, formatUnit } from '../format.js'
import { href } from '../router.js'
import { ageOf, freshness, store, useStore } from '../store.js'
import type { CodenameView, DeviceView, Freshness } from '../store.js'
import { Empty, Sign, StateBadge, Time, freshnessTones, freshnessWords } from '../ui.js'
import { shortValue } from '../value.js'

/** The device that the gateway itself is. */
const self = 'gateway'

/** Everything that there is, at a glance. */
export function OverviewPage(): JSX.Element {
  useStore((s) => s.structure)
  const devices = store.devices()
  const connected = useStore((s) => s.connection.state === 'connected')
  const [filter, setFilter] = useState('')
  const [troubledFirst, setTroubledFirst] = useState(false)
  const others = devices.filter(({ device }) => device !== self)
  const shown = others.filter((device) => fits(device, filter))
  // As text, so that the page is drawn anew only when the order changes.
  const ranked = useStore(() => (troubledFirst ? JSON.stringify(inTrouble(others)) : ''))
  if (ranked !== '') {
    const order = new Map((JSON.parse(ranked) as string[]).map((name, at) => [name, at]))
    shown.sort((a, b) => (order.get(a.device) ?? 0) - (order.get(b.device) ?? 0))
  }
  const own = devices.find(({ device }) => device === self)
  return (
    <>
      <div class="bar">
        <h1>Overview</h1>
        <label class="filter">
          <span class="unseen">Filter by name</span>
          <input
            type="search"
            data-filter
            placeholder="Filter …  ( / )"
            value={filter}
            onInput={(event) => setFilter(event.currentTarget.value)}
            onKeyDown={(event) => {
              if (event.key === 'Escape') setFilter('')
            }}
          />
        </label>
        <label class="check">
          <input type="checkbox" checked={troubledFirst} onChange={(event) => setTroubledFirst(event.currentTarget.checked)} /> Troubled
          first
        </label>
        <Counts devices={others} />
      </div>
      {others.length === 0 ? <Nothing connected={connected} /> : null}
      {others.length > 0 && shown.length === 0 ? (
        <Empty title={`Nothing fits “${filter}”`}>
          <p>The filter looks into the names of devices and codenames. Esc clears it.</p>
        </Empty>
      ) : null}
      <div class="cards">
        {shown.map((device) => (
          <DeviceCard key={device.device} device={device} filter={filter} />
        ))}
      </div>
      {own === undefined ? null : (
        <details class="self">
          <summary>
            <h2>The gateway itself</h2> <OwnState device={own} />
          </summary>
          <div class="cards">
            <DeviceCard device={own} filter="" />
          </div>
        </details>
      )}
    </>
  )
}

function fits({ device, codenames }: DeviceView, filter: string): boolean {
  const wanted = filter.trim().toLowerCase()
  return wanted === '' || device.toLowerCase().includes(wanted) || codenames.some(({ codename }) => codename.toLowerCase().includes(wanted))
}

const ranks: Readonly<Record<string, number>> = { offline: 30_000, degraded: 20_000, disabled: 10_000 }
const weights: Readonly<Record<Freshness, number>> = { bad: 100, stale: 10, uncertain: 1, fresh: 0, none: 0 }

/** State first, then what is wrong with its codenames. */
function trouble({ state, codenames }: DeviceView): number {
  return (ranks[state?.state ?? ''] ?? 0) + codenames.reduce((sum, view) => sum + weights[freshness(view)], 0)
}

/** The worst first; those that are alike keep the order of their names. */
function inTrouble(devices: readonly DeviceView[]): string[] {
  const ranked = devices.map((device): [string, number] => [device.device, trouble(device)])
  return ranked.sort(([, a], [, b]) => b - a).map(([name]) => name)
}

function OwnState({ device }: { readonly device: DeviceView }): JSX.Element {
  useStore(() => device.stateVersion)
  return <StateBadge state={device.state} />
}

function Counts({ devices }: { readonly devices: readonly DeviceView[] }): JSX.Element {
  const troubled = useStore(() => devices.filter((device) => trouble(device) > 0).length)
  return (
    <p class="counts muted">
      {devices.length} {devices.length === 1 ? 'device' : 'devices'}
      {troubled > 0 ? `, ${troubled} with something stale, bad or offline` : ''}
    </p>
  )
}

function Nothing({ connected }: { readonly connected: boolean }): JSX.Element {
  if (!connected) return <Empty title="Nothing has come from the gateway yet" />
  return (
    <Empty title="No devices yet">
      <p>
        A device appears here as soon as the configuration declares it under <code>devices:</code>, an adapter under <code>adapters:</code>{' '}
        brings it along, or an MQTT client publishes to <code>{store.topics.pattern('reading')}</code>.
      </p>
      <p>
        Simulated ones to try: an adapter of the type <code>simulator</code>, as in <code>config/gateway.yaml</code>. What the adapters do
        is on <a href="#/adapters">Adapters</a>, refused messages are on <a href="#/dead">Dead letters</a>.
      </p>
    </Empty>
  )
}

/** Seconds between two drawings of a card that is out of sight. */
const unseenEvery = 2

/** Cards that are out of sight are drawn seldom, each in its turn: two hundred devices stay smooth, and who prints or searches the page finds the present. */
function DeviceCard({ device, filter }: { readonly device: DeviceView; readonly filter: string }): JSX.Element {
  const [isVisible, setVisible] = useState(false)
  const place = useRef<HTMLElement>(null)
  const turn = useRef(Math.random() * unseenEvery)
  useStore((s) => {
    const { state } = s.connection
    return isVisible
      ? `${state} ${Math.floor(s.now())} ${device.version}`
      : `${state} ${Math.floor((s.now() + turn.current) / unseenEvery)}`
  })
  useEffect(() => {
    if (place.current === null) return undefined
    const observer = new IntersectionObserver((entries) => setVisible(entries.at(-1)?.isIntersecting ?? true), { rootMargin: '200px' })
    observer.observe(place.current)
    return () => observer.disconnect()
  }, [])
  return (
    <section class="card device" ref={place} aria-label={device.device}>
      <Contents device={device} filter={filter} />
    </section>
  )
}

/** Codenames that a card shows; the device's page has the others. */
const most = 12

function Contents({ device, filter }: { readonly device: DeviceView; readonly filter: string }): JSX.Element {
  const { state, codenames } = device
  const wanted = filter.trim().toLowerCase()
  const fitting = codenames.filter(({ codename }) => codename.toLowerCase().includes(wanted))
  const listed = wanted === '' || fitting.length === 0 ? codenames : fitting
  return (
    <>
      <header>
        <h2>
          <a href={href(['devices', device.device])}>{device.device === '' ? '(no name)' : device.device}</a>
        </h2>
        <StateBadge state={state} />
      </header>
      {state === undefined || state.state === 'online' ? null : (
        <p class="reason">
          {state.reason}{' '}
          <span class="muted">
            since <Time time={state.since} />
          </span>
        </p>
      )}
      <ul class="codenames">
        {listed.slice(0, most).map((view) => (
          <Line key={view.codename} view={view} />
        ))}
      </ul>
      {listed.length > most ? (
        <p class="more">
          <a href={href(['devices', device.device])}>{listed.length - most} more</a>
        </p>
      ) : null}
    </>
  )
}

function Line({ view }: { readonly view: CodenameView }): JSX.Element {
  const { reading, meta, device, codename } = view
  const is = freshness(view)
  const age = ageOf(view)
  const isAgeless = reading !== undefined && age === undefined
  const isAction = reading === undefined && meta?.callable !== undefined
  return (
    <li class={`line ${is}`}>
      <a class="name" href={href(['devices', device, codename])} title={meta?.description}>
        {codename === '' ? '(no name)' : codename}
      </a>
      <span class="short" title={typeof reading?.value === 'string' ? reading.value : undefined}>
        {reading === undefined ? (
          <span class="muted">{isAction ? 'to call' : 'no value yet'}</span>
        ) : (
          shortValue(reading.value, meta?.digits)
        )}
        {reading?.unit === undefined || reading.value === null ? null : <span class="unit"> {formatUnit(reading.unit)}</span>}
      </span>
      <span class="age" title={isAgeless ? 'age not known: its time is ahead of the gateway’s' : undefined}>
        {age === undefined ? (isAgeless ? '?' : '') : formatAge(age)}
      </span>
      {reading === undefined ? <span /> : <Sign tone={freshnessTones[is]} word={freshnessWords[is]} shown={is !== 'fresh'} />}
    </li>
  )
}
