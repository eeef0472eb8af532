import assert from 'node:assert/strict'
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ClassicLevel } from 'classic-level'

interface Locked {
  readonly version?: string
  readonly license?: string
  readonly integrity?: string
  readonly dev?: boolean
  readonly optional?: boolean
  readonly hasInstallScript?: boolean
}

interface Package {
  readonly name: string
  readonly version: string
  readonly license?: string
  readonly dependencies?: Readonly<Record<string, string>>
}

/** Licences under which a part may be given on together with labgate. */
const allowed = ['0BSD', 'Apache-2.0', 'BSD-2-Clause', 'BSD-3-Clause', 'BlueOak-1.0.0', 'CC0-1.0', 'ISC', 'MIT', 'Unlicense']

/** Only developers have them: sooner or later one asks for more, and then somebody should look. */
const allowedForDevelopers = [...allowed, 'Python-2.0', 'PSF-2.0', 'MPL-2.0', 'CC-BY-4.0']

/** Packages of production that would like to run a script when they are installed, and why they need not. */
const scripts = {
  'node_modules/classic-level': 'its prebuilt binaries are in the package; the script would only build one where there is none'
}

const read = <T>(path: string): T => JSON.parse(readFileSync(path, 'utf8')) as T

describe('what labgate is made of', () => {
  const lock = read<{ packages: Record<string, Locked> }>('package-lock.json')
  const own = read<Package>('package.json')
  const packages = Object.entries(lock.packages).filter(([path]) => path !== '')
  const production = packages.filter(([, { dev }]) => dev !== true)

  it('has licences that allow to give it on', () => {
    assert.ok(production.length > 50)
    for (const [path, { license = 'none' }] of production) assert.ok(allowed.includes(license), `${path}: ${license}`)
    for (const [path, { license = 'none' }] of packages) assert.ok(allowedForDevelopers.includes(license), `${path}: ${license}`)
  })

  it('is what the lock file says, licence and version', () => {
    for (const [path, { version, license, optional }] of production) {
      if (!existsSync(path) && optional === true) continue
      const installed = read<Package>(join(path, 'package.json'))
      assert.deepEqual([installed.version, installed.license], [version, license], path)
    }
  })

  it('comes with the sum of every package, so that nobody can put another in its place', () => {
    for (const [path, { integrity = 'none' }] of packages) assert.match(integrity, /^sha512-[A-Za-z0-9+/]{86}==$/, path)
  })

  it('has exactly the version of what is patched or reached into', () => {
    for (const name of ['aedes', 'light-my-request']) assert.match(own.dependencies?.[name] ?? '', /^\d+\.\d+\.\d+$/, name)
  })

  it('runs no script when it is installed, and works without', async () => {
    const wanting = production.filter(([, { hasInstallScript }]) => hasInstallScript === true).map(([path]) => path)
    assert.deepEqual(wanting, Object.keys(scripts))
    assert.ok(!existsSync('node_modules/classic-level/build'), 'something was built: install with npm ci --ignore-scripts')
    const folder = mkdtempSync(join(tmpdir(), 'labgate-level-'))
    try {
      const level = new ClassicLevel(folder)
      await level.put('a', 'b')
      assert.equal(await level.get('a'), 'b')
      await level.close()
    } finally {
      rmSync(folder, { recursive: true, force: true })
    }
  })

  it('tells with the dashboard the licence of every package in it', () => {
    const { sources } = read<{ sources: string[] }>('dist/.dashboard.js.map')
    const inside = new Set(sources.flatMap((path) => /node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(path)?.[1] ?? []))
    assert.ok(inside.has('preact'), [...inside].join(' '))
    const told = readFileSync('dist/gateway/dashboard/licenses.txt', 'utf8').split('\n----\n\n')
    for (const name of inside) {
      const { version, license = 'none' } = read<Package>(`node_modules/${name}/package.json`)
      const text = told.find((part) => part.startsWith(`${name} ${version}\n`)) ?? ''
      assert.ok(text.length > 500, `${name} ${version} has no licence in licenses.txt`)
      assert.ok(allowed.includes(license), `${name}: ${license}`)
    }
  })
})
