/** The one line that tells what went wrong in a group: which rig, which step, and what to do. */
import type { GroupCall } from './group-call.js'
import type { Outcome } from './group-outcome.js'

export interface Failure {
  readonly group: string
  readonly call: Pick<GroupCall, 'name' | 'isEnding'>
  readonly outcomes: ReadonlyMap<string, Outcome>
  /** Of the interrupt that follows a failure by itself. */
  readonly interrupts: ReadonlyMap<string, Outcome>
  /** Rigs of the group that run, by what is known after it all. */
  readonly running: readonly string[]
}

/** Characters of what one rig says. */
const maxOfOne = 300

export function failureText({ group, call, outcomes, interrupts, running }: Failure): string {
  const done = namesOf(outcomes, 'done')
  const parts = [
    ...failuresIn(outcomes),
    ...skippedIn(outcomes),
    ...(done.length === 0 ? [] : [`carried out by ${done.join(', ')}`]),
    ...interruptedIn(interrupts),
    ...whatNext(group, call, running, done.length > 0)
  ]
  return `${call.name} of ${group}: ${parts.join('; ')}`
}

function failuresIn(outcomes: ReadonlyMap<string, Outcome>): string[] {
  return [...outcomes].flatMap(([name, outcome]) => {
    if (outcome.kind !== 'failed') return []
    const { message } = outcome.error
    const line = message.replace(/\s+/g, ' ')
    const cut = line.length > maxOfOne ? `${line.slice(0, maxOfOne)}…` : line
    return [cut.includes(name) ? cut : `${name}: ${cut}`]
  })
}

function skippedIn(outcomes: ReadonlyMap<string, Outcome>): string[] {
  const byReason = new Map<string, string[]>()
  for (const [name, outcome] of outcomes)
    if (outcome.kind === 'skipped') byReason.set(outcome.reason, [...(byReason.get(outcome.reason) ?? []), name])
  return [...byReason].map(([reason, names]) => `not asked: ${names.join(', ')} (${reason})`)
}

function interruptedIn(interrupts: ReadonlyMap<string, Outcome>): string[] {
  const done = namesOf(interrupts, 'done')
  const failed = failuresIn(interrupts).map((line) => `an interrupt was sent after that and failed: ${line}`)
  return [...(done.length === 0 ? [] : [`interrupted after that: ${done.join(', ')}`]), ...failed, ...skippedIn(interrupts)]
}

function whatNext(group: string, call: Failure['call'], running: readonly string[], isHalfDone: boolean): string[] {
  if (running.length > 0 && call.isEnding) return [`may still run: ${running.join(', ')}; call ${call.name} of ${group} again`]
  if (running.length > 0) return [`running now: ${running.join(', ')}; call interrupt of ${group} to end that`]
  if (call.name === 'start') return ['none of its rigs runs, by what is known']
  return call.name === 'init' && isHalfDone ? ['call init again, or cleanup, when all rigs are back'] : []
}

function namesOf(outcomes: ReadonlyMap<string, Outcome>, kind: Outcome['kind']): string[] {
  return [...outcomes].flatMap(([name, outcome]) => (outcome.kind === kind ? [name] : []))
}
