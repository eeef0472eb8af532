/** YAML to a checked configuration. Nothing is opened, and all that is wrong is told at once. */
import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import type { Config } from '../schemas/types.js'
import type { AdapterType, Codename, Device, InstanceConfig, Plan, Right, Site } from './adapter.js'
import { checkAccess } from './config/access.js'
import { checkDiscovery } from './config/discovery.js'
import { ConfigDocument } from './config/document.js'
import { checkFiles } from './config/files.js'
import type { Listener } from './config/listeners.js'
import { checkDeviceNames, checkIds } from './config/names.js'
import { checkPlans } from './config/plans.js'
import type { Entry } from './config/plans.js'
import { ConfigError, pathKey } from './config/problem.js'
import type { ConfigProblem, Finding, Path } from './config/problem.js'
import type { Environment } from './config/reader.js'
import { checkFile, checkInstance, orderMaps } from './config/shape.js'
import { checkUpstream } from './config/upstream.js'
import { checkUserSchema } from './config/user-schema.js'
import { quote, suggest } from './config/words.js'
import { Validators } from './validators.js'

export { ConfigError, formatProblem } from './config/problem.js'
export type { ConfigProblem } from './config/problem.js'
export type { Config } from '../schemas/types.js'

export interface ConfigOptions {
  /** Path of the file, as messages name it. */
  readonly file: string
  readonly types: readonly AdapterType[]
  /** For `${NAME}`. */
  readonly env: Environment
  /** Compiles the schemas of codenames, and keeps them: hand in the gateway's own, so that it is done once. */
  readonly validators?: Validators
  /** false: the files that it names need not be there. */
  readonly files?: boolean
}

/** A configuration that can be started. */
export interface Checked {
  /** Path of the file, as messages name it. */
  readonly file: string
  /** SHA-256 of its text, before `${NAME}` is filled in. */
  readonly sha256: string
  /** Defaults filled in, in the file's parts and in each instance's. */
  readonly config: Config
  /** By the id of the instance, in the order of the file. */
  readonly plans: ReadonlyMap<string, Plan>
  /** The devices and codenames that each instance names in its configuration, by its id. */
  readonly refers: ReadonlyMap<string, readonly Right[]>
  /** The declared devices; those that instances bring along are in their plans. */
  readonly site: Site
  readonly warnings: readonly ConfigProblem[]
}

/** Reads and checks a file. Rejects with a {@link ConfigError}. */
export async function loadConfig(options: ConfigOptions): Promise<Checked> {
  let text: string
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(await readFile(options.file))
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    const reasons: Record<string, string> = {
      ENOENT: 'there is no such file',
      EISDIR: 'this is a folder',
      EACCES: 'this user may not read it',
      ERR_ENCODING_INVALID_ENCODED_DATA: 'the text is not UTF-8'
    }
    const problem = { line: 0, column: 0, path: '', message: reasons[code ?? ''] ?? message, rule: 'file', warning: false }
    throw new ConfigError([{ file: options.file, ...problem }])
  }
  const checked = checkConfig(text, options)
  if (options.files === false) return checked
  const found = tell(await checkFiles(checked.config), new ConfigDocument(text, options.file, options.env))
  const problems = [...checked.warnings, ...found].sort(inOrder)
  if (problems.some(({ warning }) => !warning)) throw new ConfigError(problems)
  return { ...checked, warnings: problems }
}

/** Pure but for what `validators` keeps. Throws a {@link ConfigError} with all problems and warnings. */
export function checkConfig(text: string, options: ConfigOptions): Checked {
  const document = new ConfigDocument(text, options.file, options.env)
  const findings: Finding[] = [...document.findings]
  const checked = document.data === undefined ? undefined : check(document, options, findings)
  const problems = tell(findings, document)
  if (checked === undefined || problems.some(({ warning }) => !warning)) throw new ConfigError(problems)
  return { ...checked, file: options.file, sha256: createHash('sha256').update(text).digest('hex'), warnings: problems }
}

/** Everything after the YAML; adds to `findings`. Undefined when there is nothing to go on with. */
function check(
  document: ConfigDocument,
  options: ConfigOptions,
  findings: Finding[]
): Pick<Checked, 'config' | 'plans' | 'refers' | 'site'> | undefined {
  const spoiled = new Set(findings.filter(({ rule }) => rule !== 'duplicate-key').map(({ path }) => pathKey(path)))
  findings.push(...checkFile(document, spoiled))
  const { data } = document
  if (!isObject(data)) return undefined
  const devices = isObject(data['devices']) ? data['devices'] : {}
  findings.push(...checkDevices(devices, options.validators))
  const wrong = new Set(findings.filter(({ warning }) => warning !== true).map(({ path }) => pathKey(path.slice(0, 2))))
  const broken = new Set(Object.keys(devices).filter((name) => wrong.has(pathKey(['devices', name]))))
  const site = siteOf(devices, document)
  const instances: unknown[] = Array.isArray(data['adapters']) ? data['adapters'] : []
  const entries = instances.flatMap((entry, index) => checkEntry(entry, index, document, options.types, spoiled, findings))
  const ids = instances.map((entry) => (isObject(entry) && typeof entry['id'] === 'string' ? entry['id'] : undefined))
  findings.push(...checkAccess(data), ...checkDiscovery(data))
  findings.push(...checkUpstream(data, (path) => document.written.has(pathKey(path))))
  findings.push(...checkIds(ids, new Set(Object.keys(devices))))
  const unique = entries.filter(({ config, path }) => ids.indexOf(config.id) === path[1])
  const {
    plans,
    refers,
    findings: found
  } = checkPlans(unique, { document, site, broken, listeners: ownListeners(data, document, findings) })
  findings.push(...found)
  // Undefined members are only left where something was wrong.
  return { config: data as unknown as Config, plans, refers, site }
}

