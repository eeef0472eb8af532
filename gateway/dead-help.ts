/** How to mend what made a message a dead letter: the one table, by rule and by class. */
import type { DeadLetter } from '../schemas/types.js'
import type { Codename } from './adapter.js'
import { errorClasses } from './errors.js'
import { described } from './schema-words.js'
import type { Schema } from './schema-words.js'
import { below } from './topic.js'
import type { Op } from './topic.js'

/** What the gateway knows about the place that the message was meant for. */
export interface Place {
  readonly device: string
  /** Left out: the device as a whole. */
  readonly codename?: string | undefined
  /** Of the codename, where there is such a one. */
  readonly meta?: Codename | undefined
  /** Topic of its reading. */
  readonly topic?: string | undefined
  /** The command that it was. */
  readonly op?: Op | undefined
  /** The instance that writes its readings. */
  readonly feeder?: string | undefined
  /** The MQTT client that alone may write for the device. */
  readonly owner?: string | undefined
}

type Say = (letter: DeadLetter, place: Place | undefined) => string

/** By the rule that was broken. */
const byRule: Readonly<Record<string, Say>> = {
  required: ({ reason }) => `Add what is missing: ${reason}.`,
  additionalProperties: ({ reason }) => `Leave out what nobody knows, or mend its spelling: ${reason}.`,
  json: () => 'Mend the JSON: it is read strictly. A text goes in double quotes; a bare number or word needs no JSON at all.',
  'utf-8': () => 'Send UTF-8 text. Binary data goes over topics outside the root, which pass untouched.',
  empty: (_, place) =>
    place?.op === undefined
      ? 'Send a value. To forget a reading, publish the empty payload retained.'
      : `Send the value to set, such as ${example(place)}.`,
  time: () => 'Write the time with its zone, such as 2026-11-21T15:00:00Z, or leave it out: then it is now.',
  unit: (_, place) => `Send the value in ${place?.meta?.unit ?? 'the declared unit'} and leave the unit out, or declare the other one.`,
  topic: ({ topic }) => `Mend the topic ${topic}: a device, a codename and perhaps set, get, call or history, below the root.`,
  rights: ({ topic }) => `Log in as a user whose role may publish to ${topic}, or give the role that right (access.roles).`,
  reserved: ({ topic }) => `Publish elsewhere: ${topic} is the gateway's own.`,
  writer: (_, place) =>
    place?.feeder === undefined
      ? 'Only the gateway writes here. Publish a reading to its own topic, and a command to …/set, …/get or …/call.'
      : `${name(place)} is fed by the instance ${place.feeder}. ${elsewhere(place)}`,
  client: (_, place) =>
    place?.owner === undefined
      ? errorClasses.Forbidden.help
      : `Connect with the client id ${place.owner}, or change devices.${place.device}.client in the configuration.`,
  late: (_, place) =>
    place === undefined
      ? 'Answer sooner, and with the id of the command.'
      : `Let ${place.device} answer sooner and with the id of the command, or raise the timeout of ${name(place)}.`,
  undeclared: (_, place) =>
    place === undefined
      ? 'Declare it in the configuration.'
      : `Declare ${name(place)} under devices in the configuration, or allow undeclared: accept there.`,
  maxUndeclared: () => 'Declare the devices and codenames that you need; if all are wanted, raise broker.limits.maxUndeclared.',
  maxRetained: () => 'Clear retained messages that nobody needs (publish them empty and retained), or raise broker.limits.maxRetained.',
  maxQueue: () => 'Send less at once, or raise broker.limits.maxQueue.',
  name: () => 'Choose a shorter name, of letters, digits, _ . and -.',
  schema: (_, place) => `Send ${wanted(place)}.`
}

