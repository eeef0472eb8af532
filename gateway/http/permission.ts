/** What a route asks of who asks it; the one place that decides. */
import type { FastifyRequest } from 'fastify'
import type { Op } from '../adapter.js'
import { self } from '../devices.js'
import { below } from '../topic.js'
import type { Asker } from './askers.js'
import type { Parts } from './parts.js'
import { HttpError } from './problem.js'

/**
 * Each route has one, or the gateway does not start.
 * `everybody`: asks nobody who he is; what it tells by right it finds out itself.
 * `known`: whoever is let in. `filtered`: the same, and what it lists is what the asker may see.
 */
export type Permission = 'everybody' | 'known' | 'filtered' | Need

export interface Need {
  readonly right: 'read' | 'write'
  /** Of the device and codename in the address, where it has them. */
  readonly topic: (parts: Parts, named: Named) => string | undefined
  /** The address names a codename: it must be one that can be seen, or the answer is the same as if there were none. */
  readonly ofCodename?: boolean
}

interface Named {
  readonly device?: string
  readonly codename?: string
}

declare module 'fastify' {
  interface FastifyContextConfig {
    readonly permission?: Permission
  }
}

/** To see what the gateway tells of itself under this name. */
export function mayReadOwn(codename: string): Need {
  return { right: 'read', topic: ({ topics }) => topics.reading(self, codename) }
}

/** To have the gateway do something. */
export function mayCallOwn(codename: string): Need {
  return { right: 'write', topic: ({ topics }) => command(topics.reading(self, codename), 'call') }
}

/** To send a command to the codename that the address names. */
export function mayCommand(op: Op): Need {
  return {
    right: 'write',
    ofCodename: true,
    topic: ({ topics }, { device = '', codename = '' }) => command(topics.reading(device, codename), op)
  }
}

/** What of a list has to do with a topic that may be read; of nothing at all: see {@link refuseNone}. */
export function mayReadTopic({ sight, rights }: Asker, topic: string | undefined): boolean {
  return topic === undefined ? sight.all : rights.mayRead(topic)
}

/** Throws when the asker lacks the right. */
export function expectRight(permission: Permission, asker: Asker, request: FastifyRequest, parts: Parts): void {
  if (typeof permission === 'string') return
  const named = request.params as Named
  const topic = permission.topic(parts, named)
  const may = has(permission, asker, topic)
  // Who may not see it is told what he would be told if it were not there.
  if (permission.ofCodename === true) asker.sight.expectFor(may, named.device ?? '', named.codename ?? '')
  if (may) return
  throw lacking(asker, permission.right === 'read' ? 'see' : 'do')
}

/** Whether the asker has the right to something of the gateway's own. */
export function hasRight(need: Need, asker: Asker, parts: Parts): boolean {
  return has(need, asker, need.topic(parts, {}))
}

/** An empty list would look as if there were nothing. */
export function refuseNone(asker: Asker, filter: string): void {
  if (asker.rights.maySubscribe(filter) === 'none') throw lacking(asker, 'see')
}

export function lacking({ identity: { user, role } }: Asker, what: 'see' | 'do'): HttpError {
  const who = user === undefined ? 'who is not logged in' : user
  return new HttpError('Forbidden', `${who} has the role ${role}, which may not ${what} this`, { rule: 'rights' })
}

function has({ right }: Need, { rights }: Asker, topic: string | undefined): boolean {
  // A name without a topic form is no name of anything: the route says so.
  if (topic === undefined) return true
  return right === 'read' ? rights.mayRead(topic) : rights.mayWrite(topic)
}

function command(topic: string | undefined, op: Op): string | undefined {
  return topic === undefined ? undefined : below(topic, op)
}