function checkDevices(devices: Record<string, unknown>, given: Validators | undefined): Finding[] {
  let made = given
  const validators = (): Validators => (made ??= new Validators())
  const findings = checkDeviceNames(Object.keys(devices))
  for (const [name, device] of Object.entries(devices)) {
    const codenames = isObject(device) && isObject(device['codenames']) ? device['codenames'] : {}
    const path = ['devices', name, 'codenames']
    for (const [codename, meta] of Object.entries(codenames)) {
      if (!isObject(meta)) continue
      const callable = isObject(meta['callable']) ? meta['callable'] : {}
      const schemas: [unknown, Path][] = [
        [meta['schema'], ['schema']],
        [callable['arguments'], ['callable', 'arguments']],
        [callable['returns'], ['callable', 'returns']]
      ]
      for (const [schema, below] of schemas) {
        if (!isObject(schema)) continue
        findings.push(
          ...checkUserSchema(schema, validators).map((found) => ({ ...found, path: [...path, codename, ...below, ...found.path] }))
        )
      }
    }
  }
  return findings
}

/** One entry of `adapters`, if it keeps to the schema of its type. Adds to `findings`. */
function checkEntry(
  entry: unknown,
  index: number,
  document: ConfigDocument,
  types: readonly AdapterType[],
  spoiled: ReadonlySet<string>,
  findings: Finding[]
): Entry[] {
  const path = ['adapters', index]
  if (!isObject(entry) || typeof entry['type'] !== 'string') return []
  const names = types.map(({ type }) => type)
  const type = types[names.indexOf(entry['type'])]
  if (type === undefined) {
    const message = `there is no adapter type ${quote(entry['type'])}${suggest(entry['type'], names)}`
    findings.push({ path: [...path, 'type'], at: 'value', rule: 'unknown-type', message })
    return []
  }
  const wrong = checkInstance(type, entry, path, document, spoiled)
  findings.push(...wrong)
  const prefix = pathKey(path)
  const bad = findings.some((found) => found.warning !== true && `${pathKey(found.path)}\0`.startsWith(`${prefix}\0`))
  return bad ? [] : [{ config: orderMaps(type, entry, path, document) as InstanceConfig, type, path }]
}

/** In the order of the file. What is wrong in it is told elsewhere, and leaves a codename of which nothing is known. */
function siteOf(devices: Record<string, unknown>, document: ConfigDocument): Site {
  const found = document.keys(['devices']).map((name): [string, Device] => {
    const device = isObject(devices[name]) ? devices[name] : {}
    const codenames = isObject(device['codenames']) ? device['codenames'] : {}
    const known = document.keys(['devices', name, 'codenames']).map((codename): [string, Codename] => {
      const meta = codenames[codename]
      return [codename, isObject(meta) ? meta : {}]
    })
    return [name, { ...device, codenames: new Map(known) }]
  })
  return { devices: new Map(found) }
}

/** Of the broker and of HTTP, where their parts are right. */
function ownListeners(data: Record<string, unknown>, document: ConfigDocument, findings: readonly Finding[]): Listener[] {
  const broker = isObject(data['broker']) ? data['broker'] : {}
  const users = isObject(data['access']) && data['access']['users'] !== undefined
  const parts: [Path, unknown, string, how: string][] = [
    [['broker', 'tcp'], broker['tcp'], 'broker.tcp', 'let other computers use broker.tls, and listen at 127.0.0.1 here'],
    [['broker', 'tls'], broker['tls'], 'broker.tls', ''],
    [['http'], data['http'], 'http', 'encrypt it with http.tls']
  ]
  return parts.flatMap(([path, part, owner, how]): Listener[] => {
    const wrong = findings.some((found) => found.warning !== true && pathKey(found.path).startsWith(pathKey(path)))
    if (!isObject(part) || wrong) return []
    const { host, port, insecure } = part as unknown as { host: string; port: number; insecure?: boolean }
    const tls = owner === 'broker.tls' ? part : isObject(part['tls']) ? part['tls'] : undefined
    const login = { users, tls: tls !== undefined, certificates: tls?.['clients'] === 'required', how }
    const at = [...path, 'port']
    return [{ protocol: 'tcp', host, port, insecure: insecure === true, path: at, owner: `${owner} (line ${document.line(at)})`, login }]
  })
}

/** Placed in the text, in its order, each thing once. */
function tell(findings: readonly Finding[], document: ConfigDocument): ConfigProblem[] {
  const told = new Map<string, ConfigProblem>()
  for (const problem of findings.map((found) => document.locate(found))) {
    const key = `${problem.line}:${problem.column} ${problem.path} ${problem.rule} ${problem.message}`
    if (!told.has(key)) told.set(key, problem)
  }
  return [...told.values()].sort(inOrder)
}

function inOrder(a: ConfigProblem, b: ConfigProblem): number {
  return a.line - b.line || a.column - b.column
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
