/** A page in the style of the labs' live pages (section 7.3): a table, a figure, red when the connection is gone, and then loaded again. */
import { createServer } from 'node:http'
import type { Server } from 'node:http'
import type { AddressInfo } from 'node:net'

const html = `<!doctype html>
<meta charset="utf-8" />
<title>live</title>
<table><tbody></tbody></table>
<p id="figure"></p>
<script>
  const query = new URLSearchParams(location.search)
  const channels = query.get('channels').split(',')
  const rows = {}
  for (const channel of channels) {
    const row = document.querySelector('tbody').insertRow()
    row.insertCell().textContent = channel
    rows[channel] = [row.insertCell(), row.insertCell()]
  }
  // What a test looks at; kept over a reload, as the page itself is not.
  const told = { loads: Number(sessionStorage.getItem('loads') ?? 0) + 1, errors: 0, points: [], frames: 0 }
  sessionStorage.setItem('loads', told.loads)
  window.told = told
  window.onerror = () => { told.errors += 1 }

  const figure = document.getElementById('figure')
  function plot(channel, x, y) {
    told.points.push([channel, x, y])
    figure.textContent = told.points.length + ' points, the last at ' + new Date(x).toISOString()
  }

  const socket = new WebSocket(query.get('url'))
  socket.onopen = () => {
    document.body.style.background = 'white'
    socket.send(JSON.stringify({ action: 'subscribe', subscriptions: channels }))
  }
  socket.onmessage = ({ data }) => {
    told.frames += 1
    const batch = JSON.parse(data)
    const points = Object.entries(batch.data)
    if (points.some(([, point]) => point === 'RESET')) {
      told.points = []
      figure.textContent = ''
    }
    for (const [codename, point] of points) {
      const channel = batch.host + ':' + codename
      if (point === 'RESET' || !(channel in rows)) continue
      const [x, y] = [point[0] * 1000, point[1]]
      rows[channel][0].textContent = new Date(x).toISOString()
      rows[channel][1].textContent = typeof y === 'number' ? y.toExponential(2) : String(y)
      if (typeof y === 'number') plot(channel, x, y)
    }
  }
  socket.onclose = () => {
    document.body.style.background = 'red'
    // The pages of the labs wait for 3 s.
    setTimeout(() => location.reload(), 300)
  }
</script>
`

export interface LivePage {
  /** Of the page that shows these channels, from that WebSocket. */
  url(webSocket: string, channels: readonly string[]): string
  close(): Promise<void>
}

/** Serves the page from a port of its own, as the web servers of the labs do. */
export async function serveLivePage(): Promise<LivePage> {
  const server: Server = createServer((_request, response) => {
    response.writeHead(200, { 'content-type': 'text/html; charset=utf-8' })
    response.end(html)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  return {
    url: (webSocket, channels) => `http://127.0.0.1:${port}/?url=${encodeURIComponent(webSocket)}&channels=${channels.join(',')}`,
    close: async () => {
      server.closeAllConnections()
      await new Promise<void>((resolve) => server.close(() => resolve()))
    }
  }
}
