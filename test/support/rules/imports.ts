/** Who may import whom. */
import { builtinModules } from 'node:module'
import { packageOf, readImports, resolveImport } from '../source.js'
import type { Import } from '../source.js'
import { isPage, isTest, placesIn, productionFiles, sourceFiles, sourceOf, text } from './tree.js'
import type { Tree, Violations } from './tree.js'

function importsOf(tree: Tree, path: string): Import[] {
  return readImports(sourceOf(text(tree, path), path))
}

/** What the gateway uses of adapters/: leaves without imports, which belong to neither of them. */
const exactJson = 'adapters/common/exact-json.ts'
const leaves: ReadonlySet<string> = new Set([exactJson, 'adapters/common/parse-url.ts'])

/** What the page shares with the gateway: pure files, which a browser can run. */
const shared: ReadonlySet<string> = new Set(['gateway/topic.ts', 'gateway/time.ts', 'gateway/errors.ts'])

/** Where the process, and its thread that checks a configuration, begin: they know the adapters. */
const starts: ReadonlySet<string> = new Set(['gateway/main.ts', 'gateway/reload/load-thread.ts'])

/** Undefined: allowed. */
function forbidden(from: string, to: string): string | undefined {
  if (to.startsWith('test/') || isTest(to)) return 'production code imports from a test'
  if (isPage(from)) {
    const fine = isPage(to) || shared.has(to) || to.startsWith('schemas/')
    return fine ? undefined : `the dashboard imports from itself, schemas, ${[...shared].join(', ')}`
  }
  if (isPage(to)) return 'only a browser runs the dashboard'
  if (from.startsWith('schemas/')) return to.startsWith('schemas/') ? undefined : 'schemas import from nothing of ours'
  if (to.startsWith('schemas/')) return undefined
  if (from.startsWith('gateway/')) {
    if (to.startsWith('gateway/')) return to === 'gateway/main.ts' ? 'nobody imports the process' : undefined
    if (leaves.has(to)) return undefined
    // Flows are data: what is shown to people is what is described.
    if (from.startsWith('gateway/describe/') && /^config\/examples\/node-red\/[^/]+\.json$/.test(to)) return undefined
    if (to === 'adapters/index.ts') return starts.has(from) ? undefined : `only ${[...starts].join(' and ')} import adapters/index.ts`
    return `the gateway imports from schemas, gateway and ${[...leaves].join(', ')}`
  }
  if (to === 'gateway/adapter.ts' || to === 'gateway/errors.ts' || to === 'gateway/descriptors.ts' || to.startsWith('adapters/common/'))
    return undefined
  const folder = /^adapters\/[^/]+\//.exec(to)?.[0]
  const own = folder !== undefined && (from === 'adapters/index.ts' || from.startsWith(folder))
  return own
    ? undefined
    : 'adapters import from schemas, gateway/adapter, gateway/errors, gateway/descriptors, adapters/common and their own folder'
}

/** Imports point one way. */
export function direction(tree: Tree): Violations {
  return productionFiles(tree).flatMap((path) =>
    importsOf(tree, path).flatMap(({ specifier, line }) => {
      if (specifier === undefined) return [`${path}:${line} imports a name that is made at run time`]
      const to = resolveImport(path, specifier)
      if (to === undefined) return []
      if (leaves.has(path)) return [`${path}:${line} imports ${to}: it must stay a leaf, as the gateway uses it`]
      const reason = forbidden(path, to)
      return reason === undefined ? [] : [`${path}:${line} imports ${to}: ${reason}`]
    })
  )
}

/** Packages that one folder alone knows. */
const hidden: readonly (readonly [package_: RegExp, folder: string])[] = [
  [/^aedes(-|\/|$)/, 'gateway/broker'],
  [/^(@fastify\/|fastify(-|\/|$)|light-my-request|sirv$)/, 'gateway/http']
]

