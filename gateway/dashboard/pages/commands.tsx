/** What became of the last commands: a list, and each one as a timeline. */
import type { JSX } from 'preact'
import { useState } from 'preact/hooks'
import { formatDuration } from '../format.js'
import type { Story } from '../models/answers.js'
import { go, href } from '../router.js'
import type { PageProps } from '../router.js'
import { Badge, Button, Empty, Time } from '../ui.js'
import { CodenameLink, PageHead, SearchField, Standing, Switch, counted, phaseTones, useTick, valueText } from './parts.js'
import { usePoll } from './poll.js'
import { StoryCard } from './story.js'

/** Stories asked for at first, more at each press, and at most; all of them when something is looked for. */
const page = 100
const most = 1000

export function CommandsPage({ params }: PageProps): JSX.Element {
  const id = params.get('id')
  return id === undefined ? <List params={params} /> : <One key={id} id={id} />
}

function One({ id }: { readonly id: string }): JSX.Element {
  const [isOver, setOver] = useState(false)
  // A story that has ended may still get its reading.
  const polled = usePoll<{ stories: readonly Story[] }>(`/api/stories?id=${encodeURIComponent(id)}`, isOver ? 5 : 1)
  const stories = polled.data?.stories ?? []
  const over = stories.length > 0 && stories.every(({ ended, reading }) => ended !== undefined && reading !== undefined)
  if (over !== isOver) setOver(over)
  useTick(1)
  return (
    <>
      <PageHead
        title="Command"
        about={
          <>
            All that has the id <code class="name">{id}</code>
          </>
        }
      >
        <a class="button" href={href(['commands'])}>
          All commands
        </a>
      </PageHead>
      <Standing polled={polled} />
      {stories.length > 0 ? (
        stories.map((story) => <StoryCard key={`${story.client} ${story.device} ${story.codename} ${story.started}`} story={story} />)
      ) : polled.error !== undefined ? null : (
        <Empty title={polled.loading ? 'Asking …' : 'Nothing is known of this command'}>
          {polled.loading ? null : (
            <p>The last commands are kept in memory, and forgotten when many others came or the gateway was restarted.</p>
          )}
        </Empty>
      )}
    </>
  )
}

function List({ params }: PageProps): JSX.Element {
  const [device, codename] = [params.get('device') ?? '', params.get('codename') ?? '']
  const [search, setSearch] = useState(params.get('instance') ?? '')
  const [isFailed, setFailed] = useState(params.get('failed') === 'true')
  const [limit, setLimit] = useState(page)
  const wanted = isFailed || search.trim() !== '' ? most : limit
  const query = new URLSearchParams({ limit: String(wanted) })
  if (device !== '') query.set('device', device)
  if (codename !== '') query.set('codename', codename)
  const polled = usePoll<{ stories: readonly Story[] }>(`/api/stories?${query.toString()}`, wanted > 2 * page ? 5 : 2, { keep: true })
  useTick(1)
  const all = polled.data?.stories ?? []
  const stories = all.filter(
    (story) =>
      (device === '' || story.device === device) &&
      (codename === '' || story.codename === codename) &&
      (!isFailed || story.phase === 'failed' || story.phase === 'refused') &&
      search
        .toLowerCase()
        .split(/\s+/)
        .every((word) => textOf(story).includes(word))
  )
  const narrow = (to: { readonly device?: string; readonly codename?: string }): void => go(href(['commands'], to), { replace: true })
  return (
    <>
      <PageHead title="Commands" about="What became of the last commands, the newest first. Each opens as a timeline." />
      <Standing polled={polled} />
      <div class="fields">
        <SearchField label="Find" value={search} onInput={setSearch} placeholder="device, codename, client, value, error …" />
        <Switch on={isFailed} onChange={setFailed}>
          Only what failed or was refused
        </Switch>
      </div>
      {device === '' && codename === '' ? null : (
        <p class="note info">
          Only of{' '}
          <strong>
            {device}
            {codename === '' ? '' : `/${codename}`}
          </strong>{' '}
          {codename === '' || device === '' ? null : <Button onClick={() => narrow({ device })}>All of {device}</Button>}{' '}
          <Button onClick={() => narrow({})}>All devices</Button>
        </p>
      )}
      {stories.length === 0 ? (
        polled.data === undefined && polled.error !== undefined ? null : (
          <Empty title={polled.loading ? 'Asking …' : all.length === 0 ? 'No command yet' : 'No command fits'}>
            {polled.loading || all.length > 0 ? null : (
              <p>Set or call something on the page of a device, over MQTT, or from a legacy client: it shows here.</p>
            )}
          </Empty>
        )
      ) : (
        <ul class="rows stories">
          {stories.map((story) => (
            <Row key={`${story.id} ${story.client} ${story.device} ${story.codename} ${story.started}`} story={story} />
          ))}
        </ul>
      )}
      {all.length >= wanted && wanted < most ? (
        <p>
          <Button onClick={() => setLimit(Math.min(limit + page, most))}>Show more</Button>
        </p>
      ) : polled.data === undefined ? null : (
        <p class="muted">{counted(all.length, 'command')} kept.</p>
      )}
    </>
  )
}

function textOf(story: Story): string {
  const { id, device, codename, op, client, instance = '', phase, error } = story
  const values = [valueText(story.asked), valueText(story.value), error?.class ?? '', error?.message ?? '']
  return [id, `${device}/${codename}`, op, client, instance, phase, ...values].join(' ').toLowerCase()
}

function Row({ story }: { readonly story: Story }): JSX.Element {
  const { id, device, codename, op, client, phase, check, started, duration, asked, value, error } = story
  return (
    <li class="row">
      <span class="when">
        <Time time={started} />
      </span>
      <span class="what">
        <CodenameLink device={device} codename={codename} /> <strong>{op}</strong>
        {asked === undefined ? null : <code>{valueText(asked, 80)}</code>}
        {check === true ? <span class="muted">check only</span> : null}
      </span>
      <span class="came">
        <Badge tone={phaseTones[phase] ?? 'info'}>{phase}</Badge>
        {error === undefined ? (
          value === undefined || value === null ? null : (
            <code>{valueText(value, 80)}</code>
          )
        ) : (
          <span class="said">{error.message}</span>
        )}
      </span>
      <span class="by muted">
        by <span class="name">{client}</span>
        {duration === undefined ? ', running' : `, ${formatDuration(duration)}`}
      </span>
      <a class="button" href={href(['commands'], { id })} aria-label={`Timeline of ${op} ${device}/${codename}, ${id}`}>
        Timeline
      </a>
    </li>
  )
}
