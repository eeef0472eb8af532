/** Ports of the configuration: free, of the gateway that runs, or of somebody else. */
import { createSocket } from 'node:dgram'
import { createServer, isIP } from 'node:net'
import { networkInterfaces } from 'node:os'
import type { Listen } from '../../adapter.js'
import type { Checked } from '../../config.js'
import { fail, ok, within } from './check.js'
import type { Check, Patient } from './check.js'
import { ownersOf } from './owners.js'
import type { Owner } from './owners.js'

/** Seconds for the opening of one socket. */
const openWithin = 3

interface Place extends Pick<Listen, 'protocol' | 'host' | 'port'> {
  readonly name: string
}

export async function portChecks({ checked, running }: Patient): Promise<Check[]> {
  if (checked === undefined) return []
  const places = placesOf(checked)
  const tried = await Promise.all(places.map(async (place) => ({ place, code: place.port === 0 ? '' : await tryOpen(place) })))
  const taken = tried.filter(({ code }) => code === 'EADDRINUSE').map(({ place }) => place)
  const owners = taken.length === 0 ? new Map<string, Owner>() : ((await within(5, ownersOf(taken))) ?? new Map<string, Owner>())
  // Whoever has the port of the web interface, which answered, is the gateway.
  const { http } = checked.config
  const gateway = running === undefined || http === undefined ? undefined : owners.get(`tcp ${http.port}`)?.pid
  return tried.map(({ place, code }) => told(place, code, owners.get(`${place.protocol} ${place.port}`), running !== undefined, gateway))
}

function told(
  { name, protocol, host, port }: Place,
  code: string | undefined,
  owner: Owner | undefined,
  isRunning: boolean,
  gateway: number | undefined
): Check {
  const what = `port ${name}`
  const where = `${protocol} ${host}:${port}`
  if (port === 0) return ok(what, `${where}: the system chooses one`)
  if (code === undefined) return ok(what, `${where} is free`)
  if (code === 'EADDRINUSE') {
    const isOurs = isRunning && (owner === undefined || gateway === undefined || owner.pid === gateway)
    if (isOurs) return ok(what, `${where} is used by the gateway that runs${owner === undefined ? '' : ` (process ${owner.pid})`}`)
    const who = owner === undefined ? 'another program (as root this command tells which)' : `process ${owner.pid}: ${owner.command}`
    return fail(what, `${where} is used by ${who}`, 'end that program, or give another port in the configuration')
  }
  if (code === 'EADDRNOTAVAIL')
    return fail(
      what,
      `${host} is no address of this computer, which has ${addresses().join(', ')}`,
      'write one of these as host, or 0.0.0.0 for all'
    )
  if (code === 'EACCES')
    return fail(what, `${where} is not allowed to this user`, 'take a port above 1023, or run the gateway with CAP_NET_BIND_SERVICE')
  return fail(what, `${where} cannot be opened (${code})`, 'see that host is a name or address of this computer')
}

function placesOf({ config, plans }: Checked): Place[] {
  const { tcp, tls } = config.broker
  const own = [['broker.tcp', tcp], ['broker.tls', tls], ['http', config.http]] as const // prettier-ignore
  return [
    ...own.flatMap(([name, part]) => (part === undefined ? [] : [{ name, protocol: 'tcp' as const, host: part.host, port: part.port }])),
    ...[...plans].flatMap(([name, { listens = [] }]) => listens.map(({ protocol, host, port }) => ({ name, protocol, host, port })))
  ]
}

/** Opens and closes it; undefined, or why it cannot be. */
async function tryOpen(place: Place): Promise<string | undefined> {
  const trial = place.protocol === 'tcp' ? tryTcp(place) : tryUdp(place)
  return (await within(openWithin, trial.then((code) => ({ code }))) ?? { code: 'no answer' }).code // prettier-ignore
}

async function tryTcp({ host, port }: Place): Promise<string | undefined> {
  return await new Promise((resolve) => {
    const server = createServer((socket) => socket.destroy())
    server.once('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message))
    server.listen({ host, port, exclusive: true }, () => server.close(() => resolve(undefined)))
  })
}

async function tryUdp({ host, port }: Place): Promise<string | undefined> {
  return await new Promise((resolve) => {
    const socket = createSocket(isIP(host) === 6 ? 'udp6' : 'udp4')
    socket.once('error', (error: NodeJS.ErrnoException) => {
      socket.close()
      resolve(error.code ?? error.message)
    })
    socket.bind({ address: host, port, exclusive: true }, () => socket.close(() => resolve(undefined)))
  })
}

function addresses(): string[] {
  return Object.values(networkInterfaces()).flatMap((all) => (all ?? []).map(({ address }) => address))
}
