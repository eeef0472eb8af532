import { execFileSync, spawnSync } from 'node:child_process'
import { Hook } from 'mocha'
import type { Context } from 'mocha'

/**
 * Real programs that the tests talk to, from Debian packages. Outside CI a missing one skips the test by name with the reason;
 * in CI that is a failure.
 */
export type Peer =
  | 'mosquitto'
  | 'mosquitto_pub'
  | 'mosquitto_rr'
  | 'mosquitto_sub'
  | 'nats-server'
  | 'nc'
  | 'openssl'
  | 'systemd-notify'
  | 'chromium'
  | 'curl'
  | 'python3'
  | 'python3-flask'
  | 'python3-numpy'
  | 'python3-paho-mqtt'
  | 'python3-prometheus-client'
  | 'python3-requests'
  | 'python3-websockets'
  | 'systemd-analyze'

const modules: Partial<Record<Peer, string>> = {
  'python3-flask': 'flask',
  'python3-numpy': 'numpy',
  'python3-paho-mqtt': 'paho.mqtt',
  'python3-prometheus-client': 'prometheus_client',
  'python3-requests': 'requests',
  'python3-websockets': 'websockets'
}

/** Debian's own python3 has Debian's modules, whatever else is first in the path. */
export const python = spawnSync('/usr/bin/python3', ['--version']).status === 0 ? '/usr/bin/python3' : 'python3'

/** To be called first in a `before` or an `it` written with `function`. */
export function needs(test: Context, ...peers: Peer[]): void {
  const missing = peers.filter((peer) => !has(peer))
  if (missing.length === 0) return
  lacking(test, `needs ${missing.join(', ')}: apt-get install ${missing.map(packageOf).join(' ')}`)
}

/** Skips the test by name with the reason; in CI it fails. */
export function lacking(test: Context, reason: string): void {
  if (process.env['CI'] !== undefined) throw new Error(reason)
  // The title of a hook is shown nowhere.
  if (test.test instanceof Hook) console.log(`    skipped: ${reason}`)
  else if (test.test !== undefined) test.test.title += ` (skipped: ${reason})`
  test.skip()
}

function has(peer: Peer): boolean {
  const module = modules[peer]
  try {
    if (module !== undefined) execFileSync(python, ['-c', `import ${module}`], { stdio: 'ignore', timeout: 20_000 })
    else if (peer === 'python3') return spawnSync(python, ['--version']).status === 0
    else return spawnSync('sh', ['-c', `command -v ${peer}`]).status === 0
    return true
  } catch {
    return false
  }
}

function packageOf(peer: Peer): string {
  if (peer.startsWith('mosquitto_')) return 'mosquitto-clients'
  if (peer.startsWith('systemd')) return 'systemd'
  return peer === 'nc' ? 'netcat-openbsd' : peer
}
