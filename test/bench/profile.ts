/** Reads the .cpuprofile files of a folder, as `node --cpu-prof` writes them. */
import { readFileSync, readdirSync } from 'node:fs'
import { basename, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { table } from './table.js'

interface CpuProfile {
  readonly nodes: readonly { readonly id: number; readonly callFrame: { functionName: string; url: string; lineNumber: number } }[]
  readonly samples: readonly number[]
  readonly timeDeltas: readonly number[]
}

/** Functions by their self time, the greatest first, as parts of the time in which the process was not idle. */
export function summary(folder: string, most = 45): string {
  const times = new Map<string, number>()
  for (const file of readdirSync(folder).filter((name) => name.endsWith('.cpuprofile'))) add(join(folder, file), times)
  times.delete('(idle)')
  times.delete('(program)')
  const total = [...times.values()].reduce((sum, time) => sum + time, 0)
  const rows = [...times].sort(([, a], [, b]) => b - a).slice(0, most)
  return table(
    ['function', 'where', 'self'],
    rows.map(([name, time]) => [...name.split('\t'), ((time / total) * 100).toFixed(1) + ' %'])
  )
}

function add(file: string, times: Map<string, number>): void {
  const { nodes, samples, timeDeltas } = JSON.parse(readFileSync(file, 'utf8')) as CpuProfile
  const names = new Map(nodes.map(({ id, callFrame }) => [id, nameOf(callFrame)]))
  samples.forEach((id, i) => {
    const name = names.get(id) ?? ''
    times.set(name, (times.get(name) ?? 0) + (timeDeltas[i] ?? 0))
  })
}

function nameOf({ functionName, url, lineNumber }: CpuProfile['nodes'][number]['callFrame']): string {
  if (url === '') return functionName.startsWith('(') && functionName !== '(garbage collector)' ? functionName : `${functionName}\tnative`
  const path = url.startsWith('file:') ? fileURLToPath(url) : url
  const short = path.includes('node_modules') ? path.slice(path.lastIndexOf('node_modules') + 13) : path.replace(/^.*\/dist\//, '')
  return `${functionName || '(anonymous)'}\t${short || basename(path)}:${lineNumber + 1}`
}
