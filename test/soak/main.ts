/** `npm run soak` and `npm run soak -- hostile`: the real program for long, and among hostile clients. */
import { hostile } from './hostile.js'
import { soak } from './soak.js'

const [what = 'soak', ...phases] = process.argv.slice(2)
const minutes = Number(process.env['LABGATE_SOAK_MINUTES'] ?? 30)

const stopping = new AbortController()
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => stopping.abort())

if (what === 'soak') process.exitCode = (await soak(minutes, stopping.signal)) ? 0 : 1
else if (what === 'hostile') process.exitCode = (await hostile(phases, stopping.signal)) ? 0 : 1
else {
  console.error(`there is no ${JSON.stringify(what)}: soak, or hostile`)
  process.exitCode = 2
}
