/** Addresses of computers as an operator writes them: one, or a network. */
import { isIP } from 'node:net'

export interface Range {
  readonly address: string
  readonly family: 'ipv4' | 'ipv6'
  /** Bits that must be the same. */
  readonly prefix: number
}

/** Undefined: it is none. IPv4 in IPv6's clothes (`::ffff:10.0.0.0/104`) is IPv4. */
export function readRange(text: string): Range | undefined {
  const [written = '', bits, ...more] = text.split('/')
  const mapped = /^::ffff:([0-9.]+)$/i.exec(written)?.[1]
  const address = mapped ?? written
  const version = isIP(address)
  if (version === 0 || more.length > 0 || written.includes('%') || bits === '') return undefined
  const whole = version === 4 ? 32 : 128
  const prefix = bits === undefined ? whole : Number(bits) - (mapped === undefined ? 0 : 96)
  if (!Number.isInteger(prefix) || prefix < 0 || prefix > whole) return undefined
  return { address, family: version === 4 ? 'ipv4' : 'ipv6', prefix }
}
