import type { JSX } from 'preact'
import { nameOf } from '../chart/address.js'
import { Sparkline } from '../chart/index.js'
import { Controls, GetButton } from '../controls/form.js'
import { bounds } from '../controls/schema.js'
import type { Schema } from '../controls/schema.js'
import { formatAge, formatUnit } from '../format.js'
import { href } from '../router.js'
import type { PageProps } from '../router.js'
import { ageOf, freshness, store, useStore } from '../store.js'
import type { CodenameView } from '../store.js'
import { Empty, QualityBadge, StateBadge, Time } from '../ui.js'
import { Value } from '../value.js'

/** All codenames of one device, with what can be done. */
export function DevicePage({ params }: PageProps): JSX.Element {
  const name = params.get('device') ?? ''
  useStore((s) => `${s.structure} ${s.device(name)?.stateVersion} ${Math.floor(s.now())}`)
  const device = store.device(name)
  if (device === undefined) return <Unknown what={name} />
  const codenames = [...device.codenames].sort((a, b) => rank(a) - rank(b))
  return (
    <>
      <nav class="crumbs" aria-label="Where">
        <a href="#/">Overview</a> <span aria-hidden="true">›</span>
      </nav>
      <div class="bar">
        <h1>{name === '' ? '(no name)' : name}</h1>
        <StateBadge state={device.state} />
        {device.state === undefined ? null : (
          <p class="muted">
            {device.state.reason} · since <Time time={device.state.since} age />
          </p>
        )}
        <a class="button" href={plotOf(codenames.filter(({ reading }) => typeof reading?.value === 'number'))}>
          Plot
        </a>
      </div>
      {codenames.length === 0 ? (
        <Empty title="It has no codenames yet">
          <p>They appear with its first readings.</p>
        </Empty>
      ) : null}
      <div class="cards wide">
        {codenames.map((view) => (
          <CodenameCard key={view.codename} view={view} />
        ))}
      </div>
    </>
  )
}

/** What one can steer comes first, then what one reads. */
function rank({ meta }: CodenameView): number {
  return meta?.settable === true ? 0 : meta?.callable === undefined ? 1 : 2
}

export function plotOf(views: readonly CodenameView[]): string {
  return href(['plot'], { c: views.slice(0, 8).map(nameOf) })
}

function Unknown({ what }: { readonly what: string }): JSX.Element {
  return (
    <Empty title={`There is no ${what} at the moment`}>
      <p>
        Nothing declares it, or the page has not heard of it yet. Go to the <a href="#/">overview</a>.
      </p>
    </Empty>
  )
}

function CodenameCard({ view }: { readonly view: CodenameView }): JSX.Element {
  useStore((s) => `${view.version} ${s.connection.state} ${Math.floor(s.now())}`)
  const { device, codename, meta, reading } = view
  const isAction = reading === undefined && meta?.callable !== undefined
  return (
    <section class={`card codename ${freshness(view)}`} aria-label={codename}>
      <header>
        <h2>
          <a href={href(['devices', device, codename])}>{codename === '' ? '(no name)' : codename}</a>
        </h2>
        {reading === undefined ? null : <QualityBadge view={view} />}
      </header>
      {meta?.description === undefined ? null : <p class="muted">{meta.description}</p>}
      {isAction ? null : <Live view={view} />}
      {typeof reading?.value === 'number' ? <Sparkline device={device} codename={codename} seconds={600} /> : null}
      <Controls view={view} />
      <footer>
        {isAction || device === 'gateway' ? null : <GetButton view={view} />}
        {typeof reading?.value !== 'number' ? null : <a href={plotOf([view])}>Plot</a>}
        {meta?.settable === true || meta?.callable !== undefined ? <a href={href(['commands'], { device, codename })}>Commands</a> : null}
      </footer>
    </section>
  )
}

/** The value now, and how far it can be believed. */
export function Live({ view }: { readonly view: CodenameView }): JSX.Element {
  const { reading, meta } = view
  if (reading === undefined) return <p class="value long muted">no value yet</p>
  const age = ageOf(view)
  const limits = meta?.settable === true ? undefined : bounds(meta?.schema as Schema | undefined, formatUnit(meta?.unit))
  return (
    <>
      <div class={`live ${freshness(view)}`}>
        <Value value={reading.value} x={reading.x} unit={reading.unit ?? meta?.unit} digits={meta?.digits} />
      </div>
      <p class="muted facts">
        <span>
          {age === undefined ? 'age not known: its time is ahead of the gateway’s' : `${formatAge(age)} old`}
          {meta?.maxAge === undefined ? '' : ` (stale after ${formatAge(meta.maxAge)})`}
        </span>
        {limits === undefined ? null : <span>{limits}</span>}
        {reading.source === undefined ? null : <span>{reading.source}</span>}
        {reading.uncertainty === undefined ? null : <span>± {reading.uncertainty}</span>}
      </p>
      {reading.error === undefined ? null : (
        <p class="reason">
          {reading.error.class}: {reading.error.message}
        </p>
      )}
    </>
  )
}
