/** The package, as `npm pack` makes it of what is built. */
import assert from 'node:assert/strict'
import { project } from '../process/program.js'
import type { Shell } from './shell.js'

export interface Packed {
  readonly filename: string
  /** Bytes. */
  readonly size: number
  readonly unpackedSize: number
  readonly files: readonly { readonly path: string; readonly size: number }[]
}

/** Into the folder of the shell. Without scripts: it is built, and must not be built anew under the feet of other tests. */
export async function pack(shell: Shell): Promise<Packed> {
  const args = ['pack', project, '--ignore-scripts', '--json', '--pack-destination', shell.cwd]
  const { code, text, stdout } = await shell.run('npm', args, { shown: 'npm pack --ignore-scripts' })
  assert.equal(code, 0, text)
  // npm 12 names the packages; before, it was a list.
  const told = JSON.parse(stdout) as Packed[] | Record<string, Packed>
  return Object.values(told)[0] as Packed
}
