import assert from 'node:assert/strict'
import { cwd } from 'node:process'
import { errorClasses } from '../gateway/errors.js'
import { consoleUse, defaultsInCode, fileLength, lengths, processUse, timeTable, timeUse, topicLevels } from './support/rules/code.js'
import { errorTable, folders, leaked, locked, typesInReadme } from './support/rules/files.js'
import { declared, direction, isPure, onlyOneKnows, pure } from './support/rules/imports.js'
import { productionFiles, readTree } from './support/rules/tree.js'
import type { Tree, Violations } from './support/rules/tree.js'
import { readImports, readSource } from './support/source.js'

interface Rule {
  readonly says: string
  readonly check: (tree: Tree) => Violations
  /** Files that break it, each with what must be found, in order. */
  readonly broken: readonly (readonly [files: Record<string, string>, ...found: RegExp[]])[]
  /** Files that must not be taken for broken. */
  readonly fine: Record<string, string>
}

const packageJson = JSON.stringify({
  dependencies: { aedes: '1.2.0', ajv: '^8.0.0' },
  devDependencies: { prettier: '^3.0.0', '@types/mocha': '^10.0.0' }
})
const lock = (entry: object): string => JSON.stringify({ packages: { '': {}, 'node_modules/aedes': entry } })
const index = (list: string, ...folders: string[]): string =>
  folders.map((folder) => `import { ${folder} } from './${folder}/server.js'\n`).join('') +
  `export const adapterTypes: readonly AdapterType[] = [${list}]\n`
const folder = (name: string): Record<string, string> => ({
  [`adapters/${name}/README.md`]: '',
  [`adapters/${name}/types.ts`]: '',
  [`adapters/${name}/config.schema.json`]: JSON.stringify({ $defs: { [`${name}-server`]: {} } })
})
const table = (rows: string): Record<string, string> => ({
  'README.md': `<!-- error classes -->\n| class | retry | |\n|---|---|---|\n${rows}\n<!-- /error classes -->`
})
const twoClasses = { Busy: { retryable: true }, Forbidden: { retryable: false } }
/** Put together here, so that this file does not hold what it looks for. */
const join = (...parts: string[]): string => parts.join('')

