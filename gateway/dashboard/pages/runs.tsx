/** Recordings from a start to a stop. */
import type { JSX } from 'preact'
import { useState } from 'preact/hooks'
import { api } from '../api.js'
import { formatBytes, formatNumber } from '../format.js'
import type { Run } from '../models/answers.js'
import { nameOf, runTones, runsSorted, spanOf } from '../models/runs.js'
import { go, href } from '../router.js'
import type { PageProps } from '../router.js'
import { store, useStore } from '../store.js'
import { Badge, Button, Card, Empty, ErrorNote, Field, Time, troubleOf } from '../ui.js'
import { PageHead, Standing, counted, useTick } from './parts.js'
import { useDoing, usePoll } from './poll.js'
import type { Polled } from './poll.js'

export function RunsPage(_props: PageProps): JSX.Element {
  const polled = usePoll<{ runs: readonly Run[] }>('/api/runs', 2)
  const info = useStore((s) => s.info())
  const runs = runsSorted(polled.data?.runs ?? [])
  return (
    <>
      <PageHead
        title="Runs"
        about="A run records every reading and command from its start to its stop into a folder that proves itself: CSV, NDJSON, a report, and a list of checksums."
      />
      <Standing polled={polled} />
      {info?.runs === false ? <NotConfigured /> : <Start again={polled.again} />}
      {runs.length > 0 ? (
        <List runs={runs} polled={polled} />
      ) : polled.data === undefined ? (
        polled.loading ? (
          <Empty title="Asking …" />
        ) : null
      ) : info?.runs === false ? null : (
        <Empty title="No run yet">
          <p>Start one above, with a call of run_start over MQTT, or from a rig session.</p>
        </Empty>
      )}
    </>
  )
}

function NotConfigured(): JSX.Element {
  return (
    <div class="note info">
      <p>
        <strong>Runs have no folder to go to.</strong> Give the gateway one in its configuration and start it again:
      </p>
      <pre class="payload">
        {'gateway: { data: ./data }    # runs are made in ./data/runs\n# or, anywhere else:\nruns: { folder: ./runs }'}
      </pre>
    </div>
  )
}

function List({ runs, polled }: { readonly runs: readonly Run[]; readonly polled: Polled<unknown> }): JSX.Element {
  const now = useTick(1)
  return (
    <ul class="rows runs">
      {runs.map((run) => (
        <li key={run.id} class={`row ${run.state === 'running' ? 'running' : ''}`}>
          <span class="what">
            <a class="name" href={href(['runs', run.id])}>
              {nameOf(run)}
            </a>
            {run.note === undefined || run.note === '' ? null : <span class="muted">{run.note}</span>}
          </span>
          <span class="came">
            <Badge tone={runTones[run.state] ?? 'bad'}>{run.state}</Badge>
            {run.state === 'complete' ? null : <span class="said">{run.trouble ?? run.reason}</span>}
            {run.lost === 0 ? null : <strong class="said">{formatNumber(run.lost)} lost</strong>}
          </span>
          <span class="muted">
            <Time time={run.started} />, {spanOf(run, now)}, by <span class="name">{run.by}</span>
          </span>
          <span class="counts">
            <span>{formatNumber(run.readings)} readings,</span> <span>{formatNumber(run.commands)} commands,</span>{' '}
            <span>{formatBytes(run.bytes)}</span>
          </span>
          {run.state === 'running' ? <StopButton run={run} again={polled.again} /> : null}
        </li>
      ))}
    </ul>
  )
}

export function StopButton({ run, again }: { readonly run: Run; readonly again: () => void }): JSX.Element {
  const doing = useDoing<Run>()
  const why = useStore((s) => s.whyNoRun('stop'))
  const stop = (): void =>
    doing.run(async () => {
      const stopped = await api.post<Run>(`/api/runs/${encodeURIComponent(run.id)}/stop`)
      again()
      return stopped
    })
  return (
    <span class="doing">
      <Button danger onClick={stop} why={doing.busy ? 'it is being stopped' : why} label={`Stop the run ${nameOf(run)}`}>
        {doing.busy ? 'Stopping …' : 'Stop'}
      </Button>
      {doing.error === undefined ? null : <ErrorNote error={troubleOf(doing.error)} />}
    </span>
  )
}

function Start({ again }: { readonly again: () => void }): JSX.Element {
  const why = useStore((s) => s.whyNoRun('start'))
  const names = useStore((s) => s.devices().map(({ device }) => device))
  const doing = useDoing<Run>()
  const [name, setName] = useState('')
  const [note, setNote] = useState('')
  const [some, setSome] = useState(false)
  const [chosen, setChosen] = useState<ReadonlySet<string>>(new Set())
  const devices = [...chosen].filter((device) => names.includes(device))
  const missing = some && devices.length === 0 ? 'no device is chosen' : undefined
  const start = (): void =>
    doing.run(async () => {
      const body = {
        ...(name.trim() === '' ? {} : { name: name.trim() }),
        ...(note.trim() === '' ? {} : { note: note.trim() }),
        ...(some ? { devices } : {})
      }
      const run = await api.post<Run>('/api/runs', body)
      again()
      go(href(['runs', run.id]))
      return run
    })
  return (
    <Card title="Start a run">
      <form
        class="start"
        onSubmit={(event) => {
          event.preventDefault()
          if (store.whyNoRun('start') === undefined && missing === undefined) start()
        }}
      >
        <div class="fields">
          <Field label="Name" hint="Left out: the time gives it one">
            {(ids) => (
              <input
                {...ids}
                type="text"
                value={name}
                maxLength={500}
                autocomplete="off"
                onInput={(event) => setName(event.currentTarget.value)}
              />
            )}
          </Field>
          <Field label="Note" hint="For whoever reads it later">
            {(ids) => (
              <input
                {...ids}
                type="text"
                value={note}
                maxLength={10_000}
                autocomplete="off"
                onInput={(event) => setNote(event.currentTarget.value)}
              />
            )}
          </Field>
        </div>
        <label class="check">
          <input type="checkbox" checked={!some} onChange={(event) => setSome(!event.currentTarget.checked)} />{' '}
          <span>All devices but the gateway itself</span>
        </label>
        {some ? (
          <fieldset class="chosen">
            <legend>{counted(devices.length, 'device')} chosen</legend>
            {names.map((device) => (
              <label key={device} class="check">
                <input
                  type="checkbox"
                  checked={chosen.has(device)}
                  onChange={(event) => {
                    const next = new Set(chosen)
                    if (event.currentTarget.checked) next.add(device)
                    else next.delete(device)
                    setChosen(next)
                  }}
                />{' '}
                <span>{device}</span>
              </label>
            ))}
          </fieldset>
        ) : null}
        <p class="actions">
          <Button type="submit" primary why={doing.busy ? 'it is being started' : (why ?? missing)}>
            {doing.busy ? 'Starting …' : 'Start'}
          </Button>
          {why === undefined ? null : <span class="muted">{why}</span>}
        </p>
        {doing.error === undefined ? null : <ErrorNote error={troubleOf(doing.error)} />}
      </form>
    </Card>
  )
}
