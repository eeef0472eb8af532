/** Route to page: one line each. What has a `nav` stands in the navigation, in this order. */
import type { JSX } from 'preact'
import { CodenamePage } from './pages/codename.js'
import { DevicePage } from './pages/device.js'
import { OverviewPage } from './pages/overview.js'
import { PlotPage } from './pages/plot.js'
import { SoonPage } from './pages/soon.js'
import type { PageProps } from './router.js'

export interface Route {
  readonly path: string
  readonly page: (props: PageProps) => JSX.Element
  readonly title: string
  readonly nav?: string
}

export const routes: readonly Route[] = [
  { path: '/', page: OverviewPage, title: 'Overview', nav: 'Overview' },
  { path: '/devices/:device', page: DevicePage, title: 'Device' },
  { path: '/devices/:device/:codename', page: CodenamePage, title: 'Codename' },
  { path: '/plot', page: PlotPage, title: 'Plot', nav: 'Plot' },
  { path: '/runs', page: SoonPage, title: 'Runs', nav: 'Runs' },
  { path: '/runs/:run', page: SoonPage, title: 'Run' },
  { path: '/commands', page: SoonPage, title: 'Commands', nav: 'Commands' },
  { path: '/adapters', page: SoonPage, title: 'Adapters', nav: 'Adapters' },
  { path: '/topics', page: SoonPage, title: 'Topics', nav: 'Topics' },
  { path: '/dead', page: SoonPage, title: 'Dead letters', nav: 'Dead letters' },
  { path: '/log', page: SoonPage, title: 'Log', nav: 'Log' },
  { path: '/health', page: SoonPage, title: 'Health', nav: 'Health' }
]
