import type { JSX } from 'preact'
import { Empty } from '../ui.js'

export function SoonPage(): JSX.Element {
  return (
    <Empty title="This page is not built yet">
      <p>
        Go to the <a href="#/">overview</a>.
      </p>
    </Empty>
  )
}
