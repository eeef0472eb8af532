import type { JSX } from 'preact'
import { Chart } from '../chart/index.js'
import { apiPath, apiUrl } from '../api.js'
import { Controls, GetButton } from '../controls/form.js'
import { href } from '../router.js'
import type { PageProps } from '../router.js'
import { useStore } from '../store.js'
import { Card, Empty, QualityBadge, StateBadge, Time } from '../ui.js'
import { Live, plotOf } from './device.js'

/** One codename, large: its value, its last hour, what can be done with it, and all that is known of it. */
export function CodenamePage({ params }: PageProps): JSX.Element {
  const [device, codename] = [params.get('device') ?? '', params.get('codename') ?? '']
  const view = useStore((s) => s.find(device, codename))
  const state = useStore((s) => s.device(device)?.state)
  const hasHistory = useStore((s) => s.info()?.history === true)
  if (view === undefined)
    return (
      <Empty title={`There is no ${codename} of ${device} at the moment`}>
        <p>
          See <a href={href(['devices', device])}>what {device} has</a>, or the <a href="#/">overview</a>.
        </p>
      </Empty>
    )
  const { reading, meta } = view
  const isNumber = typeof reading?.value === 'number'
  const csv = `${apiUrl(apiPath('devices', device, codename, 'history'))}?format=csv`
  return (
    <>
      <nav class="crumbs" aria-label="Where">
        <a href="#/">Overview</a> <span aria-hidden="true">›</span>{' '}
        <a href={href(['devices', device])}>{device === '' ? '(no name)' : device}</a> <span aria-hidden="true">›</span>
      </nav>
      <div class="bar">
        <h1>{codename === '' ? '(no name)' : codename}</h1>
        <QualityBadge view={view} />
        <span class="muted">{device} is</span> <StateBadge state={state} />
      </div>
      {meta?.description === undefined ? null : <p>{meta.description}</p>}
      <div class="columns">
        <Card class="large" title="Now">
          <Live view={view} />
          <footer>
            {device === 'gateway' ? null : <GetButton view={view} />}
            {isNumber ? <a href={plotOf([view])}>Plot</a> : null}
            <a href={href(['commands'], { device, codename })}>Commands</a>
            {hasHistory ? <a href={csv}>History as CSV</a> : null}
          </footer>
        </Card>
        {meta?.settable === true || meta?.callable !== undefined ? (
          <Card title={meta.settable ? 'Set it' : 'Call it'}>
            <Controls view={view} />
          </Card>
        ) : null}
      </div>
      {isNumber ? (
        <Card title="The last hour">
          <Chart series={[{ device, codename }]} from="-3600" live height={260} />
        </Card>
      ) : null}
      <Card title="Details">
        <dl class="members">
          {reading === undefined ? null : (
            <>
              <Member name="measured">
                <Time time={reading.time} age />
              </Member>
              <Member name="source">{reading.source ?? 'not told'}</Member>
              {reading.seq === undefined ? null : <Member name="seq">{reading.seq}</Member>}
              {reading.run === undefined ? null : <Member name="run">{reading.run}</Member>}
            </>
          )}
          <Member name="topic">
            <code>{view.topic}</code>
          </Member>
          {meta === undefined || meta.name === codename ? null : (
            <Member name="name on the old side">{meta.name === '' ? '(empty)' : meta.name}</Member>
          )}
          {meta === undefined ? null : (
            <Member name="declared">
              {meta.declared ? 'by the configuration' : meta.found === true ? 'found by its instance' : 'no, it came by itself'}
            </Member>
          )}
        </dl>
        {meta?.schema === undefined && meta?.callable === undefined ? null : (
          <details>
            <summary>JSON Schema</summary>
            <pre class="json">{JSON.stringify(meta.schema ?? meta.callable, null, 2)}</pre>
          </details>
        )}
      </Card>
    </>
  )
}

function Member({ name, children }: { readonly name: string; readonly children: JSX.Element | string | number }): JSX.Element {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  )
}
