/** One run: how it stands, its files, and whether they are still what was recorded. */
import type { JSX } from 'preact'
import { ApiError, api, apiUrl } from '../api.js'
import { formatBytes, formatNumber } from '../format.js'
import type { RunDetails, Verdict } from '../models/answers.js'
import { fileAbout, filePath, nameOf, reportOf, runTones, spanOf } from '../models/runs.js'
import { href } from '../router.js'
import type { PageProps } from '../router.js'
import { Badge, Button, Card, Empty, ErrorNote, Time, troubleOf } from '../ui.js'
import { PageHead, Standing, counted, useTick } from './parts.js'
import { useDoing, usePoll } from './poll.js'
import { StopButton } from './runs.js'

export function RunPage({ params }: PageProps): JSX.Element {
  const id = params.get('run') ?? ''
  const polled = usePoll<RunDetails>(`/api/runs/${encodeURIComponent(id)}`, 1)
  const now = useTick(1)
  const isGone = polled.error instanceof ApiError && polled.error.status === 404
  const run = isGone ? undefined : polled.data
  return (
    <>
      <PageHead title={run === undefined ? 'Run' : nameOf(run)} about={run?.note}>
        <a class="button" href={href(['runs'])}>
          All runs
        </a>
        {run?.state === 'running' ? <StopButton run={run} again={polled.again} /> : null}
      </PageHead>
      {isGone ? null : <Standing polled={polled} />}
      {isGone ? (
        <Empty title="There is no such run">
          <p>Its folder is not there any more, or the address is mistyped.</p>
        </Empty>
      ) : run === undefined ? (
        polled.loading ? (
          <Empty title="Asking …" />
        ) : null
      ) : (
        <>
          <Account run={run} now={now} />
          <Verify run={run} />
          <Files run={run} />
        </>
      )}
    </>
  )
}

function Account({ run, now }: { readonly run: RunDetails; readonly now: number }): JSX.Element {
  const { state, reason, trouble, started, ended, by, expRef, devices, readings, commands, lost, bytes, folder } = run
  return (
    <Card title="How it stands" aside={<Badge tone={runTones[state] ?? 'bad'}>{state}</Badge>}>
      {reason === undefined ? null : <p class="why">{reason}</p>}
      {trouble === undefined ? null : (
        <p class="note bad">
          <strong>{trouble}</strong>
        </p>
      )}
      {lost === 0 ? null : (
        <p class="note bad">
          <strong>{formatNumber(lost)} readings and steps of commands could not be written</strong>: readings.ndjson says where.
        </p>
      )}
      {state === 'cut off' ? (
        <p class="mend">The gateway ended while it was recorded. What is in the folder is complete up to the last second before that.</p>
      ) : null}
      <ul class="counters big" aria-label="Recorded">
        <li>
          <strong>{formatNumber(readings)}</strong>
          <span>readings</span>
        </li>
        <li>
          <strong>{formatNumber(commands)}</strong>
          <span>commands</span>
        </li>
        <li>
          <strong>{formatBytes(bytes)}</strong>
          <span>of readings and commands</span>
        </li>
        <li>
          <strong>{spanOf(run, now)}</strong>
          <span>{state === 'running' ? 'so far' : 'long'}</span>
        </li>
      </ul>
      <dl class="about">
        <dt>Started</dt>
        <dd>
          <Time time={started} age /> by <span class="name">{by}</span>
        </dd>
        {ended === undefined ? null : (
          <>
            <dt>Ended</dt>
            <dd>
              <Time time={ended} age />
            </dd>
          </>
        )}
        <dt>Devices</dt>
        <dd>
          {devices === 'all'
            ? 'all'
            : devices.map((device, i) => (
                <span key={device}>
                  {i === 0 ? '' : ', '}
                  <a href={href(['devices', device])}>{device}</a>
                </span>
              ))}
        </dd>
        <dt>Folder</dt>
        <dd>
          <code class="name">{folder}</code>
        </dd>
        {expRef === undefined || expRef === null ? null : (
          <>
            <dt>Experiment</dt>
            <dd>
              <code class="name">{expRef}</code>
            </dd>
          </>
        )}
      </dl>
    </Card>
  )
}

/** Tables, report and checksums are made when it has ended. */
function notReady({ state }: RunDetails): string {
  return state === 'running' ? 'its files are made when it is stopped' : 'its files are being made'
}

function Verify({ run }: { readonly run: RunDetails }): JSX.Element {
  const doing = useDoing<Verdict>()
  const why = run.ready ? undefined : notReady(run)
  const { busy, result, error } = doing
  return (
    <Card title="Is it still what was recorded?">
      <p class="actions">
        <Button
          why={busy ? 'it is being looked at' : why}
          onClick={() => doing.run(async () => await api.post<Verdict>(`/api/runs/${encodeURIComponent(run.id)}/verify`))}
        >
          {busy ? 'Looking …' : 'Verify'}
        </Button>
        <span class="muted">{why ?? 'Compares every file with its checksum, as labgate verify does.'}</span>
      </p>
      <div role="status">
        {result === undefined ? null : result.ok ? (
          <p class="verdict">
            <Badge tone="good">unchanged</Badge> All {counted(result.files, 'file')} are what was recorded.
          </p>
        ) : (
          <p class="verdict">
            <Badge tone="bad">changed</Badge> <code class="name">{result.wrong?.name ?? '?'}</code>: {result.wrong?.why ?? 'it differs'}
          </p>
        )}
      </div>
      {error === undefined ? null : <ErrorNote error={troubleOf(error)} />}
    </Card>
  )
}

function Files({ run }: { readonly run: RunDetails }): JSX.Element {
  const { files, id } = run
  const report = reportOf(files)
  return (
    <Card
      title="Files"
      aside={
        <>
          {report === undefined ? null : (
            <a class="button" href={apiUrl(filePath(id, report))} target="_blank" rel="noopener">
              Report (new tab)
            </a>
          )}
          {run.ready ? (
            <a class="button" href={apiUrl(`runs/${encodeURIComponent(id)}/zip`)} download>
              All as zip
            </a>
          ) : (
            <span class="muted">{notReady(run)}</span>
          )}
        </>
      }
    >
      {files.length === 0 ? <p class="muted">There are none yet.</p> : null}
      <ul class="rows files">
        {files.map(({ name, bytes, sha256 }) => (
          <li key={name} class="row">
            <a class="name" href={apiUrl(filePath(id, name))} download={name.split('/').at(-1)}>
              {name}
            </a>
            <span>{formatBytes(bytes)}</span>
            <span class="muted">{fileAbout(name)}</span>
            {sha256 === undefined ? null : (
              <code class="muted small" title={`SHA-256 ${sha256}`}>
                {sha256.slice(0, 12)}…
              </code>
            )}
          </li>
        ))}
      </ul>
    </Card>
  )
}
