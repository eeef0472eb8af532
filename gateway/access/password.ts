/** Passwords as they are kept: scrypt, in the form `$scrypt$ln=15,r=8,p=1$SALT$HASH` (base64 without =). */
import { randomBytes, scrypt, timingSafeEqual } from 'node:crypto'

/** What a hash costs; kept with each, so that those of tomorrow can cost more. */
export interface Cost {
  /** N is 2 to this. */
  readonly ln: number
  readonly r: number
  readonly p: number
}

export interface Hash {
  readonly cost: Cost
  readonly salt: Buffer
  readonly key: Buffer
}

/** 32 MiB and about a tenth of a second for a try; half a second on a Raspberry Pi 3. */
export const cost: Cost = { ln: 15, r: 8, p: 1 }

/** Bytes: what a file may ask of us for one try. */
const mostMemory = 256 * 2 ** 20

/** Characters of a new password. */
export const shortest = 8

/** Bytes; a longer one is wrong without a look. */
export const longest = 1024

const saltBytes = 16
const keyBytes = 32

/** Undefined: it may be used. */
export function passwordFault(password: string): string | undefined {
  if (Array.from(password).length < shortest) return `a password has at least ${shortest} characters; a few words are easy to keep in mind`
  if (Buffer.byteLength(password) > longest) return `a password has at most ${longest} bytes`
  return undefined
}

export async function hashPassword(password: string): Promise<Hash> {
  const salt = randomBytes(saltBytes)
  return { cost, salt, key: await derive(password, salt, cost, keyBytes) }
}

/** Takes the same time whether it is right or not. */
export async function isPassword(password: string, hash: Hash): Promise<boolean> {
  return timingSafeEqual(await derive(password, hash.salt, hash.cost, hash.key.length), hash.key)
}

/** Of nobody: who tries an unknown name waits as long as who tries a wrong password. */
export const decoy: Hash = { cost, salt: randomBytes(saltBytes), key: randomBytes(keyBytes) }

export function formatHash({ cost: { ln, r, p }, salt, key }: Hash): string {
  return `$scrypt$ln=${ln},r=${r},p=${p}$${base64(salt)}$${base64(key)}`
}

/** Undefined: it is none, or costs more than a try may. */
export function parseHash(text: string): Hash | undefined {
  const found = /^\$scrypt\$ln=(\d{1,2}),r=(\d{1,2}),p=(\d{1,2})\$([A-Za-z0-9+/]{11,86})\$([A-Za-z0-9+/]{43,86})$/.exec(text)
  if (found === null) return undefined
  const [ln, r, p] = found.slice(1, 4).map(Number) as [number, number, number]
  const isUsable = ln >= 10 && r >= 1 && p >= 1 && p <= 16 && 128 * 2 ** ln * r <= mostMemory
  if (!isUsable) return undefined
  return { cost: { ln, r, p }, salt: Buffer.from(found[4] as string, 'base64'), key: Buffer.from(found[5] as string, 'base64') }
}

/** One text however it was typed: an ä may be one character or two. */
export function typed(password: string): string {
  return password.normalize('NFC')
}

function base64(bytes: Buffer): string {
  return bytes.toString('base64').replace(/=+$/, '')
}

async function derive(password: string, salt: Buffer, { ln, r, p }: Cost, bytes: number): Promise<Buffer> {
  const N = 2 ** ln
  // Node refuses from 32 MiB on unless it is told.
  const maxmem = 128 * r * (N + p + 2)
  return await new Promise((resolve, reject) => {
    scrypt(typed(password), salt, bytes, { N, r, p, maxmem }, (error, key) => (error === null ? resolve(key) : reject(error)))
  })
}
