// Bundles gateway/dashboard into dist/gateway/dashboard: everything that the page needs, from one place, each text also compressed.
// Prints what a browser must load, and fails when that is too much.
import { createHash } from 'node:crypto'
import { mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { constants, gzipSync } from 'node:zlib'
import { build } from 'esbuild'

process.chdir(dirname(dirname(fileURLToPath(import.meta.url))))

const from = 'gateway/dashboard'
const to = 'dist/gateway/dashboard'

/** KiB of all files, gzipped. */
const most = 200

const { outputFiles, metafile } = await build({
  entryPoints: [`${from}/app.tsx`, `${from}/app.css`],
  outdir: to,
  bundle: true,
  minify: true,
  write: false,
  metafile: true,
  format: 'esm',
  platform: 'browser',
  target: ['chrome111', 'firefox113', 'safari16.4'],
  jsx: 'automatic',
  jsxImportSource: 'preact',
  legalComments: 'none',
  sourcemap: 'external',
  logLevel: 'warning'
})

const files = new Map(
  outputFiles.filter(({ path }) => !path.endsWith('.map')).map(({ path, contents }) => [path.split(/[\\/]/).at(-1), Buffer.from(contents)])
)
const hash = createHash('sha256')
for (const contents of files.values()) hash.update(contents)
const page = readFileSync(`${from}/index.html`, 'utf8').replace('@build@', hash.digest('hex').slice(0, 16))
files.set('index.html', Buffer.from(page))
files.set('icon.svg', readFileSync(`${from}/icon.svg`))
files.set('licenses.txt', Buffer.from(licenses(metafile)))

mkdirSync(to, { recursive: true })
// What tests import of it lies there too, written by tsc.
for (const name of readdirSync(to)) if (name.endsWith('.gz') || files.has(name)) rmSync(join(to, name))
let total = 0
for (const [name, contents] of files) {
  const small = gzipSync(contents, { level: constants.Z_BEST_COMPRESSION })
  writeFileSync(join(to, name), contents)
  writeFileSync(join(to, `${name}.gz`), small)
  if (name !== 'licenses.txt') total += small.length
}
// Not served and not packed: for whoever looks for a fault of the page.
for (const { path, contents } of outputFiles) if (path.endsWith('.js.map')) writeFileSync(join('dist', '.dashboard.js.map'), contents)

const kib = (bytes) => `${(bytes / 1024).toFixed(1)} KiB`
console.error(`dashboard: ${kib(total)} gzipped (${[...files].map(([name, contents]) => `${name} ${kib(contents.length)}`).join(', ')})`)
if (total > most * 1024) {
  console.error(`dashboard: more than ${most} KiB gzipped; see what grew`)
  process.exit(1)
}

/** The packages inside the bundle, each with its licence. */
function licenses({ inputs }) {
  const folders = Object.keys(inputs).map((path) => /^.*node_modules\/(?:@[^/]+\/)?[^/]+/.exec(path)?.[0])
  return [...new Set(folders.filter((folder) => folder !== undefined))]
    .sort()
    .map((folder) => {
      const { name, version } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'))
      const file = readdirSync(folder).find((entry) => /^licen[cs]e/i.test(entry))
      return `${name} ${version}\n\n${file === undefined ? '' : readFileSync(join(folder, file), 'utf8')}`
    })
    .join('\n----\n\n')
}
