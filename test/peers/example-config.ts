import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { isMap, isSeq, parseDocument } from 'yaml'
import type { YAMLMap } from 'yaml'
import { folder, project } from '../process/program.js'

/** Where the devices are: a port of this computer by the instance that dials it, and the URI of a rig by its name. */
export interface Far {
  readonly targets?: Readonly<Record<string, number>>
  readonly rigs?: Readonly<Record<string, string>>
}

/** A file of config/examples as text, with listeners at ports of the system's choice, and these devices in the place of the computers that it names. */
export function exampleConfig(
  name: string,
  { targets = {}, rigs = {} }: Far
): { readonly text: string; readonly listeners: readonly string[] } {
  const document = parseDocument(readFileSync(join(project, 'config/examples', name), 'utf8'))
  document.setIn(['broker', 'tcp', 'port'], 0)
  document.setIn(['http', 'port'], 0)
  if (document.has('runs')) document.setIn(['runs', 'folder'], folder())
  const listeners: string[] = []
  const adapters = document.get('adapters')
  if (!isSeq<YAMLMap>(adapters)) throw new Error(`${name} has no adapters`)
  for (const adapter of adapters.items) {
    const id = String(adapter.get('id'))
    const book = adapter.get('rigs')
    if (adapter.has('port')) {
      adapter.set('port', 0)
      listeners.push(id)
    } else if (isMap(book)) for (const { key } of book.items) setUri(book, String(key), known(rigs, String(key)))
    else adapter.set('target', document.createNode({ host: '127.0.0.1', port: known(targets, id) }))
  }
  return { text: String(document), listeners }
}

function setUri(book: YAMLMap, name: string, uri: string): void {
  const entry = book.get(name)
  if (isMap(entry)) entry.set('uri', uri)
  else book.set(name, uri)
}

function known<T>(far: Readonly<Record<string, T>>, name: string): T {
  const found = far[name]
  if (found === undefined) throw new Error(`there is nothing for ${name} to dial`)
  return found
}
