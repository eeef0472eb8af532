import { readlink } from 'node:fs/promises'
import { dirname, isAbsolute, join, parse, resolve, sep } from 'node:path'

/** Links that lead to one file, at most. */
const mostLinks = 40

/**
 * The absolute paths of which any may change what a file says: the file itself, and each symbolic link on the way to it. Kubernetes, for one,
 * lets a file be a link to a file below a link to a folder, and changes the link in the middle.
 */
export async function trailOf(file: string): Promise<ReadonlySet<string>> {
  const found = new Set<string>()
  let path = resolve(file)
  for (let links = 0; links < mostLinks; links += 1) {
    const link = await firstLink(path)
    if (link === undefined) break
    found.add(link.path)
    path = join(isAbsolute(link.target) ? link.target : join(dirname(link.path), link.target), link.rest)
  }
  return found.add(path)
}

/** The folders to look at, so that a file that is replaced or missing for a while is seen. */
export function foldersOf(trail: ReadonlySet<string>): ReadonlySet<string> {
  return new Set([...trail].map((path) => dirname(path)))
}

async function firstLink(path: string): Promise<{ path: string; target: string; rest: string } | undefined> {
  const { root } = parse(path)
  const names = path.slice(root.length).split(sep)
  for (let count = 1; count <= names.length; count += 1) {
    const part = join(root, ...names.slice(0, count))
    // No link, or not there.
    const target = await readlink(part).catch(() => undefined)
    if (target !== undefined) return { path: part, target, rest: join(...names.slice(count), '') }
  }
  return undefined
}
