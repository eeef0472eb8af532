import { spawnSync } from 'node:child_process'

/** Bytes of all files below a folder, by `du`; LevelDB takes some away meanwhile. */
export function diskUse(path: string): number {
  return Number(spawnSync('du', ['-sb', path], { encoding: 'utf8' }).stdout.split('\t')[0])
}
