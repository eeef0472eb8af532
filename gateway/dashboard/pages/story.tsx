/** One command as a timeline: each step with its time, and the reading that came after it. */
import type { JSX } from 'preact'
import { errorClasses } from '../../errors.js'
import { formatDuration } from '../format.js'
import type { Step, Story } from '../models/answers.js'
import { axisLength, marks, ticks } from '../models/story-time.js'
import { href } from '../router.js'
import { Badge, Card, Time } from '../ui.js'
import { CodenameLink, CopyButton, phaseTones, valueText } from './parts.js'

const tones: Readonly<Record<string, string>> = { done: 'good', failed: 'bad', refused: 'bad', late: 'uncertain', reading: 'reading' }

export function StoryCard({ story }: { readonly story: Story }): JSX.Element {
  const { id, device, codename, op, client, instance, phase, check, started, duration, asked, value, error, steps } = story
  return (
    <Card
      class="story"
      title={
        <>
          <CodenameLink device={device} codename={codename} /> {op} {asked === undefined ? null : <code>{valueText(asked)}</code>}
        </>
      }
      aside={<Badge tone={phaseTones[phase] ?? 'info'}>{phase}</Badge>}
    >
      {check === true ? <p class="muted">Only whether it would be accepted was asked; nothing was done.</p> : null}
      {error === undefined ? null : <Failure error={error} />}
      {steps.length < 2 ? null : <Axis steps={steps} />}
      <ol class="steps">
        {steps.map((step, at) => (
          <StepRow key={at} step={step} before={steps[at - 1]} place={at + 1} />
        ))}
      </ol>
      <dl class="about">
        <dt>Asked</dt>
        <dd>
          <Time time={started} age /> by <span class="name">{client}</span>
        </dd>
        <dt>Took</dt>
        <dd>{duration === undefined ? 'it is still running' : formatDuration(duration)}</dd>
        {value === undefined ? null : (
          <>
            <dt>Answer</dt>
            <dd>
              <code>{valueText(value, 2000)}</code>
            </dd>
          </>
        )}
        <dt>Done by</dt>
        <dd>{instance === undefined ? 'no instance' : <a href={href(['adapters'], { find: instance })}>{instance}</a>}</dd>
        <dt>Id</dt>
        <dd>
          <code class="name">{id}</code> <CopyButton text={id} what="id" />
        </dd>
      </dl>
      <Reading story={story} />
    </Card>
  )
}

function Failure({ error }: { readonly error: NonNullable<Story['error']> }): JSX.Element {
  const help = error.class in errorClasses ? errorClasses[error.class as keyof typeof errorClasses].help : undefined
  return (
    <div class="note bad">
      <p>
        <strong>
          {error.class}: {error.message}
        </strong>
      </p>
      {help === undefined ? null : <p>{help}</p>}
      {error.maybeExecuted === true ? <p>It may have been carried out all the same: read the value before you repeat it.</p> : null}
    </div>
  )
}

function Axis({ steps }: { readonly steps: readonly Step[] }): JSX.Element {
  const moments = steps.map(({ after }) => after)
  const length = axisLength(moments)
  return (
    <div class="axis" aria-hidden="true">
      <div class="rail" />
      {ticks(length).map((tick) => (
        <span key={tick} class="tick" style={{ left: percent(tick / length) }}>
          {tick === 0 ? '0' : formatDuration(tick)}
        </span>
      ))}
      {marks(moments, length).map(({ position, of }) => {
        const last = steps[of.at(-1) ?? 0]
        const first = (of[0] ?? 0) + 1
        return (
          <span
            key={first}
            class={`mark ${tones[last?.what ?? ''] ?? ''}`}
            style={{ left: percent(position) }}
            title={of.map((at) => steps[at]?.text).join('\n')}
          >
            {of.length === 1 ? first : `${first}–${first + of.length - 1}`}
          </span>
        )
      })}
    </div>
  )
}

const percent = (share: number): string => `${(share * 100).toFixed(2)}%`

function StepRow({ step, before, place }: { readonly step: Step; readonly before: Step | undefined; readonly place: number }): JSX.Element {
  const since = before === undefined ? 0 : step.after - before.after
  return (
    <li class={`step ${tones[step.what] ?? ''}`}>
      <span class="place" aria-hidden="true">
        {place}
      </span>
      <span class="at" title={step.at}>
        {place === 1 ? '0' : formatDuration(step.after)}
      </span>
      <span class="told">
        {step.text}
        {since > 0 && place > 2 ? <span class="muted small"> (+{formatDuration(since)})</span> : null}
      </span>
    </li>
  )
}

function Reading({ story }: { readonly story: Story }): JSX.Element | null {
  const { reading, phase, op, check, device, codename } = story
  if (reading !== undefined)
    return (
      <p class="after">
        <strong>After it the gateway read</strong>{' '}
        <span class="value">
          {valueText(reading.value)}
          {reading.unit === undefined ? '' : ` ${reading.unit}`}
        </span>{' '}
        <Badge tone={reading.quality === 'good' ? 'good' : reading.quality === 'stale' ? 'stale' : 'uncertain'}>{reading.quality}</Badge>{' '}
        <span class="muted">
          {formatDuration(reading.after)} after it was begun, measured <Time time={reading.time} />
        </span>
      </p>
    )
  if (phase !== 'done' || op !== 'set' || check === true) return null
  return (
    <p class="after muted">
      No reading of {device}/{codename} has come since. After a set the reading is what the device reports, not what was asked for.
    </p>
  )
}
