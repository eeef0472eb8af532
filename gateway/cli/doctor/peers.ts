/** The instruments that are dialled: are they there? Nothing that is sent makes any of them do something. */
import { createSocket } from 'node:dgram'
import { lookup } from 'node:dns/promises'
import { connect, isIP } from 'node:net'
import type { Dial } from '../../adapter.js'
import { fail, ok, warn, within } from './check.js'
import type { Check, Patient } from './check.js'
import { isHeld } from './ports.js'

/** Seconds for a name, and for an answer. */
const lookupWithin = 4
const answerWithin = 2

/** Questions that only ask, by adapter: PyExpLabSys' sockets tell their name (pyexplabsys.md, sections 4 and 5). */
const questions: Readonly<Record<string, string>> = { 'data-pull-client': 'name', 'data-push-client': 'name' }

/** Old programs that may go deaf by a connection that says nothing; the gateway asks them as they want it. */
const untouched: ReadonlySet<string> = new Set(['rig-client'])

interface Peer extends Dial {
  readonly id: string
  readonly type: string
}

export async function peerChecks({ checked, running }: Patient): Promise<Check[]> {
  if (checked === undefined) return []
  // Of one that was not reached, its open ports tell that it runs.
  const isRunning = running !== undefined || (await isHeld(checked))
  const types = new Map(checked.config.adapters.map(({ id, type }) => [id, type]))
  const peers = [...checked.plans].flatMap(([id, { dials = [] }]) =>
    dials.map((dial): Peer => ({ ...dial, id, type: types.get(id) ?? '' }))
  )
  const hosts = [...new Set(peers.map(({ host }) => host))].filter((host) => isIP(host) === 0)
  const found = new Map(await Promise.all(hosts.map(async (host) => [host, await resolve(host)] as const)))
  const names = hosts.map((host) => {
    const addresses = found.get(host)
    if (Array.isArray(addresses)) return ok(`name ${host}`, addresses.join(', '))
    return fail(`name ${host}`, addresses === undefined ? `the name server does not answer within ${lookupWithin} s` : `is not found (${String(addresses)})`, 'see that it is written right; or write the address in its place, or into /etc/hosts') // prettier-ignore
  })
  const known = peers.filter(({ host }) => isIP(host) !== 0 || Array.isArray(found.get(host)))
  return [...names, ...(await Promise.all(known.map(async (peer) => await look(peer, isRunning, running?.instances))))]
}

/** Addresses, why there are none, or undefined: nobody answered. */
async function resolve(host: string): Promise<string[] | string | undefined> {
  const work = lookup(host, { all: true }).then(
    (all) => all.map(({ address }) => address),
    (error: NodeJS.ErrnoException) => error.code ?? error.message
  )
  return await within(lookupWithin, work)
}

async function look(peer: Peer, isRunning: boolean, states: ReadonlyMap<string, string> | undefined): Promise<Check> {
  const state = states?.get(peer.id)
  const { id, type, protocol, host, port } = peer
  const name = `peer of ${id}`
  const where = `${protocol} ${host}:${port}`
  // Two who ask at once may be one too many for it.
  if (state === 'online') return ok(name, `${where}: the gateway that runs is connected to it`)
  if (isRunning && states === undefined)
    return warn(name, `${where} was not asked: a gateway runs that may be connected to it, and does not tell`, 'give --user NAME, or --url')
  // A datagram takes no place away.
  if (state !== undefined && state !== 'disabled' && !(state === 'offline' && protocol === 'udp'))
    return warn(
      name,
      `${where} was not asked: ${id} of the gateway that runs is ${state}, and may hold a connection`,
      'labgate status says why'
    )
  if (state === 'disabled') return ok(name, `${where}: ${id} is switched off`)
  if (untouched.has(type)) return ok(name, `${where} was not asked: such a program takes it amiss`)
  const question = questions[type]
  if (protocol === 'udp' && question === undefined)
    return ok(name, `${where} was not asked: its protocol has no question that does nothing`)
  const why = protocol === 'tcp' ? await dialTcp(peer) : await askUdp(peer, question ?? '')
  if (why === undefined) return ok(name, `${where} answers`)
  if (why === 'ECONNREFUSED')
    return fail(
      name,
      `${where}: the computer is there, and nothing listens at this port`,
      'start the program of the instrument, and see that the port is right'
    )
  if (why === 'no answer')
    return (protocol === 'udp' ? warn : fail)(
      name,
      `${where} does not answer within ${answerWithin} s`,
      'is the computer on, the program running, and does no firewall stand between?'
    )
  return fail(name, `${where} cannot be reached (${why})`, 'see cable, network and address')
}

async function dialTcp({ host, port }: Peer): Promise<string | undefined> {
  return await new Promise((done) => {
    const socket = connect({ host, port, timeout: answerWithin * 1000 })
    const end = (why: string | undefined): void => {
      socket.destroy()
      done(why)
    }
    socket.once('connect', () => end(undefined))
    socket.once('timeout', () => end('no answer'))
    socket.once('error', (error: NodeJS.ErrnoException) => {
      const first = error instanceof AggregateError ? (error.errors[0] as NodeJS.ErrnoException) : error
      end(first.code ?? first.message)
    })
  })
}

async function askUdp({ host, port }: Peer, question: string): Promise<string | undefined> {
  const address = isIP(host) === 0 ? await lookup(host).then((one) => one.address, () => host) : host // prettier-ignore
  const socket = createSocket(isIP(address) === 6 ? 'udp6' : 'udp4')
  const answer = new Promise<{ readonly why: string | undefined }>((done) => {
    socket.once('error', (error: NodeJS.ErrnoException) => done({ why: error.code ?? error.message }))
    // Any answer is one, also an empty name.
    socket.once('message', () => done({ why: undefined }))
    socket.connect(port, address, () =>
      socket.send(question, (error) => error !== null && done({ why: (error as NodeJS.ErrnoException).code ?? error.message }))
    )
  })
  const found = await within(answerWithin, answer)
  socket.close()
  return found === undefined ? 'no answer' : found.why
}
