/** The first look through a run: what is in it, and from when to when. */
import { join } from 'node:path'
import { readLines } from './disk.js'
import { createHash } from 'node:crypto'
import { cut } from '../brief.js'
import { isCommand, secondsOf } from './lines.js'
import type { CommandLine, LostLine, ReadingLine } from './lines.js'
import { files } from './types.js'

/** Units of one codename that are told apart; a source that makes up more is told from them. */
export const maxUnits = 8

/** Changes of a text that are kept. */
const maxChanges = 30

/** Characters of a text that are kept. */
const maxText = 200

/** What the readings of one codename are, all of the run. */
export interface Survey {
  readonly device: string
  readonly codename: string
  readings: number
  uncertain: number
  bad: number
  /** Times that it became stale. */
  stale: number
  /** Empty: it has none. */
  readonly units: Set<string>
  hasX: boolean
  hasUncertainty: boolean
  /** Of good and uncertain readings that are numbers, or true (1) and false (0). */
  numbers: number
  min: number
  max: number
  sum: number
  /** Of the last that was no mark; a long value only in part. */
  last: { readonly value: unknown; readonly time: string; readonly quality: string } | undefined
  /** Tells the last text from others, however long they are. */
  lastText: string | undefined
  /** Of texts. */
  readonly changes: { readonly time: string; readonly text: string }[]
  moreChanges: number
}

export interface Surveyed {
  readonly devices: ReadonlyMap<string, ReadonlyMap<string, Survey>>
  readonly readings: number
  readonly commands: number
  readonly lost: number
  /** Lines that are none of ours. */
  readonly broken: number
  /** RFC 3339: when the last line was written; undefined: there is none. */
  readonly last: string | undefined
}

export type AnyLine = ReadingLine | LostLine

/** Undefined: it is none of ours. */
export function parseLine(line: string): AnyLine | undefined {
  try {
    const parsed = JSON.parse(line) as Partial<ReadingLine & LostLine> | null
    if (typeof parsed !== 'object' || parsed === null || typeof parsed.at !== 'string') return undefined
    const isReading = typeof parsed.device === 'string' && typeof parsed.codename === 'string' && typeof parsed.time === 'string'
    return isReading || typeof parsed.lost === 'number' ? (parsed as AnyLine) : undefined
  } catch {
    return undefined
  }
}

/** A number to draw; undefined: it is none. */
export function numberOf({ value, quality }: ReadingLine): number | undefined {
  if (quality === 'bad') return undefined
  if (typeof value === 'boolean') return value ? 1 : 0
  return typeof value === 'number' ? value : undefined
}

/** `isBare`: only counts, which take no memory. */
export async function surveyRun(folder: string, isBare = false): Promise<Surveyed> {
  const devices = new Map<string, Map<string, Survey>>()
  let [readings, lost, broken] = [0, 0, 0]
  let last: string | undefined
  for await (const lines of readLines(join(folder, files.readings)))
    for (const line of lines) {
      const parsed = parseLine(line)
      if (parsed === undefined) {
        broken += 1
        continue
      }
      last = parsed.at
      if ('lost' in parsed) lost += parsed.lost
      else {
        readings += 1
        if (!isBare) note(surveyOf(devices, parsed), parsed)
      }
    }
  const lastReading = last
  let commands = 0
  for await (const lines of readLines(join(folder, files.commands)))
    for (const line of lines) {
      const parsed = parseCommand(line)
      if (parsed === undefined) {
        broken += 1
        continue
      }
      last = parsed.at
      if ('lost' in parsed) lost += parsed.lost
      else if (isCommand(parsed)) commands += 1
    }
  return { devices, readings, commands, lost, broken, last: later(lastReading, last) }
}

export function parseCommand(line: string): CommandLine | LostLine | undefined {
  try {
    const parsed = JSON.parse(line) as (Partial<CommandLine> & Partial<LostLine>) | null
    if (typeof parsed?.at === 'string' && typeof parsed.lost === 'number') return parsed as LostLine
    const texts = [parsed?.at, parsed?.device, parsed?.codename, parsed?.id, parsed?.op, parsed?.what]
    return texts.every((text) => typeof text === 'string') ? (parsed as CommandLine) : undefined
  } catch {
    return undefined
  }
}

/** Of two streams, each in its own order. */
function later(one: string | undefined, other: string | undefined): string | undefined {
  if (one === undefined || other === undefined) return one ?? other
  return secondsOf(other) >= secondsOf(one) ? other : one
}

function surveyOf(devices: Map<string, Map<string, Survey>>, { device, codename }: ReadingLine): Survey {
  let codenames = devices.get(device)
  if (codenames === undefined) devices.set(device, (codenames = new Map()))
  let survey = codenames.get(codename)
  if (survey === undefined)
    codenames.set(
      codename,
      (survey = {
        device,
        codename,
        readings: 0,
        uncertain: 0,
        bad: 0,
        stale: 0,
        units: new Set(),
        hasX: false,
        hasUncertainty: false,
        numbers: 0,
        min: Infinity,
        max: -Infinity,
        sum: 0,
        last: undefined,
        lastText: undefined,
        changes: [],
        moreChanges: 0
      })
    )
  return survey
}

function note(survey: Survey, line: ReadingLine): void {
  const { value, unit, quality, mark, time } = line
  if (mark === 'stale') {
    survey.stale += 1
    return
  }
  survey.readings += 1
  if (quality === 'uncertain') survey.uncertain += 1
  if (quality === 'bad') survey.bad += 1
  if (survey.units.size <= maxUnits) survey.units.add(unit ?? '')
  survey.hasX ||= line.x !== undefined
  survey.hasUncertainty ||= line.uncertainty !== undefined
  const number = numberOf(line)
  if (number !== undefined) {
    survey.numbers += 1
    survey.sum += number
    if (number < survey.min) survey.min = number
    if (number > survey.max) survey.max = number
  }
  const text = typeof value === 'string' ? digestOf(value) : undefined
  if (typeof value === 'string' && text !== survey.lastText) {
    if (survey.changes.length < maxChanges) survey.changes.push({ time, text: cut(value, maxText) })
    else survey.moreChanges += 1
  }
  survey.lastText = text
  survey.last = { value: short(value), time, quality }
}

function digestOf(text: string): string {
  return text.length <= maxText ? text : createHash('sha256').update(text).digest('base64')
}

/** A spectrum must not be held for each codename. */
function short(value: unknown): unknown {
  if (typeof value === 'string') return cut(value, maxText)
  if (typeof value !== 'object' || value === null) return value
  return Array.isArray(value) ? `a list of ${value.length}` : 'an object'
}
