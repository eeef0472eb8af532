import { render } from 'preact'
import { App } from './shell.js'
import { store } from './store.js'
import { chosenTheme, showTheme } from './theme.js'

showTheme(chosenTheme())
store.start()
const place = document.getElementById('app')
if (place !== null) {
  place.replaceChildren()
  render(<App />, place)
}
