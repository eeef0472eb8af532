/**
 * Inputs for the configuration of Telegraf: every reading, with the time at which it was measured. InfluxDB keeps a field at the type of its
 * first value, so numbers, texts and truths have fields of their own, and come by clients of their own.
 */
import { Topics, encodeName } from '../topic.js'
import { hostAndPort } from './asyncapi-servers.js'
import type { Described, DescribedCodename } from './described.js'
import { valueKind } from './kinds.js'

/** Fields, and the types that Telegraf makes of their values. */
const fields = { number: 'float', text: 'string', boolean: 'bool' } as const

type Field = keyof typeof fields

/** Filters of one SUBSCRIBE: broker.limits.maxSubscribe and maxFilters allow twice as many. */
const perClient = 500

export function telegraf(described: Described): string {
  const { name, version, root, devices } = described
  const codenames = devices.flatMap((device) => device.codenames).filter(({ isRead }) => isRead)
  const inputs = (Object.keys(fields) as Field[]).flatMap((field) => {
    const topics = codenames.filter((one) => fieldOf(one) === field).map(({ topic }) => topic)
    const parts = Math.ceil(topics.length / perClient)
    return Array.from({ length: parts }, (_nothing, part) =>
      input(field, part === 0 ? '' : `-${part + 1}`, topics.slice(part * perClient, (part + 1) * perClient), described)
    )
  })
  const left = codenames.filter((one) => fieldOf(one) === undefined).map(({ topic }) => `#   ${topic}`)
  const head = [
    `# Readings of the gateway ${name}, made by labgate ${version}. Put this into /etc/telegraf/telegraf.d/, with an output beside it.`,
    '# Each reading is a point of the measurement "labgate" with the tags device and codename, its quality as a field, and its value as the',
    '# field number, text or boolean. Made of the declared codenames: make it again when they change.',
    '# What becomes stale comes again with the time of the measurement: in InfluxDB the quality of that last point becomes stale, also when the',
    '# gateway starts again; its value stays. Ask for quality together with the value.',
    ...(described.hasUsers ? ['# Set LABGATE_USER and LABGATE_PASSWORD for Telegraf: the gateway has users.'] : []),
    ...(left.length === 0 ? [] : ['# Left out, as their values are objects or lists:', ...left]),
    `# All topics of readings: ${new Topics(root).filter('reading')}`
  ]
  return [...head, ...inputs].join('\n') + '\n'
}

/** What nothing is said of is a number where it has a unit, else text: anything can be told as text, and stays of one type. */
function fieldOf({ schema, unit }: DescribedCodename): Field | undefined {
  const kind = valueKind(schema)
  if (kind === 'structure') return undefined
  if (kind === 'any') return unit === undefined ? 'text' : 'number'
  return kind === 'choices' ? 'text' : kind
}

function input(field: Field, part: string, topics: readonly string[], { name, root, listeners, hasUsers }: Described): string {
  const { tcp, tls } = listeners
  const server = tls === undefined ? `tcp://${hostAndPort(tcp)}` : `ssl://${hostAndPort(tls)}`
  const levels = root.split('/')
  return `
[[inputs.mqtt_consumer]]
  servers = [${quoted(server)}]
  topics = [
${topics.map((topic) => `    ${quoted(topic)},`).join('\n')}
  ]
  qos = 1
  # What comes while Telegraf is away waits for it.
  persistent_session = true
  client_id = ${quoted(`telegraf-${encodeName(name)}-${field}${part}`)}
${hasUsers ? '  username = "${LABGATE_USER}"\n  password = "${LABGATE_PASSWORD}"\n' : ''}  topic_tag = ""
  data_format = "json_v2"

  [[inputs.mqtt_consumer.topic_parsing]]
    topic = ${quoted(new Topics(root).filter('reading'))}
    tags = ${quoted([...levels.map(() => '_'), 'device', 'codename'].join('/'))}

  [[inputs.mqtt_consumer.json_v2]]
    measurement_name = "labgate"
    timestamp_path = "time"
    timestamp_format = "2006-01-02T15:04:05Z07:00"

    # null where the quality is bad.
    [[inputs.mqtt_consumer.json_v2.field]]
      path = "value"
      rename = ${quoted(field)}
      type = ${quoted(fields[field])}
      optional = true

    [[inputs.mqtt_consumer.json_v2.field]]
      path = "quality"
      rename = "quality"
      type = "string"`
}

/** JSON's strings are TOML's basic strings, as topics hold no control characters. */
function quoted(text: string): string {
  return JSON.stringify(text)
}
