/** Is the gateway itself well, and what to do where it is not. */
import type { JSX } from 'preact'
import { formatAge, formatNumber, formatUnit } from '../format.js'
import { checkAdvice, gauges, limitHits } from '../models/advice.js'
import type { Gauge } from '../models/advice.js'
import type { Check, Health } from '../models/answers.js'
import { href } from '../router.js'
import type { PageProps } from '../router.js'
import { ageOf, store, useStore } from '../store.js'
import type { CodenameView } from '../store.js'
import { Badge, Card, Empty, QualityBadge, Time } from '../ui.js'
import type { Tone } from '../ui.js'
import { PageHead, Standing, useTick, valueText } from './parts.js'
import { usePoll } from './poll.js'

const tones: Readonly<Record<string, Tone>> = { ok: 'good', degraded: 'uncertain', failing: 'bad' }

/** The gateway is a device like any other, by this name. */
const self = 'gateway'

export function HealthPage(_props: PageProps): JSX.Element {
  const polled = usePoll<Health>('/api/health', 3)
  const info = useStore((s) => s.info())
  useTick(1)
  const health = polled.data
  return (
    <>
      <PageHead title="Health" about={info === undefined ? undefined : `${info.name}, labgate ${info.version}, topics under ${info.root}`}>
        {health === undefined ? null : <Badge tone={tones[health.status] ?? 'bad'}>{health.status}</Badge>}
      </PageHead>
      <Standing polled={polled} />
      {health === undefined ? (
        polled.loading ? (
          <Empty title="Asking …" />
        ) : null
      ) : (
        <div class="grid">
          {[...health.checks]
            .sort((a, b) => rank(a) - rank(b))
            .map((check) => (
              <CheckCard key={check.name} check={check} />
            ))}
        </div>
      )}
      <Gauges />
      <Limits />
      <Counters />
    </>
  )
}

const rank = ({ status }: Check): number => ({ failing: 0, degraded: 1, ok: 2 })[status] ?? 0

function CheckCard({ check: { name, status, reason, since } }: { readonly check: Check }): JSX.Element {
  const advice = checkAdvice(name, status)
  return (
    <Card class={`check ${status}`} title={name} aside={<Badge tone={tones[status] ?? 'bad'}>{status}</Badge>}>
      <p class="reason">
        {reason}
        {since === undefined ? null : (
          <span class="muted">
            {' '}
            since <Time time={since} age />
          </span>
        )}
      </p>
      {advice === undefined ? null : (
        <p class="mend">
          <strong>What to do:</strong> {advice}
          {/instance|adapter/i.test(name) ? (
            <>
              {' '}
              <a href={href(['adapters'])}>Adapters</a>
            </>
          ) : null}
        </p>
      )}
    </Card>
  )
}

function Gauges(): JSX.Element {
  const views = useStore((s) => s.device(self)?.codenames ?? [])
  const known = gauges.map((gauge) => ({ gauge, view: views.find(({ codename }) => codename === gauge.codename) }))
  return (
    <Card title="The gateway as a device" aside={<a href={href(['devices', self])}>All its codenames</a>}>
      <ul class="gauges">
        {known.map(({ gauge, view }) => (view === undefined ? null : <GaugeItem key={gauge.codename} gauge={gauge} view={view} />))}
      </ul>
    </Card>
  )
}

function GaugeItem({ gauge: { codename, label, trouble }, view }: { readonly gauge: Gauge; readonly view: CodenameView }): JSX.Element {
  const value = view.reading?.value
  const isTrouble = trouble !== undefined && typeof value === 'number' && value > 0
  const age = ageOf(view)
  const isUptime = codename === 'uptime' && typeof value === 'number'
  return (
    <li class={isTrouble ? 'wrong' : ''}>
      <a href={href(['devices', self, codename])}>{label}</a>
      <strong class="value">
        {isUptime ? formatAge(value) : typeof value === 'number' ? formatNumber(value) : valueText(value, 60)}
        {isUptime ? '' : ` ${formatUnit(view.meta?.unit)}`}
      </strong>
      <span class="muted small">
        {view.meta?.maxAge === undefined ? null : <QualityBadge view={view} />} {age === undefined ? '' : `${formatAge(age)} ago`}
      </span>
      {isTrouble ? <span class="mend">! {trouble}</span> : null}
    </li>
  )
}

function Limits(): JSX.Element {
  useStore((s) => s.find(self, 'limits'))
  const hits = limitHits(store.find(self, 'limits')?.reading?.value)
  const slow = limitHits(store.find(self, 'slow_clients')?.reading?.value)
  const absent = limitHits(store.find(self, 'absent_clients')?.reading?.value)
  return (
    <Card title="Limits that were hit">
      {hits.length === 0 ? <p class="muted">None since the gateway was started.</p> : null}
      <Hits hits={hits} what="times" />
      {slow.length === 0 ? null : (
        <>
          <h3>Clients that read slowly, and what they missed</h3>
          <Hits
            hits={slow.map((hit) => ({ ...hit, advice: 'Its network or its program is too slow for what it subscribed to.' }))}
            what="messages"
          />
        </>
      )}
      {absent.length === 0 ? null : (
        <>
          <h3>Absent clients, and what they lost</h3>
          <Hits
            hits={absent.map((hit) => ({ ...hit, advice: 'It keeps a session and stays away. Connect it, or let its session go.' }))}
            what="messages"
          />
        </>
      )}
    </Card>
  )
}

function Hits({ hits, what }: { readonly hits: ReturnType<typeof limitHits>; readonly what: string }): JSX.Element {
  return (
    <ul class="rows">
      {hits.map(({ name, count, advice }) => (
        <li key={name} class="row">
          <code class="name">{name}</code>
          <strong>
            {formatNumber(count)} {what}
          </strong>
          <span class="muted">{advice}</span>
        </li>
      ))}
    </ul>
  )
}

interface Row {
  readonly id: string
  readonly counters: Readonly<Record<string, unknown>>
}

function Counters(): JSX.Element | null {
  useStore((s) => s.find(self, 'counters'))
  const value = store.find(self, 'counters')?.reading?.value
  if (typeof value !== 'object' || value === null) return null
  const rows = Object.entries(value)
    .map(([id, counters]): Row => ({
      id,
      counters: typeof counters === 'object' && counters !== null ? (counters as Row['counters']) : {}
    }))
    .sort((a, b) => a.id.localeCompare(b.id, 'en', { numeric: true }))
  if (rows.length === 0) return null
  return (
    <Card title="Messages by instance, since start" aside={<a href={href(['adapters'])}>Adapters</a>}>
      <ul class="rows">
        {rows.map(({ id, counters }) => (
          <li key={id} class="row">
            <a class="name" href={href(['adapters'], { find: id })}>
              {id}
            </a>
            <span>
              {Object.entries(counters)
                .map(([name, count]) => `${formatNumber(Number(count))} ${name}`)
                .join(', ')}
            </span>
          </li>
        ))}
      </ul>
    </Card>
  )
}
