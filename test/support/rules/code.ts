/** What code may do where. */
import { readImports } from '../source.js'
import type { Literal } from '../source.js'
import { placesIn, productionFiles, sourceFiles, sourceOf, text } from './tree.js'
import type { Tree, Violations } from './tree.js'

/** What may be had from node:process anywhere: it tells, and changes nothing. */
const readOnly = new Set('arch argv cpuUsage memoryUsage platform resourceUsage uptime version versions'.split(' '))

/** Only gateway/main.ts touches the process. */
export function processUse(tree: Tree): Violations {
  const used = productionFiles(tree)
    .filter((path) => path !== 'gateway/main.ts')
    .flatMap((path) => [
      ...placesIn(tree, path, /(?<![.\w$])(?:globalThis\s*\.\s*)?process(?![\w$])(?!\s*[:(=])/g).map(
        ({ line }) => `${path}:${line} uses the global process: only gateway/main.ts does`
      ),
      ...readImports(sourceOf(text(tree, path), path))
        .filter(({ specifier }) => specifier === 'node:process' || specifier === 'process')
        .flatMap(({ clause, line }) =>
          wrongNames(clause).map((name) => `${path}:${line} imports ${name} of node:process: only what cannot change it, by name`)
        )
    ])
  return used
}

function wrongNames(clause: string): string[] {
  const names = /^\{([^}]*)\}$/.exec(clause.trim())?.[1]?.split(',') ?? [clause]
  return names
    .map((name) => (name.trim().split(/\s+as\s+/)[0] as string).replace(/^type\s+/, ''))
    .filter((name) => name !== '' && !readOnly.has(name))
}

