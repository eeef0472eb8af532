/** node dist/test/vectors/serve.js [--port 20000]: the control process that the independent player drives. */
import { parseArgs } from 'node:util'
import { ControlServer } from './control.js'

const { values } = parseArgs({ options: { port: { type: 'string', default: '20000' } } })
const server = new ControlServer()
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => void server.stop())
try {
  console.log(`control process on 127.0.0.1:${await server.start(Number(values.port))}`)
} catch (error) {
  console.error(`cannot listen on port ${values.port}: ${(error as Error).message}`)
  process.exitCode = 1
}
