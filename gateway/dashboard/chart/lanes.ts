/** States as coloured bands with words in them, one lane for each codename. */
import type { Colours } from './colours.js'
import { bandsOf, shadesOf } from './kinds.js'
import { font } from './paint.js'
import type { Box, Map2 } from './paint.js'
import { fillOf, shades } from './palette.js'
import type { Sample } from './sample.js'

/** CSS pixels of a lane: its name and its band. */
export const laneHeight = 42
const nameHeight = 16

export interface Lane {
  readonly name: string
  readonly colour: string
  readonly samples: readonly Sample[]
  /** Values of the schema, if it lists them. */
  readonly among: readonly unknown[] | undefined
  /** Until when the last state is known to hold. */
  readonly end: number
  readonly holds: boolean
}

/** `place` counts the lanes from the top of the box. Returns the box of the band, where blanks are hatched. */
export function paintLane(ctx: CanvasRenderingContext2D, lane: Lane, place: number, { x, scale }: Map2, box: Box, colours: Colours): Box {
  const top = box.top + place * laneHeight * scale
  const band: Box = {
    left: box.left,
    width: box.width,
    top: top + nameHeight * scale,
    height: (laneHeight - nameHeight - 4) * scale
  }
  ctx.save()
  const bands = bandsOf(lane.samples, lane.end, lane.holds)
  const shadeOf = shadesOf(
    bands.map(({ word }) => word),
    lane.among,
    shades
  )
  for (const { from, to, word, isMixed, isUncertain } of bands) {
    const left = Math.max(x(from), band.left)
    const right = Math.min(x(to), band.left + band.width)
    if (right <= left) continue
    ctx.globalAlpha = isUncertain ? 0.55 : 1
    ctx.fillStyle = isMixed ? colours.line : fillOf(shadeOf.get(word) ?? 0, colours.theme)
    // A state that was short must be seen all the same.
    ctx.fillRect(left, band.top, Math.max(right - left, scale), band.height)
    ctx.globalAlpha = 1
    ctx.fillStyle = colours.panel
    if (right - left > 4 * scale) ctx.fillRect(right - scale, band.top, scale, band.height)
    paintText(ctx, isUncertain ? `≈ ${word}` : word, left, right - left, band, scale, colours)
  }
  ctx.font = font(12, scale)
  ctx.textAlign = 'left'
  ctx.textBaseline = 'top'
  ctx.fillStyle = lane.colour
  ctx.fillRect(box.left + 2 * scale, top + 5 * scale, 10 * scale, 5 * scale)
  ctx.fillStyle = colours.muted
  ctx.fillText(lane.name, box.left + 16 * scale, top + 2 * scale)
  ctx.restore()
  return band
}

function paintText(
  ctx: CanvasRenderingContext2D,
  word: string,
  left: number,
  width: number,
  band: Box,
  scale: number,
  colours: Colours
): void {
  const room = width - 10 * scale
  if (room < 8 * scale) return
  ctx.font = font(13, scale)
  ctx.textAlign = 'left'
  ctx.textBaseline = 'middle'
  let text = word
  while (text.length > 1 && ctx.measureText(text).width > room) text = text.length > 2 ? `${text.slice(0, -2)}…` : '…'
  if (ctx.measureText(text).width > room) return
  ctx.fillStyle = colours.text
  ctx.fillText(text, left + 5 * scale, band.top + band.height / 2 + scale)
}
