// Brings a checkout to where `npm start` and `npm test` can begin: installs what package-lock.json says, builds what changed.
// With the argument `tests` also the Node-RED that the tests start. Does nothing, quickly, when nothing changed.
// Plain JavaScript without dependencies, as there are none yet.
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = dirname(dirname(fileURLToPath(import.meta.url)))
process.chdir(root)

const wanted = [20, 19]
const [major, minor] = process.versions.node.split('.').map(Number)
if (major < wanted[0] || (major === wanted[0] && minor < wanted[1])) {
  console.error(`labgate needs Node.js ${wanted.join('.')} or newer; this is ${process.versions.node}`)
  process.exit(1)
}

// What package-lock.json says and nothing else, and no package may run anything: none needs to.
const install = ['ci', '--ignore-scripts', '--include=dev', '--no-audit', '--no-fund']
run('dependencies', 'node_modules/.prepared', digest(['package.json', 'package-lock.json']), 'npm', install)
const sources = ['tsconfig.json', 'package-lock.json', '.ci/dashboard.mjs', ...['gateway', 'adapters', 'schemas', 'test'].flatMap(files)]
run('build', 'dist/.prepared', digest(sources), 'npm', ['run', '--silent', 'build'], { before: clean })

if (process.argv.includes('tests')) {
  const folder = 'test/node-red'
  const locked = digest(['package.json', 'package-lock.json'].map((file) => join(folder, file)))
  // Without it its tests are skipped, which is a failure in continuous integration only.
  run('Node-RED, for the tests', `${folder}/node_modules/.prepared`, locked, 'npm', install, { folder, needed: 'CI' in process.env })
}

/** Runs the command unless the stamp says that it ran for this very input. */
function run(what, stamp, hash, command, args, { before = () => {}, folder = '.', needed = true } = {}) {
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === hash) return
  console.error(`labgate: ${what} …`)
  before()
  const { status, error } = spawnSync(command, args, { cwd: folder, stdio: ['ignore', 2, 2] })
  if (status !== 0) {
    console.error(`labgate: ${what} failed${error ? `: ${error.message}` : ''}; the lines above say why`)
    if (needed) process.exit(1)
    return
  }
  mkdirSync(dirname(stamp), { recursive: true })
  writeFileSync(stamp, hash)
}

/** A module that was deleted or renamed must not live on in dist. */
function clean() {
  if (!existsSync('dist')) return
  const known = new Set(['gateway', 'adapters', 'schemas', 'test'].flatMap(files).map((file) => join('dist', file.replace(/\.ts$/, '.js'))))
  // The bundle of the dashboard has no source of its name: written anew each time, see dashboard.mjs.
  known.add(join('dist', 'gateway', 'dashboard', 'app.js'))
  for (const file of files('dist')) {
    const compiled = file.replace(/\.(js\.map|d\.ts)$/, '.js')
    if (/\.(js|json)$/.test(compiled) && !known.has(compiled)) rmSync(file)
  }
}

function files(folder) {
  return readdirSync(folder, { withFileTypes: true })
    .flatMap((entry) => {
      const path = join(folder, entry.name)
      if (entry.isDirectory()) return entry.name === 'node_modules' ? [] : files(path)
      return /\.(tsx?|js|mjs|json|map|css|html|svg)$/.test(path) ? [path] : []
    })
    .sort()
}

function digest(names) {
  const hash = createHash('sha256')
  for (const name of names) hash.update(name).update(readFileSync(name))
  return hash.digest('hex')
}
