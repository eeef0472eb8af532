/** A page that fails must not stay there as if it were alive. */
import { Component } from 'preact'
import type { ComponentChildren } from 'preact'
import { Button, Empty } from './ui.js'

interface GuardProps {
  /** Another address: the page may do there. */
  readonly address: string
  readonly children: ComponentChildren
}

interface GuardState {
  readonly failed: Error | undefined
}

/** In place of a page that threw: that it failed, why, and what to do. The rest of the dashboard goes on. */
export class Guard extends Component<GuardProps, GuardState> {
  override state: GuardState = { failed: undefined }

  override componentDidCatch(error: unknown): void {
    // As if it had not been caught: the browser's console tells where it happened.
    reportError(error)
    this.setState({ failed: error instanceof Error ? error : new Error(String(error)) })
  }

  override componentDidUpdate({ address }: GuardProps): void {
    if (address !== this.props.address && this.state.failed !== undefined) this.setState({ failed: undefined })
  }

  override render(): ComponentChildren {
    const { failed } = this.state
    if (failed === undefined) return this.props.children
    return (
      <div role="alert">
        <Empty title="This page failed">
          <p>
            Nothing is shown here rather than what may be wrong; the gateway goes on. The cause: {failed.message || failed.name}. Try again,
            go to the <a href="#/">overview</a>, or reload; if it comes back, it is a fault of the dashboard that should be reported with
            this address.
          </p>
          <div class="bar">
            <Button onClick={() => this.setState({ failed: undefined })}>Try again</Button>
            <Button onClick={() => location.reload()}>Reload</Button>
          </div>
        </Empty>
      </div>
    )
  }
}
