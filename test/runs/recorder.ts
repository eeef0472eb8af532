import { existsSync, readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import type { Run } from '../../gateway/runs/types.js'
import type { TestClient } from '../support/mqtt.js'
import { until } from '../support/until.js'

let asked = 0

/** Calls of the gateway device over MQTT, and their final replies. */
export async function call(client: TestClient, codename: string, told: object): Promise<Record<string, unknown>> {
  asked += 1
  const id = `call-${asked}`
  const topic = `lab/gateway/${codename}`
  await client.subscribe(`${topic}/reply`)
  await client.publish(`${topic}/call`, { id, arguments: told })
  return await client.nextJson((message) => {
    if (message.topic !== `${topic}/reply`) return false
    const reply = JSON.parse(message.text) as { id: string; phase: string }
    return reply.id === id && reply.phase !== 'accepted'
  })
}

/** The run of a reply, or what was refused. */
export async function begin(client: TestClient, told: object = {}): Promise<Run> {
  return runOf(await call(client, 'run_start', told))
}

export async function end(client: TestClient, told: object = {}): Promise<Run> {
  return runOf(await call(client, 'run_stop', told))
}

export function runOf(reply: Record<string, unknown>): Run {
  if (reply['phase'] !== 'done') throw new Error(`it was refused: ${JSON.stringify(reply['error'])}`)
  return reply['value'] as Run
}

export type Line = Readonly<Record<string, unknown>>

/** A folder of runs. */
export class RunFolder {
  readonly path: string

  constructor(path: string) {
    this.path = path
  }

  ids(): string[] {
    return readdirSync(this.path).sort()
  }

  /** Resolves when the files of one that has ended are made. */
  async made(run: Pick<Run, 'folder'>): Promise<void> {
    await until(() => existsSync(join(this.of(run), 'manifest.json')), 'its files are not made')
  }

  of({ folder }: Pick<Run, 'folder'>): string {
    return join(this.path, folder)
  }

  text(run: Pick<Run, 'folder'>, name: string): string {
    return readFileSync(join(this.of(run), name), 'utf8')
  }

  lines(run: Pick<Run, 'folder'>, name: string): Line[] {
    const lines = this.text(run, name).split('\n')
    return lines.slice(0, -1).map((line) => JSON.parse(line) as Line)
  }

  /** Rows of cells; no cell of the tests holds a comma in quotes. */
  table(run: Pick<Run, 'folder'>, device: string): string[][] {
    const text = this.text(run, `csv/${device}.csv`)
    return text
      .slice(1)
      .trimEnd()
      .split('\r\n')
      .map((line) => line.split(','))
  }
}
