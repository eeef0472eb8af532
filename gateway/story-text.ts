/** The steps of a command in plain words. */
import type { Op } from './adapter.js'
import type { After, Moment, SaidError, Story } from './story.js'

const asks: Record<Op, string> = { set: 'to set it', get: 'for its value', call: 'to call it' }

export function sentence(story: Story, moment: Moment): string {
  const { instance, device, op, check, earlier } = story
  const { what, value, error } = moment
  switch (what) {
    case 'asked':
      return moment.times === undefined ? asked(story, moment) : again(story, moment.times)
    case 'checked':
      return op === 'get' ? 'allowed: it can be asked for' : 'checked against the schema'
    case 'written':
      return 'noted on disk, should the gateway crash meanwhile'
    case 'begun':
      return moment.instance === undefined ? `passed to the native device ${device}` : `handed to ${moment.instance}`
    case 'accepted':
      return 'under way; whoever asked was told so'
    case 'done': {
      const from = check ? 'it would be accepted; nothing was done' : Number.isNaN(story.begun) ? 'answered from memory' : undefined
      const told = value === undefined || value.text === 'null' ? '' : value.text
      const who = instance === undefined ? `the device answered` : `${instance} answered`
      const ended = from === undefined ? `${who}${told === '' ? '' : ` ${told}`} after ${span(tookOf(story, moment))}` : from
      return `${ended}${from !== undefined && !check && told !== '' ? `: ${told}` : ''}${gone(moment)}`
    }
    case 'failed':
      return `${earlier ? '' : `failed after ${span(tookOf(story, moment))}: `}${said(error)}${gone(moment)}`
    case 'refused':
      return `refused: ${said(error)}`
    case 'late':
      return `an answer came after the time limit and was dropped: ${error === undefined ? (value?.text ?? 'done') : said(error)}`
    case 'reading':
      return story.after === undefined ? '' : reading(story.after)
  }
}

function asked({ client, op, asked: value, check, earlier }: Story, { waited = 0 }: Moment): string {
  const what = value === undefined ? ` ${asks[op]}` : `: ${value.text}`
  const notes = [
    ...(check ? ['as a mere check'] : []),
    ...(earlier ? ['in an earlier run of the gateway'] : []),
    ...(waited >= 0.0005 ? [`after waiting ${span(waited)} for its turn`] : [])
  ]
  return `asked by ${client}${what}${notes.length === 0 ? '' : ` (${notes.join(', ')})`}`
}

function again({ client }: Story, times: number): string {
  return `asked again by ${client} with the same id${times > 1 ? `, ${times} times` : ''}: the same answer, nothing was done again`
}

function said(error: SaidError | undefined): string {
  return error === undefined ? 'nobody said why' : `${error.class}: ${error.message}`
}

/** From its beginning, where it has one: waiting for the disk is not the device's fault. */
function tookOf({ begun, monotonic }: Story, { after }: Moment): number {
  return Number.isNaN(begun) ? after : after - (begun - monotonic)
}

function gone({ unheard }: Moment): string {
  return unheard === true ? '; whoever asked had given up waiting' : ''
}

function reading({ value, unit, quality, source, later, measured, others }: After): string {
  const shown = `${value.text}${unit === undefined ? '' : ` ${unit}`}${quality === 'good' ? '' : ` (${quality})`}`
  const when =
    source === 'set'
      ? 'as it was set, not measured'
      : measured === undefined
        ? `came ${span(later)} later`
        : measured < 0
          ? `measured ${span(-measured)} before the command was begun`
          : `measured ${span(measured)} later`
  const why = others === 0 ? '' : `; ${others === 1 ? 'another command' : `${others} other commands`} may have caused it`
  return `reading ${shown}, ${when}${why}`
}

/** A duration as people say it. */
export function span(seconds: number): string {
  if (seconds < 0.001) return `${Math.max(0, Math.round(seconds * 1e6))} µs`
  if (seconds < 1) return `${Math.round(seconds * 1000)} ms`
  if (seconds < 120) return `${Number(seconds.toPrecision(3))} s`
  return seconds < 7200 ? `${Math.round(seconds / 60)} min` : `${Math.round(seconds / 3600)} h`
}
