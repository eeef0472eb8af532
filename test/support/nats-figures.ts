/** What a NATS cluster costs, asked from outside. */
import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import type { NatsCluster, NatsNode } from './nats.js'

/** What JetStream tells of a stream. */
export interface NatsStream {
  readonly name: string
  readonly leader: string
  readonly messages: number
  readonly bytes: number
  /** Places within the stream whose message is gone and that are remembered. */
  readonly deleted: number
  readonly consumers: number
}

interface Jsz {
  readonly account_details?: readonly {
    readonly stream_detail?: readonly {
      readonly name: string
      readonly state: { messages: number; bytes: number; num_deleted?: number; consumer_count: number }
      readonly cluster?: { leader?: string }
    }[]
  }[]
}

/** The streams of all accounts, as the first node that answers sees them. */
export async function natsStreams({ nodes }: NatsCluster): Promise<readonly NatsStream[]> {
  for (const node of nodes) {
    const found = (await node.ask('/jsz?accounts=true&streams=true')) as Jsz | undefined
    const details = found?.account_details?.flatMap(({ stream_detail }) => stream_detail ?? [])
    if (details !== undefined)
      return details.map(({ name, state, cluster }) => ({
        name,
        leader: cluster?.leader ?? '',
        messages: state.messages,
        bytes: state.bytes,
        deleted: state.num_deleted ?? 0,
        consumers: state.consumer_count
      }))
  }
  return []
}

/** The node that leads a stream; MQTT has `$MQTT_msgs`, `$MQTT_rmsgs` and `$MQTT_sess`. */
export async function leaderOf(cluster: NatsCluster, stream: string): Promise<NatsNode> {
  const leader = (await natsStreams(cluster)).find(({ name }) => name === stream)?.leader
  const node = cluster.nodes.find(({ name }) => name === leader)
  if (node === undefined) throw new Error(`nobody leads ${stream}`)
  return node
}

/** KiB on the disk, of the fullest node. */
export function diskKiB(cluster: NatsCluster): number {
  return Math.max(
    ...cluster.nodes.map((node) =>
      Number(
        execFileSync('du', ['-sk', cluster.store(node)])
          .toString()
          .split('\t')[0]
      )
    )
  )
}

/** KiB in memory, of the largest node. */
export function memoryKiB({ nodes }: NatsCluster): number {
  const each = nodes.filter(({ running }) => running)
  return Math.max(...each.map(({ pid }) => Number(/^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1])))
}
