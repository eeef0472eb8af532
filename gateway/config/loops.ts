/** Readings that would come back to where they came from, over two instances or more. */
import { isIPv4 } from 'node:net'
import type { Dial, Listen, Ref, Right } from '../adapter.js'
import type { Finding } from './problem.js'
import type { Planned } from './rights.js'

/** What an instance that forwards readings could bring about. */
export function checkLoops(instances: readonly Planned[]): Finding[] {
  return instances.flatMap((instance) =>
    (instance.plan.forwards ?? []).flatMap((ref) => {
      const found = backToSource(instance, ref, instances) ?? roundAndRound(instance, ref, instances)
      return found === undefined ? [] : [{ path: instance.path, at: 'value' as const, rule: 'loop', ...found }]
    })
  )
}

type Told = Pick<Finding, 'message' | 'warning'>

/** The old side gets back what it said itself, perhaps after somebody set another value. */
function backToSource({ id, plan }: Planned, ref: Ref, instances: readonly Planned[]): Told | undefined {
  const dials = plan.dials ?? []
  const others = instances.filter((other) => other.id !== id)
  const what = `${ref.device}/${ref.codename}`
  const steers = others.find(
    (other) => other.plan.executes?.some(({ device }) => device === ref.device) && meet(dials, other.plan.dials, isSame)
  )
  if (steers !== undefined)
    return {
      message: `${what} must not be forwarded: ${steers.id} steers ${ref.device} through the very socket that it would be pushed to`
    }
  const source = others.find((other) => other.plan.feeds?.some((right) => covers(right, ref)) && meet(dials, other.plan.dials, isSameHost))
  if (source === undefined) return undefined
  const host = dials[0]?.host
  return {
    message: `${what} comes from ${host} (${source.id}) and is pushed back to it: make sure that another program takes it there`,
    warning: true
  }
}

/** Our own listeners take what is forwarded, and feed what is forwarded again, or have it set. */
function roundAndRound(start: Planned, ref: Ref, instances: readonly Planned[]): Told | undefined {
  const reached = new Set<Planned>([start])
  for (const one of reached)
    for (const server of instances.filter(({ plan }) => meet(one.plan.dials ?? [], plan.listens, isAt))) {
      // What is set is read again, perhaps as it was.
      const changes = [...(server.plan.feeds ?? []), ...(server.plan.asks ?? [])]
      if (changes.some((right) => covers(right, ref)))
        return {
          message: `${ref.device}/${ref.codename} may go round for ever: it is forwarded to ${server.id}, which feeds or sets it, or by others that come back to it`,
          warning: true
        }
      for (const next of instances)
        if (next.plan.forwards?.some((other) => changes.some((right) => covers(right, other)))) reached.add(next)
    }
  return undefined
}

function covers({ device, codename }: Right, ref: Ref): boolean {
  return device === ref.device && (codename ?? ref.codename) === ref.codename
}

function meet<Other>(dials: readonly Dial[], others: readonly Other[] | undefined, fits: (dial: Dial, other: Other) => boolean): boolean {
  return others?.some((other) => dials.some((dial) => fits(dial, other))) ?? false
}

function isSameHost(one: Dial, other: Dial): boolean {
  // On this computer there are many programs; whose value it is, nobody can tell by the host.
  return one.host.toLowerCase() === other.host.toLowerCase() && !isLoopback(one.host)
}

function isSame(one: Dial, other: Dial): boolean {
  const host = (dial: Dial): string => (isLoopback(dial.host) ? 'localhost' : dial.host.toLowerCase())
  return host(one) === host(other) && one.port === other.port && one.protocol === other.protocol
}

function isAt(dial: Dial, { protocol, host, port }: Listen): boolean {
  return protocol === dial.protocol && port === dial.port && (host.toLowerCase() === dial.host.toLowerCase() || isLoopback(dial.host))
}

function isLoopback(host: string): boolean {
  return host.toLowerCase() === 'localhost' || host === '::1' || (isIPv4(host) && host.startsWith('127.'))
}
