/** Is the gateway itself well, and what to do where it is not. */
import type { JSX } from 'preact'
import { useState } from 'preact/hooks'
import { ApiError, api } from '../api.js'
import { formatAge, formatNumber, formatUnit } from '../format.js'
import { checkAdvice, gauges, hits } from '../models/advice.js'
import type { Gauge } from '../models/advice.js'
import type { Check, Health } from '../models/answers.js'
import { href } from '../router.js'
import type { PageProps } from '../router.js'
import { ageOf, store, useStore } from '../store.js'
import type { CodenameView } from '../store.js'
import { Badge, Card, Empty, QualityBadge, Time } from '../ui.js'
import type { Tone } from '../ui.js'
import { PageHead, Standing, useTick, valueText } from './parts.js'
import { usePoller } from './poll.js'

const tones: Readonly<Record<string, Tone>> = { ok: 'good', degraded: 'uncertain', failing: 'bad' }

/** The gateway is a device like any other, by this name. */
const self = 'gateway'

export function HealthPage(_props: PageProps): JSX.Element {
  const [answer, setAnswer] = useState<{ readonly health: Health; readonly at: number }>()
  const polled = usePoller('health', 3, async (signal) => {
    const health = await ask(signal)
    setAnswer({ health, at: store.now() })
  })
  const info = useStore((s) => s.info())
  useTick(1)
  const health = answer?.health
  return (
    <>
      <PageHead title="Health" about={info === undefined ? undefined : `${info.name}, labgate ${info.version}, topics under ${info.root}`}>
        {health === undefined ? null : <Badge tone={tones[health.status] ?? 'bad'}>{health.status}</Badge>}
      </PageHead>
      <Standing polled={{ ...polled, at: answer?.at }} />
      {health === undefined ? polled.loading ? <Empty title="Asking …" /> : null : <Checks checks={health.checks} />}
      <Gauges />
      <Limits />
      <Counters />
    </>
  )
}

/** One that fails is answered with 503, and says why all the same. */
async function ask(signal: AbortSignal): Promise<Health> {
  try {
    return await api.get<Health>('/api/health', signal)
  } catch (error) {
    if (error instanceof ApiError && isHealth(error.problem)) return error.problem
    throw error
  }
}

const isHealth = (body: object): body is Health => 'checks' in body && Array.isArray(body.checks)

/** What is not well comes first, and at length; of the instances that are well only their names are told. */
function Checks({ checks }: { readonly checks: readonly Check[] }): JSX.Element {
  const well = checks.filter(({ name, status }) => status === 'ok' && instanceOf(name) !== undefined)
  const others = checks.filter((check) => !well.includes(check)).sort((a, b) => rank(a) - rank(b))
  return (
    <>
      <div class="grid">
        {others.map((check) => (
          <CheckCard key={check.name} check={check} />
        ))}
      </div>
      {well.length === 0 ? null : (
        <Card title="Instances that are well" aside={<Badge tone="good">{well.length} ok</Badge>}>
          <p class="names">
            {well.map(({ name }) => (
              <a key={name} class="name" href={href(['adapters'], { find: instanceOf(name) })}>
                {instanceOf(name)}
              </a>
            ))}
          </p>
        </Card>
      )}
    </>
  )
}

/** The instance that a check is of. */
const instanceOf = (name: string): string | undefined => /^instance (.+)$/.exec(name)?.[1]

const rank = ({ status }: Check): number => ({ failing: 0, degraded: 1, ok: 2 })[status] ?? 0

function CheckCard({ check }: { readonly check: Check }): JSX.Element {
  const { name, status, reason, since } = check
  const advice = checkAdvice(check)
  const instance = instanceOf(name)
  return (
    <Card class={`check ${status}`} title={name} aside={<Badge tone={tones[status] ?? 'bad'}>{status}</Badge>}>
      <p class="why">
        {reason === '' ? 'All is well.' : reason}
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
        </p>
      )}
      {instance === undefined || status === 'ok' ? null : (
        <p class="links">
          <a href={href(['adapters'], { find: instance })}>Adapter</a>
          <a href={href(['log'], { instance })}>Log</a>
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

interface Hits {
  readonly codename: string
  readonly title: string
  readonly what: string
  readonly advice: string
}

const hitLists: readonly Hits[] = [
  {
    codename: 'limits',
    title: 'Limits of the broker that were hit',
    what: 'times',
    advice: 'Raise the limit under broker.limits in the configuration, or find who sends so much.'
  },
  {
    codename: 'slow_clients',
    title: 'Clients that read slowly, and what they missed',
    what: 'messages',
    advice: 'Their network or their program is too slow for what they subscribed to: let them subscribe to less.'
  },
  {
    codename: 'absent_clients',
    title: 'Absent clients, and what they lost',
    what: 'messages',
    advice: 'They keep a session and stay away: connect them, or let their session go by connecting once with a clean one.'
  }
]

function Limits(): JSX.Element {
  const views = useStore((s) => s.device(self)?.codenames ?? [])
  const lists = hitLists
    .map((list) => ({ list, found: hits(views.find(({ codename }) => codename === list.codename)?.reading?.value) }))
    .filter(({ found }) => found.length > 0)
  return (
    <Card title="Limits that were hit">
      {lists.length === 0 ? <p class="muted">None since the gateway was started.</p> : null}
      {lists.map(({ list: { codename, title, what, advice }, found }) => (
        <div key={codename}>
          <h3>{title}</h3>
          <ul class="rows">
            {found.map(({ name, count }) => (
              <li key={name} class="row">
                <code class="name">{name}</code>
                <strong>
                  {formatNumber(count)} {what}
                </strong>
              </li>
            ))}
          </ul>
          <p class="mend">
            <strong>What to do:</strong> {advice}
          </p>
        </div>
      ))}
    </Card>
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
