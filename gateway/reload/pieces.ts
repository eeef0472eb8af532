/** A checked configuration in pieces, each of which takes a few milliseconds to come from one thread to another. Pure. */
import type { Codename, Plan, Right } from '../adapter.js'
import type { Checked, Config } from '../config.js'

/** Codenames in one piece. */
const most = 200

type ConfiguredDevice = Config['devices'][string]
type ConfiguredCodename = ConfiguredDevice['codenames'][string]
type ConfiguredInstance = Config['adapters'][number]

export type Piece =
  | { readonly rest: Omit<Checked, 'config' | 'plans' | 'refers' | 'site'>; readonly config: Omit<Config, 'devices' | 'adapters'> }
  | { readonly device: string; readonly configured: Omit<ConfiguredDevice, 'codenames'>; readonly description: string | undefined }
  /** Of the device that came last; `known` and `configured` are one object where they were one. */
  | { readonly codenames: readonly (readonly [name: string, known: Codename, configured: ConfiguredCodename | undefined])[] }
  | { readonly instance: ConfiguredInstance; readonly plan: Plan | undefined; readonly refers: readonly Right[] | undefined }

export function* piecesOf({ config, plans, refers, site, ...rest }: Checked): Generator<Piece, void, void> {
  const { devices, adapters, ...others } = config
  yield { rest, config: others }
  for (const [device, { codenames, description }] of site.devices) {
    const { codenames: written, ...configured } = devices[device] ?? { codenames: {} }
    yield { device, configured, description }
    const all = Array.from(codenames, ([name, known]) => [name, known, Object.hasOwn(written, name) ? written[name] : undefined] as const)
    for (let at = 0; at < all.length; at += most) yield { codenames: all.slice(at, at + most) }
  }
  for (const instance of adapters) yield { instance, plan: plans.get(instance.id), refers: refers.get(instance.id) }
}

/** Puts them together again, as they come. */
export class Joined {
  #rest: Extract<Piece, { rest: unknown }> | undefined
  readonly #devices = new Map<string, { site: { description?: string; codenames: Map<string, Codename> }; configured: ConfiguredDevice }>()
  #written: [string, ConfiguredCodename][] = []
  #last: string | undefined
  readonly #adapters: ConfiguredInstance[] = []
  readonly #plans = new Map<string, Plan>()
  readonly #refers = new Map<string, readonly Right[]>()

  add(piece: Piece): void {
    if ('rest' in piece) this.#rest = piece
    else if ('device' in piece) {
      this.#endDevice()
      const { device, configured, description } = piece
      this.#last = device
      const site = { ...configured, ...(description === undefined ? {} : { description }), codenames: new Map<string, Codename>() }
      this.#devices.set(device, { configured: { ...configured, codenames: {} }, site })
    } else if ('codenames' in piece) {
      const device = this.#devices.get(this.#last ?? '')
      for (const [name, known, configured] of piece.codenames) {
        device?.site.codenames.set(name, known)
        if (configured !== undefined) this.#written.push([name, configured])
      }
    } else {
      const { instance, plan, refers } = piece
      this.#adapters.push(instance)
      if (plan !== undefined) this.#plans.set(instance.id, plan)
      if (refers !== undefined) this.#refers.set(instance.id, refers)
    }
  }

  /** When all have come. */
  get checked(): Checked {
    this.#endDevice()
    if (this.#rest === undefined) throw new Error('its first piece did not come')
    const devices = Object.fromEntries(Array.from(this.#devices, ([name, { configured }]) => [name, configured]))
    const config: Config = { ...this.#rest.config, devices, adapters: this.#adapters }
    const site = new Map(Array.from(this.#devices, ([name, each]) => [name, each.site]))
    return { ...this.#rest.rest, config, plans: this.#plans, refers: this.#refers, site: { devices: site } }
  }

  #endDevice(): void {
    const device = this.#devices.get(this.#last ?? '')
    if (device !== undefined) device.configured = { ...device.configured, codenames: Object.fromEntries(this.#written) }
    this.#written = []
    this.#last = undefined
  }
}
