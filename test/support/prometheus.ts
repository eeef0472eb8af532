import { execFileSync } from 'node:child_process'
import { python } from './peers.js'

export interface Family {
  readonly name: string
  readonly type: string
  readonly help: string
  readonly samples: readonly { readonly name: string; readonly labels: Readonly<Record<string, string>>; readonly value: number | string }[]
}

const program = `
import json, math, sys
from prometheus_client.parser import text_string_to_metric_families as text
from prometheus_client.openmetrics.parser import text_string_to_metric_families as strict
read = strict if sys.argv[1] == 'openmetrics' else text
said = sys.stdin.buffer.read().decode('utf-8')
number = lambda value: value if math.isfinite(value) else str(value)
print(json.dumps([
    {'name': f.name, 'type': f.type, 'help': f.documentation,
     'samples': [{'name': s.name, 'labels': s.labels, 'value': number(s.value)} for s in f.samples]}
    for f in read(said)]))
`

/** What Prometheus' own reader for Python makes of it; throws where that does. That of OpenMetrics is strict. */
export function parseMetrics(said: string, format: 'text' | 'openmetrics' = 'text'): Family[] {
  const told = execFileSync(python, ['-c', program, format], { input: said, timeout: 20_000, maxBuffer: 1 << 27 })
  return JSON.parse(told.toString()) as Family[]
}

/** Values of a family by the labels that are asked for, joined with blanks. */
export function valuesOf(families: readonly Family[], name: string, ...labels: readonly string[]): Map<string, number | string> {
  const samples = families.flatMap((family) => family.samples).filter((sample) => sample.name === name)
  return new Map(samples.map((sample) => [labels.map((label) => sample.labels[label] ?? '').join(' '), sample.value]))
}
