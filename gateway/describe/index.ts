/** The formats in which the gateway describes itself. Each is a pure function of what there is, and loaded when somebody asks for it. */
import type { Described } from './described.js'

export interface Format {
  /** For people, in a list of what there is. */
  readonly title: string
  /** Media type. */
  readonly type: string
  /** What the document is called as a file. */
  readonly file: string
  /** A text, or what is to be written as JSON. */
  readonly describe: (described: Described) => Promise<unknown>
}

const json = 'application/json'

/** The routes of HTTP; made where they are, see gateway/http/server.ts. */
export const openApiFormat: Omit<Format, 'describe'> = {
  title: 'OpenAPI 3.1: the REST interface',
  type: json,
  file: 'openapi.json'
}

export const formats = {
  asyncapi: {
    title: 'AsyncAPI 3.0: all topics of MQTT with their messages',
    type: json,
    file: 'asyncapi.json',
    describe: async (described) => (await import('./asyncapi.js')).asyncApi(described)
  },
  'home-assistant': {
    title: 'Home Assistant: what discovery would be told, topic by topic',
    type: json,
    file: 'home-assistant.json',
    describe: async (described) => (await import('./home-assistant.js')).homeAssistant(described)
  },
  grafana: {
    title: 'Grafana: a dashboard on Prometheus',
    type: json,
    file: 'grafana.json',
    describe: async (described) => (await import('./grafana.js')).grafana(described)
  },
  telegraf: {
    title: 'Telegraf: inputs for its configuration',
    type: 'application/toml',
    file: 'telegraf.conf',
    describe: async (described) => (await import('./telegraf.js')).telegraf(described)
  },
  'node-red': {
    title: 'Node-RED: a flow of this configuration',
    type: json,
    file: 'node-red.json',
    describe: async (described) => (await import('./node-red.js')).nodeRedFlow(described)
  }
} satisfies Record<string, Format>

export type FormatName = keyof typeof formats

export const formatNames: readonly (FormatName | 'openapi')[] = ['asyncapi', 'openapi', 'home-assistant', 'grafana', 'telegraf', 'node-red']

export function isFormat(name: string): name is FormatName | 'openapi' {
  return (formatNames as readonly string[]).includes(name)
}

/** A document as text; `indent`: for people who look at it. */
export async function describeAs(format: FormatName, described: Described, indent?: number): Promise<string> {
  const document = await formats[format].describe(described)
  return typeof document === 'string' ? document : JSON.stringify(document, undefined, indent) + '\n'
}
