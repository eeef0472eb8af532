/** The unit of systemd for this installation. */

import { dirname, join } from 'node:path'

export interface UnitPaths {
  /** The program node. */
  readonly node: string
  /** dist/gateway/main.js of this installation. */
  readonly main: string
  readonly config: string
}

/** Text of config/systemd/labgate.service, with the paths of this computer. */
export function fillInUnit(unit: string, { node, main, config }: UnitPaths): string {
  const command = [node, main, 'start', '--config', config, '--log-format', 'text'].map(quoted).join(' ')
  return (
    unit
      .replace(/^ExecStart=.*$/m, () => `ExecStart=${command}`)
      // Beside the configuration, where check and doctor look for it too. The whole line is the name: quotes would be part of it.
      .replace(/^EnvironmentFile=.*$/m, () => `EnvironmentFile=-${join(dirname(config), 'environment').replaceAll('%', '%%')}`)
  )
}

/** Folders that the unit hides from the service (ProtectHome, PrivateTmp). */
const hidden = ['/home', '/root', '/run/user', '/tmp', '/var/tmp']

/** Those of the paths that the service would not see. */
export function unseen({ node, main, config }: UnitPaths): readonly string[] {
  return [node, main, config].filter((path) => hidden.some((folder) => path.startsWith(`${folder}/`)))
}

/** As systemd reads a command line: `%` and `$` have a meaning of their own, blanks end a word. */
function quoted(word: string): string {
  const text = word.replaceAll('%', '%%').replaceAll('$', '$$$$')
  return /["'\\\s;]/.test(text) ? `"${text.replaceAll('\\', '\\\\').replaceAll('"', '\\"')}"` : text
}
