import type { JSX } from 'preact'
import { useStore } from '../store.js'
import { Card, Empty, StateBadge } from '../ui.js'

export function OverviewPage(): JSX.Element {
  const devices = useStore((s) => s.devices())
  if (devices.length === 0) return <Empty title="No devices yet" />
  return (
    <div class="cards">
      {devices.map((device) => (
        <Card key={device.device} title={device.device} aside={<StateBadge state={device.state} />}>
          {device.codenames.length}
        </Card>
      ))}
    </div>
  )
}
