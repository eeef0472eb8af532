/** AsyncAPI 3.0: every topic of MQTT with its messages, as the gateway sees it: it sends readings and receives commands. */
import { Topics, below, delivery } from '../topic.js'
import type { Kind, Op } from '../topic.js'
import { Keys, Schemas, ref } from './asyncapi-parts.js'
import { serversOf } from './asyncapi-servers.js'
import type { Described, DescribedCodename, DescribedDevice } from './described.js'

type Json = Readonly<Record<string, unknown>>

export function asyncApi(described: Described): Json {
  const { name, version, root, hasUsers } = described
  const document = new Document(new Topics(root))
  for (const device of described.devices) document.device(device)
  return {
    asyncapi: '3.0.0',
    info: {
      title: `MQTT topics of ${name}`,
      version,
      description:
        'All topics of this gateway. Readings, states and metas are retained. A command is answered on the topic beside it, with its id; a message that is refused is a dead letter. Of set, call, get and history the JSON form is described; they take plain values too, see the README.',
      license: { name: 'MIT' }
    },
    defaultContentType: 'application/json',
    servers: serversOf(described),
    channels: document.channels,
    operations: document.operations,
    components: {
      schemas: document.schemas.all(),
      messages: sharedMessages,
      correlationIds: { id: { description: 'Chosen by who asks; the reply carries it.', location: '$message.payload#/id' } },
      ...(hasUsers
        ? { securitySchemes: { login: { type: 'userPassword', description: 'A user of access.users, in the CONNECT packet.' } } }
        : {})
    }
  }
}

const sharedMessages = {
  State: { title: 'State of a device', payload: ref('schemas', 'State') },
  Meta: { title: 'What is known of a codename', payload: ref('schemas', 'Meta') },
  DeadLetter: { title: 'A message that was refused, and why', payload: ref('schemas', 'DeadLetter') }
}

const correlationId = ref('correlationIds', 'id')

/** What each command does, and the schema of its JSON form. */
const commands: Readonly<Record<Op, { readonly summary: string; readonly form: string; readonly member?: string }>> = {
  set: { summary: 'Gives the codename a value', form: 'SetCommand', member: 'value' },
  get: { summary: 'Reads it now', form: 'GetCommand' },
  call: { summary: 'Carries out the action', form: 'CallCommand', member: 'arguments' },
  history: { summary: 'Asks what was read, in pages', form: 'HistoryCommand' }
}

/** What grows with each codename. */
class Document {
  readonly channels: Record<string, Json> = {}
  readonly operations: Record<string, Json> = {}
  readonly schemas = new Schemas()
  readonly #topics: Topics
  readonly #keys = new Keys()

  constructor(topics: Topics) {
    this.#topics = topics
  }

  device({ device, topic, description, codenames }: DescribedDevice): void {
    const of = description === undefined ? device : `${device}: ${description}`
    if (topic !== undefined) this.#sent(this.#keys.of(device, 'state'), { topic, kind: 'state', of, messages: { state: shared('State') } })
    for (const codename of codenames) this.#codename(codename)
  }

  #codename(described: DescribedCodename): void {
    const { device, codename, topic, mirror, ops, isRead, description, feeder, seen } = described
    const of = `${device}/${codename}${description === undefined ? '' : `: ${description}`}`
    const key = (kind: string): string => this.#keys.of(device, codename, kind)
    const value = this.schemas.value(described)
    if (isRead) {
      const payload = { allOf: [ref('schemas', 'Reading'), { properties: { value: { anyOf: [value, { type: 'null' }] } } }] }
      this.#sent(key('reading'), {
        topic,
        kind: 'reading',
        of,
        messages: { reading: { title: `Reading of ${device}/${codename}`, payload } }
      })
    }
    if (mirror) {
      const title = `Plain value of ${device}/${codename}, while its reading is good or uncertain`
      const messages = { value: { title, contentType: 'text/plain', payload: { type: 'string' } } }
      this.#sent(key('value'), { topic: below(topic, 'value'), kind: 'value', of, messages, retain: described.retainMirror })
    }
    if (seen.meta) this.#sent(key('meta'), { topic: below(topic, 'meta'), kind: 'meta', of, messages: { meta: shared('Meta') } })
    // What clients write can be refused: readings, where no instance feeds them.
    if (isRead && feeder === undefined && seen.dead) this.#dead(key('reading.dead'), topic)
    if (ops.length === 0) return
    const reply = seen.reply ? key('reply') : undefined
    if (reply !== undefined)
      this.#channel(reply, below(topic, 'reply'), of, Object.fromEntries(ops.map((op) => [op, this.#reply(op, described, value)])))
    for (const op of ops) this.#command(key(op), reply, op, described, value)
  }

  #command(key: string, reply: string | undefined, op: Op, described: DescribedCodename, value: Json): void {
    const { device, codename, topic, seen } = described
    const { summary, form, member } = commands[op]
    const given = op === 'set' ? value : this.schemas.callable(described, 'arguments')
    const payload = { allOf: [ref('schemas', form), ...(member === undefined ? [] : [{ properties: { [member]: given } }])] }
    const address = below(topic, op)
    const of = `${device}/${codename}`
    this.#channel(key, address, of, { [op]: { title: `${op} of ${of}`, summary, payload, correlationId } })
    this.operations[`receive.${key}`] = {
      action: 'receive',
      summary: `${summary}: ${of}`,
      channel: ref('channels', key),
      messages: [ref('channels', key, 'messages', op)],
      bindings: bindings(op),
      ...(reply === undefined ? {} : { reply: { channel: ref('channels', reply), messages: [ref('channels', reply, 'messages', op)] } })
    }
    if (seen.dead) this.#dead(`${key}.dead`, address)
  }

  #reply(op: Op, described: DescribedCodename, value: Json): Json {
    const of = `${described.device}/${described.codename}`
    const given = op === 'call' ? this.schemas.callable(described, 'returns') : op === 'history' ? {} : value
    const payload = { allOf: [ref('schemas', 'Reply'), { properties: { op: { const: op }, value: given } }] }
    return { title: `Reply to a ${op} of ${of}`, payload, correlationId }
  }

  #sent(key: string, { topic, kind, of, messages, retain }: Sent): void {
    this.#channel(key, topic, of, messages)
    this.operations[`send.${key}`] = { action: 'send', channel: ref('channels', key), bindings: bindings(kind, retain) }
  }

  #dead(key: string, topic: string): void {
    this.#sent(key, { topic: this.#topics.dead(topic), kind: 'dead', of: topic, messages: { dead: shared('DeadLetter') } })
  }

  #channel(key: string, address: string, of: string, messages: Readonly<Record<string, Json>>): void {
    this.channels[key] = { address, title: of, messages }
  }
}

interface Sent {
  readonly topic: string
  readonly kind: Kind | 'dead'
  /** For people. */
  readonly of: string
  readonly messages: Readonly<Record<string, Json>>
  readonly retain?: boolean
}

function shared(name: keyof typeof sharedMessages): Json {
  return ref('messages', name)
}

function bindings(kind: Kind | 'dead', retain = false): Json {
  const { qos, retain: always } = delivery[kind]
  return { mqtt: { qos, retain: always || retain, bindingVersion: '0.2.0' } }
}
