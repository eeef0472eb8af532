/**
 * Aedes without the gateway around it, to be killed: with the store that it brings along, in memory; or, with a folder as argument, with
 * the gateway's store on a disk, but nothing that waits for that disk before it acknowledges.
 */
import { Aedes } from 'aedes'
import { createServer } from 'node:net'
import type { AddressInfo } from 'node:net'
import { openLevel } from '../../gateway/broker/store/disk.js'
import { Journal } from '../../gateway/broker/store/journal.js'
import { Store } from '../../gateway/broker/store/store.js'

const folder = process.argv[2]
const store = folder === undefined ? undefined : new Store(new Journal({ open: () => openLevel(folder), durability: 'fast' }))
await store?.open()
const broker = await Aedes.createBroker({ id: 'bare', concurrency: 0, ...(store === undefined ? {} : { persistence: store }) })
// Else messages of this run would take the places of those of the last one.
Object.assign(broker, { counter: Date.now() * 1000 })
const server = createServer({ noDelay: true }, (socket) => broker.handle(socket))
server.listen(0, '127.0.0.1', () => console.log(`port ${(server.address() as AddressInfo).port}`))
