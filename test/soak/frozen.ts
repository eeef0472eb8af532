/** A subscriber of everything in a process of its own, so that it can be stopped: `node frozen.js PORT`. */
import { connect } from 'mqtt'

const client = connect(`mqtt://127.0.0.1:${process.argv[2]}`, { reconnectPeriod: 1000, clientId: 'soak-frozen', clean: false })
client.on('error', () => {})
client.subscribe(['#'], { qos: 1 })
process.on('disconnect', () => process.exit(0))
