import type { JSX } from 'preact'

export interface ChartProps {
  readonly series: readonly { readonly device: string; readonly codename: string }[]
  /** RFC 3339, Unix seconds, or a negative number of seconds before now. */
  readonly from?: string
  readonly to?: string
  readonly live?: boolean
  readonly height?: number
}

export function Chart({ height = 300 }: ChartProps): JSX.Element {
  return <div class="chart" style={{ height: `${height}px` }} />
}

export function Sparkline(_props: { readonly device: string; readonly codename: string; readonly seconds?: number }): JSX.Element {
  return <div class="sparkline" />
}
