/** What the history gives, as JSON: readings as on MQTT, with `since` where they had become stale. */
import { exact, json } from '../payload.js'
import { formatTime } from '../time.js'
import type { Bucket, Point } from './types.js'

/** Keys sorted, as those of readings are. */
export function pointText(point: Point): string {
  const { error, quality, run, seq, since, source, time, uncertainty, unit, value, x } = point
  let text = error === undefined ? '{' : `{"error":${json(error)},`
  text += `"quality":"${quality}",`
  if (run !== undefined) text += `"run":${JSON.stringify(run)},`
  if (seq !== undefined) text += `"seq":${seq},`
  if (since !== undefined) text += `"since":"${formatTime(since)}",`
  if (source !== undefined) text += `"source":"${source}",`
  text += `"time":"${formatTime(time)}",`
  if (uncertainty !== undefined) text += `"uncertainty":${exact(uncertainty)},`
  if (unit !== undefined) text += `"unit":${JSON.stringify(unit)},`
  text += `"value":${exact(value)}`
  return x === undefined ? text + '}' : `${text},"x":${exact(x)}}`
}

export function bucketText({ time, count, min, max, mean, isGap }: Bucket): string {
  return `{"count":${count},${isGap ? '"gap":true,' : ''}"max":${max},"mean":${mean},"min":${min},"time":"${formatTime(time)}"}`
}

/** By which points stand in order: that of a stale one is when it became so. */
export function placeOf({ since, time }: Point): number {
  return since ?? time
}
