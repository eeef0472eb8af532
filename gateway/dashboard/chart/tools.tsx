import type { JSX } from 'preact'
import { useState } from 'preact/hooks'
import { after } from '../clock.js'
import { apiUrl } from '../api.js'
import { Button } from '../ui.js'
import { csvPath, isLive, writeView } from './address.js'
import type { ChartModel, Spec } from './model.js'
import { presets, spanOf } from './range.js'

interface ToolsProps {
  readonly model: ChartModel
  readonly specs: readonly Spec[]
  readonly isPlotPage: boolean
}

/** The same as the hands can do, for keyboards and for who does not know what hands can do. */
export function Tools({ model, specs, isPlotPage }: ToolsProps): JSX.Element {
  const series = specs.map(({ ref }) => ref)
  const { shown } = model
  const address = writeView({ series, shown, isLog: model.isLog })
  return (
    <div class="chart-tools" role="toolbar" aria-label="Time shown">
      <div class="chart-group">
        {presets.map(({ name, says, span }) => (
          <Button key={name} label={`Show ${says}`} pressed={isLive(shown) && shown.span === span} onClick={() => model.show({ span })}>
            {name}
          </Button>
        ))}
      </div>
      <div class="chart-group">
        <Button label="Earlier" onClick={() => model.pan(-0.5)}>
          ←
        </Button>
        <Button label="Later" why={model.isLive ? 'it ends now' : undefined} onClick={() => model.pan(0.5)}>
          →
        </Button>
        <Button label="Zoom out" onClick={() => model.zoom(2)}>
          −
        </Button>
        <Button label="Zoom in" onClick={() => model.zoom(0.5)}>
          +
        </Button>
        <Button
          label="Back to what was shown before"
          why={model.canGoBack ? undefined : 'nothing was shown before'}
          onClick={() => model.back()}
        >
          ↶
        </Button>
      </div>
      <div class="chart-group">
        <Button
          label="Axes of powers of ten, where all values are above 0"
          pressed={model.isLog}
          onClick={() => model.setLog(!model.isLog)}
        >
          log
        </Button>
        <button
          type="button"
          class="chart-live"
          role="switch"
          aria-checked={model.isLive}
          title="Follow what comes"
          onClick={() => model.setLive(!model.isLive)}
        >
          <span aria-hidden="true">{model.isLive ? '●' : '○'}</span> live
        </button>
        <a
          class="chart-link"
          href={apiUrl(csvPath(series, model.window))}
          title={`All readings of these ${Math.round(spanOf(model.window))} s, as CSV`}
          download=""
        >
          CSV
        </a>
        {isPlotPage ? null : (
          <a class="chart-link" href={address} title="Open it as a plot of its own, where more codenames can be added">
            Open
          </a>
        )}
        <CopyLink address={address} />
      </div>
    </div>
  )
}

function CopyLink({ address }: { readonly address: string }): JSX.Element {
  const [state, setState] = useState<'idle' | 'copied' | 'refused'>('idle')
  const copy = async (): Promise<void> => {
    const done = await copyText(new URL(address, location.href).href)
    setState(done ? 'copied' : 'refused')
    after(3, () => setState('idle'))
  }
  return (
    <Button label="Copy a link to these codenames and this time" onClick={() => void copy()}>
      <span role="status">{state === 'idle' ? 'Copy link' : state === 'copied' ? '✓ Copied' : 'Not copied: take the address'}</span>
    </Button>
  )
}

/** Browsers give their clipboard to https and this machine only; others must be asked as of old. */
async function copyText(text: string): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text)
    return true
  } catch {
    const area = document.createElement('textarea')
    area.value = text
    area.className = 'unseen'
    document.body.append(area)
    area.select()
    const done = document.execCommand('copy')
    area.remove()
    return done
  }
}
