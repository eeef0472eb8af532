/** Ports of the configuration: free, of the gateway that runs, or of somebody else. */
import { createSocket } from 'node:dgram'
import { createServer, isIP } from 'node:net'
import { networkInterfaces } from 'node:os'
import type { Listen } from '../../adapter.js'
import type { Checked } from '../../config.js'
import { fail, ok, warn, within } from './check.js'
import type { Check, Patient, Running } from './check.js'
import { ownersOf } from './owners.js'
import type { Owner } from './owners.js'

/** Seconds for the opening of one socket. */
const openWithin = 3

interface Place extends Pick<Listen, 'protocol' | 'host' | 'port'> {
  readonly name: string
  /** Of the instance that listens there. */
  readonly id?: string
}

interface Tried {
  readonly place: Place
  /** Undefined: it is free. */
  readonly code: string | undefined
}

/** Opened once: two trials at a time would be in each other's way. */
const trials = new WeakMap<Checked, Promise<Tried[]>>()

async function tryAll(checked: Checked): Promise<Tried[]> {
  const known =
    trials.get(checked) ??
    Promise.all(placesOf(checked).map(async (place) => ({ place, code: place.port === 0 ? '' : await tryOpen(place) })))
  trials.set(checked, known)
  return await known
}

/** Whether something that may be the gateway has its ports: that of HTTP, where there is one. */
export async function isHeld(checked: Checked): Promise<boolean> {
  const tried = await tryAll(checked)
  const web = tried.find(({ place }) => place.name === 'http' && place.port !== 0)
  return (web === undefined ? tried : [web]).some(({ code }) => code === 'EADDRINUSE')
}

/** `look`: whose ports are. */
export async function portChecks({ checked, running }: Patient, look = ownersOf): Promise<Check[]> {
  if (checked === undefined) return []
  const tried = await tryAll(checked)
  const taken = tried.filter(({ code }) => code === 'EADDRINUSE').map(({ place }) => place)
  const owners = taken.length === 0 ? new Map<string, Owner>() : ((await within(5, look(taken))) ?? new Map<string, Owner>())
  // Whoever has the port of the web interface, which answered, is the gateway.
  const { http } = checked.config
  const gateway = running === undefined || http === undefined ? undefined : owners.get(`tcp ${http.port}`)?.pid
  return tried.map(({ place, code }) => told(place, code, owners.get(`${place.protocol} ${place.port}`), running, gateway))
}

function told(
  { name, id, protocol, host, port }: Place,
  code: string | undefined,
  owner: Owner | undefined,
  running: Running | undefined,
  gateway: number | undefined
): Check {
  const what = `port ${name}`
  const where = `${protocol} ${host}:${port}`
  if (port === 0) return ok(what, `${where}: the system chooses one`)
  if (code === undefined) return ok(what, `${where} is free`)
  if (code === 'EADDRINUSE') {
    // Whoever answered has the port of the web interface; of an instance its state tells.
    const isBusy = id === undefined ? name === 'http' : running?.instances?.get(id) === 'online'
    const isOurs = running !== undefined && (owner === undefined || gateway === undefined ? isBusy : owner.pid === gateway)
    if (running !== undefined && !isOurs && owner === undefined)
      return warn(
        what,
        `${where} is in use, by the gateway that runs or by another program: that cannot be seen`,
        'run this command as root, or as the user of the gateway'
      )
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
    ...[...plans].flatMap(([name, { listens = [] }]) =>
      listens.map(({ protocol, host, port }) => ({ name, id: name, protocol, host, port }))
    )
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
