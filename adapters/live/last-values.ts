/** The last point of every channel, as JSON text: what a page gets that subscribes later. Kept for ever, as by the real proxy (section 7.2). */

/** Characters that all names and points may have together. */
const maxLength = 16 * 2 ** 20

export class LastValues {
  readonly #maxChannels: number
  readonly #hosts = new Map<string, Map<string, string>>()
  #channels = 0
  #length = 0

  constructor(maxChannels: number) {
    this.#maxChannels = maxChannels
  }

  get channels(): number {
    return this.#channels
  }

  get(host: string, codename: string): string | undefined {
    return this.#hosts.get(host)?.get(codename)
  }

  /** False: there is no room for it, and nothing is kept of the channel; an older point would pass for the last. */
  put(host: string, codename: string, point: string): boolean {
    const before = this.get(host, codename)
    const more = before === undefined ? lengthOf(host, codename, point) : point.length - before.length
    if ((before === undefined && this.#channels >= this.#maxChannels) || this.#length + more > maxLength) {
      this.#drop(host, codename, before)
      return false
    }
    let codenames = this.#hosts.get(host)
    if (codenames === undefined) this.#hosts.set(host, (codenames = new Map()))
    codenames.set(codename, point)
    this.#length += more
    if (before === undefined) this.#channels += 1
    return true
  }

  #drop(host: string, codename: string, before: string | undefined): void {
    const codenames = this.#hosts.get(host)
    if (before === undefined || codenames === undefined) return
    codenames.delete(codename)
    if (codenames.size === 0) this.#hosts.delete(host)
    this.#channels -= 1
    this.#length -= lengthOf(host, codename, before)
  }
}

function lengthOf(...texts: readonly string[]): number {
  return texts.reduce((sum, { length }) => sum + length, 0)
}
