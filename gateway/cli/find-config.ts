/** The configuration that a command uses when none is named. */
import { stat } from 'node:fs/promises'
import type { Checked } from '../config.js'
import type { Surroundings } from './surroundings.js'

/** Looked at in this order: what lies where one is, then what a service uses. */
export const usualPlaces: readonly string[] = ['./gateway.yaml', '/etc/labgate/gateway.yaml']

/** For the help of an option `-c, --config <file>`. */
export const configHelp = `configuration, YAML or JSON (default: ${usualPlaces.join(', else ')})`

/** For the help of an option `--environment <file>`. */
export const environmentHelp = 'variables for ${NAME} in it, as NAME=value in lines (default: the file environment beside it)'

export type Found = { readonly file: string } | { readonly missing: string }

/**
 * `given` as it is, else the first of the places where there is something: that it cannot be read or used is told by whoever loads it. A place
 * that this user may not look at counts last.
 * `missing`: what a person should know and do then, in lines.
 */
export async function findConfig(given: string | undefined, places: readonly string[] = usualPlaces): Promise<Found> {
  if (given !== undefined) return { file: given }
  const seen = await Promise.all(places.map(async (file) => [file, await look(file)] as const))
  const found = seen.find(([, what]) => what === 'there') ?? seen.find(([, what]) => what === 'hidden')
  if (found !== undefined) return { file: found[0] }
  return {
    missing: `there is no configuration: neither ${places.join(' nor ')}

labgate needs one file, which says what instruments there are and where it listens. Either
  labgate init                 writes one here, with comments, and with simulated instruments to begin with
or
  labgate start --config FILE  uses one that lies somewhere else`
  }
}

/** Finds and loads it. Undefined after the reason was printed and the exit code set (2). */
export async function loadFound(around: Surroundings, given: string | undefined): Promise<Checked | undefined> {
  const found = await findConfig(given)
  if ('file' in found) return await around.load(found.file)
  around.end(2, found.missing)
  return undefined
}

/** hidden: in a folder that this user may not enter, as that of root is for `sudo -u labgate labgate …`. */
async function look(file: string): Promise<'there' | 'hidden' | 'missing'> {
  try {
    await stat(file)
    return 'there'
  } catch (error) {
    return ['ENOENT', 'ENOTDIR'].includes((error as NodeJS.ErrnoException).code ?? '') ? 'missing' : 'hidden'
  }
}