const levels = 'set|get|call|history|reply|meta|value'
const rules: readonly [RegExp, string][] = [
  // `…/reply`, '/set'
  [new RegExp(`(?:^|\\})/(?:${levels})(?![\\w.-])`), 'knows the name of a topic level'],
  // `${root}/…`, `${entry.topic}/${op}`
  [/\$\{[^}]*\b(?:topic|root)\b[^}]*\}\//i, 'joins a topic'],
  // 'lab/gateway': the root is whatever the configuration says
  [/(?<![\w/.-])lab(?:-dead)?\//, 'writes the default root, which the configuration may change'],
  [/^\$SYS\//, 'writes a topic']
]

/** Only gateway/topic.ts knows what topics look like. Texts for people that say `device/codename` are no topics. */
export function topicLevels(tree: Tree): Violations {
  return productionFiles(tree)
    .filter((path) => path !== 'gateway/topic.ts')
    .flatMap((path) => {
      const source = sourceOf(text(tree, path), path)
      const imported = new Set(readImports(source).map(({ specifier }) => specifier))
      const broken = (literal: Literal): string[] =>
        imported.has(literal.text)
          ? []
          : rules
              .filter(([pattern]) => pattern.test(literal.text))
              .map(([, reason]) => `${path}:${literal.line} ${reason}: ${JSON.stringify(literal.text)}`)
      return [
        ...source.literals.flatMap((literal) => broken(literal).slice(0, 1)),
        ...placesIn(tree, path, /\b(?:topic|root)\s*\+\s*'/gi).map(({ line }) => `${path}:${line} joins a topic`)
      ]
    })
}

/** Files that look at the machine's time themselves, what they use, and why. All others are handed a clock. */
export const timeTable: ReadonlyMap<string, { readonly uses: RegExp; readonly why: string }> = new Map([
  ['gateway/clock.ts', { uses: /^(setTimeout|Date\.now|performance)$/, why: 'is the clock' }],
  ['gateway/dashboard/clock.ts', { uses: /^(set(?:Timeout|Interval)|Date\.now|performance)$/, why: 'is the clock of the page' }],
  ['gateway/main.ts', { uses: /^setTimeout$/, why: 'ends a stop that hangs' }],
  ['gateway/broker/listeners.ts', { uses: /^setTimeout$/, why: 'bounds the opening of a socket' }],
  ['gateway/broker/queue.ts', { uses: /^setTimeout$/, why: 'bounds the last delivery' }],
  ['adapters/common/udp-server.ts', { uses: /^setTimeout$/, why: 'bounds the opening of a socket' }],
  [
    'adapters/common/http-connection.ts',
    { uses: /^set(?:Timeout|Immediate)$/, why: 'bounds what a real socket sends, and what it asks in one turn' }
  ],
  ['adapters/common/http-giving.ts', { uses: /^setTimeout$/, why: 'bounds what a real socket takes' }],
  ['adapters/ws-echo/listener.ts', { uses: /^setTimeout$/, why: 'bounds the farewell of real sockets' }],
  ['adapters/common/http-head.ts', { uses: /^new\s+Date/, why: 'tells the Date of an answer where Node does not' }],
  [
    'gateway/broker/store/journal.ts',
    { uses: /^set(?:Timeout|Immediate)$/, why: 'gathers a batch for one turn, and waits for a real disk' }
  ],
  ['gateway/broker/emitter.ts', { uses: /^setImmediate$/, why: 'changes subscriptions in the turn in which mqemitter would' }],
  ['gateway/broker/guard.ts', { uses: /^setImmediate$/, why: 'lets others have their turn between two reads of a client' }],
  ['gateway/broker/order.ts', { uses: /^setImmediate$/, why: 'lets Aedes finish its own turns' }],
  ['gateway/broker/outlet.ts', { uses: /^setImmediate$/, why: 'sends together what comes in one turn' }],
  ['gateway/broker/delivery.ts', { uses: /^setImmediate$/, why: 'lets Aedes finish its own turns' }],
  ['gateway/broker/durable.ts', { uses: /^setImmediate$/, why: 'lets Aedes finish its own turns' }],
  ['gateway/history/turn.ts', { uses: /^setImmediate$/, why: 'lets others have their turn between two pages' }],
  ['gateway/http/streams.ts', { uses: /^setImmediate$/, why: 'sends together what comes in one turn' }],
  ['gateway/http/health.ts', { uses: /^performance$/, why: 'asks how busy the process is' }],
  ['adapters/common/machine-status.ts', { uses: /^setTimeout$/, why: 'bounds the reading of a file' }]
])

const time = /(?<![.\w$])(?:setTimeout|setInterval|setImmediate|performance|Date\.now|new\s+Date\(\s*\))(?![\w$])/g

/** Time comes from the clock that was handed over, so that tests can pass it. */
export function timeUse(tree: Tree): Violations {
  return productionFiles(tree)
    .filter((path) => !path.startsWith('schemas/'))
    .flatMap((path) =>
      placesIn(tree, path, time)
        .filter(({ match }) => timeTable.get(path)?.uses.test(match[0]) !== true)
        .map(({ line, match }) => `${path}:${line} uses ${match[0]}: take the clock that is handed over`)
    )
}

const mayPrint = new Set(['gateway/main.ts', 'schemas/generate.ts'])

/** What happens is logged; only commands print. */
export function consoleUse(tree: Tree): Violations {
  return productionFiles(tree)
    .filter((path) => !mayPrint.has(path))
    .flatMap((path) => placesIn(tree, path, /(?<![.\w$])console\s*\./g).map(({ line }) => `${path}:${line} prints; use the log`))
}

/** A default is written in config.schema.json and nowhere else. */
export function defaultsInCode(tree: Tree): Violations {
  return productionFiles(tree)
    .filter((path) => path.startsWith('adapters/'))
    .flatMap((path) => [
      ...placesIn(tree, path, /(?<![\w$])((?:this\.#)?(?:config|settings)\.\w+)\s*(?:\?\?|\|\|)=?\s*(?=['\d[{-]|true\b|false\b)/g).map(
        ({ line, match }) => `${path}:${line} has a default for ${match[1]}: write it in config.schema.json`
      ),
      ...placesIn(tree, path, /\{[^{}]*\w\s*=[^={}]+\}\s*(?:=\s*(?:this\.#)?(?:config|settings)\b|:\s*\w+(?:Config|Settings)\b)/g).map(
        ({ line }) => `${path}:${line} has a default where it takes the configuration apart: write it in config.schema.json`
      )
    ])
}

const most = 400

/** One noun a file; 400 lines are the end. What is generated does not count. */
export function fileLength(tree: Tree): Violations {
  return lengths(tree)
    .filter(([, lines]) => lines > most)
    .map(([path, lines]) => `${path} has ${lines} lines; ${most} are the end`)
}

/** Lines of each file, the longest first. */
export function lengths(tree: Tree): [string, number][] {
  return sourceFiles(tree)
    .filter((path) => !text(tree, path).startsWith('/** Generated'))
    .map((path): [string, number] => [path, text(tree, path).trimEnd().split('\n').length])
    .sort(([, a], [, b]) => b - a)
}