const rules: readonly Rule[] = [
  {
    says: 'imports point one way: schemas, then gateway, then adapters; only the process knows the adapters',
    check: direction,
    broken: [
      [{ 'schemas/a.ts': "import { b } from '../gateway/b.js'" }, /^schemas\/a\.ts:1 imports gateway\/b\.ts: schemas import/],
      [{ 'gateway/a.ts': "\nimport type { B } from '../adapters/common/python-text.js'" }, /^gateway\/a\.ts:2 .*the gateway imports/],
      [{ 'gateway/gateway.ts': "import {\n  adapterTypes\n} from '../adapters/index.js'" }, /only gateway\/main\.ts/],
      [{ 'adapters/x/server.ts': "export * from '../../gateway/topic.js'" }, /adapters import from/],
      [{ 'adapters/x/server.ts': "import { y } from '../y/codec.js'" }, /adapters import from/],
      [{ 'adapters/common/udp.ts': "import { x } from '../x/codec.js'" }, /adapters import from/],
      [{ 'adapters/x/server.ts': "const m = await import('../../gateway/latest.js')" }, /adapters import from/],
      [{ 'adapters/x/server.ts': 'const m = await import(name)' }, /made at run time/],
      [{ 'adapters/x/server.ts': "import { FakeHost } from '../../test/support/fake-host.js'" }, /imports from a test/],
      [{ 'adapters/common/exact-json.ts': "import { a } from '../../schemas/types.js'" }, /must stay a leaf/],
      [{ 'gateway/a.ts': "import './main.js'" }, /nobody imports the process/],
      [
        { 'gateway/dashboard/a.tsx': "import { Latest } from '../latest.js'" },
        /^gateway\/dashboard\/a\.tsx:1 .*the dashboard imports from/
      ],
      [{ 'gateway/http/a.ts': "import { store } from '../dashboard/store.js'" }, /only a browser runs the dashboard/]
    ],
    fine: {
      'gateway/main.ts': "import { adapterTypes } from '../adapters/index.js'",
      'gateway/payload.ts':
        "import { toPlain } from '../adapters/common/exact-json.js'\nimport schema from '../schemas/reading.schema.json' with { type: 'json' }",
      'adapters/index.ts': "import { x } from './x/server.js'\nimport type { AdapterType } from '../gateway/adapter.js'",
      'gateway/dashboard/a.tsx':
        "import { store } from './store.js'\nimport { Topics } from '../topic.js'\nimport type { Reading } from '../../schemas/types.js'",
      'adapters/x/server.ts':
        "import { GatewayError } from '../../gateway/errors.js'\nimport { dumps } from '../common/python-text.js'\n// import { a } from '../y/a.js'",
      'adapters/x/x.test.ts': "import { start } from '../../test/support/start.js'"
    }
  },
  {
    says: 'only gateway/broker knows Aedes, and only gateway/http Fastify',
    check: onlyOneKnows,
    broken: [
      [{ 'gateway/gateway.ts': "import { Aedes } from 'aedes'" }, /gateway\/gateway\.ts:1 imports aedes/],
      [{ 'adapters/x/server.ts': "import type { Packet } from 'aedes-packet'" }, /aedes-packet/],
      [{ 'gateway/runs/runs.ts': "import type { FastifyInstance } from 'fastify'" }, /imports fastify: only gateway\/http/],
      [{ 'gateway/doors.ts': "const swagger = await import('@fastify/swagger')" }, /@fastify\/swagger/]
    ],
    fine: { 'gateway/broker/broker.ts': "import { Aedes } from 'aedes'", 'gateway/http/server.ts': "import fastify from 'fastify'" }
  },
  {
    says: 'every package is declared: for production among the dependencies',
    check: (tree) => declared(new Map([['package.json', packageJson], ...tree])),
    broken: [
      [{ 'gateway/a.ts': "import { x } from 'lodash'" }, /lodash, which package\.json does not list/],
      [{ 'gateway/a.ts': "import { format } from 'prettier'" }, /prettier.* among dependencies/],
      [{ 'test/a.test.ts': "import { x } from '@scope/thing/deep.js'" }, /imports @scope\/thing,/],
      [{ 'gateway/a.ts': "import fs from 'fs'" }, /write node:fs/],
      [{ 'gateway/dashboard/a.tsx': "import { readFile } from 'node:fs'" }, /which no browser has/],
      [{ 'gateway/dashboard/a.tsx': "import { x } from 'lodash'" }, /lodash.* among its packages/]
    ],
    fine: {
      'gateway/dashboard/a.tsx': "import { format } from 'prettier'",
      'gateway/a.ts': "import { Ajv2020 } from 'ajv/dist/2020.js'\nimport { readFile } from 'node:fs/promises'",
      'schemas/generate.ts': "import { format } from 'prettier'",
      'test/a.test.ts': "import { format } from 'prettier'\nimport type { Context } from 'mocha'"
    }
  },
  {
    says: 'codecs, pickles, models and the exact JSON reach no socket, file, clock or log',
    check: pure,
    broken: [
      [{ 'adapters/x/codec.ts': "import { createSocket } from 'node:dgram'" }, /imports node:dgram/],
      [{ 'adapters/x/codec.ts': 'const t = Date.now()' }, /uses Date\.now/],
      [
        { 'adapters/x/codec.ts': "import { r } from './raw.js'", 'adapters/x/raw.ts': "import { readFileSync } from 'node:fs'" },
        /through adapters\/x\/raw\.ts.*node:fs/
      ],
      [{ 'adapters/common/pickle/read.ts': "import { spawn } from 'node:child_process'" }, /imports node:child_process/],
      [{ 'adapters/x/models/m.ts': 'const noise = Math.random()' }, /Math\.random/],
      [{ 'adapters/x/models/m.ts': "import { systemClock } from '../../../gateway/clock.js'" }, /gateway\/clock\.ts/],
      [{ 'adapters/common/exact-json.ts': 'console.log(1)' }, /console/]
    ],
    fine: {
      'adapters/x/codec.ts':
        "import type { Exact } from '../../gateway/adapter.js'\nimport { r } from './raw.js'\nconst s = 'setTimeout' // Date.now()",
      'adapters/x/raw.ts': "import { isDeepStrictEqual } from 'node:util'",
      'adapters/x/server.ts': "import { createSocket } from 'node:dgram'"
    }
  },
  {
    says: 'only gateway/main.ts touches the process',
    check: processUse,
    broken: [
      [{ 'gateway/a.ts': "process.on('SIGINT', stop)" }, /gateway\/a\.ts:1 uses the global process/],
      [{ 'gateway/a.ts': 'const { env } = process' }, /global process/],
      [{ 'gateway/a.ts': 'f(`${process.pid}`)' }, /global process/],
      [{ 'gateway/a.ts': 'globalThis.process.exit(1)' }, /global process/],
      [{ 'adapters/x/a.ts': "import { exit, version } from 'node:process'" }, /imports exit of node:process/],
      [{ 'adapters/x/a.ts': "import process from 'node:process'" }, /uses the global process/, /imports process of node:process/]
    ],
    fine: {
      'gateway/main.ts': 'process.exitCode = 1',
      'gateway/a.ts': "import { memoryUsage } from 'node:process'\n// process.exit()\nconst text = 'process.exit'\nthis.process.run()",
      'test/a.test.ts': 'process.exitCode = 1'
    }
  },
  {
    says: 'only gateway/topic.ts knows what topics look like',
    check: topicLevels,
    broken: [
      [{ 'gateway/a.ts': 'publish(`${entry.topic}/reply`, text)' }, /knows the name of a topic level/],
      [{ 'gateway/a.ts': "publish(where + '/set', text)" }, /knows the name of a topic level/],
      [{ 'gateway/a.ts': 'publish(`${entry.topic}/${op}`, text)' }, /joins a topic/],
      [{ 'gateway/a.ts': "publish(topic + '#', text)" }, /joins a topic/],
      [{ 'gateway/a.ts': 'publish(`${this.root}/${device}`, text)' }, /joins a topic/],
      [{ 'adapters/x/a.ts': "subscribe('lab/furnace/temperature')" }, /writes the default root/],
      [{ 'adapters/x/a.ts': 'log(`see lab-dead/${device}`)' }, /writes the default root/],
      [{ 'gateway/broker/a.ts': "packet.topic = '$SYS/labgate/x'" }, /writes a topic/],
      [{ 'gateway/dashboard/a.tsx': 'const a = <p onClick={() => send(`${topic}/set`)}>set</p>' }, /knows the name of a topic level/]
    ],
    fine: {
      'gateway/topic.ts': 'return `${reading}/reply`',
      'gateway/a.ts':
        "import x from '../schemas/meta.schema.json'\nthrow new Error(`${device}/${codename} is not settable`)\nlisten('/mqtt')\nresolve('./lib/collab/settings.js')"
    }
  },
  {
    says: 'time comes from the clock that is handed over',
    check: timeUse,
    broken: [
      [{ 'gateway/latest.ts': 'setTimeout(run, 1000)' }, /gateway\/latest\.ts:1 uses setTimeout/],
      [{ 'adapters/x/server.ts': 'const now = Date.now()\nconst then = new Date()' }, /uses Date\.now/, /:2 uses new Date/],
      [{ 'gateway/broker/queue.ts': 'setInterval(run, 1000)' }, /uses setInterval/],
      [{ 'gateway/dashboard/a.tsx': 'return (\n  <p title="a\'">\n    it\'s {Date.now()} / 2\n  </p>\n)' }, /a\.tsx:3 uses Date\.now/]
    ],
    fine: {
      'gateway/clock.ts': 'setTimeout(run, Date.now())',
      'gateway/dashboard/clock.ts': 'setTimeout(run, Date.now())',
      'gateway/dashboard/a.tsx': "const a = <p>don't setTimeout()</p>",
      'gateway/time.ts': 'new Date(seconds * 1000)',
      'test/a.test.ts': 'setTimeout(run, 1)',
      'gateway/a.ts': 'clock.setTimeout(run)'
    }
  },
  {
    says: 'what happens is logged; only commands print',
    check: consoleUse,
    broken: [[{ 'adapters/x/server.ts': "console.log('hello')" }, /prints; use the log/]],
    fine: {
      'gateway/main.ts': 'console.log(text)',
      'schemas/generate.ts': 'console.log(text)',
      'gateway/a.ts': "// console.log(1)\nconst text = 'console.log'"
    }
  },
  {
    says: 'defaults are written in config.schema.json and nowhere else',
    check: defaultsInCode,
    broken: [
      [{ 'adapters/x/server.ts': 'const port = this.#config.port ?? 9000' }, /default for this\.#config\.port/],
      [{ 'adapters/x/server.ts': "const host = config.host || '127.0.0.1'" }, /default for config\.host/],
      [{ 'adapters/x/server.ts': 'const { port = 9000 } = config' }, /takes the configuration apart/],
      [{ 'adapters/x/server.ts': 'function f({ port = 9000 }: XConfig) {}' }, /takes the configuration apart/]
    ],
    fine: {
      'adapters/x/server.ts':
        'const { port, host } = this.#config\nconst device = config.device ?? config.id\nconst port = this.#socket?.port ?? port'
    }
  },
  {
    says: 'no file is longer than 400 lines',
    check: fileLength,
    broken: [
      [{ 'gateway/a.ts': 'x\n'.repeat(401) }, /gateway\/a\.ts has 401 lines/],
      [{ 'gateway/dashboard/a.tsx': 'x\n'.repeat(401) }, /a\.tsx has 401 lines/]
    ],
    fine: { 'gateway/a.ts': 'x\n'.repeat(400), 'schemas/types.ts': '/** Generated from the schemas. */\n'.repeat(500) }
  },
  {
    says: 'every adapter folder has its parts, and each of its types is registered once',
    check: folders,
    broken: [
      [{ ...folder('x'), 'adapters/index.ts': index('', 'x') }, /registers x 0 times/],
      [{ ...folder('x'), 'adapters/index.ts': index('x, x', 'x') }, /registers x 2 times/],
      [{ ...folder('x'), ...folder('y'), 'adapters/index.ts': index('x', 'x') }, /imports 0 types of y, whose schema describes 1/],
      [{ 'adapters/x/server.ts': '', 'adapters/index.ts': index('', 'z') }, /no README\.md/, /no config\.schema\.json/, /no types\.ts/]
    ],
    fine: {
      ...folder('x'),
      ...folder('y'),
      'adapters/index.ts': index('x, y', 'x', 'y'),
      'adapters/common/udp.ts': '',
      'adapters/README.md': ''
    }
  },
  {
    says: 'the README describes every adapter type',
    check: typesInReadme,
    broken: [[{ ...folder('x'), 'README.md': 'x-server' }, /does not describe the adapter type `x-server`/]],
    fine: { ...folder('x'), 'README.md': '| `x-server` | serves |' }
  },
  {
    says: 'the README lists the error classes of gateway/errors.ts',
    check: (tree) => errorTable(tree, tree.has('gateway/errors.ts') ? errorClasses : twoClasses),
    broken: [
      [{ 'README.md': '' }, /has no part between/],
      [table('| `Busy` | yes | |'), /does not list the error class Forbidden/],
      [table('| `Busy` | yes | |\n| `Forbidden` | no | |\n| `Tired` | no | |'), /lists the error class Tired, which/],
      [table('| `Busy` | no | |\n| `Forbidden` | no | |'), /says no at Busy/],
      [table('| `Busy` | yes | |\n| `Busy` | yes | |\n| `Forbidden` | no | |'), /Busy twice/]
    ],
    fine: table('| `Busy` | yes | wait |\n| `Forbidden` | no | |')
  },
  {
    says: 'Aedes is pinned, and no lock file names a place to install from',
    check: (tree) => locked(new Map([['package.json', packageJson], ['package-lock.json', lock({})], ...tree])),
    broken: [
      [{ 'package.json': packageJson.replace('1.2.0', '^1.2.0') }, /aedes is \^1\.2\.0/],
      [{ 'package-lock.json': lock({ resolved: 'https://somewhere.invalid/aedes.tgz' }) }, /node_modules\/aedes is resolved to/],
      [{ 'test/x/package-lock.json': lock({ resolved: 'https://somewhere.invalid/aedes.tgz' }) }, /^test\/x\/.* is resolved to/]
    ],
    fine: {}
  },
  {
    says: 'nothing tells where it was written',
    check: leaked,
    broken: [
      [{ 'config/a.yaml': join('data: /ho', 'me/alice/data') }, /config\/a\.yaml:1 holds a path/],
      [{ 'a.ts': join("open('C:\\\\Us", "ers\\\\bob')") }, /a path/],
      [{ 'CHANGELOG.md': join('\nthanks to alice', '@', 'lab.example') }, /CHANGELOG\.md:2 holds an e-mail/],
      [{ '.npmrc': join('url=https://regis', 'try.somewhere.net/') }, /a host of a registry/]
    ],
    fine: {
      'README.md': 'see gateway/work/plan.md, aedes@1.2.0, @types/node and http://127.0.0.1:8080/home/',
      'a.ts': "lookup('labgate.invalid')"
    }
  }
]

describe('architecture', () => {
  const tree = readTree(cwd())

  for (const { says, check, broken, fine } of rules)
    describe(says, () => {
      it('holds', () => assert.deepEqual(check(tree), []))

      broken.forEach(([files, ...found], at) =>
        it(`finds broken example ${at + 1}: ${found.map(String).join(', ')}`, () => {
          const violations = check(new Map(Object.entries(files)))
          assert.equal(violations.length, found.length, violations.join('\n'))
          for (const [i, pattern] of found.entries()) assert.match(violations[i] as string, pattern)
        })
      )

      it('bears what is not broken', () => assert.deepEqual(check(new Map(Object.entries(fine))), []))
    })

  it('looks at the real files', () => {
    const files = productionFiles(tree)
    assert.ok(files.includes('gateway/main.ts') && files.length > 50, `${files.length} files`)
    assert.ok(files.filter(isPure).length >= 8)
    for (const path of timeTable.keys()) assert.ok(tree.has(path), `${path} may use timers but does not exist`)
  })

  it('tells the long files', () => {
    const long = lengths(tree).filter(([path, lines]) => lines > 150 && !path.endsWith('.test.ts'))
    console.log(`      over 150 lines: ${long.map(([path, lines]) => `${path} ${lines}`).join(', ')}`)
  })
})

describe('the reader of sources', () => {
  const read = (text: string): unknown[] =>
    readImports(readSource(text)).map(({ specifier, line, typeOnly }) => [specifier, line, typeOnly])

  it('finds every form of import', () => {
    const text = [
      '#!/usr/bin/env node',
      "import a, { b as c } from './a.js'",
      "import type { D } from './d.js'",
      "import * as e from './e.js'",
      'import {\n  f,\n  g\n} from "./f.js"',
      "export * from './h.js'",
      "export { i } from './i.js'",
      "import './j.js'",
      "const k = await import('./k.js')",
      "import l from './l.json' with { type: 'json' }"
    ].join('\n')
    const found = [
      ['./a.js', 2, false],
      ['./d.js', 3, true],
      ['./e.js', 4, false],
      ['./f.js', 5, false],
      ['./h.js', 9, false],
      ['./i.js', 10, false],
      ['./l.json', 13, false],
      ['./j.js', 11, false],
      ['./k.js', 12, false]
    ]
    assert.deepEqual(read(text), found)
  })

  it('is not misled by comments, texts, templates and regular expressions', () => {
    const text = [
      "// import a from 'a'",
      "/* import b from 'b'\n*/",
      'const c = "import d from \'d\'"',
      "const e = `import f from 'f' ${g(`${h}`)} //`",
      "const i = /['\"`/]/.test(j) ? k / l : /[/'](m)/",
      "export const n = Array.from('o')",
      'import.meta.url'
    ].join('\n')
    assert.deepEqual(read(text), [])
    assert.equal(readSource("const a = /'/\nprocess.exit()").code, 'const a = 0\nprocess.exit()')
  })

  it('reads JSX: code in braces, nested elements, fragments; comparisons and types stay what they are', () => {
    const jsx = (text: string): string => readSource(text, { jsx: true }).code.replace(/\s+/g, ' ')
    assert.match(
      jsx("const a = <a.B x={1} y='2'>don't<b/> {f(<i>`{g}</i>)} </a.B>\nh()"),
      /^const a = \(0,\(1\),'0',\(f\(\(0,\(g\)\)\)\)\) h\(\)$/
    )
    assert.match(jsx("return <>it's</>\nprocess()"), /process/)
    assert.equal(jsx('const f = useState<A>(b < c)'), 'const f = useState<A>(b < c)')
  })

  it('sees the code inside templates', () => {
    const { code, literals } = readSource('const a = `x${process.pid}/${`y`}z`')
    assert.match(code, /process\.pid/)
    assert.deepEqual(
      literals.map(({ text }) => text),
      ['x${process.pid}/${`y`}z', 'y']
    )
  })
})
