/** Route to page: one line each. What has a `nav` stands in the navigation, in this order. */
import type { JSX } from 'preact'
import { AdaptersPage } from './pages/adapters.js'
import { CommandsPage } from './pages/commands.js'
import { DeadPage } from './pages/dead.js'
import { CodenamePage } from './pages/codename.js'
import { DevicePage } from './pages/device.js'
import { HealthPage } from './pages/health.js'
import { LogPage } from './pages/log.js'
import { OverviewPage } from './pages/overview.js'
import { PlotPage } from './pages/plot.js'
import { RunPage } from './pages/run.js'
import { RunsPage } from './pages/runs.js'
import { TopicsPage } from './pages/topics.js'
import type { PageProps } from './router.js'

export interface Route {
  readonly path: string
  readonly page: (props: PageProps) => JSX.Element
  readonly title: string
  readonly nav?: string
  /** What of `may.see` it takes. */
  readonly area?: string
}

export const routes: readonly Route[] = [
  { path: '/', page: OverviewPage, title: 'Overview', nav: 'Overview' },
  { path: '/devices/:device', page: DevicePage, title: 'Device' },
  { path: '/devices/:device/:codename', page: CodenamePage, title: 'Codename' },
  { path: '/plot', page: PlotPage, title: 'Plot', nav: 'Plot' },
  { path: '/runs', page: RunsPage, title: 'Runs', nav: 'Runs' },
  { path: '/runs/:run', page: RunPage, title: 'Run' },
  { path: '/commands', page: CommandsPage, title: 'Commands', nav: 'Commands' },
  { path: '/adapters', page: AdaptersPage, title: 'Adapters', nav: 'Adapters', area: 'instances' },
  { path: '/topics', page: TopicsPage, title: 'Topics', nav: 'Topics' },
  { path: '/dead', page: DeadPage, title: 'Dead letters', nav: 'Dead letters', area: 'dead' },
  { path: '/log', page: LogPage, title: 'Log', nav: 'Log', area: 'log' },
  { path: '/health', page: HealthPage, title: 'Health', nav: 'Health', area: 'health' }
]
