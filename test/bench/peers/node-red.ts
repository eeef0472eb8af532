/** The flow that a laboratory would draw in Node-RED in place of a data-push-server: UDP in, a function, MQTT and UDP out. */

const broker = { id: 'push-broker', type: 'mqtt-broker', broker: '127.0.0.1', protocolVersion: '4', keepalive: '60', cleansession: true }

const code = `
const values = JSON.parse(msg.payload.slice(msg.payload.indexOf('#') + 1))
const messages = Object.entries(values).map(([key, value]) => ({
  topic: 'lab/furnace/' + key,
  payload: JSON.stringify({ quality: 'good', time: new Date().toISOString(), value })
}))
return [messages, { payload: 'ACK#' + JSON.stringify(values), ip: msg.ip, port: msg.port }]
`

/** The flow file, for a broker and a UDP port of our choice. */
export function flow(ports: { readonly udp: number; readonly mqtt: number }): object[] {
  return [
    { id: 'tab', type: 'tab', label: 'push' },
    { ...broker, port: String(ports.mqtt) },
    {
      id: 'push-in',
      type: 'udp in',
      z: 'tab',
      iface: '127.0.0.1',
      port: String(ports.udp),
      ipv: 'udp4',
      multicast: 'false',
      datatype: 'utf8',
      wires: [['push-function']]
    },
    { id: 'push-function', type: 'function', z: 'tab', func: code, outputs: 2, wires: [['push-mqtt'], ['push-out']] },
    { id: 'push-mqtt', type: 'mqtt out', z: 'tab', topic: '', qos: '1', retain: 'true', broker: 'push-broker', wires: [] },
    {
      id: 'push-out',
      type: 'udp out',
      z: 'tab',
      addr: '',
      port: '',
      ipv: 'udp4',
      outport: '',
      base64: false,
      multicast: 'false',
      wires: []
    }
  ]
}

/** The settings file, a CommonJS module: no editor, no HTTP. */
export const settings = `module.exports = {
  flowFile: 'flows.json',
  httpAdminRoot: false,
  httpNodeRoot: false,
  logging: { console: { level: 'info' } }
}
`
