/** `labgate read`: the last reading. A value that must not be used does not come out as one. */
import { about, refOf } from './names.js'
import { papersOf } from './paper.js'
import { printable } from './printable.js'
import { ageText, errorText, valueText } from './reading-text.js'
import type { CodenameView } from './reading-text.js'
import { memberSource } from '../../adapters/common/exact-json.js'
import { pathOf } from './rest.js'
import type { Rest } from './rest.js'
import type { Surroundings } from './surroundings.js'

/** Ends with 1 when there is none, or it is stale or bad. */
export async function read(
  around: Surroundings,
  rest: Rest,
  given: string,
  { json = false, staleOk = false }: { readonly json?: boolean; readonly staleOk?: boolean }
): Promise<void> {
  const ref = refOf(given)
  const text = await about(rest, ref, async () => await rest.text('GET', pathOf('devices', ref.device, ref.codename)))
  const view = JSON.parse(text) as CodenameView
  const { reading, age, meta } = view
  const word = wordOf(view)
  const { out, side } = papersOf(around)
  // Without a value there is nothing to print, whatever was asked for.
  const isRefused = reading === null || reading.value === null || (word !== undefined && word !== 'UNCERTAIN' && !staleOk)
  if (json) await out.data(`${text.trim()}\n`, 'json')
  else {
    const value = reading === null ? '' : valueText(memberSource(text, 'reading')?.source ?? '')
    if (!isRefused) await out.data(`${value}\n`)
    const unit = reading?.unit ?? meta.unit
    const facts = [
      ...(isRefused && reading !== null && reading.quality !== 'bad'
        ? [`${printable(value)}${unit === undefined ? '' : ` ${printable(unit)}`}`]
        : []),
      ...(!isRefused && unit !== undefined ? [printable(unit)] : []),
      ...(reading === null || reading.quality === 'good' ? [] : [reading.quality]),
      ...(age === null ? [] : [`${ageText(age)} old${meta.maxAge === undefined ? '' : ` (good for ${meta.maxAge} s)`}`]),
      ...(reading?.x === undefined ? [] : [printable(`x ${JSON.stringify(reading.x)}`)]),
      ...(reading?.error === undefined ? [] : [printable(errorText(reading.error))])
    ]
    const what = word === undefined ? '' : `${word}: `
    const next =
      word === 'NONE'
        ? `${printable(given)} has no reading yet`
        : isRefused
          ? `${facts.join(', ')}${reading?.value === null ? '' : '; --stale-ok prints it all the same'}`
          : facts.join(', ')
    const line = what + next
    if (line !== '') await side.write(`${side.paint(word === undefined ? 'dim' : word === 'UNCERTAIN' ? 'warn' : 'bad', line)}\n`)
  }
  around.end(isRefused ? 1 : 0, '')
}

/** What must not be overlooked. */
function wordOf({ reading, old }: CodenameView): 'NONE' | 'BAD' | 'STALE' | 'UNCERTAIN' | undefined {
  if (reading === null) return 'NONE'
  if (reading.quality === 'bad') return 'BAD'
  if (reading.quality === 'stale' || old) return 'STALE'
  return reading.quality === 'uncertain' ? 'UNCERTAIN' : undefined
}
