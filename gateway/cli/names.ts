/** Names of devices and codenames, as a person gives them. */
import type { Ref } from '../adapter.js'
import { nearest } from '../config/nearest.js'
import type { Rest } from './rest.js'
import { Refused, Trouble } from './trouble.js'

/** `DEVICE/CODENAME`; of a codename with a slash in it only the first one parts. */
export function refOf(given: string): Ref {
  const at = given.indexOf('/')
  if (at <= 0 || at === given.length - 1)
    throw new Trouble(
      2,
      `write ${JSON.stringify(given)} as DEVICE/CODENAME, such as furnace/temperature; what there is: labgate watch --once`
    )
  return { device: given.slice(0, at), codename: given.slice(at + 1) }
}

interface Named extends Ref {
  readonly [member: string]: unknown
}

/** All that may be seen. */
export async function codenames(rest: Rest): Promise<Ref[]> {
  const { devices } = await rest.get<{ devices: { codenames: Named[] }[] }>('/api/devices')
  return devices.flatMap((one) => one.codenames.map(({ device, codename }) => ({ device, codename })))
}

/** What `run` asks of the codename; where there is none, the name that was probably meant is told too. */
export async function about<T>(rest: Rest, { device, codename }: Ref, run: () => Promise<T>): Promise<T> {
  try {
    return await run()
  } catch (error) {
    if (!(error instanceof Refused) || error.status !== 404 || error.errorClass === undefined) throw error
    const all = (await codenames(rest).catch(() => [])).map((one) => `${one.device}/${one.codename}`)
    const found = nearest(`${device}/${codename}`, all)
    throw new Refused(
      404,
      error.errorClass,
      found === undefined || error.message.includes('did you mean') ? error.message : `${error.message}; did you mean ${found}?`
    )
  }
}

export interface Fits {
  (ref: Ref): boolean
  /** Something of the device may fit. */
  readonly devices: (device: string) => boolean
}

/** `furnace`, `furnace/temp*`, `*` and `/temperature` as one: one of them must fit. None at all: everything does. */
export function filterOf(given: readonly string[]): Fits {
  const filters = given.map((text) => {
    const at = text.indexOf('/')
    const [device, codename] = at < 0 ? [text, '*'] : [text.slice(0, at), text.slice(at + 1)]
    if (device === '' || codename === '')
      throw new Trouble(2, `${JSON.stringify(text)} is no filter; write DEVICE, or DEVICE/CODENAME, with * for any letters`)
    return [globOf(device), globOf(codename)] as const
  })
  const some = (test: (filter: readonly [RegExp, RegExp]) => boolean): boolean => filters.length === 0 || filters.some(test)
  return Object.assign(
    ({ device, codename }: Ref) => some(([ofDevice, ofCodename]) => ofDevice.test(device) && ofCodename.test(codename)),
    {
      devices: (device: string) => some(([ofDevice]) => ofDevice.test(device))
    }
  )
}

/** `+` and `#` alone as on MQTT. */
function globOf(text: string): RegExp {
  const glob = text === '+' || text === '#' ? '*' : text
  return new RegExp(`^${glob.split('*').map((part) => part.replace(/[.*+?^${}()|[\]\\/-]/g, '\\$&')).join('.*')}$`, 'su') // prettier-ignore
}

/** Names one codename or device and nothing else, so that the gateway can be asked for it alone. */
export function isExact(text: string): boolean {
  return !/[*#+]/.test(text)
}
