import type { Story } from './story.js'

/** Stories kept at most, and characters in them. */
const most = 1000
const mostCharacters = 2_000_000

/** That have not ended: a few more than there may be commands under way, so that only one whose end was missed ever goes. */
const mostOpen = 1100

/** The last stories, found by their id. */
export class Shelf {
  /** The oldest first; what is before `#first` has gone: to shift costs more than all else here. */
  #ended: (Story | undefined)[] = []
  #first = 0
  readonly #open = new Set<Story>()
  /** The last story of each id. */
  readonly #byId = new Map<string, Story>()
  readonly #gone: (story: Story) => void
  #characters = 0

  /** `gone`: nothing may hold on to it. */
  constructor(gone: (story: Story) => void) {
    this.#gone = gone
  }

  /** It has begun. */
  put(story: Story): void {
    story.before = this.#byId.get(story.id)
    if (story.before !== undefined) story.before.next = story
    this.#byId.set(story.id, story)
    this.#open.add(story)
    this.#characters += story.size
    this.#bound()
  }

  end(story: Story): void {
    if (this.#open.delete(story)) this.#ended.push(story)
    this.#bound()
  }

  grow(story: Story, characters: number): void {
    story.size += characters
    this.#characters += characters
  }

  /** The last one of that id. Those before it follow by `before`. */
  last(id: string): Story | undefined {
    return this.#byId.get(id)
  }

  /** In no order; with an id only those of it. */
  all(id?: string): Story[] {
    if (id === undefined) return [...(this.#ended.slice(this.#first) as Story[]), ...this.#open]
    const found: Story[] = []
    for (let story = this.#byId.get(id); story !== undefined; story = story.before) found.push(story)
    return found
  }

  get size(): number {
    return this.#ended.length - this.#first + this.#open.size
  }

  /** In all of them, about. */
  get characters(): number {
    return this.#characters
  }

  #bound(): void {
    while (this.#first < this.#ended.length && (this.size > most || this.#characters > mostCharacters)) this.#forgetFirst()
    if (this.#open.size <= mostOpen) return
    const [oldest] = this.#open
    if (oldest === undefined) return
    this.#open.delete(oldest)
    this.#forget(oldest)
  }

  #forgetFirst(): void {
    const story = this.#ended[this.#first] as Story
    this.#ended[this.#first] = undefined
    this.#first += 1
    if (this.#first > most) {
      this.#ended = this.#ended.slice(this.#first)
      this.#first = 0
    }
    this.#forget(story)
  }

  #forget(story: Story): void {
    const { id, before, next } = story
    this.#characters -= story.size
    if (before !== undefined) before.next = next
    if (next !== undefined) next.before = before
    else if (before === undefined) this.#byId.delete(id)
    else this.#byId.set(id, before)
    this.#gone(story)
  }
}
