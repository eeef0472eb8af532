/** The end of the gateway's log, as it is written. */
import type { JSX } from 'preact'
import { useEffect, useReducer, useRef, useState } from 'preact/hooks'
import { api } from '../api.js'
import { LogTail, fieldsText, fits, isGap, levels } from '../models/log-tail.js'
import type { LogLevel, LogLine, LogRow } from '../models/log-tail.js'
import type { PageProps } from '../router.js'
import { store, useStore } from '../store.js'
import { Badge, Button, Empty, Time } from '../ui.js'
import { Choice, PageHead, SearchField, Standing, Switch, counted, levelTones } from './parts.js'
import { usePoller } from './poll.js'

/** Lines held, and lines on the screen. */
const held = 2000
const most = 500

export function LogPage({ params }: PageProps): JSX.Element {
  const tail = useRef(new LogTail(held)).current
  const [, render] = useReducer((count: number, _action: undefined) => count + 1, 0)
  const [at, setAt] = useState<number>()
  const [level, setLevel] = useState<LogLevel>(levels.find((each) => each === params.get('level')) ?? 'info')
  const [text, setText] = useState(params.get('find') ?? '')
  const [instance, setInstance] = useState(params.get('instance') ?? '')
  const [follows, setFollows] = useState(true)
  const since = useStore((s) => s.info()?.since)
  const before = useRef(since)
  useEffect(() => {
    if (before.current !== undefined && since !== undefined && since !== before.current) tail.restarted()
    before.current = since ?? before.current
  }, [since, tail])
  const polled = usePoller('log', 1, async (signal) => {
    const answer = await api.get<{ lines: readonly LogLine[]; last: number }>(`/api/log?after=${tail.last}`, signal)
    setAt(store.now())
    if (tail.take(answer)) render(undefined)
  })
  const fitting = tail.rows.filter((row) => fits(row, { level, text, instance }))
  const rows = fitting.slice(-most)
  const instances = [...new Set(tail.rows.map((row) => (isGap(row) ? '' : (row.instance ?? ''))).filter(Boolean))].sort()
  const chosen = instance === '' || instances.includes(instance) ? instances : [instance, ...instances]
  return (
    <>
      <PageHead title="Log" about="The last lines of the gateway's log, the newest at the end." />
      <Standing polled={{ ...polled, at }} />
      <div class="fields">
        <Choice
          label="Level"
          value={level}
          of={levels.map((each) => [each, each === 'error' ? 'error' : `${each} and above`])}
          onChange={setLevel}
        />
        <Choice
          label="Instance"
          value={instance}
          of={[['', 'all'], ...chosen.map((each): [string, string] => [each, each])]}
          onChange={setInstance}
        />
        <SearchField label="Find" value={text} onInput={setText} placeholder="words" />
        <Switch on={follows} onChange={setFollows}>
          Follow
        </Switch>
      </div>
      {fitting.length > rows.length || tail.dropped > 0 || tail.missed > 0 ? (
        <p class="muted">
          {fitting.length > rows.length ? `The last ${rows.length} of ${fitting.length} lines that fit. ` : ''}
          {tail.dropped > 0 ? `${counted(tail.dropped, 'older line')} no longer held here. ` : ''}
          {tail.missed > 0 ? `${counted(tail.missed, 'line')} missed: the gateway had let them go.` : ''}
        </p>
      ) : null}
      {rows.length === 0 ? (
        polled.error !== undefined && at === undefined ? null : (
          <Empty title={polled.loading ? 'Asking …' : 'No line fits'}>
            {polled.loading ? null : <p>{counted(tail.rows.length, 'line')} held. A healthy gateway writes little.</p>}
          </Empty>
        )
      ) : (
        <Lines rows={rows} follows={follows} onLeave={() => setFollows(false)} />
      )}
      {tail.rows.length === 0 ? null : (
        <p>
          <Button
            onClick={() => {
              tail.clear()
              render(undefined)
            }}
          >
            Clear what is shown
          </Button>
        </p>
      )}
    </>
  )
}

/** Pixels from the end within which somebody is at the end. */
const atEnd = 40

function Lines({
  rows,
  follows,
  onLeave
}: {
  readonly rows: readonly LogRow[]
  readonly follows: boolean
  readonly onLeave: () => void
}): JSX.Element {
  const box = useRef<HTMLDivElement>(null)
  const moved = useRef(0)
  const last = rows.at(-1)?.n
  useEffect(() => {
    if (!follows || box.current === null) return
    moved.current = box.current.scrollTop = box.current.scrollHeight
    moved.current = box.current.scrollTop
  }, [follows, last, rows.length])
  const scrolled = (): void => {
    const { current } = box
    if (current === null || !follows) return
    const isUp = current.scrollTop < moved.current - 2
    if (isUp && current.scrollHeight - current.scrollTop - current.clientHeight > atEnd) onLeave()
    else moved.current = current.scrollTop
  }
  return (
    <div class="log" ref={box} onScroll={scrolled} tabIndex={0} role="log" aria-label="Lines of the log" aria-live="off">
      {rows.map((row) => (isGap(row) ? <Gap key={`gap ${row.n} ${row.gap}`} row={row} /> : <Line key={row.n} line={row} />))}
    </div>
  )
}

function Gap({ row }: { readonly row: { readonly gap: number; readonly why: string } }): JSX.Element {
  return (
    <p class="gap">
      {row.why === 'restart' ? 'The gateway was started anew' : `${counted(row.gap, 'line')} missed: more came than were kept`}
    </p>
  )
}

function Line({ line }: { readonly line: LogLine }): JSX.Element {
  const fields = fieldsText(line)
  return (
    <div class={`log-line ${line.level}`}>
      <span class="when">
        <Time time={line.time} />
      </span>
      <Badge tone={levelTones[line.level] ?? 'info'}>{line.level}</Badge>
      <span class="told">
        {line.instance === undefined ? null : <strong class="name">{line.instance} </strong>}
        {line.message}
        {fields === '' ? null : <span class="muted name"> {fields}</span>}
      </span>
    </div>
  )
}