/** By class, where the rule says no more. */
const byClass: Readonly<Record<DeadLetter['class'], Say>> = {
  BadPayload: (letter, place) =>
    place?.meta === undefined ? `${letter.reason}. ${errorClasses.BadPayload.help}` : `Send ${wanted(place)}.`,
  WrongType: (_, place) => `Send ${wanted(place)}.`,
  RangeError: (_, place) => `Send ${wanted(place)}.`,
  UnknownDevice: ({ reason }, place) =>
    `${suggestion(reason) ?? `Declare ${place?.device ?? 'the device'} under devices`}, or mend the topic.`,
  UnknownCodename: ({ reason }, place) =>
    `${suggestion(reason) ?? `Declare ${place === undefined ? 'the codename' : name(place)} in the configuration`}, or mend the topic.`,
  ReadOnly: (_, place) => `${name(place)} ${takes(place)}.`,
  Forbidden: () => errorClasses.Forbidden.help,
  Retained: (_, place) =>
    `Publish to ${place?.topic === undefined || place.op === undefined ? 'the command topic' : below(place.topic, place.op)} without the retain flag.`,
  NotFinite: (_, place) => `Send ${wanted(place)}; NaN and infinities are none.`,
  Busy: (_, place) =>
    `Wait for the reply on ${place?.topic === undefined ? 'the reply topic' : below(place.topic, 'reply')}, then send the next.`,
  Locked: (_, place) => `Free the lock or interlock of ${place?.device ?? 'the device'}, then send it again.`,
  Expired: () => 'Send it again with a later expires, or none; if it was sent in time, set the clock of the sender.',
  Timeout: (_, place) =>
    `Look whether ${place?.device ?? 'the device'} did it before you repeat it; if it needs longer, raise the timeout of ${name(place)}.`,
  Unreachable: (_, place) => `Bring ${place?.device ?? 'the device'} back: its state tells why it is offline. Then send it again.`,
  DeviceError: (_, place) =>
    `${place?.device ?? 'The device'} itself refused it; its text is the reason. Mend that there, then send it again.`,
  Stale: (_, place) => `Wait for a fresh reading of ${name(place)}, or see why ${place?.device ?? 'the device'} gives none.`,
  RateLimited: ({ reason }) => `Send less at once, or raise the limit: ${reason}.`,
  Internal: () => errorClasses.Internal.help
}

/** What to do, for people. */
export function help(letter: DeadLetter, place: Place | undefined): string {
  const say = (Object.hasOwn(byRule, letter.rule) ? byRule[letter.rule] : undefined) ?? byClass[letter.class]
  return say(letter, place)
}

function name(place: Place | undefined): string {
  if (place === undefined) return 'the codename'
  return place.codename === undefined ? place.device : `${place.device}/${place.codename}`
}

/** Where to, instead of the topic of the reading. */
function elsewhere({ meta, topic }: Place): string {
  if (topic === undefined) return 'Leave that to it, or take the right away in the configuration.'
  if (meta?.settable === true) return `To set it, publish to ${below(topic, 'set')}.`
  return meta?.callable === undefined
    ? 'Leave that to it, or take the right away in the configuration.'
    : `To call it, publish to ${below(topic, 'call')}.`
}

function takes({ meta, topic }: Place = { device: '' }): string {
  const ops = [
    ...(meta?.settable === true ? (['set'] as const) : []),
    ...(meta?.callable === undefined ? [] : (['call'] as const)),
    ...(meta?.schema === undefined && meta?.callable !== undefined ? [] : (['get'] as const))
  ]
  if (meta === undefined || topic === undefined || ops.length === 0) return 'takes no such command; its meta tells which'
  const them = ops.map((op) => below(topic, op)).join(' and ')
  return meta.settable === true ? `takes ${them}` : `takes ${them}; if it can be set, declare settable: true`
}

/** `did you mean "temperature"?`, as the refusal asked. */
function suggestion(reason: string): string | undefined {
  const meant = /did you mean ("[^"]*")\?/.exec(reason)?.[1]
  return meant === undefined ? undefined : `Perhaps ${meant} is meant: then write that`
}

/** What the codename wants, in words: `lab/furnace/setpoint/set a number from 0 to 1200 C`. */
function wanted(place: Place | undefined): string {
  if (place?.meta === undefined) return 'what the meta of the codename shows'
  const { meta, topic, op } = place
  const where = topic === undefined ? name(place) : op === undefined ? topic : below(topic, op)
  const schema = (op === 'call' ? meta.callable?.arguments : meta.schema) as Schema | undefined
  const unit = op === 'call' || meta.unit === undefined ? '' : ` ${meta.unit}`
  return `to ${where} ${schema === undefined ? 'a value' : described(schema)}${unit}`
}

function example({ meta }: Place): string {
  const { enum: choices, minimum, type } = (meta?.schema ?? {}) as Schema
  if (choices !== undefined && choices.length > 0) return JSON.stringify(choices[0])
  return type === 'string' ? 'a text' : String(minimum ?? 300)
}
