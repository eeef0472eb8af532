/** The load process: takes one job after another from its parent, so that no side is measured together with what loads it. */
import { ask } from './ask.js'
import { count } from './count.js'
import { fill } from './fill.js'
import { get, trigger } from './http.js'
import type { Job, Result } from './job.js'
import { kept } from './kept.js'
import { mqtt } from './mqtt.js'
import { paced } from './paced.js'
import { pull } from './pull.js'
import { push } from './push.js'
import { rig } from './rig.js'
import { steady } from './steady.js'
import { ws } from './ws.js'

async function run(job: Job): Promise<Result> {
  switch (job.kind) {
    case 'pull':
      return await pull(job)
    case 'push':
      return await push(job)
    case 'mqtt':
      return await mqtt(job)
    case 'kept':
      return await kept(job)
    case 'get':
      return await get(job)
    case 'trigger':
      return await trigger(job)
    case 'ws':
      return await ws(job)
    case 'rig':
      return await rig(job)
    case 'steady':
      return await steady(job)
    case 'paced':
      return await paced(job)
    case 'ask':
      return await ask(job)
    case 'count':
      return await count(job)
    case 'fill':
      return await fill(job)
  }
}

process.on('message', (job: Job) => {
  run(job).then(
    (result) => process.send?.(result),
    (error: unknown) => {
      console.error(error)
      process.exit(1)
    }
  )
})
process.on('disconnect', () => process.exit(0))
