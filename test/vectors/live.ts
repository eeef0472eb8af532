/** LiveSocket as the recordings describe it: an instance of live-client whose proxy is a socket of the player. */
import { isExactList } from '../../adapters/common/exact-json.js'
import { str } from '../../adapters/common/python-text.js'
import { activity, channelsYaml, deviceYaml, instance, quoted } from './translate.js'
import type { Place, Socket } from './translate.js'

export function translateLive({ server, id, device, port, now }: Place): Socket {
  const given = server.get('codenames') ?? []
  const names = channelsYaml(isExactList(given) ? given.map(str) : [], device)
  const [host = '127.0.0.1', proxy = 9767n] = [server.get('live_server') ?? []].flatMap((pair) => (isExactList(pair) ? pair : []))
  const isSilent = server.get('no_internal_data_pull_socket') === true
  const options: [string, string][] = [
    ['target', `{ host: ${quoted(str(host))}, port: ${str(proxy)} }`],
    ['hostName', quoted(str(server.get('hostname') ?? 'localhost'))],
    // As the original serves it; and it sends what it is given at once.
    ['unset', '[0, 0]'],
    ['window', '0'],
    ['pullSocket', isSilent ? 'none' : 'own'],
    ...activity(server, now())
  ]
  const shown = names.plain ? [`    watch: [${device}]`] : names.yaml
  return {
    id,
    kind: 'live',
    device,
    deviceYaml: deviceYaml(
      device,
      names.codenames.map((codename) => [codename, '{}'])
    ),
    adapterYaml: [...instance('live-client', id, server, port, options), ...shown].join('\n'),
    codename: names.codename,
    callback: undefined,
    queues: false,
    isSilent
  }
}
