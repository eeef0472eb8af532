/** A tree of topic levels. Holds values by topic, to be found by filter, or by filter, to be found by topic. MQTT 3.1.1, 4.7. */

/** A level of the tree. Most have no children. */
class Node<V> {
  children: Map<string, Node<V>> | undefined
  value: V | undefined

  child(level: string): Node<V> {
    const children = (this.children ??= new Map<string, Node<V>>())
    let child = children.get(level)
    if (!child) children.set(level, (child = new Node()))
    return child
  }
}

/** Where a value is kept: it may be replaced there as long as it is not deleted. */
export interface Place<V> {
  value: V | undefined
}

/** Nothing here recurses, so the number of levels is bounded by the length of a topic only. Matching is lazy and bears changes meanwhile. */
export class TopicTree<V> {
  readonly #root = new Node<V>()
  #size = 0

  get size(): number {
    return this.#size
  }

  get(path: string): V | undefined {
    let node: Node<V> | undefined = this.#root
    for (const level of path.split('/')) {
      node = node.children?.get(level)
      if (!node) return undefined
    }
    return node.value
  }

  set(path: string, value: V): Place<V> {
    let node = this.#root
    for (const level of path.split('/')) node = node.child(level)
    if (node.value === undefined) this.#size++
    node.value = value
    return node
  }

  delete(path: string): boolean {
    const levels = path.split('/')
    const parents: Node<V>[] = []
    let node = this.#root
    for (const level of levels) {
      const child = node.children?.get(level)
      if (!child) return false
      parents.push(node)
      node = child
    }
    if (node.value === undefined) return false
    node.value = undefined
    this.#size--
    for (let depth = levels.length - 1; depth >= 0 && node.value === undefined && !node.children?.size; depth--) {
      node = parents[depth]!
      node.children?.delete(levels[depth]!)
    }
    return true
  }

  /** Everything, in no order to rely on. */
  *values(): Generator<V> {
    const open = [this.#root]
    for (let node = open.pop(); node; node = open.pop()) {
      if (node.value !== undefined) yield node.value
      for (const child of node.children?.values() ?? []) open.push(child)
    }
  }

  /** Values kept by topic that `filter` asks for. A filter without wildcards looks at its own levels only. */
  *underFilter(filter: string): Generator<V> {
    const levels = filter.split('/')
    const rest = levels.at(-1) === '#' ? levels.length - 1 : Infinity
    const open: { nodes: Iterator<Node<V>>; depth: number }[] = [{ nodes: [this.#root].values(), depth: 0 }]
    for (let branch = open.at(-1); branch; branch = open.at(-1)) {
      const { depth } = branch
      const next = branch.nodes.next()
      if (next.done) {
        open.pop()
        continue
      }
      const node = next.value
      // `a/#` matches `a` as well (4.7.1.2).
      if ((depth >= rest || depth === levels.length) && node.value !== undefined) yield node.value
      if (depth >= rest || levels[depth] === '+') {
        open.push({ nodes: below(node, depth), depth: depth + 1 })
      } else if (depth < levels.length) {
        const child = node.children?.get(levels[depth]!)
        if (child) open.push({ nodes: [child].values(), depth: depth + 1 })
      }
    }
  }

  /** Values kept by filter that match `topic`. */
  *overTopic(topic: string): Generator<V> {
    const levels = topic.split('/')
    const open: { node: Node<V>; depth: number }[] = [{ node: this.#root, depth: 0 }]
    for (let step = open.pop(); step; step = open.pop()) {
      const { node, depth } = step
      const wildcards = depth > 0 || !topic.startsWith('$')
      const rest = wildcards ? node.children?.get('#') : undefined
      if (rest?.value !== undefined) yield rest.value
      if (depth === levels.length) {
        if (node.value !== undefined) yield node.value
        continue
      }
      const any = wildcards ? node.children?.get('+') : undefined
      if (any) open.push({ node: any, depth: depth + 1 })
      const child = node.children?.get(levels[depth]!)
      if (child) open.push({ node: child, depth: depth + 1 })
    }
  }
}

/** A wildcard at the first level does not match `$SYS` and its like [MQTT-4.7.2-1]. */
function* below<V>(node: Node<V>, depth: number): Generator<Node<V>> {
  for (const [level, child] of node.children ?? []) {
    if (depth > 0 || !level.startsWith('$')) yield child
  }
}
