/** Charts of the dashboard. */
export { Chart } from './chart.js'
export type { ChartProps } from './chart.js'
export { Curve } from './curve.js'
export { Sparkline } from './sparkline.js'
