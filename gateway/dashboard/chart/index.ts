export { Chart, Sparkline } from './stub.js'
