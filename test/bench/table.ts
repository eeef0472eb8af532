/** Text in columns: the first two are names and aligned to the left, the others numbers and to the right. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const lines = [head, ...rows]
  const widths = head.map((_, column) => Math.max(...lines.map((line) => (line[column] ?? '').length)))
  const show = (line: readonly string[]): string =>
    widths.map((width, column) => (column < 2 ? (line[column] ?? '').padEnd(width) : (line[column] ?? '').padStart(width))).join('  ')
  return [show(head), widths.map((width) => '-'.repeat(width)).join('  '), ...rows.map(show)].map((line) => line.trimEnd()).join('\n')
}

/** Three digits or more, none where there is no number. */
export function figure(value: number): string {
  if (!Number.isFinite(value)) return '-'
  return value >= 100 ? Math.round(value).toLocaleString('en') : value.toPrecision(3)
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b)
  return sorted.length === 0 ? NaN : ((sorted[(sorted.length - 1) >> 1] as number) + (sorted[sorted.length >> 1] as number)) / 2
}
