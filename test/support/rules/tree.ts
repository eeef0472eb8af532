/** The repository as a map of path to text, so that every rule can be tried on a small broken one. */
import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { readSource } from '../source.js'
import type { Source } from '../source.js'

/** Path below the root, with slashes, to text. */
export type Tree = ReadonlyMap<string, string>

/** What breaks a rule: `path:line what`. */
export type Violations = readonly string[]

const binary = /\.(png|jpe?g|gif|ico|pdf|zip|gz|woff2?)$/

/** Everything that git tracks or would track; without git, everything but what is built or installed. */
export function readTree(root: string): Tree {
  const paths = tracked(root) ?? walk(root, '')
  const texts = paths.filter((path) => !binary.test(path) && existsSync(join(root, path)))
  return new Map(texts.sort().map((path) => [path, readFileSync(join(root, path), 'utf8')]))
}

function tracked(root: string): string[] | undefined {
  if (!existsSync(join(root, '.git'))) return undefined
  const listed = execFileSync('git', ['ls-files', '-z', '--cached', '--others', '--exclude-standard'], { cwd: root, encoding: 'utf8' })
  return [...new Set(listed.split('\0').filter((path) => path !== ''))]
}

function walk(root: string, folder: string): string[] {
  return readdirSync(join(root, folder), { withFileTypes: true }).flatMap((entry) => {
    const path = folder === '' ? entry.name : `${folder}/${entry.name}`
    if (['node_modules', 'dist', 'coverage', 'data', '.git'].includes(entry.name)) return []
    return entry.isDirectory() ? walk(root, path) : [path]
  })
}

const sources = new Map<string, Source>()

/** Parsed once for each text. */
export function sourceOf(text: string, path = ''): Source {
  const source = sources.get(text) ?? readSource(text, { jsx: path.endsWith('x') })
  sources.set(text, source)
  return source
}

/** TypeScript files of ours. */
export function sourceFiles(tree: Tree): string[] {
  return [...tree.keys()].filter((path) => /^(gateway|adapters|schemas|test)\/.*\.tsx?$/.test(path))
}

export function isTest(path: string): boolean {
  return path.startsWith('test/') || path.endsWith('.test.ts') || path.includes('/test-support/')
}

/** What runs in a browser, bundled. */
export function isPage(path: string): boolean {
  return path.startsWith('gateway/dashboard/')
}

export function productionFiles(tree: Tree): string[] {
  return sourceFiles(tree).filter((path) => !isTest(path))
}

export function text(tree: Tree, path: string): string {
  return tree.get(path) ?? ''
}

/** Places in the code, never in comments or texts, where a pattern (with flag g) fits. */
export function placesIn(tree: Tree, path: string, pattern: RegExp): { readonly line: number; readonly match: RegExpExecArray }[] {
  const { code } = sourceOf(text(tree, path), path)
  return [...code.matchAll(pattern)].map((match) => ({ line: code.slice(0, match.index).split('\n').length, match }))
}

/** Folders under adapters/ that hold an adapter. */
export function adapterFolders(tree: Tree): string[] {
  const folders = [...tree.keys()].map((path) => /^adapters\/([^/]+)\//.exec(path)?.[1]).filter((folder) => folder !== undefined)
  return [...new Set(folders)].filter((folder) => folder !== 'common').sort()
}
