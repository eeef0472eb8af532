import type { Checked, Config } from './config.js'

/** The configuration that is in force; a reload puts another in its place. */
export class Current {
  #checked: Checked

  constructor(checked: Checked) {
    this.#checked = checked
  }

  get checked(): Checked {
    return this.#checked
  }

  get config(): Config {
    return this.#checked.config
  }

  replace(next: Checked): void {
    this.#checked = next
  }
}
