/** `labgate set` and `labgate call`: tells a device, waits for its reply, and prints what it says. */
import { memberSource } from '../../adapters/common/exact-json.js'
import type { Op, Ref } from '../adapter.js'
import { argumentsOf, jsonOf } from './argument.js'
import { about, refOf } from './names.js'
import { papersOf } from './paper.js'
import { printable } from './printable.js'
import { valueText } from './reading-text.js'
import type { CodenameView } from './reading-text.js'
import { pathOf } from './rest.js'
import type { Rest } from './rest.js'
import type { Surroundings } from './surroundings.js'
import { Refused } from './trouble.js'

export interface TellOptions {
  readonly json?: boolean
  readonly check?: boolean
  /** Seconds for the reply. */
  readonly within: number
}

export async function set(around: Surroundings, rest: Rest, given: string, value: string, options: TellOptions): Promise<void> {
  const ref = refOf(given)
  const view = await look(rest, ref)
  await tell(around, rest, ref, 'set', `"value":${jsonOf(value, view?.meta.schema)}`, options, view)
}

export async function call(
  around: Surroundings,
  rest: Rest,
  given: string,
  values: readonly string[],
  options: TellOptions
): Promise<void> {
  const ref = refOf(given)
  const view = await look(rest, ref)
  const json = argumentsOf(values, view?.meta.callable?.arguments)
  await tell(around, rest, ref, 'call', json === undefined ? '' : `"arguments":${json}`, options, view)
}

/** Undefined: who may tell a device need not see it. */
async function look(rest: Rest, ref: Ref): Promise<CodenameView | undefined> {
  try {
    return JSON.parse(
      await about(rest, ref, async () => await rest.text('GET', pathOf('devices', ref.device, ref.codename)))
    ) as CodenameView
  } catch (error) {
    if (error instanceof Refused && (error.status === 403 || error.message.includes('may not see'))) return undefined
    throw error
  }
}

async function tell(
  around: Surroundings,
  rest: Rest,
  ref: Ref,
  op: Op,
  member: string,
  { check, json, within }: TellOptions,
  view: CodenameView | undefined
): Promise<void> {
  const body = `{${[member, ...(check === true ? ['"check":true'] : [])].filter((part) => part !== '').join(',')}}`
  const limit = Math.max(within, (view?.meta.callable?.timeout ?? 0) + 10)
  const reply = await rest.text('POST', pathOf('devices', ref.device, ref.codename, op), body, { within: limit })
  const { out, side } = papersOf(around)
  if (json === true) await out.data(`${reply.trim()}\n`, 'json')
  else if (check === true) await side.write(`${side.paint('good', 'it would be accepted')}; nothing was done\n`)
  else {
    const text = memberSource(reply, 'value') === undefined ? undefined : valueText(reply)
    if (text !== undefined && text !== 'null') await out.data(`${text}\n`)
    const unit = op === 'set' ? view?.meta.unit : undefined
    await side.write(`${side.paint('dim', printable(`done${unit === undefined ? '' : `, in ${unit}`}`))}\n`)
  }
  around.end(0, '')
}
