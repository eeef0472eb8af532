/** Whose a port is, as Linux tells it; of programs of others only to root. */
import { readFile, readdir, readlink } from 'node:fs/promises'

export interface Owner {
  readonly pid: number
  readonly command: string
}

interface Port {
  readonly protocol: 'udp' | 'tcp'
  readonly port: number
}

/** By `tcp 1883`; those that nobody tells are left out. */
export async function ownersOf(ports: readonly Port[]): Promise<Map<string, Owner>> {
  const inodes = new Map<string, string>()
  const wanted = new Set(ports.map(({ protocol, port }) => `${protocol} ${port}`))
  for (const protocol of ['tcp', 'udp'] as const)
    for (const file of [protocol, `${protocol}6`]) {
      const text = await readFile(`/proc/net/${file}`, 'utf8').catch(() => '')
      for (const [inode, key] of listening(text, protocol)) if (wanted.has(key)) inodes.set(inode, key)
    }
  const found = new Map<string, Owner>()
  if (inodes.size === 0) return found
  for (const pid of await readdir('/proc').catch(() => [])) {
    if (!/^\d+$/.test(pid)) continue
    const handles = await readdir(`/proc/${pid}/fd`).catch(() => [])
    for (const handle of handles) {
      const link = await readlink(`/proc/${pid}/fd/${handle}`).catch(() => '')
      const key = inodes.get(/^socket:\[(\d+)\]$/.exec(link)?.[1] ?? '')
      if (key === undefined || found.has(key)) continue
      const command = (await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')).replaceAll('\0', ' ').trim()
      found.set(key, { pid: Number(pid), command: command.length > 80 ? `${command.slice(0, 79)}…` : command })
    }
  }
  return found
}

/** Inodes of sockets that listen (TCP), or are bound (UDP). */
function* listening(text: string, protocol: 'udp' | 'tcp'): Generator<[inode: string, key: string]> {
  for (const line of text.split('\n').slice(1)) {
    const fields = line.trim().split(/\s+/)
    const port = Number.parseInt(fields[1]?.split(':')[1] ?? '', 16)
    if (Number.isNaN(port) || (protocol === 'tcp' && fields[3] !== '0A')) continue
    yield [fields[9] ?? '', `${protocol} ${port}`]
  }
}
