import type { JSX } from 'preact'
import type { PageProps } from '../router.js'

export function DevicePage({ params }: PageProps): JSX.Element {
  return <h1>{params.get('device')}</h1>
}
