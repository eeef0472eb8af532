/**
 * The `system_status` part of PyExpLabSys' `status` answer, which reports the whole machine (pyexplabsys.md section 6).
 * Gathered beside the questions, which must be answered from memory: a stalled disk would hold up a furnace.
 */
import { readFile, stat, statfs } from 'node:fs/promises'
import { hostname, loadavg, networkInterfaces, uptime } from 'node:os'
import { resourceUsage, version } from 'node:process'
import type { Endpoint } from '../../gateway/adapter.js'
import type { Exact, ExactMap } from './exact-json.js'

/** Bytes that a `status` answer may have: the host checker of the labs reads 4096. */
const maxStatus = 4000

/** Seconds for which a look at the machine is good. */
const fresh = 5

/** Seconds that one file may take. */
const fileWithin = 1

const dict = (members: Record<string, Exact>): ExactMap => new Map(Object.entries(members))

export class MachineStatus {
  #known: ExactMap
  #looked = -Infinity
  #looking: Promise<void> | undefined

  constructor() {
    this.#known = dict({})
  }

  /** Takes a look, if the last one is too old. `now` in monotonic seconds. */
  async look(now: number): Promise<void> {
    if (now - this.#looked < fresh && now >= this.#looked) return
    this.#looking ??= gather().then((known) => {
      this.#known = known
      this.#looked = now
      this.#looking = undefined
    })
    await this.#looking
  }

  /** What the last look found. */
  get known(): ExactMap {
    return this.#known
  }
}

/** What this answer tells of: the sockets of PyExpLabSys. */
const types: ReadonlySet<string> = new Set(['date', 'data', 'push'])

/** Never rejects: what cannot be read is null, as in the original. */
async function gather(): Promise<ExactMap> {
  const [disk, uptimeFile, os, model, temperature, card, program] = await Promise.all([
    limited(statfs('/')),
    limited(stat('/proc/uptime')),
    text('/etc/os-release'),
    text('/proc/device-tree/model'),
    text('/sys/class/thermal/thermal_zone0/temp'),
    text('/sys/block/mmcblk0/device/serial'),
    limited(stat(new URL('../../gateway/gateway.js', import.meta.url)))
  ])
  const idle = Number((await text('/proc/uptime'))?.split(' ')[1] ?? Number.NaN)
  const [one, five, fifteen] = loadavg() as [number, number, number]
  const changed = program === undefined ? null : program.mtimeMs / 1000
  const temperatureC = temperature === undefined ? Number.NaN : Number(temperature) / 1000
  return dict({
    filesystem_usage: dict({
      total_bytes: disk === undefined ? 0n : BigInt(disk.blocks) * BigInt(disk.bsize),
      free_bytes: disk === undefined ? 0n : BigInt(disk.bavail) * BigInt(disk.bsize)
    }),
    // In truth the mtime of /proc/uptime, in the original too; the host checker wants a number (section 8, rows 9 and 15).
    last_apt_cache_change_unixtime: (uptimeFile?.mtimeMs ?? 0) / 1000,
    last_git_fetch_unixtime: dict({ PyExpLabSys: changed, machines: changed }),
    load_average: dict({ '1m': one, '5m': five, '15m': fifteen }),
    mac_address: macAddress(),
    machine_name: hostname(),
    max_python_mem_usage_bytes: BigInt(resourceUsage().maxRSS) * 1024n,
    number_of_python_threads: 1n,
    os_version: /^VERSION="?([^"\n]*)/m.exec(os ?? '')?.[1] ?? null,
    purpose: dict({ id: null, purpose: null, long_description: null }),
    python_version: `Node.js ${version}`,
    rpi_model: model?.replaceAll('\0', '').trim() ?? null,
    rpi_temperature: Number.isFinite(temperatureC) ? temperatureC : null,
    sd_card_serial: card?.trim() ?? null,
    uptime: dict({ uptime_sec: uptime(), idle_sec: Number.isFinite(idle) ? idle : 0 })
  })
}

function macAddress(): string {
  for (const addresses of Object.values(networkInterfaces()))
    for (const { internal, mac } of addresses ?? []) if (!internal && mac !== '00:00:00:00:00:00') return mac
  return 'MAC ADDRESS UNKNOWN'
}

async function text(path: string): Promise<string | undefined> {
  return await limited(readFile(path, 'utf8'))
}

async function limited<T>(work: Promise<T>): Promise<T | undefined> {
  return await new Promise<T | undefined>((resolve) => {
    const timer = setTimeout(() => resolve(undefined), fileWithin * 1000)
    work.then(resolve, () => resolve(undefined)).finally(() => clearTimeout(timer))
  })
}

/**
 * The whole answer: the machine, and the sockets on the asked address, keyed by port. When there are more than fit, the
 * highest ports are left out, never the asked one; `left` counts them.
 */
export function statusAnswer(
  machine: ExactMap,
  endpoints: readonly Endpoint[],
  asked: Endpoint,
  now: number,
  lengthOf: (status: ExactMap) => number
): { status: ExactMap; left: number } {
  const others = endpoints.filter(
    ({ protocol, host, port, type }) => protocol === 'udp' && types.has(type) && host === asked.host && port !== asked.port
  )
  const ordered = [asked, ...others].sort((a, b) => a.port - b.port)
  const sockets = new Map(ordered.map((endpoint) => [String(endpoint.port), socketStatus(endpoint, now)]))
  const answer = (): ExactMap => dict({ system_status: machine, socket_server_status: sockets })
  let left = 0
  for (const port of [...sockets.keys()].reverse()) {
    if (lengthOf(answer()) <= maxStatus) break
    if (port === String(asked.port)) continue
    sockets.delete(port)
    left += 1
  }
  return { status: answer(), left }
}

/** Equal to the time-out is inactive (section 6). */
function socketStatus({ name, type, activityTimeout, lastActivity }: Endpoint, now: number): ExactMap {
  if (activityTimeout === undefined) return dict({ name, type, status: 'DISABLED', since_last_activity: null })
  const since = now - lastActivity
  return dict({ name, type, status: since < activityTimeout ? 'OK' : 'INACTIVE', since_last_activity: since })
}
