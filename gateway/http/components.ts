/** What the schemas of routes refer to: the public schemas of schemas/*.json, by their titles. */
import command from '../../schemas/command.schema.json' with { type: 'json' }
import dead from '../../schemas/dead-letter.schema.json' with { type: 'json' }
import meta from '../../schemas/meta.schema.json' with { type: 'json' }
import problem from '../../schemas/problem.schema.json' with { type: 'json' }
import reading from '../../schemas/reading.schema.json' with { type: 'json' }
import reply from '../../schemas/reply.schema.json' with { type: 'json' }
import state from '../../schemas/state.schema.json' with { type: 'json' }
import { codenameSchema, deviceSchema } from './views.js'

export interface Component {
  readonly $id: string
}

type Schema = Readonly<Record<string, unknown>> & { readonly title: string; readonly $defs?: Readonly<Record<string, Titled>> }
type Titled = Readonly<Record<string, unknown>> & { readonly title: string }

/** `Reading`, and its parts as `Time`, each of which stands once; `{$ref: 'Reading#'}` means it. */
export function components(): readonly Component[] {
  const found = new Map<string, Component>()
  for (const schema of [reading, reply, meta, state, dead, problem, command] as unknown as Schema[]) {
    const { $schema: _schema, $id: _id, $defs = {}, ...own } = schema
    const names = new Map(Object.entries($defs).map(([key, { title }]) => [`#/$defs/${key}`, nameOf(title)]))
    for (const part of Object.values($defs)) found.set(nameOf(part.title), component(part, names))
    found.set(nameOf(schema.title), component(own as Titled, names))
  }
  for (const schema of [codenameSchema, deviceSchema]) found.set(schema.title, { $id: schema.title, ...schema })
  return [...found.values()]
}

/** `Dead letter` is `DeadLetter`. */
function nameOf(title: string): string {
  return title.replace(/ (\w)/g, (_blank, letter: string) => letter.toUpperCase())
}

function component(schema: Titled, names: ReadonlyMap<string, string>): Component {
  const text = JSON.stringify(schema, (key, value: unknown) => (key === '$ref' ? `${names.get(value as string)}#` : value))
  return { $id: nameOf(schema.title), ...(JSON.parse(text) as object) }
}
