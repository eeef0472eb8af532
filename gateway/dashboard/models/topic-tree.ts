import { Rate } from './rate.js'

export interface TreeLimits {
  /** Topics with a message that are kept. */
  readonly topics: number
  /** Levels kept, those of topics included: a topic may have a hundred of them. */
  readonly nodes: number
  /** Bytes kept of a payload. */
  readonly bytes: number
}

const usual: TreeLimits = { topics: 5000, nodes: 20_000, bytes: 4096 }

/** The last message of a topic. Times are Unix seconds of the gateway's clock. */
export interface LastMessage {
  /** At most as much as is kept. */
  readonly payload: Uint8Array
  /** Bytes of the whole payload. */
  readonly length: number
  readonly at: number
  /** It came because it was kept for newcomers, and may be older than `at` by any time. */
  readonly retained: boolean
  readonly qos: number | undefined
}

/** One level of the tree; a topic where it has had a message. */
export class TopicNode {
  readonly level: string
  readonly topic: string
  readonly children = new Map<string, TopicNode>()
  last: LastMessage | undefined
  /** Messages of this topic alone, and of it and all below. */
  count = 0
  total = 0
  /** Topics with a message at and below this level. */
  topics = 0
  readonly rate = new Rate()

  constructor(level: string, topic: string) {
    this.level = level
    this.topic = topic
  }

  /** Children in the order people look for them in: 2 before 10. */
  sorted(): TopicNode[] {
    return [...this.children.values()].sort((a, b) => collator.compare(a.level, b.level))
  }
}

const collator = new Intl.Collator('en', { numeric: true })

/** Every topic heard of, as a tree of its levels, in bounded memory. What has no room is counted. */
export class TopicTree {
  readonly root = new TopicNode('', '')
  /** Messages of topics that had no room. */
  unseen = 0
  /** Changes with everything that is taken. */
  version = 0
  readonly #limits: TreeLimits
  #nodes = 0

  constructor(limits: Partial<TreeLimits> = {}) {
    this.#limits = { ...usual, ...limits }
  }

  get limit(): number {
    return this.#limits.topics
  }

  take(topic: string, payload: Uint8Array, about: { readonly retained: boolean; readonly at: number; readonly qos?: number }): void {
    this.version += 1
    const path = this.#path(topic)
    if (path === undefined) {
      this.unseen += 1
      return
    }
    const node = path.at(-1) as TopicNode
    if (node.last === undefined) for (const above of path) above.topics += 1
    for (const above of path) above.total += 1
    node.count += 1
    // What is retained says nothing of how often something comes.
    if (!about.retained) node.rate.add(about.at)
    node.last = {
      payload: payload.slice(0, this.#limits.bytes),
      length: payload.length,
      at: about.at,
      retained: about.retained,
      qos: about.qos
    }
  }

  find(topic: string): TopicNode | undefined {
    let node: TopicNode | undefined = this.root
    for (const level of topic.split('/')) node = node?.children.get(level)
    return node
  }

  /** From the root to the topic, made where it is not there; undefined when there is no room for it. */
  #path(topic: string): TopicNode[] | undefined {
    const levels = topic.split('/')
    const path = [this.root]
    let node = this.root
    let at = 0
    for (; at < levels.length; at += 1) {
      const next = node.children.get(levels[at] as string)
      if (next === undefined) break
      path.push((node = next))
    }
    const isNew = node.last === undefined || at < levels.length
    if (isNew && this.root.topics >= this.#limits.topics) return undefined
    if (this.#nodes + levels.length - at > this.#limits.nodes) return undefined
    for (; at < levels.length; at += 1) {
      const level = levels[at] as string
      const next = new TopicNode(level, levels.slice(0, at + 1).join('/'))
      node.children.set(level, next)
      this.#nodes += 1
      path.push((node = next))
    }
    return path
  }
}

export interface TreeRow {
  readonly node: TopicNode
  readonly depth: number
  readonly open: boolean
}

/**
 * What of a tree is on the screen, in order. With `search`: every topic that holds the text, with the levels above it, all open.
 * `most` rows; `more` tells how many others there are.
 */
export function treeRows(
  tree: TopicTree,
  options: { readonly isOpen: (topic: string, depth: number) => boolean; readonly search?: string; readonly most: number }
): { readonly rows: readonly TreeRow[]; readonly more: number } {
  const search = options.search?.toLowerCase() ?? ''
  const rows: TreeRow[] = []
  let more = 0
  const fits = (node: TopicNode): boolean =>
    (node.last !== undefined && node.topic.toLowerCase().includes(search)) || [...node.children.values()].some(fits)
  const walk = (parent: TopicNode, depth: number): void => {
    for (const node of parent.sorted()) {
      if (search !== '' && !fits(node)) continue
      const open = node.children.size > 0 && (search !== '' || options.isOpen(node.topic, depth))
      if (rows.length < options.most) rows.push({ node, depth, open })
      else more += 1
      if (open) walk(node, depth + 1)
    }
  }
  walk(tree.root, 0)
  return { rows, more }
}