/** Aedes is behind gateway/broker and nowhere else, and Fastify behind gateway/http. */
export function onlyOneKnows(tree: Tree): Violations {
  return hidden.flatMap(([known, folder]) =>
    productionFiles(tree)
      .filter((path) => !path.startsWith(`${folder}/`))
      .flatMap((path) =>
        importsOf(tree, path)
          .filter(({ specifier }) => specifier !== undefined && known.test(specifier))
          .map(({ specifier, line }) => `${path}:${line} imports ${specifier}: only ${folder} does`)
      )
  )
}

const isNode = (specifier: string): boolean => specifier.startsWith('node:') || builtinModules.includes(specifier)

/** Every package is declared: for production among `dependencies`; for tests, the generator of types and what is bundled anywhere. */
export function declared(tree: Tree): Violations {
  const { dependencies = {}, devDependencies = {} } = JSON.parse(text(tree, 'package.json')) as Record<string, Record<string, string>>
  return sourceFiles(tree).flatMap((path) => {
    const development = isTest(path) || isPage(path) || path === 'schemas/generate.ts'
    return importsOf(tree, path).flatMap(({ specifier, line, typeOnly }) => {
      if (specifier === undefined || specifier.startsWith('.')) return []
      if (isNode(specifier) && isPage(path)) return [`${path}:${line} imports ${specifier}, which no browser has`]
      if (isNode(specifier)) return specifier.startsWith('node:') ? [] : [`${path}:${line} write node:${specifier}`]
      const name = packageOf(specifier)
      const allowed = { ...dependencies, ...(development ? devDependencies : {}) }
      // The types of a package may come from @types alone.
      const types = typeOnly && development && `@types/${name}` in allowed
      return name in allowed || types
        ? []
        : [`${path}:${line} imports ${name}, which package.json does not list among ${development ? 'its packages' : 'dependencies'}`]
    })
  })
}

/** What nothing pure may import; any other module of Node only computes. */
const doesIo = new Set(
  'dgram fs fs/promises net http http2 https tls timers timers/promises process child_process worker_threads cluster dns os readline perf_hooks'.split(
    ' '
  )
)

/** What nothing pure may use without importing it. */
const ambient =
  /(?<![.\w$])(?:setTimeout|setInterval|setImmediate|queueMicrotask|performance|process|console|fetch|Date\.now|Math\.random|new\s+Date\(\s*\))(?![\w$])(?!\s*:)/g

/** Bytes in, bytes out: codecs, pickles, the models of instruments, and the JSON that the gateway shares with them. */
export function isPure(path: string): boolean {
  return (
    path === exactJson || path.startsWith('adapters/common/pickle/') || /^adapters\/[^/]+\/((client-)?codec\.ts|models\/.*)$/.test(path)
  )
}

/** A pure file reaches, through whatever it imports, no socket, file, clock or log. */
export function pure(tree: Tree): Violations {
  return productionFiles(tree)
    .filter(isPure)
    .flatMap((path) => reached(tree, path).flatMap((file) => impure(tree, path, file)))
}

/** The file and all that it runs; what only gives types is gone after compilation. */
function reached(tree: Tree, path: string): string[] {
  const found = new Set([path])
  for (const file of found)
    for (const { specifier, typeOnly } of importsOf(tree, file)) {
      const to = specifier === undefined || typeOnly ? undefined : resolveImport(file, specifier)
      if (to !== undefined && to.endsWith('.ts')) found.add(to)
    }
  return [...found]
}

function impure(tree: Tree, path: string, file: string): string[] {
  const through = file === path ? '' : ` (through ${file})`
  const imported = importsOf(tree, file).flatMap(({ specifier, line, typeOnly }) => {
    if (specifier === undefined || typeOnly) return []
    const io = isNode(specifier) && doesIo.has(specifier.replace('node:', ''))
    const to = resolveImport(file, specifier)
    const ours = to !== undefined && to.startsWith('gateway/') && to !== 'gateway/errors.ts'
    return io || ours ? [`${path}${through}: line ${line} imports ${to ?? specifier}, but the file is pure`] : []
  })
  const used = placesIn(tree, file, ambient).map(
    ({ line, match }) => `${path}${through}: line ${line} uses ${match[0]}, but the file is pure`
  )
  return [...imported, ...used]
}
