/** Addresses of rigs as the labs write them: `udp://192.168.1.20:11001`, `cameras`, `ws://pc-7` (section 1, table "uri"). */
import { isIPv4 } from 'node:net'
import { parseInt10 } from '../common/python-text.js'

export type Transport = 'udp' | 'tcp'

export interface UriDefaults {
  readonly proc?: string
  readonly port?: number
  /**
   * Whether a name may be anything that a name server can know, as in the original, which looks it up at once. False: only what the
   * original takes without looking it up, which are small letters, digits and hyphens.
   */
  readonly resolve?: boolean
}

/** Since iblutil 1.11; 10001 before (section 12). */
export const usualPort = 11001

/** As the original reads it, but for the look-up of the name. The scheme keeps its case: see {@link transportOf}. */
export function readUri(
  text: string,
  defaults: UriDefaults = {}
): { ok: true; proc: string; host: string; port: number } | { ok: false; message: string } {
  const { proc: usualProc = 'udp', port: otherwise = usualPort, resolve = true } = defaults
  const [, proc = usualProc, rest = ''] = /^(?:([A-Za-z]+):\/\/)?([\s\S]*)$/.exec(text) ?? []
  // At the first colon, so that IPv6 addresses fail here too (section 1).
  const colon = rest.indexOf(':')
  const host = colon < 0 ? rest : rest.slice(0, colon)
  if (!isIPv4(host) && !(resolve ? anyName : plainName).test(host)) return { ok: false, message: `Invalid hostname "${host}"` }
  const given = colon < 0 ? '' : rest.slice(colon + 1)
  if (given === '') return { ok: true, proc, host, port: otherwise }
  const port = parseInt10(given)
  if (!port.ok || port.value < 1n || port.value > 65535n) return { ok: false, message: `Invalid port number: ${given}` }
  return { ok: true, proc, host, port: Number(port.value) }
}

/**
 * What a scheme stands for; undefined: nothing that rigs speak. ws and wss are plain TCP too (section 1). Capitals are taken as meant; the
 * original takes `UDP` for TCP and fails, which {@link isPlain} is for.
 */
export function transportOf(proc: string): Transport | undefined {
  const plain = proc.toLowerCase()
  if (plain === 'udp') return 'udp'
  return plain === 'tcp' || plain === 'ws' || plain === 'wss' ? 'tcp' : undefined
}

/** False: the labs' own programs cannot read this scheme, as it has capitals. */
export function isPlain(proc: string): boolean {
  return proc === proc.toLowerCase()
}

const plainName = /^[a-z0-9-]+$/
const anyName = /^[A-Za-z0-9_](?:[A-Za-z0-9._-]*[A-Za-z0-9_])?\.?$/
