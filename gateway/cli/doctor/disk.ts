/** The folder of the data, and the disk below it. */
import { open, readFile, readdir, realpath, rm, stat, statfs } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import { bytes, fail, ok, warn } from './check.js'
import type { Check, Patient } from './check.js'

/** Bytes, and share of inodes, that should be free. */
const tight = { bytes: 268_435_456, inodes: 0.02 }
const full = 16_777_216

/** File systems in memory. */
const inMemory: ReadonlySet<string> = new Set(['tmpfs', 'ramfs'])

export async function diskChecks({ checked }: Patient): Promise<Check[]> {
  if (checked === undefined) return []
  const { data } = checked.config.gateway
  if (data === undefined) return [warn('disk', 'there is no gateway.data: everything is in memory, and gone after a restart', 'write gateway: { data: /var/lib/labgate }, if it should stay')] // prettier-ignore
  const folder = await existing(resolve(data))
  const isThere = folder === (await realpath(resolve(data)).catch(() => undefined))
  const checks = [await writable(data, folder, isThere)]
  const figures = await statfs(folder).catch(() => undefined)
  if (figures !== undefined) checks.push(...space(figures, checked.config.history.maxBytes, await taken(folder, isThere)))
  checks.push(...(await card(folder)))
  return checks
}

/** The folder itself, or the nearest one above it that is there. */
async function existing(path: string): Promise<string> {
  for (let at = path; ; at = dirname(at)) {
    const real = await realpath(at).catch(() => undefined)
    if (real !== undefined || at === dirname(at)) return real ?? at
  }
}

/** `make`: how a file is made there. */
export async function writable(data: string, folder: string, isThere: boolean, make: typeof open = open): Promise<Check> {
  const name = 'data folder'
  const info = await stat(folder).catch(() => undefined)
  if (info !== undefined && !info.isDirectory())
    return fail(name, `${folder} is no folder`, 'give another gateway.data, or move that file away')
  const probe = join(folder, '.labgate-doctor')
  try {
    const file = await make(probe, 'wx', 0o600)
    await file.close()
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    if (code !== 'EEXIST') {
      const next =
        code === 'EROFS'
          ? 'the disk is read-only: mount it writable, or give another gateway.data'
          : isThere
            ? `give it to the user of the gateway: chown -R labgate ${folder}; and run this command as that user`
            : // Never what lies above it: that belongs to the system.
              `make it for the user of the gateway: install -d -o labgate -g labgate -m 700 ${resolve(data)}; and run this command as that user`
      const found = isThere
        ? `${folder} cannot be written (${message})`
        : `${data} is not there, or not to be seen by this user, and cannot be made (${message})`
      return fail(name, found, next)
    }
  } finally {
    await rm(probe, { force: true }).catch(() => {})
  }
  return isThere ? ok(name, `${data} can be written`) : ok(name, `${data} is not there yet and can be made`)
}

function space(figures: { bavail: number; bsize: number; files: number; ffree: number }, maxHistory: number, used: number): Check[] {
  const free = figures.bavail * figures.bsize
  const found = `${bytes(free)} free`
  const room = free + used < maxHistory ? `; the history may take ${bytes(maxHistory)} (history.maxBytes)` : ''
  const next = 'remove what is not needed (old runs, logs), lower history.maxBytes, or take a larger disk'
  const size =
    free < full
      ? fail('disk', found + room, next)
      : free < tight.bytes || room !== ''
        ? warn('disk', found + room, next)
        : ok('disk', found)
  if (figures.files === 0 || figures.ffree / figures.files >= tight.inodes) return [size]
  return [
    size,
    (figures.ffree < 100 ? fail : warn)(
      'inodes',
      `${figures.ffree} of ${figures.files} free`,
      'many small files take them all: remove some; df -i shows where'
    )
  ]
}

/** Bytes of the history that is there: they are within its bound. */
async function taken(folder: string, isThere: boolean): Promise<number> {
  if (!isThere) return 0
  const history = join(folder, 'history')
  const names = await readdir(history).catch(() => [])
  const sizes = await Promise.all(names.map(async (name) => await stat(join(history, name)).then(({ size }) => size, () => 0))) // prettier-ignore
  return sizes.reduce((sum, size) => sum + size, 0)
}

/** What the folder stands on: cards wear out, memory forgets. */
async function card(folder: string): Promise<Check[]> {
  const mounts = await readFile('/proc/mounts', 'utf8').catch(() => '')
  let [found, best] = [{ device: '', type: '' }, -1]
  for (const line of mounts.split('\n')) {
    const [device = '', at = '', type = ''] = line.split(' ')
    const point = at.replaceAll('\\040', ' ')
    if ((folder === point || folder.startsWith(point.endsWith('/') ? point : `${point}/`)) && point.length >= best)
      [found, best] = [{ device, type }, point.length]
  }
  if (inMemory.has(found.type)) return [warn('disk', `${folder} is in memory (${found.type}): what is kept there is gone when the computer is switched off`, 'give a folder on a disk as gateway.data')] // prettier-ignore
  if (!found.device.startsWith('/dev/mmcblk')) return []
  return [warn('SD card', `${folder} is on ${found.device}: cards wear out with writing`, 'history.record: change, or a number of seconds, writes less; broker.durability: fast; or put gateway.data on a USB disk')] // prettier-ignore
}
